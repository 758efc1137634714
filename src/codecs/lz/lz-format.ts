import { MAX_LITERALS } from '../token-writer.js'
import { SidecarError } from '../../core/errors.js'
import type { Image, PixelFormat } from '../image.js'

/** Bytes 20 20 5A 4C at the start of every LZ image (codecs.md 2.1). */
export const LZ_MAGIC = 0x20205a4c
export const LZ_VERSION = 0x00010001
/** Seven big-endian u32: magic, version, type, width, height, stride, top_down. */
export const LZ_HEADER_SIZE = 28
/** Stored distances (real distance minus one) below this use the near form of a match. */
export const LZ_NEAR_LIMIT = 8191
/** Largest real distance a match can have. */
export const LZ_MAX_DISTANCE = 73727
/** Bytes of packed rows; the format asks for less than this (codecs.md 2.1). */
export const LZ_MAX_BYTES = 512 * 1024 * 1024

/** What one pass over the pixels codes (codecs.md 2.2). */
export type LzPassKind = 'plt' | 'rgb16' | 'rgb' | 'alpha'

export interface LzPass {
  readonly kind: LzPassKind
  /** Bytes of one literal unit in the stream. */
  readonly literalBytes: number
  /** Units that a match is longer than its stored length. */
  readonly bias: number
  /** Shortest match of the reference encoder at a near distance, in units. */
  readonly minMatch: number
}

const PLT: LzPass = { kind: 'plt', literalBytes: 1, bias: 2, minMatch: 3 }
const RGB16: LzPass = { kind: 'rgb16', literalBytes: 2, bias: 1, minMatch: 2 }
const RGB: LzPass = { kind: 'rgb', literalBytes: 3, bias: 0, minMatch: 1 }
const ALPHA: LzPass = { kind: 'alpha', literalBytes: 1, bias: 2, minMatch: 3 }

export interface LzType {
  readonly format: PixelFormat
  /** Value of the header's type field. */
  readonly type: number
  /** Bytes of one unit in memory. */
  readonly unitBytes: number
  /** Pixels in one unit: 8, 2 or 1. */
  readonly unitPixels: number
  readonly passes: readonly LzPass[]
}

const lzType = (
  format: PixelFormat,
  type: number,
  [unitBytes, unitPixels]: readonly [number, number],
  ...passes: readonly LzPass[]
): LzType => ({ format, type, unitBytes, unitPixels, passes })

/** Every LZ type of codecs.md 1 and 2.2. */
export const LZ_TYPES: Readonly<Record<PixelFormat, LzType>> = {
  'plt1-le': lzType('plt1-le', 1, [1, 8], PLT),
  'plt1-be': lzType('plt1-be', 2, [1, 8], PLT),
  'plt4-le': lzType('plt4-le', 3, [1, 2], PLT),
  'plt4-be': lzType('plt4-be', 4, [1, 2], PLT),
  plt8: lzType('plt8', 5, [1, 1], PLT),
  rgb16: lzType('rgb16', 6, [2, 1], RGB16),
  rgb24: lzType('rgb24', 7, [3, 1], RGB),
  rgb32: lzType('rgb32', 8, [4, 1], RGB),
  rgba: lzType('rgba', 9, [4, 1], RGB, ALPHA),
  xxxa: lzType('xxxa', 10, [4, 1], ALPHA),
  a8: lzType('a8', 11, [1, 1], PLT),
}

const TYPES_BY_NUMBER: readonly (LzType | undefined)[] = Object.values(LZ_TYPES).reduce<
  (LzType | undefined)[]
>((table, entry) => {
  table[entry.type] = entry
  return table
}, [])

/** Bytes of one row without padding. */
export const lzPackedStride = (type: LzType, width: number): number =>
  Math.ceil(width / type.unitPixels) * type.unitBytes

/**
 * Most bytes that an LZ image can take, header included: every unit a literal. No encoder here goes above it, since a
 * match is only coded where it is no longer than the literals it stands for and the token it splits; but for one far
 * match of single bytes that the end of the pass cuts short, which costs one byte more.
 */
