import type { Clock } from '../../core/clock.js'
import type { Counter } from '../../core/metrics.js'
import type { DisplayModel } from '../../display/index.js'
import type { CompressionSetting } from './codec-choice.js'
import type { Encoders } from './share.js'

/** Values of `jpeg-wan-compression` and `zlib-glz-wan-compression`; `auto`: for clients on slow lines. */
export type WanSetting = 'auto' | 'always' | 'never'

/** What the display channels of all clients work with. */
export interface DisplayDeps {
  readonly model: DisplayModel
  readonly encoders: Encoders
  readonly clock: Pick<Clock, 'nowMs'>
  readonly compression: CompressionSetting
  readonly zlibGlzWan: WanSetting
  /** Messages per acknowledgement. */
  readonly ackWindow: number
  readonly metrics: DisplayMetrics
}

export interface DisplayMetrics {
  /** Damage fully handed over for coding: the client's picture is catching up. */
  readonly frames: Counter
  /** Updates merged into damage that waited for a client. */
  readonly merged: Counter
  /** By codec. */
  readonly images: Counter
  readonly imageBytes: Counter
  /** Images that were not coded, by reason. */
  readonly imagesFailed: Counter
  /** Moves sent instead of pixels, and their pixels. */
  readonly moves: Counter
  readonly movedPixels: Counter
  /** Rectangles of one colour. */
  readonly fills: Counter
}
