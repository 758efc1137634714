import { shift, type Rect } from '../core/region.js'
import { PROBE, STRIP, type PictureStore, type ProbeFind, type Strips } from './picture-format.js'

const RGB = 0x00ffffff

/** What `PictureKernel` does, in plain TypeScript: what the kernel is held to, and what stands in where kernels do not run. */
export class PlainPictureStore implements PictureStore {
  readonly width: number
  readonly height: number
  readonly old: Uint8Array
  readonly fresh: Uint8Array
  readonly #old: Uint32Array
  readonly #fresh: Uint32Array

  constructor(width: number, height: number) {
    const bytes = width * height * 4
    const memory = new SharedArrayBuffer(2 * bytes)
    this.width = width
    this.height = height
    this.old = new Uint8Array(memory, 0, bytes)
    this.fresh = new Uint8Array(memory, bytes)
    this.#old = new Uint32Array(memory, 0, width * height)
    this.#fresh = new Uint32Array(memory, bytes)
  }

  reshape(): boolean {
    return false
  }

  compare(window: Rect, dx = 0, dy = 0): Strips {
    const { left, top, right, bottom } = this.#checked(window)
    const columns = Math.ceil((right - left) / STRIP)
    const equal = new Uint8Array(columns * (bottom - top)).fill(1)
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const inside = x - dx >= left && x - dx < right && y - dy >= top && y - dy < bottom
        if (!inside || this.#pixel('fresh', x, y) !== this.#pixel('old', x - dx, y - dy)) {
          equal[(y - top) * columns + Math.floor((x - left) / STRIP)] = 0
        }
      }
    }
    return { equal, different: equal.reduce((sum, same) => sum + 1 - same, 0) }
  }

  take(window: Rect): void {
    this.#checked(window)
    for (let y = window.top; y < window.bottom; y++) {
      const row = y * this.width
      this.#old.set(this.#fresh.subarray(row + window.left, row + window.right), row + window.left)
    }
  }

  move(to: Rect, dx: number, dy: number): void {
    this.#checked(shift(to, -dx, -dy))
    this.#checked(to)
    const before = this.#old.slice()
    for (let y = to.top; y < to.bottom; y++) {
      const from = (y - dy) * this.width - dx
      this.#old.set(before.subarray(from + to.left, from + to.right), y * this.width + to.left)
    }
  }

  stripHashes(picture: 'old' | 'fresh', window: Rect, x: number): Uint32Array {
    const { left, top, right, bottom } = this.#checked(window)
    const hashes = new Uint32Array(bottom - top)
    for (let y = top; y < bottom; y++) {
      const first = this.#pixel(picture, left + x, y)
      let plain = true
      let hash = 0x2545f491
      for (let i = left + x; i < Math.min(right, left + x + STRIP); i++) {
        const pixel = this.#pixel(picture, i, y)
        plain &&= pixel === first
        hash = Math.imul(hash ^ pixel, 0x9e3779b1)
        hash ^= hash >>> 15
      }
      hashes[y - top] = plain ? 0 : hash | 1
    }
    return hashes
  }

  search(
    window: Rect,
    points: readonly { readonly x: number; readonly y: number }[],
    step: number,
    turns: number,
  ): ProbeFind[] {
    const { left, top, right, bottom } = this.#checked(window)
    const wanted = new Map<string, number>()
    for (const [number, { x, y }] of points.entries()) {
      const run = this.#run('fresh', left + x, top + y)
      if (run.filter((pixel, i) => i > 0 && pixel !== run[i - 1]).length >= turns) {
        wanted.set(run.join(), number)
      }
    }
    const finds: ProbeFind[] = []
    for (let y = top; y < bottom && wanted.size > 0; y += step) {
      for (let x = left; x + PROBE <= right; x++) {
        const number = wanted.get(this.#run('old', x, y).join())
        if (number !== undefined) {
          finds.push({ number, x: x - left, y: y - top })
        }
      }
    }
    return finds
  }

  #run(picture: 'old' | 'fresh', x: number, y: number): number[] {
    return Array.from({ length: PROBE }, (_, i) => this.#pixel(picture, x + i, y))
  }

  #pixel(picture: 'old' | 'fresh', x: number, y: number): number {
    return ((picture === 'old' ? this.#old : this.#fresh)[y * this.width + x] ?? 0) & RGB
  }

  #checked(window: Rect): Rect {
    const { left, top, right, bottom } = window
    if (left < 0 || top < 0 || right > this.width || bottom > this.height || left >= right || top >= bottom) {
      throw new RangeError('a window outside the picture')
    }
    return window
  }
}
