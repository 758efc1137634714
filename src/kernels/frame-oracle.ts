import {
  BoxList,
  checkFrame,
  checkPair,
  checkRoom,
  HASH_BLOCK,
  HASH_LAST_STEP,
  HASH_PASSES,
  HASH_ROW_BLOCKS,
  MAX_PALETTE,
  sampling,
  SOFT_STEP,
  TILE_SIZE,
  type AlphaKind,
  type FrameChanges,
  type FrameKernel,
  type FramePixels,
} from './frame-format.js'

const colourAt = (pixels: Uint8Array, at: number): number =>
  (pixels[at] ?? 0) | ((pixels[at + 1] ?? 0) << 8) | ((pixels[at + 2] ?? 0) << 16)

const low16 = (value: number): number => (value << 16) >> 16

/**
 * The readable frame functions: what the kernel is held to, and what stands in where SIMD is missing.
 */
export class FrameOracle implements FrameKernel {
  readonly kind = 'plain'
  readonly #key: DataView

  /** @param key KEY_BYTES secret random bytes */
  constructor(key: Uint8Array) {
    this.#key = new DataView(key.buffer, key.byteOffset, key.length)
  }

  compare(before: FramePixels, after: FramePixels): FrameChanges {
    checkPair(before, after)
    const { width, height } = after
    const [across, down] = [Math.ceil(width / TILE_SIZE), Math.ceil(height / TILE_SIZE)]
    const tiles = new Uint8Array(across * down)
    const list = new BoxList()
    let dirty = 0
    for (let row = 0; row < down; row++) {
      for (let from = 0; from < across; from++) {
        let tile = from
        let box: Box | undefined
        for (; tile < across; tile++) {
          const here = tileBox(before, after, tile * TILE_SIZE, row * TILE_SIZE)
          if (here === undefined) {
            break
          }
          tiles[row * across + tile] = 1
          dirty++
          box = box === undefined ? here : around(box, here)
        }
        if (box !== undefined) {
          list.add(box.left, box.top, box.right, box.bottom, 0)
        }
        from = tile
      }
      list.endBand()
    }
    return { across, down, tiles, dirty, boxes: list.boxes }
  }

  hashTiles(image: FramePixels, out: BigUint64Array): void {
    checkFrame(image)
    const [across, down] = [Math.ceil(image.width / TILE_SIZE), Math.ceil(image.height / TILE_SIZE)]
    checkRoom(out, across * down)
    for (let tile = 0; tile < across * down; tile++) {
      out[tile] = this.#hash(image, (tile % across) * TILE_SIZE, Math.floor(tile / across) * TILE_SIZE)
    }
  }

  palette(image: FramePixels): Uint32Array | undefined {
    checkFrame(image)
    const colours = new Set<number>()
    for (let y = 0; y < image.height; y++) {
      for (let x = 0; x < image.width; x++) {
        colours.add(colourAt(image.pixels, y * image.stride + x * 4))
        if (colours.size > MAX_PALETTE) {
          return undefined
        }
      }
    }
    return Uint32Array.from(colours)
  }

  solidColour(image: FramePixels): number | undefined {
    checkFrame(image)
    const colour = colourAt(image.pixels, 0)
    for (let y = 0; y < image.height; y++) {
      for (let x = 0; x < image.width; x++) {
        if (colourAt(image.pixels, y * image.stride + x * 4) !== colour) {
          return undefined
        }
      }
    }
    return colour
  }

  alphaKind(image: FramePixels): AlphaKind {
    checkFrame(image)
    let [least, most] = [255, 0]
    for (let y = 0; y < image.height; y++) {
      for (let x = 0; x < image.width; x++) {
        const alpha = image.pixels[y * image.stride + x * 4 + 3] ?? 0
        least = Math.min(least, alpha)
        most = Math.max(most, alpha)
      }
    }
    return least === 255 ? 'opaque' : most === 0 ? 'transparent' : 'mixed'
  }

  photoScore(image: FramePixels): number {
    checkFrame(image)
    const { pixels, width, height, stride } = image
    const { step, rows } = sampling(image)
    let soft = 0
    for (let y = step >> 1; y < height; y += step) {
      for (let x = 0; x < width - 1; x++) {
        let size = 0
        for (let at = y * stride + x * 4, channel = 0; channel < 3; at++, channel++) {
          size = Math.max(size, Math.abs((pixels[at] ?? 0) - (pixels[at + 4] ?? 0)))
        }
        soft += size > 0 && size <= SOFT_STEP ? 1 : 0
      }
    }
    return Math.round((1000 * soft) / Math.max(1, rows * (width - 1)))
  }

