import type { Trace } from '../../bench/traces/trace.js'
import { TraceScreen } from '../../bench/traces/trace.js'
import {
  DisplayChannel,
  DisplayShare,
  newDisplayRecord,
  newWireRecord,
  type Channel,
  type ChannelContext,
  type DisplayDeps,
  type DisplayRecord,
  type LineFacts,
} from '../../src/channels/index.js'
import type { Timer } from '../../src/core/clock.js'
import { noCounter } from '../../src/core/metrics.js'
import { rectOf } from '../../src/core/region.js'
import { DisplayModel, type VideoWatch } from '../../src/display/index.js'
import { createPictureStore } from '../../src/kernels/index.js'
import { capsOf, DISPLAY_CAP, displayClient, MessageFramer, type Message } from '../../src/protocol/index.js'
import { ClientAnswers } from './client-answers.js'
import { ClientSession, STOCK_CACHE_PIXELS } from './client-session.js'
import { displayDeps } from './display-deps.js'
import { FakeClock } from './fake-clock.js'
import { inlineEncoders, WINDOW_BYTES } from './inline-encoders.js'
import { PaintedSurface } from './painted.js'
import { videoDeps } from './video-deps.js'

/** Pixels of a stock client's GLZ window, or fewer. */
const GLZ_WINDOW = 2 ** 22

/** Capabilities of a stock client. */
const STOCK_CAPS = [
  DISPLAY_CAP.sizedStream,
  DISPLAY_CAP.monitorsConfig,
  DISPLAY_CAP.streamReport,
  DISPLAY_CAP.lz4Compression,
  DISPLAY_CAP.multiCodec,
  DISPLAY_CAP.codecMjpeg,
]

/** After the last frame the clock goes on in such steps, at most so many. */
const QUIET_STEP_MS = 50
const QUIET_STEPS = 400

export interface TraceClientOptions {
  /** Of the channel, in place of what tests have that do not care. */
  readonly display?: Partial<DisplayDeps>
  readonly mini?: boolean
  readonly caps?: readonly number[]
  /** Pixels offered in INIT. */
  readonly cachePixels?: number
  readonly streamLag?: number
  /** What becomes a video stream; nothing when left out. */
  readonly streaming?: 'filter' | 'all'
  /** What is known of the line to the client; nothing when left out. */
  readonly line?: LineFacts
  /** Frames of the trace between two looks of the client at what has come: it takes and acknowledges nothing in between. */
  readonly looksEvery?: number
}

/** The driver of a display channel and the client behind it, on a clock that the test turns. */
class TraceLine implements ChannelContext {
  readonly output = this
  readonly surface: PaintedSurface
  readonly hasRoom = true
  readonly #clock: FakeClock
  readonly #framer: MessageFramer
  #channel: Channel | undefined
  #timer: Timer | undefined
  readonly #answers: ClientAnswers

  constructor(clock: FakeClock, mini: boolean, surface: PaintedSurface) {
    this.#clock = clock
    this.surface = surface
    this.#framer = new MessageFramer({ mini, maxBody: () => 2 ** 30 })
    this.#answers = new ClientAnswers((message, value) => this.tell(message, value), surface)
  }

  serve(channel: Channel): void {
    this.#channel = channel
  }

  write(message: Uint8Array): void {
    this.#framer.push(message.slice())
  }

  strange(kind: string): void {
    throw new Error(`the client said something strange: ${kind}`)
  }

  wake(): void {
    return
  }

  alarm(delayMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#clock.after(delayMs, () => {
      this.#timer = undefined
      this.#channel?.alarm()
    })
  }

  pump(): void {
    while (this.#channel?.pump() === true) {
      continue
    }
  }

  tell<T>(message: Message<T>, value: T): void {
    this.#channel?.receive(message.id, message.encode(value))
    this.#channel?.settle()
  }

  /** Takes all that came, and answers as a stock client does. */
  look(): boolean {
    let seen = false
    for (let next = this.#framer.next(); next.kind === 'message'; next = this.#framer.next()) {
      seen = true
      this.surface.follow([next])
      this.#answers.handled(next)
    }
    return seen
  }
}

