import { SidecarError } from '../../core/errors.js'
import type { BandedEncoder, Image } from '../image.js'
import { createLzEncoder } from './encoder.js'
import { lzMaxEncodedSize } from './lz-format.js'

/** Rows of pixels with a fourth byte of no meaning, the top row first. */
export interface PalettePixels {
  readonly pixels: Uint8Array
  readonly width: number
  readonly height: number
  /** Bytes from row to row. */
  readonly stride: number
}

/** Twice as many as there are bytes: a colour is found in a step or two. */
const TABLE_BITS = 9
const MAX_COLOURS = 256
const EMPTY = -1

/** Codes pictures of few colours as indexes into a palette, LZ type PLT8 (`codecs.md` 1 and 2). It serves one thread. */
export class LzPaletteCoder {
  readonly maxPixels: number
  readonly #encoder: BandedEncoder
  readonly #multiplier: number
  readonly #out: Uint8Array
  readonly #own: Uint8Array
  readonly #colours = new Int32Array(1 << TABLE_BITS)
  readonly #indexes = new Uint8Array(1 << TABLE_BITS)

  /**
   * @param maxPixels largest picture; memory for it is made here, some twenty bytes a pixel
   * @param spread random, so that nobody can choose colours that fall on one place of a table
   */
  constructor(maxPixels: number, spread: number) {
    this.#multiplier = spread | 1
    this.maxPixels = maxPixels
    this.#encoder = createLzEncoder({ maxPixels })
    this.#out = new Uint8Array(lzMaxEncodedSize('rgb32', maxPixels, 1))
    this.#own = this.#encoder.staging ?? new Uint8Array(maxPixels)
  }

  /**
   * @param colours 0x00RRGGBB, 1 to 256, none twice; an index is a place among them
   * @returns the LZ image, which holds until the next call; `undefined`: there is a colour that is not among them
   * @throws SidecarError SIDECAR_BUG for a picture that is too large, or not whole
   */
  encode(image: PalettePixels, colours: readonly number[]): Uint8Array | undefined {
    const { width, height } = image
    this.#check(image)
    this.#learn(colours)
    if (!this.#index(image)) {
      return undefined
    }
    const pixels = this.#own.subarray(0, width * height)
    return this.#coded({ format: 'plt8', width, height, stride: width, topDown: true, pixels })
  }

  /**
   * @returns bytes of the picture as LZ image of type RGB32
   * @throws SidecarError as {@link encode}
   */
  sizeOfRgb(image: PalettePixels): number {
    this.#check(image)
    return this.#coded({ ...image, format: 'rgb32', topDown: true })?.length ?? Infinity
  }

  #coded(image: Image): Uint8Array | undefined {
    const size = this.#encoder.encode(image, this.#out)
    return size < 0 ? undefined : this.#out.subarray(0, size)
  }

  #check({ pixels, width, height, stride }: PalettePixels): void {
    const row = 4 * width
    const whole = width > 0 && height > 0 && stride >= row && pixels.length >= stride * (height - 1) + row
    if (!whole || width * height > this.maxPixels) {
      const context = { width, height, stride, size: pixels.length }
      throw new SidecarError('SIDECAR_BUG', 'picture given to the palette coder is not whole', context)
    }
  }

  #learn(colours: readonly number[]): void {
    if (colours.length > MAX_COLOURS) {
      throw new SidecarError('SIDECAR_BUG', 'too many colours in a palette', { colours: colours.length })
    }
    this.#colours.fill(EMPTY)
    for (const [index, colour] of colours.entries()) {
      const slot = this.#slotOf(colour)
      this.#colours[slot] = colour
      this.#indexes[slot] = index
    }
  }

  /** Where a colour is, or would be. */
  #slotOf(colour: number): number {
    const table = this.#colours
    let slot = Math.imul(colour, this.#multiplier) >>> (32 - TABLE_BITS)
    while (table[slot] !== colour && table[slot] !== EMPTY) {
      slot = (slot + 1) & ((1 << TABLE_BITS) - 1)
    }
    return slot
  }

  /**
   * HOT PATH (damage to encoded image): once per pixel, allocation-free.
   *
   * @returns whether all colours are known; the guest may draw while this reads
   */
  #index({ pixels, width, height, stride }: PalettePixels): boolean {
    const own = this.#own
    let [last, index, to] = [EMPTY, 0, 0]
    for (let row = 0; row < height; row++) {
      const end = row * stride + 4 * width
      for (let at = row * stride; at < end; at += 4) {
        const colour = (pixels[at] ?? 0) | ((pixels[at + 1] ?? 0) << 8) | ((pixels[at + 2] ?? 0) << 16)
        if (colour !== last) {
          const slot = this.#slotOf(colour)
          if (this.#colours[slot] !== colour) {
            return false
          }
          last = colour
          index = this.#indexes[slot] ?? 0
        }
        own[to++] = index
      }
    }
    return true
  }
}
