import type { Channel, ChannelContext } from '../../src/channels/index.js'
import type { SidecarError } from '../../src/core/errors.js'
import type { Limits } from '../../src/core/limits.js'
import { noCounter } from '../../src/core/metrics.js'
import {
  CHANNEL_TYPES,
  commonClient,
  commonServer,
  encodeHeader,
  findMessage,
  headerSize,
  MessageFramer,
  type Message,
} from '../../src/protocol/index.js'
import { ChannelConnection } from '../../src/server/channel-connection.js'
import type { Sent } from '../helpers/channel-rig.js'
import type { ServedChannel } from '../helpers/channel-world.js'
import type { FakeClock } from '../helpers/fake-clock.js'
import { FakeTransport } from './fake-transport.js'
import { hold } from './oracle.js'

/** How a connection may end that nobody on our side ended. */
const PEER_FAULTS = [
  'SIDECAR_PROTOCOL',
  'SIDECAR_LIMIT',
  'SIDECAR_TIMEOUT',
  'SIDECAR_PEER_GONE',
  'SIDECAR_SLOW_READER',
]

export interface DrivenLineOptions {
  readonly name: ServedChannel
  readonly mini: boolean
  readonly clock: FakeClock
  readonly limits: Limits
  channel(context: ChannelContext): Channel
  /** The client read a message. */
  read(message: Sent): void
}

/** The real driver of a channel, and what a stock client does at the other end of its socket. */
export class DrivenLine {
  readonly name: ServedChannel
  /** Everything that the client sent were whole messages. */
  whole = true
  closes = 0
  error: SidecarError | undefined
  readonly transport: FakeTransport
  readonly #connection: ChannelConnection
  readonly #options: DrivenLineOptions
  readonly #framer: MessageFramer
  readonly #answers: Uint8Array[] = []
  #serial = 0
  #expectedSerial = 0
  #window = 0
  #untilAck = 0

  constructor(options: DrivenLineOptions) {
    const { name, mini, clock, limits } = options
    this.name = name
    this.#options = options
    this.#framer = new MessageFramer({ mini, maxBody: () => 2 ** 30 })
    this.transport = new FakeTransport(clock)
    this.#connection = new ChannelConnection(
      this.transport,
      { mini, type: CHANNEL_TYPES[name], channel: (context) => options.channel(context) },
      {
        clock,
        limits,
        metrics: {
          bytesSent: noCounter,
          bytesReceived: noCounter,
          limitHits: noCounter,
          strange: noCounter,
        },
        active: () => undefined,
        closed: (error) => this.#closed(error),
      },
    )
    this.#connection.start(new Uint8Array(0))
  }

  get alive(): boolean {
    return this.closes === 0
  }

  get record(): unknown {
    return this.#connection.channel.snapshot()
  }

  /** A complete message of the client, in pieces of `piece` bytes; 0: in one. */
  say(type: number, body: Uint8Array, piece = 0): void {
    const { mini } = this.#options
    const bytes = new Uint8Array(headerSize(mini) + body.length)
    this.#serial += 1
    encodeHeader(mini, this.#serial, type, body.length, bytes, 0)
    bytes.set(body, headerSize(mini))
    const step = piece === 0 ? bytes.length : piece
    for (let at = 0; at < bytes.length; at += step) {
      this.transport.deliver(bytes.slice(at, at + step))
    }
  }

  /** Any bytes. */
  feed(bytes: Uint8Array): void {
    this.whole = false
    this.transport.deliver(bytes)
  }

  /** The client says nothing more. */
  end(): void {
    this.whole = false
    this.transport.peerEnds()
  }

  /** The client reads at most `size` bytes. @returns whether there were any */
  take(size: number): boolean {
    const bytes = this.transport.take(size)
    this.#framer.push(bytes)
    for (let framed = this.#framer.next(); framed.kind !== 'needMore'; framed = this.#framer.next()) {
      if (framed.kind === 'error') {
        throw framed.error
      }
      this.#expectedSerial += 1
      hold(framed.serial === this.#expectedSerial, `${this.name}: serials are dense`)
      hold(framed.subList === 0, `${this.name}: no lists are sent`)
      this.#read({ type: framed.type, body: framed.body.slice() })
    }
    return bytes.length > 0
  }

  /** The client says what is due by what it read. @returns whether there was anything to say */
  answer(piece = 0): boolean {
    const due = this.#answers.splice(0)
    for (const bytes of due) {
      this.say(bytes[0] ?? 0, bytes.slice(1), piece)
    }
    return due.length > 0
  }

  /** From our side, with a little time for the last bytes. */
  close(): void {
    this.#connection.close()
  }

  check(): void {
    hold(
      this.transport.waitingBytes <= this.#options.limits['out-hard'],
      `${this.name}: what waits is bounded`,
    )
    hold(this.closes <= 1, `${this.name}: is closed once`)
  }

  #closed(error: SidecarError | undefined): void {
    this.closes += 1
    this.error = error
    hold(
      error === undefined || PEER_FAULTS.includes(error.code),
      `${this.name}: ends by a fault of the peer, not by ${error?.code}: ${error?.message}`,
    )
  }

  #read(message: Sent): void {
    const { type, body } = message
    const known = findMessage(this.name, 'server', type)
    hold(known !== undefined, `${this.name}: message ${type} exists`)
    known?.message.decode(body)
    if (type === commonServer.setAck.id) {
      const { generation, window } = commonServer.setAck.decode(body)
      this.#window = window
      this.#untilAck = window
      this.#due(commonClient.ackSync, { generation })
    } else if (this.#window > 0) {
      this.#untilAck -= 1
      if (this.#untilAck === 0) {
        this.#untilAck = this.#window
        this.#due(commonClient.ack, {})
      }
    }
    if (type === commonServer.ping.id) {
      const { id, timestamp } = commonServer.ping.decode(body)
      this.#due(commonClient.pong, { id, timestamp })
    }
    this.#options.read(message)
  }

  #due<T>(message: Message<T>, value: T): void {
    this.#answers.push(Uint8Array.of(message.id, ...message.encode(value)))
  }
}
