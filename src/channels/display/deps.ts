import type { Clock } from '../../core/clock.js'
import type { Counter, Histogram } from '../../core/metrics.js'
import type { DisplayModel, VideoWatch } from '../../display/index.js'
import type { CompressionSetting } from './codec-choice.js'
import type { SlowLimits } from './flow.js'
import type { Encoders } from './share.js'
import type { VideoName } from './streams/video-codec.js'

/** Values of `jpeg-wan-compression` and `zlib-glz-wan-compression`; `auto`: for clients on slow lines. */
export type WanSetting = 'auto' | 'always' | 'never'

/** What the display channels of all clients work with. */
export interface DisplayDeps {
  readonly model: DisplayModel
  readonly encoders: Encoders
  readonly clock: Pick<Clock, 'nowMs'>
  readonly compression: CompressionSetting
  readonly zlibGlzWan: WanSetting
  /** Photos may go as JPEG first. */
  readonly jpegWan: WanSetting
  /** Pixels of a client's pixmap cache that are used at most; 0: none. */
  readonly cachePixels: number
  /** Messages per acknowledgement. */
  readonly ackWindow: number
  readonly limits: SlowLimits
  /** Left out: video is sent as pictures. */
  readonly video?: VideoDeps | undefined
  readonly metrics: DisplayMetrics
}

/** What video streams need. */
export interface VideoDeps {
  readonly watch: VideoWatch
  /** Codecs that may be used, the best first. */
  readonly codecs: readonly VideoName[]
  /** Streams began, or ended (below 0). */
  opened(count: number): void
  readonly metrics: VideoMetrics
}

export interface VideoMetrics {
  /** By codec, and by reason. */
  readonly started: Counter
  readonly ended: Counter
  /** Frames sent and their bytes, by codec. */
  readonly frames: Counter
  readonly bytes: Counter
  /** Pictures that did not become a frame, or a frame that came too late, by reason. */
  readonly dropped: Counter
  /** Of the next frame, when it is handed in: frames a second that are aimed at, and quality (1 to 100). */
  readonly fps: Histogram
  readonly quality: Histogram
}

export interface DisplayMetrics {
  /** Damage fully handed over for coding: the client's picture is catching up. */
  readonly frames: Counter
  /** Seconds from a change of the screen until it was handed over for coding. */
  readonly updateWait: Histogram
  /** Updates merged into damage that waited for a client. */
  readonly merged: Counter
  /** Times that something was left out for a client that reads slowly, by what. */
  readonly slowSteps: Counter
  /** By codec. */
  readonly images: Counter
  readonly imageBytes: Counter
  /** Images that were not coded, by reason. */
  readonly imagesFailed: Counter
  /** Moves sent instead of pixels, and their pixels. */
  readonly moves: Counter
  readonly movedPixels: Counter
  /** Pixels that were sent again, exactly. */
  readonly refinedPixels: Counter
  /** Rectangles that came from the client's pixmap cache, with its pixels, and those that were looked for in vain. */
  readonly cacheHits: Counter
  readonly cacheMisses: Counter
  readonly cachedPixels: Counter
  /** Images that had to leave it. */
  readonly cacheEvictions: Counter
  /** Images whose palette the client had, and those that brought theirs. */
  readonly paletteHits: Counter
  readonly paletteMisses: Counter
  /** Rectangles of one colour. */
  readonly fills: Counter
}