  toBgr24(image: FramePixels, out: Uint8Array): void {
    this.#each(image, 4, out, 3, (pixels, at, to) => {
      for (let channel = 0; channel < 3; channel++) {
        out[to + channel] = pixels[at + channel] ?? 0
      }
    })
  }

  toRgb24(image: FramePixels, out: Uint8Array): void {
    this.#each(image, 4, out, 3, (pixels, at, to) => {
      for (let channel = 0; channel < 3; channel++) {
        out[to + channel] = pixels[at + 2 - channel] ?? 0
      }
    })
  }

  fromRgb16(image: FramePixels, out: Uint8Array): void {
    this.#each(image, 2, out, 4, (pixels, at, to) => {
      const value = (pixels[at] ?? 0) | ((pixels[at + 1] ?? 0) << 8)
      for (let channel = 0; channel < 3; channel++) {
        const five = (value >> (5 * channel)) & 31
        out[to + channel] = (five << 3) | (five >> 2)
      }
      out[to + 3] = 0
    })
  }

  premultiply(image: FramePixels, out: Uint8Array): void {
    this.#each(image, 4, out, 4, (pixels, at, to) => {
      const alpha = pixels[at + 3] ?? 0
      for (let channel = 0; channel < 3; channel++) {
        out[to + channel] = Math.round(((pixels[at + channel] ?? 0) * alpha) / 255)
      }
      out[to + 3] = alpha
    })
  }

  unpremultiply(image: FramePixels, out: Uint8Array): void {
    this.#each(image, 4, out, 4, (pixels, at, to) => {
      const alpha = pixels[at + 3] ?? 0
      for (let channel = 0; channel < 3; channel++) {
        const value = alpha === 0 ? 0 : Math.floor(((pixels[at + channel] ?? 0) * 255 + (alpha >> 1)) / alpha)
        out[to + channel] = Math.min(255, value)
      }
      out[to + 3] = alpha
    })
  }

  #each(
    image: FramePixels,
    pixelBytes: number,
    out: Uint8Array,
    outBytes: number,
    convert: (pixels: Uint8Array, at: number, to: number) => void,
  ): void {
    checkFrame(image, pixelBytes)
    checkRoom(out, image.width * image.height * outBytes)
    let to = 0
    for (let y = 0; y < image.height; y++) {
      for (let x = 0; x < image.width; x++, to += outBytes) {
        convert(image.pixels, y * image.stride + x * pixelBytes, to)
      }
    }
  }

  #hash(image: FramePixels, left: number, top: number): bigint {
    const width = Math.min(TILE_SIZE, image.width - left)
    const height = Math.min(TILE_SIZE, image.height - top)
    const sums: bigint[] = []
    for (let pass = 0; pass < HASH_PASSES; pass++) {
      let sum = 0
      for (let y = 0; y < height; y++) {
        for (let block = 0; block * 8 < width; block++) {
          const key = (y * HASH_ROW_BLOCKS + block + pass) * HASH_BLOCK
          for (let lane = 0; lane < 4; lane++) {
            const x = block * 8 + lane
            const at = (top + y) * image.stride + (left + x) * 4
            const first = x < width ? colourAt(image.pixels, at) : 0
            const second = x + 4 < width ? colourAt(image.pixels, at + 16) : 0
            sum = (sum + this.#products(first, second, key + lane * 4)) | 0
          }
        }
      }
      const key = (HASH_ROW_BLOCKS * TILE_SIZE + pass) * HASH_BLOCK
      for (let lane = 0; lane < 4; lane++) {
        sum = (sum + this.#products(lane === 0 ? width | (height << 16) : 0, 0, key + lane * 4)) | 0
      }
      sums.push(BigInt(sum >>> 0))
    }
    return this.#lastStep(sums, HASH_LAST_STEP) | (this.#lastStep(sums, HASH_LAST_STEP + 40) << 32n)
  }

  /** Low halves multiplied, plus high halves multiplied, each with its part of the key added. */
  #products(first: number, second: number, key: number): number {
    const half = (shift: number): number =>
      low16((first >>> shift) + this.#key.getInt16(key + shift / 8, true)) *
      low16((second >>> shift) + this.#key.getInt16(key + HASH_BLOCK / 2 + shift / 8, true))
    return half(0) + half(16)
  }

  #lastStep(sums: readonly bigint[], at: number): bigint {
    const word = (n: number): bigint => this.#key.getBigUint64(at + n * 8, true)
    const total = sums.reduce((sum, value, n) => sum + value * word(n + 1), word(0))
    return BigInt.asUintN(64, total) >> 32n
  }
}

type Box = Readonly<Record<'left' | 'top' | 'right' | 'bottom', number>>

const around = (a: Box, b: Box): Box => ({
  left: Math.min(a.left, b.left),
  top: Math.min(a.top, b.top),
  right: Math.max(a.right, b.right),
  bottom: Math.max(a.bottom, b.bottom),
})

/** Around the pixels that differ in the tile at `left`, `top`. */
const tileBox = (before: FramePixels, after: FramePixels, left: number, top: number): Box | undefined => {
  let box: Box | undefined
  for (let y = top; y < Math.min(after.height, top + TILE_SIZE); y++) {
    for (let x = left; x < Math.min(after.width, left + TILE_SIZE); x++) {
      const old = colourAt(before.pixels, y * before.stride + x * 4)
      if (colourAt(after.pixels, y * after.stride + x * 4) !== old) {
        const here = { left: x, top: y, right: x + 1, bottom: y + 1 }
        box = box === undefined ? here : around(box, here)
      }
    }
  }
  return box
}
