import { MAX_LITERALS } from '../token-writer.js'
import { SidecarError } from '../../core/errors.js'
import type { Image } from '../image.js'
import {
  LZ_HEADER_SIZE,
  LZ_NEAR_LIMIT,
  lzPackedStride,
  readLzHeader,
  type LzHeader,
  type LzPass,
} from './lz-format.js'

/** Most units that one body byte can stand for: a length extension byte of 255. */
const MAX_UNITS_PER_BYTE = 255
/** Below this many bytes a loop copies faster than `copyWithin`. */
const BLOCK_COPY_BYTES = 64

const refuse = (what: string, offset: number): SidecarError =>
  new SidecarError('SIDECAR_PROTOCOL', `lz image refused: ${what}`, { offset })

/** Reads tokens from `bytes` and writes units into `pixels`; one instance per image. */
class LzReader {
  readonly #bytes: Uint8Array
  readonly #pixels: Uint8Array
  readonly #unitBytes: number
  readonly #units: number
  #at = LZ_HEADER_SIZE

  constructor(bytes: Uint8Array, pixels: Uint8Array, unitBytes: number) {
    this.#bytes = bytes
    this.#pixels = pixels
    this.#unitBytes = unitBytes
    this.#units = pixels.length / unitBytes
  }

  #u8(): number {
    const value = this.#bytes[this.#at]
    if (value === undefined) {
      throw refuse('ends inside its tokens', this.#at)
    }
    this.#at++
    return value
  }

  /** Every turn uses up at least one input byte and produces at least one unit. */
  readPass(pass: LzPass): void {
    let unit = 0
    while (unit < this.#units) {
      const start = this.#at
      const control = this.#u8()
      if (control < MAX_LITERALS) {
        const count = control + 1
        if (count > this.#units - unit) {
          throw refuse('literals go past the last unit', start)
        }
        this.#readLiterals(pass, unit, count)
        unit += count
      } else {
        unit += this.#readMatch(pass, unit, control)
      }
    }
  }

  expectEnd(): void {
    if (this.#at !== this.#bytes.length) {
      throw refuse('bytes are left over after the last unit', this.#at)
    }
  }

  #readLiterals(pass: LzPass, unit: number, count: number): void {
    const from = this.#at
    const end = from + count * pass.literalBytes
    if (end > this.#bytes.length) {
      throw refuse('ends inside its literals', from)
    }
    const [bytes, pixels, step] = [this.#bytes, this.#pixels, this.#unitBytes]
    let to = unit * step
    for (let at = from; at < end; at += pass.literalBytes, to += step) {
      switch (pass.kind) {
        case 'rgb':
          pixels[to] = bytes[at] ?? 0
          pixels[to + 1] = bytes[at + 1] ?? 0
          pixels[to + 2] = bytes[at + 2] ?? 0
          break
        case 'rgb16':
          pixels[to] = bytes[at + 1] ?? 0
          pixels[to + 1] = bytes[at] ?? 0
          break
        case 'plt':
          pixels[to] = bytes[at] ?? 0
          break
        case 'alpha':
          pixels[to + 3] = bytes[at] ?? 0
          break
      }
    }
    this.#at = end
  }

  #readMatch(pass: LzPass, unit: number, control: number): number {
    const start = this.#at - 1
    let length = control >> 5
    let stored = (control & 31) << 8
    if (length === 7) {
      let extension = this.#u8()
      while (extension === 255) {
        length += extension
        extension = this.#u8()
      }
      length += extension
    }
    const low = this.#u8()
    stored += low
    if (low === 255 && (control & 31) === 31) {
      stored = LZ_NEAR_LIMIT + (this.#u8() << 8)
      stored += this.#u8()
    }
    length += pass.bias
    const source = unit - stored - 1
    if (source < 0 || length > this.#units - unit) {
      throw refuse(source < 0 ? 'match begins before the image' : 'match goes past the last unit', start)
    }
    if (pass.kind === 'alpha') {
      this.#copyAlpha(source, unit, length)
    } else {
      this.#copyUnits(source, unit, length)
    }
    return length
  }

  /** Whole units; in a colour pass the pad or alpha byte is still 0 on both sides. */
  #copyUnits(source: number, unit: number, length: number): void {
    const [pixels, step] = [this.#pixels, this.#unitBytes]
    let from = source * step
    let to = unit * step
    const end = to + length * step
    if (end - to <= to - from && end - to >= BLOCK_COPY_BYTES) {
      pixels.copyWithin(to, from, from + end - to)
      return
    }
    while (to < end) {
      pixels[to++] = pixels[from++] ?? 0
    }
  }

  #copyAlpha(source: number, unit: number, length: number): void {
    const pixels = this.#pixels
    const end = (unit + length) * 4
    for (let from = source * 4 + 3, to = unit * 4 + 3; to < end; from += 4, to += 4) {
      pixels[to] = pixels[from] ?? 0
    }
  }
}

/** Rows of the short palette form get the byte they lack, as 0. */
const widenRows = (coded: Uint8Array, { height, stride }: LzHeader, packed: number): Uint8Array => {
  const pixels = new Uint8Array(packed * height)
  for (let row = 0; row < height; row++) {
    pixels.set(coded.subarray(row * stride, (row + 1) * stride), row * packed)
  }
  return pixels
}

/**
 * Decodes one LZ image of any type (codecs.md 2). The result is packed; pad bytes of `rgb32` and the three unused
 * bytes of `xxxa` are 0. Rows come in coded order, `topDown` says which is first.
 *
 * Hostile input: memory is at most twice the packed image and is only taken once the body is long enough to fill it;
 * the work is linear in the input and the image.
 *
 * @param bytes header and body, nothing after them
 * @param maxPixels cap on width times height
 * @throws SidecarError SIDECAR_PROTOCOL for everything that is not a whole, well-formed image within the cap
 */
export const decodeLz = (bytes: Uint8Array, maxPixels: number): Image => {
  const header = readLzHeader(bytes, maxPixels)
  const { type, width, height, stride, topDown } = header
  const size = stride * height
  if ((size / type.unitBytes) * type.passes.length > (bytes.length - LZ_HEADER_SIZE) * MAX_UNITS_PER_BYTE) {
    throw refuse('body is too short for its size', bytes.length)
  }
  const coded = new Uint8Array(size)
  const reader = new LzReader(bytes, coded, type.unitBytes)
  for (const pass of type.passes) {
    reader.readPass(pass)
  }
  reader.expectEnd()
  const packed = lzPackedStride(type, width)
  const pixels = stride === packed ? coded : widenRows(coded, header, packed)
  return { format: type.format, width, height, stride: packed, topDown, pixels }
}