/** A trace on a guest's screen, its display model, and one client: no sockets, no threads, no real time. */
export class TraceRig {
  readonly clock = new FakeClock()
  readonly model = new DisplayModel(createPictureStore)
  readonly screen: TraceScreen
  readonly surface: PaintedSurface
  readonly #trace: Trace
  readonly #options: TraceClientOptions
  readonly #line: TraceLine
  #share: DisplayShare
  #channel: DisplayChannel
  #watch: VideoWatch | undefined

  constructor(trace: Trace, options: TraceClientOptions = {}) {
    const { mini = true, cachePixels = STOCK_CACHE_PIXELS, streamLag = 0, caps = STOCK_CAPS } = options
    this.#trace = trace
    this.#options = options
    this.screen = new TraceScreen(trace)
    this.screen.draw(trace, trace.frames[0]!)
    this.model.consolesChanged([{ index: 0, label: 'a', head: 0 }])
    const { width, height, stride, pixels } = this.screen
    this.model.scanout(0, { generation: 1, width, height, stride, pixels })
    this.surface = new PaintedSurface({
      session: new ClientSession({ pixmapCachePixels: cachePixels }),
      streamLag,
    })
    this.#line = new TraceLine(this.clock, mini, this.surface)
    const record = newDisplayRecord(newWireRecord(mini), 0, capsOf(caps))
    const made = this.#make(record)
    this.#share = made.share
    this.#channel = made.channel
    this.#channel.start()
    this.#channel.attach()
    this.#line.tell(displayClient.init, {
      ...{ pixmapCacheId: 1, pixmapCacheSize: BigInt(cachePixels) },
      ...{ glzDictionaryId: 1, glzWindowSize: GLZ_WINDOW },
    })
    this.#turn()
  }

  /** Plays all frames, each at its time; calls `before` ahead of each. */
  play(before: (frame: number) => void = () => undefined): void {
    const { looksEvery = 1 } = this.#options
    this.#trace.frames.forEach((frame, index) => {
      if (index === 0) {
        return
      }
      before(index)
      this.clock.advance(Math.max(0, frame.atMs - this.clock.nowMs()))
      this.#line.pump()
      this.screen.draw(this.#trace, frame)
      this.model.damage(0, frame.damage)
      this.#line.pump()
      if (index % looksEvery === 0) {
        this.#turn()
      }
    })
  }

  /** A channel elsewhere goes on from the record of this one; nothing else is carried over. */
  handOver(): void {
    const record = this.#channel.snapshot()
    this.#channel.close()
    this.#share.close()
    const made = this.#make(record)
    this.#share = made.share
    this.#channel = made.channel
    this.#channel.attach()
  }

  /**
   * Lets time pass without a frame until the client has the exact picture of the guest.
   *
   * @returns milliseconds that it took; `undefined` when it never has
   */
  quiet(): number | undefined {
    const startMs = this.clock.nowMs()
    for (let step = 0; step < QUIET_STEPS; step++) {
      this.#turn()
      this.surface.streams.flush()
      if (this.exact) {
        return this.clock.nowMs() - startMs
      }
      this.clock.advance(QUIET_STEP_MS)
    }
    return undefined
  }

  get exact(): boolean {
    return this.surface.exists && Buffer.compare(this.surface.pixels, this.screen.pixels) === 0
  }

  close(): void {
    this.#channel.close()
    this.#share.close()
  }

  /** Everything goes back and forth until nobody has anything to say. */
  #turn(): void {
    do {
      this.#line.pump()
    } while (this.#line.look())
  }

  #make(record: DisplayRecord): { readonly channel: DisplayChannel; readonly share: DisplayShare } {
    const encoders = inlineEncoders(this.clock)
    const { line } = this.#options
    const share = new DisplayShare(encoders, WINDOW_BYTES, noCounter, line === undefined ? line : () => line)
    const { streaming, display } = this.#options
    this.#watch?.close()
    const video = streaming && videoDeps(this.model, this.clock, encoders, streaming, display?.video)
    this.#watch = video?.watch
    const deps = displayDeps({ model: this.model, encoders, clock: this.clock, ...display, video })
    const channel = new DisplayChannel(record, this.#line, share, deps)
    this.#line.serve(channel)
    return { channel, share }
  }
}

/** The guest reports all of its screen each time, as some kernels do. */
export const overReported = (trace: Trace): Trace => ({
  ...trace,
  frames: trace.frames.map((frame) => ({ ...frame, damage: [rectOf(0, 0, trace.width, trace.height)] })),
})
