import { loadKernel } from './load.js'
import { MAX_PROBES, STRIP, type PictureStore, type ProbeFind, type Strips } from './picture-format.js'
import { PlainPictureStore } from './picture-oracle.js'
import { shift, type Rect } from '../core/region.js'

interface Exports {
  matches(
    before: number,
    after: number,
    stride: number,
    width: number,
    height: number,
    dx: number,
    dy: number,
    out: number,
  ): number
  copy(from: number, to: number, stride: number, width: number, height: number): void
  move(to: number, stride: number, width: number, height: number, dx: number, dy: number): void
  stripHashes(picture: number, stride: number, n: number, height: number, out: number): void
  probe(at: number, turns: number): number
  search(
    picture: number,
    stride: number,
    width: number,
    height: number,
    step: number,
    table: number,
    out: number,
    most: number,
  ): number
  mixed(hash: number): number
}

/** Slots of the table of probes: far more than {@link MAX_PROBES}, as a full one would be slow. */
const SLOTS = 1024
const MOST_FINDS = 512
const PIXEL_BYTES = 4

/** Memory is kept for a smaller picture when that needs at least so large a part of it, give or take {@link KEPT_BYTES}. */
const MAX_EXCESS = 4
const KEPT_BYTES = 4 * 1024 * 1024

/** Memory for two pictures and what is found out about them. */
const bytesFor = (width: number, height: number): number =>
  2 * width * height * PIXEL_BYTES +
  SLOTS * 8 +
  Math.max(Math.ceil(width / STRIP) * height, height * 4, MOST_FINDS * 12)

/** A picture store of WebAssembly. */
export class PictureKernel implements PictureStore {
  readonly #exports: Exports
  readonly #memory: ArrayBufferLike
  readonly #base: number
  #width = 0
  #height = 0
  #old: Uint8Array = new Uint8Array(0)
  #fresh: Uint8Array = new Uint8Array(0)
  #table: Uint32Array = new Uint32Array(0)
  #out = 0

  private constructor(exports: Exports, memory: ArrayBufferLike, base: number) {
    this.#exports = exports
    this.#memory = memory
    this.#base = base
  }

  /**
   * @param width pixels, with `height` at most what `limit-frame-bytes` allows
   * @returns `undefined` where kernels do not run
   */
  static load(width: number, height: number): PictureKernel | undefined {
    const kernel = loadKernel<Exports>('picture', bytesFor(width, height), 'shared')
    const store = kernel && new PictureKernel(kernel.exports, kernel.memory.buffer, kernel.base)
    store?.reshape(width, height)
    return store
  }

  get width(): number {
    return this.#width
  }

  get height(): number {
    return this.#height
  }

  get old(): Uint8Array {
    return this.#old
  }

  get fresh(): Uint8Array {
    return this.#fresh
  }

  reshape(width: number, height: number): boolean {
    const room = this.#memory.byteLength - this.#base
    const need = bytesFor(width, height)
    if (need > room || need < room / MAX_EXCESS - KEPT_BYTES) {
      return false
    }
    const bytes = width * height * PIXEL_BYTES
    this.#width = width
    this.#height = height
    this.#old = new Uint8Array(this.#memory, this.#base, bytes)
    this.#fresh = new Uint8Array(this.#memory, this.#base + bytes, bytes)
    this.#table = new Uint32Array(this.#memory, this.#base + 2 * bytes, SLOTS * 2)
    this.#out = this.#base + 2 * bytes + SLOTS * 8
    return true
  }

  /** HOT PATH: 0.3 ms for 1080p. */
  compare(window: Rect, dx = 0, dy = 0): Strips {
    const { width, height } = this.#check(window)
    const at = this.#offset(window)
    const different = this.#exports.matches(
      this.old.byteOffset + at,
      this.fresh.byteOffset + at,
      this.width,
      width,
      height,
      dx,
      dy,
      this.#out,
    )
    return {
      equal: new Uint8Array(this.#memory, this.#out, Math.ceil(width / STRIP) * height),
      different,
    }
  }

  take(window: Rect): void {
    const { width, height } = this.#check(window)
    const at = this.#offset(window)
    this.#exports.copy(this.fresh.byteOffset + at, this.old.byteOffset + at, this.width, width, height)
  }

  move(to: Rect, dx: number, dy: number): void {
    const { width, height } = this.#check(to)
    this.#check(shift(to, -dx, -dy))
    this.#exports.move(this.old.byteOffset + this.#offset(to), this.width, width, height, dx, dy)
  }

  stripHashes(picture: 'old' | 'fresh', window: Rect, x: number): Uint32Array {
    const { width, height } = this.#check(window)
    const at = this[picture].byteOffset + this.#offset(window) + x * PIXEL_BYTES
    this.#exports.stripHashes(at, this.width, Math.min(STRIP, width - x), height, this.#out)
    return new Uint32Array(this.#memory, this.#out, height)
  }

  search(
    window: Rect,
    points: readonly { readonly x: number; readonly y: number }[],
    step: number,
    turns: number,
  ): ProbeFind[] {
    const { width, height } = this.#check(window)
    const corner = this.#offset(window)
    this.#table.fill(0)
    let used = 0
    for (const [index, { x, y }] of points.entries()) {
      const at = this.fresh.byteOffset + corner + (y * this.width + x) * PIXEL_BYTES
      const hash = this.#exports.probe(at, turns) >>> 0
      if (hash === 0 || used === MAX_PROBES) {
        continue
      }
      let slot = this.#exports.mixed(hash)
      while (this.#table[slot * 2 + 1] !== 0) {
        slot = (slot + 1) % SLOTS
      }
      this.#table[slot * 2] = hash
      this.#table[slot * 2 + 1] = index + 1
      used += 1
    }
    if (used === 0) {
      return []
    }
    const found = this.#exports.search(
      this.old.byteOffset + corner,
      this.width,
      width,
      height,
      step,
      this.#table.byteOffset,
      this.#out,
      MOST_FINDS,
    )
    const words = new Uint32Array(this.#memory, this.#out, found * 3)
    return Array.from({ length: found }, (_, i) => ({
      number: (words[i * 3] ?? 0) - 1,
      x: words[i * 3 + 1] ?? 0,
      y: words[i * 3 + 2] ?? 0,
    }))
  }

  #offset({ left, top }: Rect): number {
    return (top * this.width + left) * PIXEL_BYTES
  }

  #check({ left, top, right, bottom }: Rect): { readonly width: number; readonly height: number } {
    if (left < 0 || top < 0 || right > this.width || bottom > this.height || left >= right || top >= bottom) {
      throw new RangeError('a window outside the picture')
    }
    return { width: right - left, height: bottom - top }
  }
}

/** A picture store of the faster kind that runs here; `undefined` when there is no memory for it. */
export const createPictureStore = (width: number, height: number): PictureStore | undefined => {
  try {
    return PictureKernel.load(width, height) ?? new PlainPictureStore(width, height)
  } catch (error) {
    if (error instanceof RangeError) {
      return undefined
    }
    throw error
  }
}
