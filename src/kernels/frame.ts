import { randomBytes } from 'node:crypto'
import type { Rect } from '../core/region.js'
import {
  BoxList,
  checkFrame,
  checkPair,
  checkRoom,
  KEY_BYTES,
  MAX_FRAME_WIDTH,
  MAX_PALETTE,
  sampling,
  SOFT_STEP,
  TILE_SIZE,
  HASH_KEY_BYTES,
  type AlphaKind,
  type FrameChanges,
  type FrameKernel,
  type FramePixels,
} from './frame-format.js'
import { FrameOracle } from './frame-oracle.js'
import { loadKernel, type Kernel } from './load.js'

export {
  MAX_FRAME_WIDTH,
  MAX_PALETTE,
  PHOTO_SCORE,
  SOFT_STEP,
  TILE_SIZE,
  type AlphaKind,
  type FrameChanges,
  type FrameKernel,
  type FramePixels,
} from './frame-format.js'

interface Exports {
  compareBand(
    ...args: [a: number, b: number, width: number, height: number, rows: number, tiles: number, boxes: number]
  ): number
  hashBand(band: number, width: number, height: number, key: number, scratch: number, out: number): void
  paletteBand(
    ...args: [band: number, n: number, table: number, multiplier: number, palette: number, count: number]
  ): number
  isColour(band: number, n: number, colour: number): number
  alphas(band: number, n: number): number
  steps(band: number, width: number, rows: number, soft: number, out: number): void
  toBgr24(band: number, n: number, out: number): void
  toRgb24(band: number, n: number, out: number): void
  fromRgb16(band: number, n: number, out: number): void
  premultiply(band: number, n: number, out: number): void
  unpremultiply(band: number, n: number, out: number): void
}

type Conversion = 'toBgr24' | 'toRgb24' | 'fromRgb16' | 'premultiply' | 'unpremultiply'

const MAX_TILES_ACROSS = MAX_FRAME_WIDTH / TILE_SIZE
const PALETTE_TABLE_BYTES = 4096
const BOX_BYTES = 16
const BAND_BYTES = MAX_FRAME_WIDTH * TILE_SIZE * 4
/** What kernels read or write past the end. */
const SLACK_BYTES = 64

/** Where things lie behind the kernel's own data; pages that no picture was wide enough for are never touched. */
const LAYOUT = (() => {
  let end = 0
  const place = (bytes: number): number => {
    const at = end
    end += Math.ceil((bytes + SLACK_BYTES) / 64) * 64
    return at
  }
  const places = {
    key: place(KEY_BYTES),
    scratch: place(64),
    rows: place(TILE_SIZE),
    tiles: place(MAX_TILES_ACROSS),
    boxes: place(MAX_TILES_ACROSS * BOX_BYTES),
    hashes: place(MAX_TILES_ACROSS * 8),
    table: place(PALETTE_TABLE_BYTES),
    palette: place(MAX_PALETTE * 4),
    first: place(BAND_BYTES),
    second: place(BAND_BYTES),
  }
  return { ...places, end }
})()

const bufferOf = ({ buffer, byteOffset, length }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, length)

/** The kernel behind the interface: copies pictures in by bands of tiles, which then lie in the second-level cache. */
class WasmFrameKernel implements FrameKernel {
  readonly kind = 'wasm'
  readonly #exports: Exports
  readonly #base: number
  readonly #memory: Buffer
  readonly #words: Int32Array
  #tiles = new Uint8Array(0)

  constructor({ exports, base, memory }: Kernel<Exports>, key: Uint8Array) {
    this.#exports = exports
    this.#base = base
    this.#memory = Buffer.from(memory.buffer)
    this.#words = new Int32Array(memory.buffer)
    this.#memory.set(key, base + LAYOUT.key)
  }

  /** HOT PATH: allocates only the result. */
  compare(before: FramePixels, after: FramePixels): FrameChanges {
    checkPair(before, after)
    const { width, height } = after
    const [across, down] = [Math.ceil(width / TILE_SIZE), Math.ceil(height / TILE_SIZE)]
    if (this.#tiles.length !== across * down) {
      this.#tiles = new Uint8Array(across * down)
    }
    const tiles = this.#tiles.fill(0)
    const list = new BoxList()
    const [old, fresh] = [bufferOf(before.pixels), bufferOf(after.pixels)]
    let dirty = 0
    for (let band = 0; band < down; band++) {
      const top = band * TILE_SIZE
      const rows = Math.min(TILE_SIZE, height - top)
      if (this.#takeDiffering(old, before.stride, fresh, after.stride, width, top, rows)) {
        dirty += this.#compareBand(width, rows, top, tiles.subarray(band * across, (band + 1) * across), list)
      }
      list.endBand()
    }
    return { across, down, tiles, dirty, boxes: list.boxes satisfies readonly Rect[] }
  }

