import type { Channel, ChannelContext, ChannelOutput, Strange } from '../channels/index.js'
import type { Clock, Timer } from '../core/clock.js'
import { asSidecarError, SidecarError } from '../core/errors.js'
import type { LimitKey, Limits } from '../core/limits.js'
import type { Counter } from '../core/metrics.js'
import { channelName, fixedClientSizes, MessageFramer } from '../protocol/index.js'
import { RateBudget } from '../core/rate-budget.js'
import type { Transport } from './transport.js'

/** Messages handled before other connections get their turn. */
const MESSAGES_PER_TURN = 256

/** A display channel makes no new frames while more than this waits in the socket's queue, bytes. */
const ROOM_BYTES = 256 * 1024

const NO_SIZES: ReadonlyMap<number, number> = new Map()

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
    /** By kind. */
    readonly strange: Counter
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
  /** Judges by its type whether a message of the client does nothing here. */
  readonly ignored?: ((messageType: number) => boolean) | undefined
  /** Makes the channel; it must not send before `start`. */
  channel(context: ChannelContext): Channel
}

/** Limit of the body that a client may send on a channel of a type. */
const bodyLimit = (type: number): 'message-main' | 'message-inputs' | 'message-display' => {
  switch (channelName(type)) {
    case 'main': {
      return 'message-main'
    }
    case 'inputs': {
      return 'message-inputs'
    }
    default: {
      return 'message-display'
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
  readonly #transport: Transport
  readonly #deps: ConnectionDeps
  readonly #framer: MessageFramer
  readonly #labels: { readonly channel: string }
  readonly #inputBudget: RateBudget | undefined
  /** Made when it is first needed. */
  #strangeBudget: RateBudget | undefined
  readonly #bodyLimit: LimitKey
  readonly #fixedSizes: ReadonlyMap<number, number>
  #alarm: Timer | undefined
  #turn: Timer | undefined
  #stall: Timer | undefined
  #soft: Timer | undefined
  #resume: Timer | undefined
  #linger: Timer | undefined
  #ended = false
  readonly #ignored: ConnectionOptions['ignored']
  #bytesSent = 0
  #bytesReceived = 0

  constructor(transport: Transport, options: ConnectionOptions, deps: ConnectionDeps) {
    const { limits, clock } = deps
    this.#transport = transport
    this.#deps = deps
    this.#ignored = options.ignored
    const name = channelName(options.type)
    this.#labels = { channel: name ?? 'unknown' }
    this.#fixedSizes = name === undefined ? NO_SIZES : fixedClientSizes(name)
    this.#bodyLimit = bodyLimit(options.type)
    const max = limits[this.#bodyLimit]
    this.#framer = new MessageFramer({ mini: options.mini, maxBody: () => max })
    this.#inputBudget =
      name === 'inputs'
        ? new RateBudget(limits['input-rate'], limits['input-burst'], clock.nowMs())
        : undefined
    this.channel = options.channel(this)
    transport.use({
      data: (chunk) => this.#received(chunk),
      end: () => this.destroy(undefined),
      failed: (error) => {
        this.destroy(new SidecarError('SIDECAR_PEER_GONE', 'connection failed', {}, error))
      },
      closed: () => {
        this.#linger?.cancel()
        this.destroy(undefined)
      },
    })
  }

  /** Starts the channel and reads the socket; `rest` came along with the link stage. */
  start(rest: Uint8Array): void {
    this.#guarded(() => {
      this.channel.start()
      this.channel.attach()
    })
    if (rest.length > 0) {
      this.#received(rest)
    }
    this.#pump()
    if (!this.#ended) {
      this.#transport.resume()
    }
  }

  /** Encrypted by this process. */
  get secure(): boolean {
    return this.#transport.secure
  }

  get bytesSent(): number {
    return this.#bytesSent
  }

  get bytesReceived(): number {
    return this.#bytesReceived
  }

  get hasRoom(): boolean {
    return this.#transport.waitingBytes < ROOM_BYTES
  }

  write(message: Uint8Array): void {
    if (this.#ended) {
      return
    }
    this.#bytesSent += message.length
    this.#deps.metrics.bytesSent.add(message.length, this.#labels)
    this.#transport.write(message, this.#written)
    this.#judgeBacklog()
  }

  strange(kind: Strange): void {
    const { clock, limits, metrics } = this.#deps
    metrics.strange.add(1, { kind })
    if (kind !== 'ack' && kind !== 'pong') {
      return
    }
    this.#strangeBudget ??= new RateBudget(limits['strange-rate'], limits['strange-burst'], clock.nowMs())
    if (this.#strangeBudget.spend(1, clock.nowMs()) > 0) {
      metrics.limitHits.add(1, { limit: 'strange-rate' })
      throw new SidecarError('SIDECAR_LIMIT', 'too many answers to what was never sent', { kind })
    }
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
    this.#release(undefined)
    this.#linger = this.#deps.clock.after(LINGER_MS, () => this.#transport.destroy())
    this.#transport.end()
  }

  /** Closes at once. */
  destroy(error: SidecarError | undefined): void {
    if (!this.#ended) {
      this.#release(error)
    }
    this.#transport.destroy()
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
    this.#bytesReceived += chunk.length
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
        if (this.#ignored?.(framed.type) !== true) {
          this.channel.receive(framed.type, framed.body)
        }
        this.#countOdd(framed.type, framed.body.length, framed.subList)
        handled += 1
        if (handled === MESSAGES_PER_TURN) {
          break
        }
        framed = this.#framer.next()
      }
      if (framed.kind === 'error') {
        if (framed.error.code === 'SIDECAR_LIMIT') {
          this.#deps.metrics.limitHits.add(1, { limit: this.#bodyLimit })
        }
        throw framed.error
      }
      this.channel.settle()
      this.#pace(handled)
    })
    this.#pump()
  }

  /** HOT PATH: clients may send more than a body holds, and lists that no server reads (`protocol-session.md` 9.1). */
  #countOdd(type: number, size: number, subList: number): void {
    if (size > (this.#fixedSizes.get(type) ?? size)) {
      this.strange('surplus')
    }
    if (subList !== 0) {
      this.strange('sub-list')
    }
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
    this.#transport.pause()
    const go = (): void => {
      this.#resume = undefined
      this.#transport.resume()
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
    if (this.#transport.waitingBytes < this.#deps.limits['out-soft']) {
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
    const before = this.#transport.unsentBytes
    return this.#deps.clock.after(this.#deps.limits['ack-stall-ms'], () => {
      if (this.#transport.unsentBytes < before) {
        this.#stall = this.#waitForProgress()
      } else {
        this.#slow('ack-stall-ms')
      }
    })
  }

  #judgeBacklog(): void {
    const waiting = this.#transport.waitingBytes
    if (waiting > this.#deps.limits['out-hard']) {
      this.#slow('out-hard')
    } else if (waiting > this.#deps.limits['out-soft']) {
      this.#soft ??= this.#deps.clock.after(this.#deps.limits['out-soft-ms'], () => this.#slow('out-soft'))
    }
  }

  #slow(limit: 'ack-stall-ms' | 'out-hard' | 'out-soft'): void {
    this.#deps.metrics.limitHits.add(1, { limit })
    this.destroy(
      new SidecarError('SIDECAR_SLOW_READER', 'client reads too slowly', {
        limit,
        waitingBytes: this.#transport.waitingBytes,
      }),
    )
  }
}
