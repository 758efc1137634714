import type { RateRecord } from './rate-control.js'
import { clamp, MAX_BPS, MAX_FPS, MIN_BPS } from './rate-range.js'

/** How the next frame is to be coded. */
export interface FrameSetting {
  /** 1 to 100, in the sense of JPEG. */
  readonly quality: number
  /** Frames a second at most. */
  readonly fps: number
  /** Width and height are halved. */
  readonly half: boolean
  /** For codecs that are told a rate. */
  readonly bitsPerSecond: number
  /** Bits a second beyond which frames would be no better. */
  readonly usableBps: number
}

/** What kind of frames a stream has. */
export interface FrameKind {
  /** Frames are coded by their quality and stand for themselves; else the codec keeps to a bit rate. */
  readonly byQuality: boolean
  /** The client takes frames of another size than the stream's. */
  readonly canHalve: boolean
  /** Pixels of a frame. */
  readonly pixels: number
}

/** Range of quality, and its steps. */
export const MIN_QUALITY = 20
export const MAX_QUALITY = 80
const QUALITY_STEP = 5

/** Bytes of a frame by its quality, relative to those at full quality (libjpeg-turbo, 4:2:0, film and photos). */
const RELATIVE: readonly (readonly [quality: number, size: number])[] = [
  [20, 0.3],
  [30, 0.38],
  [40, 0.46],
  [50, 0.53],
  [60, 0.61],
  [70, 0.73],
  [80, 1],
]

/** Halved frames have a quarter of the pixels, and more in each. */
const HALF_SIZE = 0.35

/**
 * Bits a pixel of a codec that keeps to a rate: more than the first are not seen, with fewer than the second there are fewer frames
 * instead, down to so many a second.
 */
const MOST_BITS = 0.15
const LEAST_BITS = 0.025
const LEAST_FPS = 8

/** What such a codec is told of the rate that is aimed at: it keeps to it on the average alone. */
const CODED_SHARE = 0.85

/** From this frame rate on quality goes first, ... */
const FLUENT: readonly (readonly [quality: number, fps: number])[] = [
  [50, 24],
  [35, 15],
  [MIN_QUALITY, 8],
]

/** ... and below this one so does the size. */
const HALVE_FPS = 5
const WHOLE_FPS = 10

/** How the next frame is best coded for what a stream aims at. */
export const frameSetting = (rate: RateRecord, kind: FrameKind): FrameSetting =>
  kind.byQuality ? byQuality(rate, kind.canHalve) : byRate(rate, kind.pixels)

const wantedFps = ({ sourceFps }: RateRecord): number => clamp(sourceFps * 1.1, 1, MAX_FPS)

const byRate = (rate: RateRecord, pixels: number): FrameSetting => {
  const wanted = wantedFps(rate)
  const usableBps = clamp(pixels * wanted * MOST_BITS, MIN_BPS, MAX_BPS)
  const bitsPerSecond = Math.round(Math.min(rate.targetBps * CODED_SHARE, usableBps))
  const fps = clamp(bitsPerSecond / (pixels * LEAST_BITS), Math.min(wanted, LEAST_FPS), wanted)
  const quality = Math.round(MIN_QUALITY + ((MAX_QUALITY - MIN_QUALITY) * bitsPerSecond) / usableBps)
  return { quality, fps, half: false, bitsPerSecond, usableBps }
}

const byQuality = (rate: RateRecord, canHalve: boolean): FrameSetting => {
  const wanted = wantedFps(rate)
  const perSecond = rate.targetBps / 8
  const least = perSecond / sizeAt(rate, MIN_QUALITY, false)
  const half = canHalve && least < Math.min(wanted, rate.half ? WHOLE_FPS : HALVE_FPS)
  let quality = MAX_QUALITY
  while (
    quality > MIN_QUALITY &&
    perSecond / sizeAt(rate, quality, half) < Math.min(wanted, fluent(quality))
  ) {
    quality -= QUALITY_STEP
  }
  const fps = clamp(perSecond / sizeAt(rate, quality, half), 1, wanted)
  const usableBps = rate.fullBytes === 0 ? Number.POSITIVE_INFINITY : rate.fullBytes * wanted * 8
  return { quality, fps, half, bitsPerSecond: Math.round(rate.targetBps), usableBps }
}

const sizeAt = (rate: RateRecord, quality: number, half: boolean): number =>
  Math.max(1, rate.fullBytes * relativeSize(quality, half))

/** Bytes of a frame, relative to one at full quality and size. */
export const relativeSize = (quality: number, half: boolean): number => {
  const above = RELATIVE.findIndex(([at]) => at >= quality)
  const [high, highSize] = RELATIVE[above < 0 ? RELATIVE.length - 1 : above] ?? [1, 1]
  const [low, lowSize] = RELATIVE[Math.max(0, above - 1)] ?? [1, 1]
  const size = high === low ? highSize : lowSize + ((highSize - lowSize) * (quality - low)) / (high - low)
  return size * (half ? HALF_SIZE : 1)
}

/** Frames a second below which a quality is too good. */
const fluent = (quality: number): number => FLUENT.find(([from]) => quality >= from)?.[1] ?? MAX_FPS
