import { SidecarError } from '../../core/errors.js'
import type { Image } from '../image.js'

/** First word of a stream, bytes "QUIC" (codecs.md 4.1). */
export const QUIC_MAGIC = 0x43495551
/** Five little-endian words: magic, version 0, type, width, height. */
export const QUIC_HEADER_SIZE = 20
/** Words are 32 bits; the stream is a whole number of them. */
export const QUIC_WORD_SIZE = 4
/** Pixels; the format asks for less than this (codecs.md 4.1). */
export const QUIC_MAX_PIXELS = 512 * 1024 * 1024

/** Pixel layouts that QUIC codes: those of `PixelFormat` of the same name, and `gray`, one byte a pixel. */
export type QuicFormat = 'gray' | 'rgb16' | 'rgb24' | 'rgb32' | 'rgba'

/**
 * Pixels of a QUIC image. All but `gray` are an {@link Image}. `gray` is no `PixelFormat`: no bitmap format of the display
 * channel is gray (`a8` is a mask, and the reference never codes one with QUIC), so nothing but a decoder of what a guest
 * sent ever meets it, and no other codec has to name it.
 */
export type QuicImage =
  | (Image & { readonly format: Exclude<QuicFormat, 'gray'> })
  | (Omit<Image, 'format'> & { readonly format: 'gray' })

/** Channels that share one model state, in coding order (codecs.md 4.2). */
export type QuicGroupKind = 'gray' | 'rgb' | 'alpha'

export interface QuicType {
  readonly format: QuicFormat
  /** Value of the header's type word. */
  readonly type: number
  readonly pixelBytes: number
  /** Bits of one sample, 8 or 5. */
  readonly depth: 8 | 5
  /** Every row is coded by each of these in turn. */
  readonly groups: readonly QuicGroupKind[]
}

/** Every type of codecs.md 4.2. */
export const QUIC_TYPES: Readonly<Record<QuicFormat, QuicType>> = {
  gray: { format: 'gray', type: 1, pixelBytes: 1, depth: 8, groups: ['gray'] },
  rgb16: { format: 'rgb16', type: 2, pixelBytes: 2, depth: 5, groups: ['rgb'] },
  rgb24: { format: 'rgb24', type: 3, pixelBytes: 3, depth: 8, groups: ['rgb'] },
  rgb32: { format: 'rgb32', type: 4, pixelBytes: 4, depth: 8, groups: ['rgb'] },
  rgba: { format: 'rgba', type: 5, pixelBytes: 4, depth: 8, groups: ['rgb', 'alpha'] },
}

const TYPES_BY_NUMBER: readonly (QuicType | undefined)[] = [undefined, ...Object.values(QUIC_TYPES)]

/** Channels of a group. */
export const groupChannels = (kind: QuicGroupKind): number => (kind === 'rgb' ? 3 : 1)

/** Longest code of one sample, and longest run code that codes no pixel: 16 bits at the last run state. */
const LONGEST_CODE = 26
const LONGEST_EMPTY_RUN = 16

/**
 * Most bytes that the rows of an image can take, header and ending included. Before each pixel of a group there may be
 * a run that turns out empty; a run that is not costs less than the pixels it stands for.
 */
export const quicMaxEncodedSize = (format: QuicFormat, width: number, height: number): number => {
  const bits = QUIC_TYPES[format].groups.reduce(
    (sum, kind) => sum + groupChannels(kind) * LONGEST_CODE + LONGEST_EMPTY_RUN,
    0,
  )
  return QUIC_HEADER_SIZE + Math.ceil((bits * width * height) / 32) * QUIC_WORD_SIZE + QUIC_WORD_SIZE
}

const isPositiveInteger = (value: number): boolean => Number.isSafeInteger(value) && value > 0

/** Whether the format is one of QUIC, and the size, the stride and the pixel memory of `image` agree. */
export const isQuicImage = (image: Image | QuicImage): image is QuicImage => {
  const { format, width, height, stride, pixels } = image
  const type = Object.hasOwn(QUIC_TYPES, format) ? QUIC_TYPES[format as QuicFormat] : undefined
  if (
    type === undefined ||
    !isPositiveInteger(width) ||
    !isPositiveInteger(height) ||
    !isPositiveInteger(stride)
  ) {
    return false
  }
  const packed = width * type.pixelBytes
  return (
    width * height < QUIC_MAX_PIXELS && stride >= packed && pixels.length >= stride * (height - 1) + packed
  )
}

const putWord = (out: Uint8Array, at: number, value: number): void => {
  out[at] = value
  out[at + 1] = value >>> 8
  out[at + 2] = value >>> 16
  out[at + 3] = value >>> 24
}

/** Writes the header to the first 20 bytes of `out`, which must be there. */
export const writeQuicHeader = (image: QuicImage, out: Uint8Array): void => {
  putWord(out, 0, QUIC_MAGIC)
  putWord(out, 4, 0)
  putWord(out, 8, QUIC_TYPES[image.format].type)
  putWord(out, 12, image.width)
  putWord(out, 16, image.height)
}

export interface QuicHeader {
  readonly type: QuicType
  readonly width: number
  readonly height: number
}

export const refuseQuic = (what: string, context: Readonly<Record<string, number>>): SidecarError =>
  new SidecarError('SIDECAR_PROTOCOL', `quic image refused: ${what}`, context)

/**
 * Reads and checks the header (codecs.md 4.1, 4.10). The caller compares width and height with what the image was
 * announced as.
 *
 * @param maxPixels cap on width times height
 * @throws SidecarError SIDECAR_PROTOCOL for everything that a conforming encoder does not write, and for images above
 * the cap
 */
export const readQuicHeader = (bytes: Uint8Array, maxPixels: number): QuicHeader => {
  if (bytes.length < QUIC_HEADER_SIZE) {
    throw refuseQuic('shorter than its header', { size: bytes.length })
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, QUIC_HEADER_SIZE)
  const [magic, version, typeNumber] = [
    view.getUint32(0, true),
    view.getUint32(4, true),
    view.getUint32(8, true),
  ]
  const [width, height] = [view.getUint32(12, true), view.getUint32(16, true)]
  const type = TYPES_BY_NUMBER[typeNumber]
  if (magic !== QUIC_MAGIC || version !== 0 || type === undefined) {
    throw refuseQuic('wrong magic, version or type', { magic, version, type: typeNumber })
  }
  if (width === 0 || height === 0 || width * height > Math.min(maxPixels, QUIC_MAX_PIXELS - 1)) {
    throw refuseQuic('size out of range', { width, height, maxPixels })
  }
  return { type, width, height }
}
