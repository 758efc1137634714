import { encodersOf } from '../../src/app/encoders.js'
import {
  DisplayChannel,
  DisplayShare,
  newDisplayRecord,
  newWireRecord,
  type DisplayDeps,
  type DisplayRecord,
  type Encoders,
  type LineFacts,
} from '../../src/channels/index.js'
import { EncoderPool, NO_POOL_METRICS, type PoolDeps } from '../../src/codecs/index.js'
import { silentLogger } from '../../src/core/logger.js'
import { noCounter } from '../../src/core/metrics.js'
import { rectOf, type Rect } from '../../src/core/region.js'
import { DisplayModel } from '../../src/display/index.js'
import { createPictureStore } from '../../src/kernels/index.js'
import {
  capsOf,
  commonClient,
  commonServer,
  DISPLAY_CAP,
  displayClient,
  MessageFramer,
} from '../../src/protocol/index.js'
import { RecordingContext, tell, type Sent } from './channel-rig.js'
import { displayDeps } from './display-deps.js'
import { FakeClock } from './fake-clock.js'
import { WINDOW_BYTES } from './inline-encoders.js'
import { PaintedSurface } from './painted.js'
import type { PhotoTarget } from './photo.js'

export const UNKNOWN_LINE: LineFacts = {
  roundTripMs: undefined,
  bitsPerSecond: undefined,
  lowBandwidth: false,
}

export const lineOf = (bitsPerSecond: number, roundTripMs = 10): LineFacts => ({
  roundTripMs,
  bitsPerSecond,
  lowBandwidth: bitsPerSecond < 10 * 1024 * 1024,
})

export interface ClientOptions {
  readonly line?: LineFacts
  readonly mini?: boolean
  readonly glzWindow?: number
  readonly display?: Partial<DisplayDeps>
}

export interface GuestOptions {
  /** Of the coder on this thread. */
  readonly maxPixels?: number
  readonly metrics?: Partial<PoolDeps['metrics']>
}

/** A guest's screen and its display channels for several clients, who share coders on this thread, on a clock that the test turns. */
export class SharedGuest {
  readonly clock = new FakeClock()
  readonly model = new DisplayModel(createPictureStore)
  readonly encoders: Encoders
  readonly screen: PhotoTarget

  constructor(screen: PhotoTarget, { maxPixels = 128 * 1024, metrics = {} }: GuestOptions = {}) {
    this.screen = screen
    this.encoders = encodersOf(
      new EncoderPool(
        { clock: this.clock, logger: silentLogger, metrics: { ...NO_POOL_METRICS, ...metrics } },
        { limits: { workers: 0, inlineMaxPixels: maxPixels } },
      ),
    )
    this.model.consolesChanged([{ index: 0, label: 'a', head: 0 }])
    this.model.scanout(0, { generation: 1, ...screen })
  }

  /** The guest drew there. */
  damage(rect: Rect): void {
    this.model.damage(0, [rect])
  }

  /** What a client that follows exactly shows. */
  get picture(): Uint8Array {
    const { width, height, stride, pixels } = this.screen
    const packed = new Uint8Array(width * height * 4)
    for (let y = 0; y < height; y++) {
      packed.set(pixels.subarray(y * stride, y * stride + width * 4), y * width * 4)
    }
    return packed.map((value, at) => (at % 4 === 3 ? 0 : value))
  }
}

/** One client of a {@link SharedGuest}: it looks at what came and acknowledges when it is told to. */
export class GuestClient {
  readonly context: RecordingContext
  readonly surface = new PaintedSurface()
  /** All that came. */
  readonly sent: Sent[] = []
  share: DisplayShare
  channel: DisplayChannel
  readonly #guest: SharedGuest
  readonly #options: ClientOptions
  #unacked = 0
  #window = 0

  constructor(guest: SharedGuest, options: ClientOptions = {}) {
    this.#guest = guest
    this.#options = options
    const { clock } = guest
    const client = (): DisplayChannel => this.channel
    this.context = new (class extends RecordingContext {
      #timer: { cancel(): void } | undefined
      override alarm(delayMs: number): void {
        super.alarm(delayMs)
        this.#timer?.cancel()
        this.#timer = clock.after(delayMs, () => client().alarm())
      }
    })()
    const { mini = true, glzWindow = 0 } = options
    ;[this.channel, this.share] = this.#make(
      newDisplayRecord(
        newWireRecord(mini),
        0,
        capsOf([DISPLAY_CAP.monitorsConfig, DISPLAY_CAP.lz4Compression]),
      ),
    )
    this.channel.start()
    this.channel.attach()
    tell(this.channel, displayClient.init, {
      ...{ pixmapCacheId: 1, pixmapCacheSize: 0n, glzDictionaryId: 1, glzWindowSize: glzWindow },
    })
  }

  get record(): DisplayRecord {
    return this.channel.snapshot()
  }

  get exact(): boolean {
    return Buffer.compare(this.surface.pixels, this.#guest.picture) === 0
  }

  /** The channel goes on elsewhere, from its record alone. */
  handOver(): void {
    const { record } = this
    this.close()
    ;[this.channel, this.share] = this.#make(record)
    this.channel.attach()
  }

  pump(): void {
    while (this.channel.pump()) {
      /* more at once */
    }
  }

  /** Draws what came. */
  look(): readonly Sent[] {
    const came = messagesOf(this.context, this.#options.mini ?? true)
    this.sent.push(...came)
    this.surface.follow(came)
    this.#unacked += came.length
    for (const [at, { type, body }] of came.entries()) {
      if (type === commonServer.setAck.id) {
        const { generation, window } = commonServer.setAck.decode(body)
        this.#window = window
        this.#unacked = came.length - at - 1
        tell(this.channel, commonClient.ackSync, { generation })
      }
    }
    return came
  }

  /** Draws and acknowledges what came. @returns whether there was anything */
  acknowledge(): boolean {
    const came = this.look().length > 0
    for (; this.#window > 0 && this.#unacked >= this.#window; this.#unacked -= this.#window) {
      tell(this.channel, commonClient.ack, {})
    }
    return came
  }

  /** Goes back and forth until there is no more to say now. */
  settle(): void {
    do {
      this.pump()
    } while (this.acknowledge())
  }

  /** The guest and the line are quiet for so long. */
  rest(ms: number): void {
    for (let left = ms; left > 0; left -= STEP_MS) {
      this.#guest.clock.advance(Math.min(left, STEP_MS))
      this.settle()
    }
  }

  close(): void {
    this.channel.close()
    this.share.close()
  }

  #make(record: DisplayRecord): [DisplayChannel, DisplayShare] {
    const { model, clock, encoders } = this.#guest
    const { line = UNKNOWN_LINE, display = {} } = this.#options
    const share = new DisplayShare(encoders, WINDOW_BYTES, noCounter, () => line)
    const deps = displayDeps({ model, encoders, clock, ...display })
    return [new DisplayChannel(record, this.context, share, deps), share]
  }
}

const STEP_MS = 20

/** What was written since the last call. */
const messagesOf = (context: RecordingContext, mini: boolean): Sent[] => {
  const framer = new MessageFramer({ mini, maxBody: () => 2 ** 30 })
  framer.push(context.written())
  context.bytes.length = 0
  const sent: Sent[] = []
  for (let framed = framer.next(); framed.kind === 'message'; framed = framer.next()) {
    sent.push({ type: framed.type, body: framed.body.slice() })
  }
  return sent
}

/** All of a screen. */
export const allOf = ({ width, height }: PhotoTarget): Rect => rectOf(0, 0, width, height)
