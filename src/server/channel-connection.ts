import type { Socket } from 'node:net'
import type { Channel, ChannelContext, ChannelOutput } from '../channels/index.js'
import type { Clock, Timer } from '../core/clock.js'
import { asSidecarError, SidecarError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { Counter } from '../core/metrics.js'
import { channelName, MessageFramer } from '../protocol/index.js'
import { RateBudget } from './rate-budget.js'

/** Messages handled before other connections get their turn. */
const MESSAGES_PER_TURN = 256

/** A display channel makes no new frames while more than this waits in the socket's queue, bytes. */
const ROOM_BYTES = 256 * 1024

/** Time above the soft limit of waiting bytes after which a client is a slow reader. */
const SOFT_LIMIT_MS = 10_000

/** Time that a closing connection gets to take its last bytes. */
const LINGER_MS = 2000

export interface ConnectionDeps {
  readonly clock: Clock
  readonly limits: Limits
  readonly metrics: {
    /** By channel. */
    readonly bytesSent: Counter
    readonly bytesReceived: Counter
    readonly limitHits: Counter
  }
  /** A message came in: the person at the client, or the client itself, is alive. */
  active(): void
  /** The connection is closed and its channel let go; called once. `error` is undefined for an orderly end. */
  closed(error: SidecarError | undefined): void
}

/** What a connection knows of its channel before it exists. */
export interface ConnectionOptions {
  readonly mini: boolean
  readonly type: number
  /** Makes the channel; it must not send before `start`. */
  channel(context: ChannelContext): Channel
}

/**
 * Bytes handed to the system and not taken by it yet. Node shows them only on the handle below its socket; without one
 * there are none.
 */
const queuedBytes = (socket: Socket): number => {
  const handle: unknown = Reflect.get(socket, '_handle')
  const queued: unknown =
    typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'writeQueueSize') : undefined
  return (typeof queued === 'number' ? queued : 0) + socket.writableLength
}

/** Largest body that a client may send on a channel of a type. */
const maxBody = (type: number, limits: Limits): number => {
  switch (channelName(type)) {
    case 'main': {
      return limits['message-main']
    }
    case 'inputs': {
      return limits['message-inputs']
    }
    default: {
      return limits['message-display']
    }
  }
}

/**
 * Drives one channel over one socket after the link stage: frames messages, paces the peer, sends what the channel
 * makes, and is the one place that closes them both.
 */
export class ChannelConnection implements ChannelContext, ChannelOutput {
  readonly channel: Channel
  readonly output: ChannelOutput = this
  readonly #socket: Socket
  readonly #deps: ConnectionDeps
  readonly #framer: MessageFramer
  readonly #labels: { readonly channel: string }
  readonly #inputBudget: RateBudget | undefined
  #alarm: Timer | undefined
  #turn: Timer | undefined
  #stall: Timer | undefined
  #soft: Timer | undefined
  #resume: Timer | undefined
  #ended = false

  constructor(socket: Socket, options: ConnectionOptions, deps: ConnectionDeps) {
    const { limits, clock } = deps
    this.#socket = socket
    this.#deps = deps
    this.#labels = { channel: channelName(options.type) ?? 'unknown' }
    const max = maxBody(options.type, limits)
    this.#framer = new MessageFramer({ mini: options.mini, maxBody: () => max })
    this.#inputBudget =
      channelName(options.type) === 'inputs'
        ? new RateBudget(limits['input-rate'], limits['input-burst'], clock.nowMs())
        : undefined
    this.channel = options.channel(this)
    socket.on('end', () => this.destroy(undefined))
    socket.on('error', (error) => {
      this.destroy(new SidecarError('SIDECAR_PEER_GONE', 'connection failed', {}, error))
    })
    socket.on('close', () => this.destroy(undefined))
  }

