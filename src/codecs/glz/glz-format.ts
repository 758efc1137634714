import { MAX_LITERALS } from '../token-writer.js'
import { SidecarError } from '../../core/errors.js'
import type { Image, PixelFormat } from '../image.js'

/** Bytes 20 20 5A 4C at the start of every GLZ image (codecs.md 3.1). */
const GLZ_MAGIC = 0x20205a4c
const GLZ_VERSION = 0x00010001
/** u32 magic, version; u8 type and row order; u32 width, height, stride; u64 image id; u32 win_head_dist. */
export const GLZ_HEADER_SIZE = 33
/** Pixels of the largest window that a client can have (codecs.md 3.4). */
export const GLZ_MAX_WINDOW = 2 ** 25
/** Offsets in an image, and distances between two places of one image less one, stay below this. */
export const GLZ_MAX_OFFSET = 2 ** 25
/** Largest distance from an image to the one it refers to. */
export const GLZ_MAX_IMAGE_DISTANCE = 2 ** 24 - 1
/** Bit of the type byte: the first coded row is the top row. */
const TOP_DOWN = 0x10

/** What one pass over the pixels codes (codecs.md 3.2). */
export interface GlzPass {
  readonly kind: 'rgb16' | 'rgb' | 'alpha'
  /** Bytes of one literal unit in the stream. */
  readonly literalBytes: 1 | 2 | 3
  /** Units that a match is longer than its stored length. */
  readonly bias: number
}

const RGB16: GlzPass = { kind: 'rgb16', literalBytes: 2, bias: 1 }
const RGB: GlzPass = { kind: 'rgb', literalBytes: 3, bias: 0 }
const ALPHA: GlzPass = { kind: 'alpha', literalBytes: 1, bias: 2 }

/** The formats that GLZ is used for; palettes are in the format but have no image message (codecs.md 3.1). */
export type GlzFormat = Extract<PixelFormat, 'rgb16' | 'rgb24' | 'rgb32' | 'rgba'>

export interface GlzType {
  readonly format: GlzFormat
  /** Low four bits of the header's type byte. */
  readonly type: number
  readonly pixelBytes: number
  readonly passes: readonly GlzPass[]
}

export const GLZ_TYPES: Readonly<Record<GlzFormat, GlzType>> = {
  rgb16: { format: 'rgb16', type: 6, pixelBytes: 2, passes: [RGB16] },
  rgb24: { format: 'rgb24', type: 7, pixelBytes: 3, passes: [RGB] },
  rgb32: { format: 'rgb32', type: 8, pixelBytes: 4, passes: [RGB] },
  rgba: { format: 'rgba', type: 9, pixelBytes: 4, passes: [RGB, ALPHA] },
}

const TYPES_BY_NUMBER = new Map(Object.values(GLZ_TYPES).map((entry) => [entry.type, entry]))

/** The type of a format that GLZ codes. */
export const glzTypeOf = (format: PixelFormat): GlzType | undefined =>
  Object.hasOwn(GLZ_TYPES, format) ? GLZ_TYPES[format as GlzFormat] : undefined

/** Most bytes that an encoder here writes, header included: every unit a literal. */
export const glzMaxEncodedSize = (format: GlzFormat, pixels: number): number =>
  GLZ_TYPES[format].passes.reduce(
    (size, { literalBytes }) => size + pixels * literalBytes + Math.ceil(pixels / MAX_LITERALS),
    GLZ_HEADER_SIZE,
  )

const isPositiveInteger = (value: number): boolean => Number.isSafeInteger(value) && value > 0

/** Whether the format has a GLZ type, and size, stride and pixel memory of `image` agree. */
export const isGlzImage = (image: Image): boolean => {
  const { width, height, stride, pixels } = image
  const type = glzTypeOf(image.format)
  if (type === undefined || !isPositiveInteger(width) || !isPositiveInteger(height)) {
    return false
  }
  const packed = width * type.pixelBytes
  return (
    width * height < GLZ_MAX_WINDOW &&
    Number.isSafeInteger(stride) &&
    stride >= packed &&
    pixels.length >= stride * (height - 1) + packed
  )
}

export interface GlzHeader {
  readonly type: GlzType
  readonly width: number
  readonly height: number
  readonly topDown: boolean
  readonly imageId: number
  readonly winHeadDist: number
}

/** Writes the header to the first 33 bytes of `out`, which must be there. */
export const writeGlzHeader = (
  image: Image,
  type: GlzType,
  imageId: number,
  winHeadDist: number,
  out: Uint8Array,
): void => {
  const view = new DataView(out.buffer, out.byteOffset, GLZ_HEADER_SIZE)
  view.setUint32(0, GLZ_MAGIC)
  view.setUint32(4, GLZ_VERSION)
  view.setUint8(8, type.type | (image.topDown ? TOP_DOWN : 0))
  view.setUint32(9, image.width)
  view.setUint32(13, image.height)
  view.setUint32(17, image.width * type.pixelBytes)
  view.setUint32(21, Math.floor(imageId / 2 ** 32))
  view.setUint32(25, imageId >>> 0)
  view.setUint32(29, winHeadDist)
}

const refuse = (what: string, context: Readonly<Record<string, number>>): SidecarError =>
  new SidecarError('SIDECAR_PROTOCOL', `glz image refused: ${what}`, context)

/**
 * Reads and checks the header (codecs.md 3.1).
 *
 * @param maxPixels cap on width times height
 * @throws SidecarError SIDECAR_PROTOCOL for everything that a conforming encoder does not write, and for images above
 * the cap
 */
export const readGlzHeader = (bytes: Uint8Array, maxPixels: number): GlzHeader => {
  if (bytes.length < GLZ_HEADER_SIZE) {
    throw refuse('shorter than its header', { size: bytes.length })
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, GLZ_HEADER_SIZE)
  const [magic, version, flags] = [view.getUint32(0), view.getUint32(4), view.getUint8(8)]
  const [width, height, stride] = [view.getUint32(9), view.getUint32(13), view.getUint32(17)]
  const imageId = view.getUint32(21) * 2 ** 32 + view.getUint32(25)
  const winHeadDist = view.getUint32(29)
  const type = TYPES_BY_NUMBER.get(flags & 15)
  if (magic !== GLZ_MAGIC || version !== GLZ_VERSION) {
    throw refuse('wrong magic or version', { magic, version })
  }
  if (type === undefined || flags > 31) {
    throw refuse('unknown type', { type: flags })
  }
  if (width === 0 || height === 0 || width * height > maxPixels) {
    throw refuse('size out of range', { width, height, maxPixels })
  }
  if (stride !== width * type.pixelBytes) {
    throw refuse('stride does not fit the width', { width, stride })
  }
  if (imageId >= Number.MAX_SAFE_INTEGER || winHeadDist > imageId) {
    throw refuse('image id out of range', { imageId, winHeadDist })
  }
  return { type, width, height, topDown: (flags & TOP_DOWN) !== 0, imageId, winHeadDist }
}
