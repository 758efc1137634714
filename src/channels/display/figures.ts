import type { Clock } from '../../core/clock.js'
import type { Counter, Labels } from '../../core/metrics.js'
import { regionArea, subtract, type Rect } from '../../core/region.js'
import type { ChannelFigures } from '../channel.js'
import type { DisplayDeps } from './deps.js'
import type { LossyState } from './lossy.js'
import type { DisplayRecord } from './record.js'
import type { StreamRecord } from './streams/stream-record.js'

type Counts = Readonly<Record<'frames' | 'merged' | 'cacheHits' | 'cacheMisses', number>>

/** Counts for one channel what all channels count together. Only reports look at it, so it begins anew after a hand-over. */
export class DisplayTally {
  /** Those of all channels, whose metrics now count here, too. */
  readonly deps: DisplayDeps
  readonly imageBytes: Record<string, number> = {}
  readonly videoBytes: Record<string, number> = {}
  readonly #counts = { frames: 0, merged: 0, cacheHits: 0, cacheMisses: 0 }
  readonly #clock: Pick<Clock, 'nowMs'>
  /** Since when a screen update waits. */
  #dueMs: number | undefined

  constructor(deps: DisplayDeps) {
    const { metrics, video, clock } = deps
    this.#clock = clock
    const counted = (name: keyof Counts, counter: Counter): Counter => ({
      add: (amount, labels) => {
        this.#counts[name] += amount
        counter.add(amount, labels)
      },
    })
    this.deps = {
      ...deps,
      metrics: {
        ...metrics,
        imageBytes: byCodec(this.imageBytes, metrics.imageBytes),
        frames: {
          add: (amount) => {
            this.#counts.frames += amount
            metrics.frames.add(amount)
            if (this.#dueMs !== undefined) {
              metrics.updateWait.observe((clock.nowMs() - this.#dueMs) / 1000)
              this.#dueMs = undefined
            }
          },
        },
        merged: counted('merged', metrics.merged),
        cacheHits: counted('cacheHits', metrics.cacheHits),
        cacheMisses: counted('cacheMisses', metrics.cacheMisses),
      },
      video: video && {
        ...video,
        metrics: { ...video.metrics, bytes: byCodec(this.videoBytes, video.metrics.bytes) },
      },
    }
  }

  /** The guest's screen changed; the time counts until it is handed over for coding. */
  due(): void {
    this.#dueMs ??= this.#clock.nowMs()
  }

  get counts(): Counts {
    return this.#counts
  }
}

const byCodec = (sums: Record<string, number>, counter: Counter): Counter => ({
  add: (amount: number, labels: Labels = {}): void => {
    const codec = labels['codec'] ?? 'unknown'
    sums[codec] = (sums[codec] ?? 0) + amount
    counter.add(amount, labels)
  },
})

/** Pixels in at least one of the areas. */
const lossyPixels = ({ areas }: LossyState): number => {
  const seen: Rect[] = []
  for (const { rect } of areas) {
    let parts = [rect]
    for (const known of seen) {
      parts = parts.flatMap((part) => subtract(part, known))
    }
    seen.push(...parts)
  }
  return regionArea(seen)
}

const streamFigures = ({ codec, box, rate }: StreamRecord): ChannelFigures => ({
  codec,
  x: box.left,
  y: box.top,
  width: box.right - box.left,
  height: box.bottom - box.top,
  'target-bits-per-second': Math.round(rate.targetBps),
  'source-fps': tenths(rate.sourceFps),
  'queue-ms': tenths(rate.queueMs),
})

const tenths = (value: number): number => Math.round(value * 10) / 10

/** What an administrator sees of a display channel. */
export const displayFigures = (
  { wire, flow, lossy, outbox, streams }: DisplayRecord,
  { imageBytes, videoBytes, counts }: DisplayTally,
): ChannelFigures => ({
  'image-bytes': { ...imageBytes },
  'video-bytes': { ...videoBytes },
  updates: counts.frames,
  'updates-merged': counts.merged,
  'cache-hits': counts.cacheHits,
  'cache-misses': counts.cacheMisses,
  'lossy-pixels': lossyPixels(lossy),
  streams: streams.list.filter(({ open }) => open).map(streamFigures),
  'waiting-items': outbox.items.length + outbox.taken.length,
  'unacked-messages': wire.unacked,
  'unacked-bytes': wire.flight.bytes,
  'round-trip-ms': flow.roundTripMs === undefined ? undefined : tenths(flow.roundTripMs),
})