  /** Starts the channel and reads the socket; `rest` came along with the link stage. */
  start(rest: Uint8Array): void {
    const socket = this.#socket
    socket.on('data', (chunk: Buffer) => this.#received(chunk))
    this.#guarded(() => {
      this.channel.start()
      this.channel.attach()
    })
    if (rest.length > 0) {
      this.#received(rest)
    }
    this.#pump()
    if (!this.#ended) {
      socket.resume()
    }
  }

  get hasRoom(): boolean {
    return this.#socket.writableLength < ROOM_BYTES
  }

  write(message: Uint8Array): void {
    if (this.#ended) {
      return
    }
    this.#deps.metrics.bytesSent.add(message.length, this.#labels)
    this.#socket.write(message, this.#written)
    this.#judgeBacklog()
  }

  wake(): void {
    if (!this.#ended) {
      this.#turn ??= this.#deps.clock.nextTurn(() => {
        this.#turn = undefined
        this.#pump()
      })
    }
  }

  alarm(delayMs: number): void {
    this.#alarm?.cancel()
    if (!this.#ended) {
      this.#alarm = this.#deps.clock.after(delayMs, () => {
        this.#guarded(() => this.channel.alarm())
      })
    }
  }

  /** Lets the last bytes go out, then closes. */
  close(): void {
    if (this.#ended) {
      return
    }
    const socket = this.#socket
    this.#release(undefined)
    socket.end()
    const linger = this.#deps.clock.after(LINGER_MS, () => socket.destroy())
    socket.once('close', () => linger.cancel())
  }

  /** Closes at once. */
  destroy(error: SidecarError | undefined): void {
    if (!this.#ended) {
      this.#release(error)
    }
    this.#socket.destroy()
  }

  #release(error: SidecarError | undefined): void {
    this.#ended = true
    for (const timer of [this.#alarm, this.#turn, this.#stall, this.#soft, this.#resume]) {
      timer?.cancel()
    }
    try {
      this.channel.close()
    } finally {
      this.#deps.closed(error)
    }
  }

  #guarded(call: () => void): void {
    if (this.#ended) {
      return
    }
    try {
      call()
    } catch (error) {
      this.destroy(asSidecarError(error))
    }
  }

  #received(chunk: Uint8Array): void {
    if (this.#ended) {
      return
    }
    this.#deps.metrics.bytesReceived.add(chunk.length, this.#labels)
    this.#framer.push(chunk)
    this.#deps.active()
    this.#handle()
  }

  /** Hands on complete messages, a bounded number a turn. */
  #handle(): void {
    this.#guarded(() => {
      let handled = 0
      let framed = this.#framer.next()
      while (framed.kind === 'message' && !this.#ended) {
        this.channel.receive(framed.type, framed.body)
        handled += 1
        if (handled === MESSAGES_PER_TURN) {
          break
        }
        framed = this.#framer.next()
      }
      if (framed.kind === 'error') {
        throw framed.error
      }
      this.channel.settle()
      this.#pace(handled)
    })
    this.#pump()
  }

  /** Pauses reading when a turn's worth was handled or the peer sends faster than its rate. */
  #pace(handled: number): void {
    const waitMs = this.#inputBudget?.spend(handled, this.#deps.clock.nowMs()) ?? 0
    if (waitMs === 0 && handled < MESSAGES_PER_TURN) {
      return
    }
    if (waitMs > 0) {
      this.#deps.metrics.limitHits.add(1, { limit: 'input-rate' })
    }
    this.#socket.pause()
    const go = (): void => {
      this.#resume = undefined
      this.#socket.resume()
      this.#handle()
    }
    this.#resume?.cancel()
    this.#resume = waitMs > 0 ? this.#deps.clock.after(waitMs, go) : this.#deps.clock.nextTurn(go)
  }

  #pump(): void {
    this.#guarded(() => {
      if (this.channel.pump()) {
        this.wake()
      }
      this.#watchStall()
    })
  }

  readonly #written = (): void => {
    if (!this.#ended) {
      this.#progress()
      this.wake()
    }
  }

  /** The peer took or sent something: it is not stalled now. */
  #progress(): void {
    this.#stall?.cancel()
    this.#stall = undefined
    if (this.#socket.writableLength < this.#deps.limits['out-soft']) {
      this.#soft?.cancel()
      this.#soft = undefined
    }
  }

  #watchStall(): void {
    if (!this.channel.stalled || this.#ended) {
      this.#stall?.cancel()
      this.#stall = undefined
      return
    }
    this.#stall ??= this.#waitForProgress()
  }

  /** A large message takes long on a slow link: as long as the peer takes some of it, it is not stalled. */
  #waitForProgress(): Timer {
    const before = queuedBytes(this.#socket)
    return this.#deps.clock.after(this.#deps.limits['ack-stall-ms'], () => {
      if (queuedBytes(this.#socket) < before) {
        this.#stall = this.#waitForProgress()
      } else {
        this.#slow('ack-stall-ms')
      }
    })
  }

  #judgeBacklog(): void {
    const waiting = this.#socket.writableLength
    if (waiting > this.#deps.limits['out-hard']) {
      this.#slow('out-hard')
    } else if (waiting > this.#deps.limits['out-soft']) {
      this.#soft ??= this.#deps.clock.after(SOFT_LIMIT_MS, () => this.#slow('out-soft'))
    }
  }

  #slow(limit: 'ack-stall-ms' | 'out-hard' | 'out-soft'): void {
    this.#deps.metrics.limitHits.add(1, { limit })
    this.destroy(
      new SidecarError('SIDECAR_SLOW_READER', 'client reads too slowly', {
        limit,
        waitingBytes: this.#socket.writableLength,
      }),
    )
  }
}
