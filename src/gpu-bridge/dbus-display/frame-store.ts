import type { Rect } from '../../core/region.js'

/** Unchanged rows between two changed ones that still make one damage rectangle. */
const ROW_GAP = 8

const equal = (a: Buffer, aAt: number, b: Buffer, bAt: number, length: number): boolean =>
  length === 0 || a.compare(b, bAt, bAt + length, aAt, aAt + length) === 0

/** Pixel index of the first difference of two runs of pixels that are known to differ. */
const firstDifference = (a: Buffer, aAt: number, b: Buffer, bAt: number, pixels: number): number => {
  let from = 0
  let left = pixels
  while (left > 1) {
    const half = Math.floor(left / 2)
    if (equal(a, aAt + from * 4, b, bAt + from * 4, half * 4)) {
      from += half
      left -= half
    } else {
      left = half
    }
  }
  return from
}

/** One more than the pixel index of the last difference; as {@link firstDifference}. */
const endOfDifference = (a: Buffer, aAt: number, b: Buffer, bAt: number, pixels: number): number => {
  let end = pixels
  let left = pixels
  while (left > 1) {
    const half = Math.floor(left / 2)
    if (equal(a, aAt + (end - half) * 4, b, bAt + (end - half) * 4, half * 4)) {
      end -= half
      left -= half
    } else {
      left = half
    }
  }
  return end
}

/**
 * The picture of one console in shared memory, `width * 4` bytes a row. Only the worker writes it; whoever reads it on
 * another thread copies first and looks then (DESIGN.md section 2).
 */
export class FrameStore {
  readonly generation: number
  readonly width: number
  readonly height: number
  readonly memory: SharedArrayBuffer
  readonly #bytes: Buffer

  /** Sizes are checked by the caller; `memory` holds at least `width * height * 4` bytes, the picture is what it holds. */
  constructor(generation: number, width: number, height: number, memory: SharedArrayBuffer) {
    this.generation = generation
    this.width = width
    this.height = height
    this.memory = memory
    this.#bytes = Buffer.from(this.memory)
  }

  /**
   * Takes over the pixels of `rect` where they differ and reports the rectangles that do. The top left pixel of
   * `rect` is at byte `at` of `source`, rows are `stride` bytes apart.
   *
   * INVARIANT: the caller has checked that `rect` is inside the frame and that `source` holds all of its rows.
   *
   * HOT PATH: QEMU 7.2 sends the whole frame for each flush of the guest (qemu-integration.md 2.4); equal rows cost
   * one comparison of memory and no allocation.
   */
  update(source: Buffer, at: number, stride: number, rect: Rect, changed: (rect: Rect) => void): void {
    const pitch = this.width * 4
    const width = rect.right - rect.left
    let top = -1
    let bottom = 0
    let left = width
    let right = 0
    for (let y = rect.top; y < rect.bottom; y++) {
      const from = at + (y - rect.top) * stride
      const to = y * pitch + rect.left * 4
      if (equal(this.#bytes, to, source, from, width * 4)) {
        if (top >= 0 && y - bottom >= ROW_GAP) {
          changed({ left: rect.left + left, top, right: rect.left + right, bottom })
          top = -1
          left = width
          right = 0
        }
        continue
      }
      // Only what lies outside the bounds so far can move them.
      if (left > 0 && !equal(this.#bytes, to, source, from, left * 4)) {
        left = firstDifference(this.#bytes, to, source, from, left)
      }
      const outside = to + right * 4
      if (right < width && !equal(this.#bytes, outside, source, from + right * 4, (width - right) * 4)) {
        right += endOfDifference(this.#bytes, outside, source, from + right * 4, width - right)
      }
      source.copy(this.#bytes, to, from, from + width * 4)
      top = top < 0 ? y : top
      bottom = y + 1
    }
    if (top >= 0) {
      changed({ left: rect.left + left, top, right: rect.left + right, bottom })
    }
  }
}
