import type { Image, PixelFormat } from '../image.js'

/** Bytes in front of the first block: row order, bitmap format (codecs.md 5). */
export const LZ4_HEADER_SIZE = 2

/** Bytes of a block's size, big-endian. */
export const LZ4_BLOCK_HEADER_SIZE = 4

/** A match goes back at most so many bytes. */
export const LZ4_MAX_DISTANCE = 65535

/** Shortest match, bytes. */
export const LZ4_MIN_MATCH = 4

/** Most bytes that one byte of a block can stand for: one more byte of a length. */
export const LZ4_MAX_RATIO = 255

interface Lz4Format {
  /** Value of the bitmap format in the protocol. */
  readonly number: number
  readonly pixelBytes: number
}

const FORMATS: Readonly<Partial<Record<PixelFormat, Lz4Format>>> = {
  rgb16: { number: 6, pixelBytes: 2 },
  rgb24: { number: 7, pixelBytes: 3 },
  rgb32: { number: 8, pixelBytes: 4 },
  rgba: { number: 9, pixelBytes: 4 },
}

/** `undefined` for formats that LZ4 images do not have. */
export const lz4Format = (format: PixelFormat): Lz4Format | undefined => FORMATS[format]

/** The format of a number of the protocol. */
export const lz4FormatOf = (wanted: number): [PixelFormat, Lz4Format] | undefined =>
  (Object.entries(FORMATS) as [PixelFormat, Lz4Format][]).find(([, { number }]) => number === wanted)

const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value > 0

/** Whether an image can be coded: format, size, and as many pixels as it says. */
export const isLz4Image = ({ format, width, height, stride, pixels }: Image, maxPixels: number): boolean => {
  const row = width * (FORMATS[format]?.pixelBytes ?? Number.NaN)
  return (
    isWhole(row) &&
    isWhole(height) &&
    isWhole(stride) &&
    width * height <= maxPixels &&
    stride >= row &&
    pixels.length >= stride * (height - 1) + row
  )
}

/** Rows without padding, as a view where they have none already, else in `scratch`, which has room for them. */
export const packedRows = (image: Image, scratch: (size: number) => Uint8Array): Uint8Array => {
  const { pixels, stride, height } = image
  const row = image.width * (FORMATS[image.format]?.pixelBytes ?? 0)
  if (stride === row) {
    return pixels.subarray(0, row * height)
  }
  const packed = scratch(row * height)
  for (let y = 0; y < height; y++) {
    packed.set(pixels.subarray(y * stride, y * stride + row), y * row)
  }
  return packed.subarray(0, row * height)
}

/** Writes the two bytes in front of the blocks. */
export const writeLz4Header = ({ format, topDown }: Image, out: Uint8Array): void => {
  out[0] = topDown ? 1 : 0
  out[1] = FORMATS[format]?.number ?? 0
}

/** Writes the size of the block whose data begins at `at + 4`. */
export const writeBlockSize = (out: Uint8Array, at: number, size: number): void => {
  out[at] = size >>> 24
  out[at + 1] = size >>> 16
  out[at + 2] = size >>> 8
  out[at + 3] = size
}

/** Most bytes that an image of one block takes, header included. */
export const lz4MaxEncodedSize = (format: PixelFormat, width: number, height: number): number => {
  const size = width * height * (FORMATS[format]?.pixelBytes ?? 0)
  return LZ4_HEADER_SIZE + LZ4_BLOCK_HEADER_SIZE + size + Math.floor(size / LZ4_MAX_RATIO) + 16
}
