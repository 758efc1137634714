import { area, rectOf, type Rect } from '../../core/region.js'
import type { DisplayMetrics } from './deps.js'
import type { PlainItem } from './item-sender.js'
import { takePiece, type ImagePiece, type Outbox } from './outbox.js'
import type { PieceCoder } from './piece-coder.js'

/** Largest piece of damage in one message, pixels. */
const PIECE_PIXELS = 512 * 1024

/** Pieces at the coders at once: enough for two threads, few enough that what is sent is new. */
const MAX_TAKEN = 6

/** Takes items out of an outbox: what needs a coder goes there, the rest is sent in its turn. */
export class Feeder {
  readonly #outbox: Outbox
  readonly #coder: PieceCoder
  readonly #metrics: Pick<DisplayMetrics, 'frames'>
  readonly #send: (item: PlainItem) => void

  /** @param send sends an item that no coder has to see */
  constructor(
    outbox: Outbox,
    coder: PieceCoder,
    metrics: Pick<DisplayMetrics, 'frames'>,
    send: (item: PlainItem) => void,
  ) {
    this.#outbox = outbox
    this.#coder = coder
    this.#metrics = metrics
    this.#send = send
  }

  /**
   * Handles the next item: what is coded goes to the coders, anything else is sent once they are done with what came before.
   *
   * @returns whether there is more to do at once
   */
  feed(): boolean {
    const outbox = this.#outbox
    const item = outbox.items[0]
    if (item === undefined) {
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

  /** Hands in a piece again that the coders could not do; one that they cannot take now is damage once more. */
  again(piece: ImagePiece): void {
    if (area(piece.box) > this.#coder.maxPixels || !this.#coder.submit(piece)) {
      this.addBefore([piece.box])
    }
  }

  /** What was at the coders when the record was taken goes there again. */
  takeUp(): void {
    const outbox = this.#outbox
    const { taken } = outbox
    outbox.taken = []
    for (const piece of taken) {
      if (piece.kind === 'fill') {
        outbox.taken.push(piece)
      } else if (!this.#coder.submit(piece)) {
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
    const box =
      outbox.taken.length < MAX_TAKEN
        ? takePiece(rects, Math.min(PIECE_PIXELS, this.#coder.maxPixels))
        : undefined
    if (box !== undefined && !this.#coder.add(box, false)) {
      rects.unshift(box)
      return false
    }
    if (rects.length === 0) {
      outbox.items.shift()
      this.#metrics.frames.add(1)
    }
    return box !== undefined || rects.length === 0
  }

  /** The whole surface as one image where it fits, else as damage. */
  #feedPicture(): void {
    const frame = this.#coder.paintable
    this.#metrics.frames.add(1)
    if (frame === undefined) {
      return
    }
    const box = rectOf(0, 0, frame.width, frame.height)
    if (area(box) > this.#coder.maxPixels || !this.#coder.add(box, true)) {
      this.addBefore([box])
    }
  }
}
