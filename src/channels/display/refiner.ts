import { area, type Rect } from '../../core/region.js'
import type { DisplayDeps } from './deps.js'
import type { FlowControl } from './flow-control.js'
import { restDelay, restedArea } from './lossy.js'
import { takePiece } from './outbox.js'
import type { PieceCoder } from './piece-coder.js'
import type { DisplayRecord } from './record.js'
import type { DisplayShare } from './share.js'

/** Largest piece, pixels: what is damaged meanwhile waits for one. */
const MAX_PIXELS = 128 * 1024
const MIN_PIXELS = 4096

/** Bytes that QUIC takes for a pixel of a photo, about. */
const PIXEL_BYTES = 1.2

/** On a line whose bit rate is known a piece takes about so long, ms. */
const PIECE_MS = 100

/** Time until it is tried again when the coders had no room, ms. */
const RETRY_MS = 50

/** Part of the line that is used for it: input echo and damage do not wait behind a queue. */
const LINE_SHARE = 0.5

/** Sends what is lossy at the client again without loss, piece by piece, when it came to rest and nothing else is to be sent. */
export class Refiner {
  readonly #record: DisplayRecord
  readonly #share: DisplayShare
  readonly #deps: Pick<DisplayDeps, 'clock' | 'metrics'>
  readonly #coder: PieceCoder
  readonly #flow: Pick<FlowControl, 'piecePixels'>

  constructor(
    record: DisplayRecord,
    share: DisplayShare,
    deps: Pick<DisplayDeps, 'clock' | 'metrics'>,
    coder: PieceCoder,
    flow: Pick<FlowControl, 'piecePixels'>,
  ) {
    this.#record = record
    this.#share = share
    this.#deps = deps
    this.#coder = coder
    this.#flow = flow
  }

  /**
   * Hands the next piece to the coders.
   *
   * @returns whether there is more to do at once
   */
  feed(): boolean {
    const { lossy } = this.#record
    const rest = this.#idle ? restedArea(lossy, this.#deps.clock.nowMs()) : undefined
    const box = rest === undefined ? undefined : takePiece([rest], this.#piecePixels)
    return box !== undefined && this.#coder.add(box, false, true) && this.#coder.length > 0
  }

  /** An exact image of a lossy area went out. */
  sent(box: Rect, bytes: number): void {
    const { bitsPerSecond } = this.#share.line()
    this.#deps.metrics.refinedPixels.add(area(box))
    if (bitsPerSecond !== undefined) {
      const tookMs = (bytes * 8 * 1000) / bitsPerSecond
      this.#record.lossy.resumeMs = this.#deps.clock.nowMs() + tookMs / LINE_SHARE
    }
  }

  /** Time until {@link feed} may have something, ms; `undefined`: not before something else was sent. */
  get delayMs(): number | undefined {
    const delayMs = this.#idle ? restDelay(this.#record.lossy, this.#deps.clock.nowMs()) : undefined
    return delayMs === undefined ? undefined : Math.max(RETRY_MS, delayMs)
  }

  /** Nothing else is to be sent. */
  get #idle(): boolean {
    const { items, taken } = this.#record.outbox
    return items.length === 0 && taken.length === 0
  }

  get #piecePixels(): number {
    const { bitsPerSecond } = this.#share.line()
    const pixels = bitsPerSecond === undefined ? MAX_PIXELS : (bitsPerSecond * PIECE_MS) / 8000 / PIXEL_BYTES
    const most = Math.max(MIN_PIXELS, this.#flow.piecePixels(MAX_PIXELS))
    return Math.min(this.#coder.maxPixels, Math.max(MIN_PIXELS, Math.min(most, Math.floor(pixels))))
  }
}
