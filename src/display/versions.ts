import type { Rect } from '../core/region.js'

/** Side of the squares whose changes are told apart, pixels. */
const CELL = 64

let lastVersion = 0

/**
 * Tells whether pixels of a picture may have changed in between: each square remembers the change that touched it last. Versions
 * go up over all pictures of the process, so those of two pictures never agree by chance.
 */
export class Versions {
  readonly #across: number
  readonly #cells: Float64Array

  /** @param width pixels of the picture, and `height` */
  constructor(width: number, height: number) {
    this.#across = Math.ceil(width / CELL)
    this.#cells = new Float64Array(this.#across * Math.ceil(height / CELL)).fill(++lastVersion)
  }

  /** Pixels in the rectangles, which lie in the picture, changed together. */
  touch(rects: readonly Rect[]): void {
    lastVersion += 1
    for (const { left, top, right, bottom } of rects) {
      for (let y = Math.floor(top / CELL); y * CELL < bottom; y++) {
        const row = y * this.#across
        this.#cells.fill(lastVersion, row + Math.floor(left / CELL), row + Math.ceil(right / CELL))
      }
    }
  }

  /** HOT PATH: the last change of anything near a rectangle; as long as it is the same, so are its pixels. */
  of({ left, top, right, bottom }: Rect): number {
    let latest = 0
    for (let y = Math.floor(top / CELL); y * CELL < bottom; y++) {
      for (let x = Math.floor(left / CELL); x * CELL < right; x++) {
        latest = Math.max(latest, this.#cells[y * this.#across + x] ?? 0)
      }
    }
    return latest
  }
}
