import {
  DisplayChannel,
  DisplayShare,
  newDisplayRecord,
  newWireRecord,
  type DisplayDeps,
  type DisplayRecord,
  type Encoders,
} from '../../src/channels/index.js'
import type { Counter } from '../../src/core/metrics.js'
import { noCounter } from '../../src/core/metrics.js'
import type { Rect } from '../../src/core/region.js'
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
import { RecordingContext, tell } from './channel-rig.js'
import { ClientSession } from './client-session.js'
import { displayDeps, noDisplayMetrics } from './display-deps.js'
import { FakeClock } from './fake-clock.js'
import { guestOf, type GuestScreen } from './guest-screen.js'
import { inlineEncoders, WINDOW_BYTES } from './inline-encoders.js'
import { PaintedSurface } from './painted.js'

export interface CacheRigOptions {
  readonly consoles?: number
  readonly width?: number
  readonly height?: number
  /** Pixels that the client offers. */
  readonly cachePixels?: number
  /** 0: a client that draws images as a whole only. */
  readonly glzWindowSize?: number
  readonly ackWindow?: number
  readonly mini?: boolean
  readonly display?: Partial<DisplayDeps>
}

interface Seat {
  context: RecordingContext
  channel: DisplayChannel
  readonly framer: MessageFramer
  readonly surface: PaintedSurface
  readonly screen: GuestScreen
  readonly bytes: Uint8Array[]
  window: number
  unacked: number
}

const counted = (): Counter & { value: number } => ({
  value: 0,
  add(by: number) {
    this.value += by
  },
})

/** A guest of some consoles and one client whose pixmap cache all its display channels share. */
export class CacheRig {
  readonly clock = new FakeClock()
  readonly model = new DisplayModel(createPictureStore)
  readonly hits = counted()
  readonly misses = counted()
  readonly evictions = counted()
  readonly cachedPixels = counted()
  readonly session: ClientSession
  readonly #options: CacheRigOptions
  #encoders: Encoders
  #share: DisplayShare
  readonly #seats: Seat[]

  constructor(options: CacheRigOptions = {}) {
    const { consoles = 1, width = 300, height = 200, cachePixels = 2 ** 20, mini = true } = options
    this.#options = options
    // What one channel drops may still be there when another adds: the order of channels is open.
    const budget = consoles * cachePixels
    this.session = new ClientSession({ pixmapCachePixels: budget, channels: consoles })
    this.#encoders = inlineEncoders(this.clock)
    this.#share = this.#newShare()
    const indices = Array.from({ length: consoles }, (_, index) => index)
    this.model.consolesChanged(indices.map((index) => ({ index, label: `video${index}`, head: 0 })))
    this.#seats = indices.map((index) => {
      const screen = guestOf(width, height, 0)
      this.model.scanout(index, { generation: 1, ...screen })
      const context = new RecordingContext()
      const caps = capsOf([DISPLAY_CAP.monitorsConfig])
      const channel = this.#make(newDisplayRecord(newWireRecord(mini), index, caps), context)
      channel.start()
      channel.attach()
      return {
        ...{ context, channel, screen, bytes: [], window: 0, unacked: 0 },
        framer: new MessageFramer({ mini, maxBody: () => 2 ** 30 }),
        surface: new PaintedSurface({ session: this.session, channel: index }),
      }
    })
    this.#seats.forEach(({ channel }) => {
      tell(channel, displayClient.init, {
        ...{ pixmapCacheId: 1, pixmapCacheSize: BigInt(cachePixels) },
        ...{ glzDictionaryId: 1, glzWindowSize: options.glzWindowSize ?? 2 ** 20 },
      })
    })
  }

  /** What the client painted on a console, and what the guest shows there. */
  at(console: number): { readonly surface: PaintedSurface; readonly screen: GuestScreen } {
    return this.#seats[console]!
  }

  /** All that the client took on a console's channel. */
  sent(console: number): Buffer {
    return Buffer.concat(this.#seats[console]!.bytes)
  }

  damage(console: number, rect: Rect): void {
    this.model.damage(console, [rect])
  }

  /** One turn of a channel. */
  pump(console: number): boolean {
    return this.#seats[console]!.channel.pump()
  }

  pumpAll(console: number): void {
    while (this.pump(console)) {
      continue
    }
  }

  /** The client takes what came on a channel, and acknowledges. */
  look(console: number): void {
    const seat = this.#seats[console]!
    const sent = seat.context.bytes.splice(0)
    for (const message of sent) {
      seat.bytes.push(message)
      seat.framer.push(message)
    }
    for (let next = seat.framer.next(); next.kind === 'message'; next = seat.framer.next()) {
      seat.surface.follow([next])
      if (next.type === commonServer.setAck.id) {
        const { generation, window } = commonServer.setAck.decode(next.body)
        seat.window = window
        seat.unacked = 0
        tell(seat.channel, commonClient.ackSync, { generation })
      } else if (seat.window > 0 && ++seat.unacked === seat.window) {
        seat.unacked = 0
        tell(seat.channel, commonClient.ack, {})
      }
    }
  }

  settle(): void {
    for (let turn = 0; turn < 12; turn++) {
      this.#seats.forEach(({ channel }, console) => {
        for (let round = 0; round < 4; round++) {
          this.pumpAll(console)
          this.look(console)
        }
        channel.alarm()
      })
      this.clock.advance(20)
    }
  }

  get exact(): boolean {
    return this.#seats.every(
      ({ surface, screen }) =>
        surface.blockedOn === undefined && Buffer.compare(surface.pixels, withoutFourth(screen)) === 0,
    )
  }

  /**
   * All channels go on from their records.
   *
   * @param here in this process: the hashes of tiles still mean something
   */
  handOver(here: boolean): void {
    const caches = this.#share.pixmaps.snapshot()
    const records = this.#seats.map(({ channel }) => channel.snapshot())
    this.#seats.forEach(({ channel }) => {
      channel.close()
    })
    this.#share.close()
    this.#encoders = here ? this.#encoders : inlineEncoders(this.clock)
    this.#share = this.#newShare()
    this.#share.pixmaps.restore(caches)
    this.#seats.forEach((seat, index) => {
      const target = seat
      target.channel = this.#make(records[index]!, seat.context)
      seat.channel.attach()
    })
  }

  close(): void {
    this.#seats.forEach(({ channel }) => {
      channel.close()
    })
    this.#share.close()
  }

  #newShare(): DisplayShare {
    return new DisplayShare(this.#encoders, WINDOW_BYTES, noCounter)
  }

  #make(record: DisplayRecord, context: RecordingContext): DisplayChannel {
    const deps = displayDeps({
      ...{ model: this.model, encoders: this.#encoders, clock: this.clock },
      ...{ compression: 'auto_lz', ackWindow: this.#options.ackWindow ?? 20 },
      ...this.#options.display,
      metrics: {
        ...noDisplayMetrics,
        cacheHits: this.hits,
        cacheMisses: this.misses,
        cacheEvictions: this.evictions,
        cachedPixels: this.cachedPixels,
      },
    })
    return new DisplayChannel(record, context, this.#share, deps)
  }
}

/** The pixels of a screen as a client keeps them. */
const withoutFourth = ({ pixels, width, height, stride }: GuestScreen): Uint8Array => {
  const packed = new Uint8Array(width * height * 4)
  for (let y = 0; y < height; y++) {
    packed.set(pixels.subarray(y * stride, y * stride + width * 4), y * width * 4)
  }
  for (let at = 3; at < packed.length; at += 4) {
    packed[at] = 0
  }
  return packed
}
