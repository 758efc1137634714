import { area, rectOf, subtract, type Rect } from '../../core/region.js'
import type { DisplayMetrics } from './deps.js'
import type { Gate } from './flow.js'
import type { FlowControl } from './flow-control.js'
import type { PlainItem } from './item-sender.js'
import {
  isDrawing,
  isSmall,
  takePiece,
  type FramePiece,
  type ImagePiece,
  type Outbox,
  type StreamItem,
} from './outbox.js'
import type { PieceCoder } from './piece-coder.js'

/** Largest piece of damage in one message, pixels. */
const PIECE_PIXELS = 512 * 1024

/** Bytes of JPEG for a pixel of a photo, or fewer. */
const JPEG_DENSITY = 0.25

/** Pieces at the coders at once: enough for two threads, few enough that what is sent is new. */
const MAX_TAKEN = 6

/** Takes items out of an outbox: what needs a coder goes there, the rest is sent in its turn. */
export class Feeder {
  readonly #outbox: Outbox
  readonly #coder: PieceCoder
  readonly #metrics: Pick<DisplayMetrics, 'frames'>
  readonly #flow: Pick<FlowControl, 'piecePixels'>
  readonly #send: (item: PlainItem | StreamItem) => void

  /** @param send sends an item that no coder has to see */
  constructor(
    outbox: Outbox,
    coder: PieceCoder,
    metrics: Pick<DisplayMetrics, 'frames'>,
    flow: Pick<FlowControl, 'piecePixels'>,
    send: (item: PlainItem | StreamItem) => void,
  ) {
    this.#flow = flow
    this.#outbox = outbox
    this.#coder = coder
    this.#metrics = metrics
    this.#send = send
  }

  /**
   * Handles the next item: what is coded goes to the coders, anything else is sent once they are done with what came before.
   *
   * @param gate what may be sent: small rectangles go before large ones, or alone
   * @returns whether there is more to do at once
   */
  feed(gate: Gate): boolean {
    const outbox = this.#outbox
    const item = outbox.items[0]
    if (item === undefined || gate === 'shut' || (gate === 'small' && !this.#hasSmall)) {
      return false
    }
    if (item.kind === 'damage') {
      return this.#feedDamage(item.rects)
    }
    if (outbox.taken.length > 0) {
      return false
    }
    outbox.items.shift()
    if (item.kind === 'picture') {
      this.#feedPicture()
    } else {
      this.#send(item)
    }
    return true
  }

  /** Is there something small, and nothing but drawings before it? */
  get #hasSmall(): boolean {
    const first = this.#outbox.items.find((item) => !isDrawing(item))
    return first?.kind === 'damage' && first.rects.some(isSmall)
  }

  /** Hands in a piece again that the coders could not do; one that they cannot take now is damage once more. */
  again(piece: ImagePiece): void {
    if (area(piece.box) > this.#coder.maxPixels || !this.#coder.submit(piece)) {
      this.addBefore([piece.box])
    }
  }

  /** What was at the coders when the record was taken goes there again. */
  takeUp(takeFrame: (piece: FramePiece) => void): void {
    const outbox = this.#outbox
    const { taken } = outbox
    outbox.taken = []
    for (const piece of taken) {
      if (piece.kind === 'frame') {
        takeFrame(piece)
      } else if (piece.kind === 'palette') {
        outbox.taken.push(this.#coder.adopted(piece))
      } else if (piece.kind !== 'image') {
        outbox.taken.push(piece)
      } else if (!this.#coder.submit(this.#coder.adopted(piece))) {
        this.addBefore([piece.box])
      }
    }
  }

  /** Damage that goes before what waits. */
  addBefore(rects: Rect[]): void {
    this.#outbox.items.unshift({ kind: 'damage', rects })
  }

  #feedDamage(rects: Rect[]): boolean {
    const outbox = this.#outbox
    const box = outbox.taken.length < MAX_TAKEN ? takePiece(rects, PIECE_PIXELS) : undefined
    if (box !== undefined) {
      const left = this.#coder.uncached(box, false)
      if (left[0] !== box) {
        rects.unshift(...left)
      } else if (!this.#code(box, rects)) {
        return false
      }
    }
    if (rects.length === 0) {
      outbox.items.shift()
      this.#metrics.frames.add(1)
    }
    return box !== undefined || rects.length === 0
  }

  /**
   * Hands in a part of a rectangle that is not too large for the coders and for the line; what is left is damage again.
   *
   * @returns whether the coders took it
   */
  #code(rect: Rect, rects: Rect[]): boolean {
    const parts = this.#coder.parts(rect)
    if (parts.length > 1) {
      rects.unshift(...parts)
      return true
    }
    const density = this.#coder.goesLossy(rect) ? JPEG_DENSITY : undefined
    const most = Math.min(this.#flow.piecePixels(PIECE_PIXELS, density), this.#coder.maxPixels)
    const shared = this.#coder.cutOfOthers(rect, most)
    const left = shared === undefined ? [rect] : subtract(rect, shared).reverse()
    const box = shared ?? takePiece(left, most)
    rects.unshift(...left)
    if (box !== undefined && !this.#coder.add(box, false)) {
      rects.unshift(box)
      return false
    }
    return true
  }

  /** The whole surface as one image where it fits, else as damage. */
  #feedPicture(): void {
    const frame = this.#coder.paintable
    this.#metrics.frames.add(1)
    if (frame === undefined) {
      return
    }
    const box = rectOf(0, 0, frame.width, frame.height)
    if (this.#coder.uncached(box, true).length === 0) {
      return
    }
    if (area(box) > this.#coder.maxPixels || !this.#coder.add(box, true)) {
      this.addBefore([box])
    }
  }
}
