import type { Channel, ChannelContext, WireRecord } from '../../src/channels/index.js'
import { asSidecarError, SidecarError } from '../../src/core/errors.js'
import type { Limits } from '../../src/core/limits.js'
import {
  commonClient,
  commonServer,
  encodeHeader,
  findMessage,
  headerSize,
  MessageFramer,
} from '../../src/protocol/index.js'
import type { Sent } from '../helpers/channel-rig.js'
import type { ServedChannel } from '../helpers/channel-world.js'
import { hold } from './oracle.js'

/** How a channel may end because of its client. */
const CLIENT_FAULTS = ['SIDECAR_PROTOCOL', 'SIDECAR_LIMIT', 'SIDECAR_TIMEOUT']

const LIMIT_OF = {
  main: 'message-main',
  display: 'message-display',
  inputs: 'message-inputs',
  cursor: 'message-display',
} as const satisfies Record<ServedChannel, keyof Limits>

export interface LineEvents {
  /** A message for the client. */
  sent(message: Sent): void
  /** The channel ended with this error. */
  failed(error: SidecarError): void
}

/** The connection of one channel, without a socket: what its driver does, and what a client counts. */
export class Line implements ChannelContext {
  readonly output = this
  readonly mini: boolean
  readonly #name: ServedChannel
  readonly #events: LineEvents
  readonly #framer: MessageFramer
  #channel: Channel | undefined
  #serial = 0
  /** Since the last SET_ACK, that one included. */
  #messages = 0
  #acks = 0
  hasRoom = true
  alarmMs: number | undefined

  constructor(name: ServedChannel, mini: boolean, limits: Limits, events: LineEvents) {
    this.mini = mini
    this.#name = name
    this.#events = events
    this.#framer = new MessageFramer({ mini, maxBody: () => limits[LIMIT_OF[name]] })
  }

  /** Puts a channel behind the line; `undefined`: it is gone, and nothing may be sent. */
  use(channel: Channel | undefined): void {
    this.#channel = channel
  }

  get open(): boolean {
    return this.#channel !== undefined
  }

  get record(): { readonly wire: WireRecord } | undefined {
    return this.#channel?.snapshot() as { readonly wire: WireRecord } | undefined
  }

  write(bytes: Uint8Array): void {
    hold(this.#channel !== undefined, `${this.#name}: nothing is sent after the end`)
    const start = headerSize(this.mini)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const type = view.getUint16(this.mini ? 0 : 8, true)
    this.#serial += 1
    hold(view.getUint32(this.mini ? 2 : 10, true) === bytes.length - start, `${this.#name}: size of ${type}`)
    hold(this.mini || view.getBigUint64(0, true) === BigInt(this.#serial), `${this.#name}: serials are dense`)
    const body = bytes.slice(start)
    const known = findMessage(this.#name, 'server', type)
    hold(known !== undefined, `${this.#name}: message ${type} exists`)
    known?.message.decode(body)
    if (type === commonServer.setAck.id) {
      this.#messages = 0
      this.#acks = 0
    }
    this.#messages += 1
    this.#events.sent({ type, body })
  }

  strange(): void {
    hold(this.#channel !== undefined, `${this.#name}: nothing is heard after the end`)
  }

  wake(): void {
    hold(this.#channel !== undefined, `${this.#name}: nothing is observed after the end`)
  }

  alarm(delayMs: number): void {
    this.alarmMs = delayMs
  }

  /** A complete message from the client. */
  say(type: number, body: Uint8Array): void {
    const bytes = new Uint8Array(headerSize(this.mini) + body.length)
    encodeHeader(this.mini, 1, type, body.length, bytes, 0)
    bytes.set(body, headerSize(this.mini))
    this.feed(bytes)
  }

  /** Bytes from the client. */
  feed(bytes: Uint8Array): void {
    this.#framer.push(bytes)
    this.guarded((channel) => {
      let framed = this.#framer.next()
      while (framed.kind === 'message') {
        this.#acks += framed.type === commonClient.ack.id ? 1 : 0
        channel.receive(framed.type, framed.body)
        framed = this.#framer.next()
      }
      if (framed.kind === 'error') {
        throw framed.error
      }
      channel.settle()
    })
    this.pump()
  }

  /** @returns whether more could be sent at once */
  pump(): boolean {
    let more = false
    this.guarded((channel) => {
      more = channel.pump()
    })
    return more
  }

  guarded(call: (channel: Channel) => void): void {
    const channel = this.#channel
    if (channel === undefined) {
      return
    }
    try {
      call(channel)
    } catch (error) {
      if (!(error instanceof SidecarError) || !CLIENT_FAULTS.includes(error.code)) {
        throw error
      }
      this.#events.failed(asSidecarError(error))
    }
  }

  /** Confirms and acknowledges what a good client would by now. @returns whether there was anything to say */
  catchUp(): boolean {
    const wire = this.record?.wire
    if (wire === undefined || wire.ackGeneration === 0) {
      return false
    }
    const { ackGeneration, syncedGeneration, unacked, ackWindow } = wire
    if (syncedGeneration !== ackGeneration) {
      this.say(commonClient.ackSync.id, commonClient.ackSync.encode({ generation: ackGeneration }))
      return true
    }
    if (unacked < ackWindow) {
      return false
    }
    this.say(commonClient.ack.id, new Uint8Array(0))
    return true
  }

  /** What must hold between any two operations. */
  check(): void {
    const wire = this.record?.wire
    if (wire === undefined || wire.ackGeneration === 0) {
      return
    }
    const { unacked, ackWindow } = wire
    hold(unacked >= 0, `${this.#name}: no message is acknowledged before it is sent`)
    const window = 2 * ackWindow + 1
    hold(unacked <= window, `${this.#name}: at most twice the window is unacknowledged`)
    const most = window + this.#acks * ackWindow
    hold(this.#messages <= most, `${this.#name}: no more is sent than all acknowledgements allow`)
  }
}
