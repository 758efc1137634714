import { SidecarError } from '../../core/errors.js'
import type { Image } from '../image.js'
import {
  LZ4_BLOCK_HEADER_SIZE,
  LZ4_HEADER_SIZE,
  LZ4_MAX_RATIO,
  LZ4_MIN_MATCH,
  lz4FormatOf,
} from './lz4-format.js'

/** From this many bytes on `copyWithin` and `set` beat a loop. */
const BULK_BYTES = 32

const refuse = (what: string, offset: number): SidecarError =>
  new SidecarError('SIDECAR_PROTOCOL', `lz4 image refused: ${what}`, { offset })

/** Reads blocks from `bytes` and writes what they stand for into `pixels`; one instance per image. */
class Lz4Reader {
  readonly #bytes: Uint8Array
  readonly #pixels: Uint8Array
  #at = LZ4_HEADER_SIZE
  #to = 0

  constructor(bytes: Uint8Array, pixels: Uint8Array) {
    this.#bytes = bytes
    this.#pixels = pixels
  }

  /** Every turn uses up more bytes than the size of a block takes. */
  readBlocks(): void {
    while (this.#at < this.#bytes.length) {
      const left = this.#bytes.length - this.#at - LZ4_BLOCK_HEADER_SIZE
      if (left < 0) {
        throw refuse('ends inside the size of a block', this.#at)
      }
      let size = 0
      for (let index = 0; index < LZ4_BLOCK_HEADER_SIZE; index++) {
        size = size * 256 + (this.#bytes[this.#at++] ?? 0)
      }
      if (size === 0 || size > left) {
        throw refuse('size of a block is not that of its data', this.#at)
      }
      this.#readBlock(this.#at + size)
    }
    if (this.#to !== this.#pixels.length) {
      throw refuse('blocks are too short for the image', this.#at)
    }
  }

  /** Sequences of literals and a match; the last one has no match. */
  #readBlock(end: number): void {
    for (;;) {
      const token = this.#u8(end)
      this.#literals(this.#length(token >> 4, end), end)
      if (this.#at === end) {
        return
      }
      const distance = this.#u8(end) + this.#u8(end) * 256
      this.#match(distance, this.#length(token & 15, end) + LZ4_MIN_MATCH)
    }
  }

  #u8(end: number): number {
    if (this.#at >= end) {
      throw refuse('block ends inside a sequence', this.#at)
    }
    return this.#bytes[this.#at++] ?? 0
  }

  #length(four: number, end: number): number {
    let length = four
    if (four === 15) {
      let more = 255
      while (more === 255) {
        more = this.#u8(end)
        length += more
      }
    }
    return length
  }

  #literals(count: number, end: number): void {
    if (count > end - this.#at) {
      throw refuse('block ends inside its literals', this.#at)
    }
    this.#checkRoom(count)
    this.#pixels.set(this.#bytes.subarray(this.#at, this.#at + count), this.#to)
    this.#at += count
    this.#to += count
  }

  #match(distance: number, length: number): void {
    if (distance === 0 || distance > this.#to) {
      throw refuse('match begins before the image', this.#at)
    }
    this.#checkRoom(length)
    const [pixels, to] = [this.#pixels, this.#to]
    this.#to += length
    if (distance >= length && length >= BULK_BYTES) {
      pixels.copyWithin(to, to - distance, to - distance + length)
      return
    }
    for (let at = to; at < to + length; at++) {
      pixels[at] = pixels[at - distance] ?? 0
    }
  }

  #checkRoom(size: number): void {
    if (size > this.#pixels.length - this.#to) {
      throw refuse('goes past the last pixel', this.#at)
    }
  }
}

/** Size of an image that its coded form does not tell. */
export interface ImageSize {
  /** Pixels. */
  readonly width: number
  readonly height: number
}

/**
 * Decodes one LZ4 image (codecs.md 5). The result is packed; rows come in coded order, `topDown` says which is first.
 *
 * Hostile input: memory is the packed image and is only taken once the body is long enough to fill it; the work is linear
 * in the input and the image.
 *
 * @param bytes header and blocks, nothing after them
 * @param size from the image's descriptor
 * @param maxPixels cap on width times height
 * @throws SidecarError SIDECAR_PROTOCOL for everything that is not a whole, well-formed image of that size within the cap
 */
export const decodeLz4 = (bytes: Uint8Array, { width, height }: ImageSize, maxPixels: number): Image => {
  const [order, number] = [bytes[0] ?? -1, bytes[1] ?? -1]
  const [format, known] = lz4FormatOf(number) ?? []
  if (order < 0 || order > 1 || format === undefined || known === undefined) {
    throw refuse('unknown row order or format', 0)
  }
  const whole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0
  if (!whole || width * height > maxPixels) {
    throw new SidecarError('SIDECAR_PROTOCOL', 'lz4 image refused: size out of range', {
      ...{ width, height, maxPixels },
    })
  }
  const stride = width * known.pixelBytes
  if (stride * height > bytes.length * LZ4_MAX_RATIO) {
    throw refuse('body is too short for its size', bytes.length)
  }
  const pixels = new Uint8Array(stride * height)
  new Lz4Reader(bytes, pixels).readBlocks()
  return { format, width, height, stride, topDown: order === 1, pixels }
}