  /** HOT PATH: allocates nothing. */
  hashTiles(image: FramePixels, out: BigUint64Array): void {
    checkFrame(image)
    const across = Math.ceil(image.width / TILE_SIZE)
    checkRoom(out, across * Math.ceil(image.height / TILE_SIZE))
    const base = this.#base
    const [pixels, target] = [bufferOf(image.pixels), Buffer.from(out.buffer, out.byteOffset, out.byteLength)]
    for (let top = 0, to = 0; top < image.height; top += TILE_SIZE, to += across) {
      const rows = Math.min(TILE_SIZE, image.height - top)
      this.#take(pixels, image, 4, top, rows)
      const [key, scratch, hashes] = [base + LAYOUT.key, base + LAYOUT.scratch, base + LAYOUT.hashes]
      this.#exports.hashBand(base + LAYOUT.first, image.width, rows, key, scratch, hashes)
      this.#memory.copy(target, to * 8, hashes, hashes + across * 8)
    }
  }

  palette(image: FramePixels): Uint32Array | undefined {
    const base = this.#base
    const [table, palette] = [base + LAYOUT.table, base + LAYOUT.palette]
    const multiplier = this.#memory.readUInt32LE(base + LAYOUT.key + HASH_KEY_BYTES) | 1
    this.#memory.fill(0, table, table + PALETTE_TABLE_BYTES)
    let count = 0
    this.#bands(image, (band, pixels) => {
      count = this.#exports.paletteBand(band, pixels, table, multiplier, palette, count)
      return count <= MAX_PALETTE
    })
    const colours = this.#words.subarray(palette >> 2, (palette >> 2) + count)
    return count > MAX_PALETTE ? undefined : Uint32Array.from(colours)
  }

  solidColour(image: FramePixels): number | undefined {
    let colour: number | undefined
    this.#bands(image, (band, pixels) => {
      colour ??= this.#memory.readUInt32LE(band) & 0xffffff
      if (this.#exports.isColour(band, pixels, colour) === 0) {
        colour = undefined
      }
      return colour !== undefined
    })
    return colour
  }

  alphaKind(image: FramePixels): AlphaKind {
    let found = 0
    this.#bands(image, (band, pixels) => {
      found |= this.#exports.alphas(band, pixels)
      return found !== 3
    })
    return found === 2 ? 'opaque' : found === 1 ? 'transparent' : 'mixed'
  }

  photoScore(image: FramePixels): number {
    checkFrame(image)
    const { width, stride } = image
    const [band, counts] = [this.#base + LAYOUT.first, this.#base + LAYOUT.scratch]
    const { step, rows } = sampling(image)
    const pixels = bufferOf(image.pixels)
    let soft = 0
    for (let row = 0; row < rows; row += TILE_SIZE) {
      const here = Math.min(TILE_SIZE, rows - row)
      for (let n = 0; n < here; n++) {
        const from = ((step >> 1) + (row + n) * step) * stride
        pixels.copy(this.#memory, band + n * width * 4, from, from + width * 4)
      }
      this.#exports.steps(band, width, here, SOFT_STEP, counts)
      soft += this.#memory.readUInt32LE(counts)
    }
    return Math.round((1000 * soft) / Math.max(1, rows * (width - 1)))
  }

  toBgr24(image: FramePixels, out: Uint8Array): void {
    this.#convert('toBgr24', image, 4, out, 3)
  }

  toRgb24(image: FramePixels, out: Uint8Array): void {
    this.#convert('toRgb24', image, 4, out, 3)
  }

  fromRgb16(image: FramePixels, out: Uint8Array): void {
    this.#convert('fromRgb16', image, 2, out, 4)
  }

  premultiply(image: FramePixels, out: Uint8Array): void {
    this.#convert('premultiply', image, 4, out, 4)
  }

  unpremultiply(image: FramePixels, out: Uint8Array): void {
    this.#convert('unpremultiply', image, 4, out, 4)
  }

  #convert(
    name: Conversion,
    image: FramePixels,
    pixelBytes: number,
    out: Uint8Array,
    outBytes: number,
  ): void {
    checkFrame(image, pixelBytes)
    checkRoom(out, image.width * image.height * outBytes)
    const result = this.#base + LAYOUT.second
    const target = bufferOf(out)
    let to = 0
    this.#bands(
      image,
      (band, pixels) => {
        this.#exports[name](band, pixels, result)
        this.#memory.copy(target, to, result, result + pixels * outBytes)
        to += pixels * outBytes
        return true
      },
      pixelBytes,
    )
  }

  /** Copies band after band in, as long as `each` says to go on. */
  #bands(image: FramePixels, each: (band: number, pixels: number) => boolean, pixelBytes = 4): void {
    checkFrame(image, pixelBytes)
    const pixels = bufferOf(image.pixels)
    for (let top = 0; top < image.height; top += TILE_SIZE) {
      const rows = Math.min(TILE_SIZE, image.height - top)
      this.#take(pixels, image, pixelBytes, top, rows)
      if (!each(this.#base + LAYOUT.first, rows * image.width)) {
        return
      }
    }
  }

  #take(pixels: Buffer, { width, stride }: FramePixels, pixelBytes: number, top: number, rows: number): void {
    this.#copyRows(pixels, stride, width * pixelBytes, top, rows, this.#base + LAYOUT.first)
  }

  #copyRows(from: Buffer, stride: number, row: number, top: number, rows: number, to: number): void {
    if (stride === row) {
      from.copy(this.#memory, to, top * stride, (top + rows) * stride)
      return
    }
    for (let y = 0; y < rows; y++) {
      const at = (top + y) * stride
      from.copy(this.#memory, to + y * row, at, at + row)
    }
  }

  /** Copies those rows of a band in, of both frames, that are not byte for byte equal. @returns whether there are any */
  #takeDiffering(
    old: Buffer,
    oldStride: number,
    fresh: Buffer,
    freshStride: number,
    width: number,
    top: number,
    rows: number,
  ): boolean {
    const row = width * 4
    if (oldStride === freshStride) {
      // with the padding; where only that differs, the rows are looked at one by one
      const [start, end] = [top * oldStride, (top + rows - 1) * oldStride + row]
      if (fresh.compare(old, start, end, start, end) === 0) {
        return false
      }
    }
    const flags = this.#base + LAYOUT.rows
    const [first, second] = [this.#base + LAYOUT.first, this.#base + LAYOUT.second]
    let run = 0
    let any = false
    for (let y = 0; y <= rows; y++) {
      const [oldAt, at] = [(top + y) * oldStride, (top + y) * freshStride]
      const differs = y < rows && fresh.compare(old, oldAt, oldAt + row, at, at + row) !== 0
      if (y < rows) {
        this.#memory[flags + y] = differs ? 1 : 0
      }
      if (differs) {
        run++
        any = true
      } else if (run > 0) {
        const from = y - run
        this.#copyRows(old, oldStride, row, top + from, run, first + from * row)
        this.#copyRows(fresh, freshStride, row, top + from, run, second + from * row)
        run = 0
      }
    }
    return any
  }

  /** @returns tiles that differ */
  #compareBand(width: number, rows: number, top: number, tiles: Uint8Array, list: BoxList): number {
    const base = this.#base
    const count = this.#exports.compareBand(
      ...([base + LAYOUT.first, base + LAYOUT.second, width, rows] as const),
      ...([base + LAYOUT.rows, base + LAYOUT.tiles, base + LAYOUT.boxes] as const),
    )
    this.#memory.copy(tiles, 0, base + LAYOUT.tiles, base + LAYOUT.tiles + tiles.length)
    for (let box = 0, at = (base + LAYOUT.boxes) >> 2; box < count; box++, at += BOX_BYTES / 4) {
      const [left, above, right, below] = this.#words.subarray(at, at + 4)
      list.add(left ?? 0, above ?? 0, right ?? 0, below ?? 0, top)
    }
    let dirty = 0
    for (const tile of tiles) {
      dirty += tile
    }
    return dirty
  }
}

export interface FrameKernelOptions {
  /** `off`: the readable functions, without SIMD. */
  readonly kernel?: 'auto' | 'off'
  /** Secret of the hashes, from {@link newHashKey}; random if left out. */
  readonly key?: Uint8Array
}

/** A key for instances that are to hash alike; it must stay in the process. */
export const newHashKey = (): Uint8Array => randomBytes(KEY_BYTES)

/** Makes an instance, of about 40 KiB before its first picture. */
export const createFrameKernel = ({ kernel = 'auto', key }: FrameKernelOptions = {}): FrameKernel => {
  const secret = key ?? newHashKey()
  checkRoom(secret, KEY_BYTES)
  const loaded = kernel === 'off' ? undefined : loadKernel<Exports>('frame', LAYOUT.end)
  return loaded === undefined
    ? new FrameOracle(secret)
    : new WasmFrameKernel(loaded, secret.subarray(0, KEY_BYTES))
}