export const lzMaxEncodedSize = (format: PixelFormat, width: number, height: number): number => {
  const type = LZ_TYPES[format]
  const units = (lzPackedStride(type, width) / type.unitBytes) * height
  return type.passes.reduce(
    (size, { literalBytes }) =>
      size + units * literalBytes + Math.ceil(units / MAX_LITERALS) + (literalBytes === 1 ? 1 : 0),
    LZ_HEADER_SIZE,
  )
}

const isPositiveInteger = (value: number): boolean => Number.isSafeInteger(value) && value > 0

/** Whether the size, the stride and the pixel memory of `image` agree and fit into the format. */
export const isLzImage = (image: Image): boolean => {
  const { width, height, stride, pixels } = image
  if (!isPositiveInteger(width) || !isPositiveInteger(height) || !isPositiveInteger(stride)) {
    return false
  }
  const packed = lzPackedStride(LZ_TYPES[image.format], width)
  return packed * height < LZ_MAX_BYTES && stride >= packed && pixels.length >= stride * (height - 1) + packed
}

const putU32 = (out: Uint8Array, at: number, value: number): void => {
  out[at] = value >>> 24
  out[at + 1] = value >>> 16
  out[at + 2] = value >>> 8
  out[at + 3] = value
}

/** Writes the header to the first 28 bytes of `out`, which must be there. The stride in it is the packed one. */
export const writeLzHeader = (image: Image, out: Uint8Array): void => {
  const type = LZ_TYPES[image.format]
  putU32(out, 0, LZ_MAGIC)
  putU32(out, 4, LZ_VERSION)
  putU32(out, 8, type.type)
  putU32(out, 12, image.width)
  putU32(out, 16, image.height)
  putU32(out, 20, lzPackedStride(type, image.width))
  putU32(out, 24, image.topDown ? 1 : 0)
}

export interface LzHeader {
  readonly type: LzType
  readonly width: number
  readonly height: number
  /** Bytes of one coded row: the packed stride, or for palettes one less when the last byte of a row is not full. */
  readonly stride: number
  readonly topDown: boolean
}

const refuse = (what: string, context: Readonly<Record<string, number>>): SidecarError =>
  new SidecarError('SIDECAR_PROTOCOL', `lz image refused: ${what}`, context)

/**
 * Reads and checks the header (codecs.md 2.1).
 *
 * @param maxPixels cap on width times height
 * @throws SidecarError SIDECAR_PROTOCOL for everything that a conforming encoder does not write, and for images above
 * the cap
 */
export const readLzHeader = (bytes: Uint8Array, maxPixels: number): LzHeader => {
  if (bytes.length < LZ_HEADER_SIZE) {
    throw refuse('shorter than its header', { size: bytes.length })
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, LZ_HEADER_SIZE)
  const [magic, version, typeNumber] = [view.getUint32(0), view.getUint32(4), view.getUint32(8)]
  const [width, height, stride] = [view.getUint32(12), view.getUint32(16), view.getUint32(20)]
  const topDown = view.getUint32(24)
  const type = TYPES_BY_NUMBER[typeNumber]
  if (magic !== LZ_MAGIC || version !== LZ_VERSION) {
    throw refuse('wrong magic or version', { magic, version })
  }
  if (type === undefined || topDown > 1) {
    throw refuse('unknown type or row order', { type: typeNumber, topDown })
  }
  if (width === 0 || height === 0 || width * height > maxPixels) {
    throw refuse('size out of range', { width, height, maxPixels })
  }
  const packed = lzPackedStride(type, width)
  const shortForm = stride > 0 && width % type.unitPixels !== 0 && stride === packed - 1
  if ((stride !== packed && !shortForm) || packed * height >= LZ_MAX_BYTES) {
    throw refuse('stride does not fit the width', { width, height, stride, packed })
  }
  return { type, width, height, stride, topDown: topDown === 1 }
}
