import { ByteReader } from '../../core/bytes.js'
import { SidecarError } from '../../core/errors.js'
import type { Rect } from '../../core/region.js'
import type { ValueOf } from '../schema.js'
import { displayServer } from './display.js'
import {
  BITMAP_FLAG,
  BITMAP_FORMAT,
  CLIP_TYPE,
  IMAGE_TYPE,
  ROP,
  bitmapHeader,
  imageDescriptor,
} from './display-types.js'

/** DRAW_COPY without clip rectangles, up to the image that it points to. */
export const DRAW_COPY_FIXED_SIZE = 57
const IMAGE_DESCRIPTOR_SIZE = 18

/** Bytes in front of the coded data in a body that {@link writeDrawCopyLz} begins. */
export const DRAW_COPY_LZ_PREFIX_SIZE = DRAW_COPY_FIXED_SIZE + IMAGE_DESCRIPTOR_SIZE + 4
/** Bytes in front of the zlib data in a body that {@link writeDrawCopyZlibGlz} begins. */
export const DRAW_COPY_ZLIB_GLZ_PREFIX_SIZE = DRAW_COPY_FIXED_SIZE + IMAGE_DESCRIPTOR_SIZE + 8
/** Bytes in front of the pixels in a body that {@link writeDrawCopyBitmap} begins. */
export const DRAW_COPY_BITMAP_PREFIX_SIZE = DRAW_COPY_FIXED_SIZE + IMAGE_DESCRIPTOR_SIZE + 14 + 4

/** Bytes in front of the coded data in a body that {@link writeDrawCopyPalette} begins: with the id of a palette, or with one behind. */
export const DRAW_COPY_PALETTE_ID_PREFIX_SIZE = DRAW_COPY_FIXED_SIZE + IMAGE_DESCRIPTOR_SIZE + 13
const DRAW_COPY_PALETTE_PREFIX_SIZE = DRAW_COPY_FIXED_SIZE + IMAGE_DESCRIPTOR_SIZE + 9
const PALETTE_HEAD_SIZE = 10
/** Colours of a palette at most, as an index is a byte. */
const MAX_PALETTE = 256

/** An image that covers a rectangle of a surface exactly. */
export interface DrawCopyImage {
  readonly surfaceId: number
  /** Pixels of the surface. */
  readonly box: Rect
  /** Group, one of {@link IMAGE_GROUP}. */
  readonly imageIdLow: number
  /** Running number within the group. */
  readonly imageIdHigh: number
  /** Bits of {@link IMAGE_FLAG}. */
  readonly imageFlags?: number
}

/** An image whose payload is a size and coded data: LZ_RGB (taken when left out), GLZ_RGB, QUIC, JPEG or LZ4. */
export interface DrawCopyCoded extends DrawCopyImage {
  readonly imageType?: number
}

/** A raw image, top row first. */
export interface DrawCopyBitmap extends DrawCopyImage {
  /** Bytes from row to row; packed, four bytes a pixel, when left out. */
  readonly stride?: number
  /** One of {@link BITMAP_FORMAT} without a palette; `rgb32` when left out. */
  readonly format?: number
}

const putU32 = (out: Uint8Array, at: number, value: number): void => {
  const target = out
  target[at] = value
  target[at + 1] = value >>> 8
  target[at + 2] = value >>> 16
  target[at + 3] = value >>> 24
}

const putU64 = (out: Uint8Array, at: number, value: number): void => {
  putU32(out, at, value >>> 0)
  putU32(out, at + 4, Math.floor(value / 2 ** 32))
}

const checkRoom = (out: Uint8Array, at: number, prefixSize: number, dataSize: number): void => {
  if (at < 0 || dataSize < 0 || at + prefixSize + dataSize > out.length) {
    throw new SidecarError('SIDECAR_BUG', 'no room for a drawing message', {
      at,
      prefixSize,
      dataSize,
      room: out.length,
    })
  }
}

/** Everything up to and with the image descriptor; rop PUT, no scaling, no clip, no mask. */
const writeCopyAndDescriptor = (
  out: Uint8Array,
  at: number,
  image: DrawCopyImage,
  imageType: number,
): number => {
  const target = out
  const { box } = image
  const width = box.right - box.left
  const height = box.bottom - box.top
  target.fill(0, at, at + DRAW_COPY_FIXED_SIZE + IMAGE_DESCRIPTOR_SIZE)
  putU32(target, at, image.surfaceId)
  putU32(target, at + 4, box.top)
  putU32(target, at + 8, box.left)
  putU32(target, at + 12, box.bottom)
  putU32(target, at + 16, box.right)
  target[at + 20] = CLIP_TYPE.none
  putU32(target, at + 21, DRAW_COPY_FIXED_SIZE)
  putU32(target, at + 33, height)
  putU32(target, at + 37, width)
  target[at + 41] = ROP.put
  const descriptor = at + DRAW_COPY_FIXED_SIZE
  putU32(target, descriptor, image.imageIdLow)
  putU32(target, descriptor + 4, image.imageIdHigh)
  target[descriptor + 8] = imageType
  target[descriptor + 9] = image.imageFlags ?? 0
  putU32(target, descriptor + 10, width)
  putU32(target, descriptor + 14, height)
  return descriptor + IMAGE_DESCRIPTOR_SIZE
}

/**
 * HOT PATH: once per coded image, allocation-free.
 *
 * Writes the part of a DRAW_COPY body that stands in front of `dataSize` bytes of coded data; `at` is where the body
 * begins in `out`.
 *
 * @returns where the data begins: `at + DRAW_COPY_LZ_PREFIX_SIZE`
 * @throws SidecarError SIDECAR_BUG when the body does not fit into `out`
 */
export const writeDrawCopyLz = (
  out: Uint8Array,
  at: number,
  image: DrawCopyCoded,
  dataSize: number,
): number => {
  checkRoom(out, at, DRAW_COPY_LZ_PREFIX_SIZE, dataSize)
  const payload = writeCopyAndDescriptor(out, at, image, image.imageType ?? IMAGE_TYPE.lzRgb)
  putU32(out, payload, dataSize)
  return payload + 4
}

/**
 * HOT PATH: once per packed image, allocation-free.
 *
 * As {@link writeDrawCopyLz}, for `dataSize` bytes of zlib data that unpack to a GLZ image of `glzSize` bytes (`codecs.md` 8).
 */
export const writeDrawCopyZlibGlz = (
  out: Uint8Array,
  at: number,
  image: DrawCopyImage,
  glzSize: number,
  dataSize: number,
): number => {
  checkRoom(out, at, DRAW_COPY_ZLIB_GLZ_PREFIX_SIZE, dataSize)
  const payload = writeCopyAndDescriptor(out, at, image, IMAGE_TYPE.zlibGlzRgb)
  putU32(out, payload, glzSize)
  putU32(out, payload + 4, dataSize)
  return payload + 8
}

/**
 * HOT PATH: once per raw image, allocation-free.
 *
 * As {@link writeDrawCopyLz}, for `stride * height` bytes of pixels, top row first.
 *
 * @returns where the pixels begin: `at + DRAW_COPY_BITMAP_PREFIX_SIZE`
 * @throws SidecarError SIDECAR_BUG when the body does not fit into `out`
 */
export const writeDrawCopyBitmap = (out: Uint8Array, at: number, image: DrawCopyBitmap): number => {
  const target = out
  const { box } = image
  const width = box.right - box.left
  const height = box.bottom - box.top
  const stride = image.stride ?? 4 * width
  checkRoom(target, at, DRAW_COPY_BITMAP_PREFIX_SIZE, stride * height)
  const payload = writeCopyAndDescriptor(target, at, image, IMAGE_TYPE.bitmap)
  target[payload] = image.format ?? BITMAP_FORMAT.rgb32
  target[payload + 1] = BITMAP_FLAG.topDown
  putU32(target, payload + 2, width)
  putU32(target, payload + 6, height)
  putU32(target, payload + 10, stride)
  putU32(target, payload + 14, 0)
  return payload + 18
}

/** A palette that the client has, or is to keep. */
export interface DrawCopyPalette {
  /** 1 to 2 ** 53 - 1. */
  readonly id: number
  /** 0x00RRGGBB; left out: the client has it. */
  readonly colours?: readonly number[]
}

/** Bytes of a body that {@link writeDrawCopyPalette} writes around `dataSize` bytes. */
export const drawCopyPaletteSize = ({ colours }: DrawCopyPalette, dataSize: number): number =>
  colours === undefined
    ? DRAW_COPY_PALETTE_ID_PREFIX_SIZE + dataSize
    : DRAW_COPY_PALETTE_PREFIX_SIZE + dataSize + PALETTE_HEAD_SIZE + 4 * colours.length

/**
 * HOT PATH: once per image with a palette, allocation-free.
 *
 * As {@link writeDrawCopyLz}, for `dataSize` bytes of an LZ image of indexes; what stands behind them is written, too
 * (`protocol-display.md` 8.1 and 13).
 *
 * @returns where the data begins
 * @throws SidecarError SIDECAR_BUG when the body does not fit into `out`
 */
export const writeDrawCopyPalette = (
  out: Uint8Array,
  at: number,
  image: DrawCopyImage,
  palette: DrawCopyPalette,
  dataSize: number,
): number => {
  const target = out
  const { id, colours } = palette
  checkRoom(out, at, drawCopyPaletteSize(palette, dataSize), 0)
  const payload = writeCopyAndDescriptor(out, at, image, IMAGE_TYPE.lzPlt)
  target[payload] =
    BITMAP_FLAG.topDown | (colours === undefined ? BITMAP_FLAG.palFromCache : BITMAP_FLAG.palCacheMe)
  putU32(out, payload + 1, dataSize)
  if (colours === undefined) {
    putU64(out, payload + 5, id)
    return payload + 13
  }
  const data = payload + 9
  const head = data + dataSize
  putU32(out, payload + 5, head - at)
  putU64(out, head, id)
  target[head + 8] = colours.length
  target[head + 9] = colours.length >>> 8
  for (const [index, colour] of colours.entries()) {
    putU32(out, head + PALETTE_HEAD_SIZE + 4 * index, colour)
  }
  return data
}

/** What stands behind an image descriptor. */
export type ImagePayload =
  | (ValueOf<typeof bitmapHeader> & { readonly kind: 'bitmap'; readonly data: Uint8Array })
  | { readonly kind: 'coded'; readonly data: Uint8Array }
  /** zlib data of a GLZ image of `glzSize` bytes. */
  | { readonly kind: 'packed'; readonly glzSize: number; readonly data: Uint8Array }
  /** An LZ image of indexes. */
  | { readonly kind: 'indexed'; readonly palette: PaletteOrId; readonly data: Uint8Array }
  | { readonly kind: 'surface'; readonly surfaceId: number }
  | { readonly kind: 'cached' }

/** A palette that came with its image, or one from the cache. */
export interface PaletteOrId {
  /** 0 for one that has none. */
  readonly id: bigint
  /** 0x00RRGGBB; `undefined`: it is in the cache. */
  readonly colours: readonly number[] | undefined
  /** It is to be kept. */
  readonly keep: boolean
}

export type DecodedImage = ValueOf<typeof imageDescriptor> & { readonly payload: ImagePayload }

const decodePalette = (body: Uint8Array, at: number): Omit<PaletteOrId, 'keep'> => {
  if (at > body.length) {
    throw new SidecarError('SIDECAR_PROTOCOL', 'palette is outside the message', { at, size: body.length })
  }
  const reader = new ByteReader(body, at)
  const id = reader.u64()
  const count = reader.u16()
  if (count === 0 || count > MAX_PALETTE) {
    throw new SidecarError('SIDECAR_PROTOCOL', 'palette of no size that there is', { count })
  }
  return { id, colours: Array.from({ length: count }, () => reader.u32()) }
}

const decodeIndexed = (body: Uint8Array, reader: ByteReader): ImagePayload => {
  const flags = reader.u8()
  const size = reader.u32()
  const palette =
    (flags & BITMAP_FLAG.palFromCache) === 0
      ? decodePalette(body, reader.u32())
      : { id: reader.u64(), colours: undefined }
  const keep = (flags & BITMAP_FLAG.palCacheMe) !== 0
  return { kind: 'indexed', palette: { ...palette, keep }, data: reader.bytes(size) }
}

const decodePayload = (type: number, body: Uint8Array, reader: ByteReader): ImagePayload => {
  switch (type) {
    case IMAGE_TYPE.bitmap: {
      const header = bitmapHeader.decode(reader)
      if ((header.flags & BITMAP_FLAG.palFromCache) !== 0 || reader.u32() !== 0) {
        throw new SidecarError('SIDECAR_PROTOCOL', 'image with a palette', { format: header.format })
      }
      return { kind: 'bitmap', ...header, data: reader.bytes(header.stride * header.height) }
    }
    case IMAGE_TYPE.quic:
    case IMAGE_TYPE.lzRgb:
    case IMAGE_TYPE.glzRgb:
    case IMAGE_TYPE.jpeg:
    case IMAGE_TYPE.lz4: {
      return { kind: 'coded', data: reader.bytes(reader.u32()) }
    }
    case IMAGE_TYPE.zlibGlzRgb: {
      const glzSize = reader.u32()
      return { kind: 'packed', glzSize, data: reader.bytes(reader.u32()) }
    }
    case IMAGE_TYPE.lzPlt: {
      return decodeIndexed(body, reader)
    }
    case IMAGE_TYPE.surface: {
      return { kind: 'surface', surfaceId: reader.u32() }
    }
    case IMAGE_TYPE.fromCache:
    case IMAGE_TYPE.fromCacheLossless: {
      return { kind: 'cached' }
    }
    default: {
      throw new SidecarError('SIDECAR_PROTOCOL', 'image of an unknown type', { type })
    }
  }
}

/**
 * Decodes the image at offset `at` of a body; its data is a view. Palettes of raw images and JPEG with alpha are not read:
 * nothing here sends them.
 *
 * @throws SidecarError SIDECAR_PROTOCOL
 */
export const decodeImage = (body: Uint8Array, at: number): DecodedImage => {
  if (at > body.length) {
    throw new SidecarError('SIDECAR_PROTOCOL', 'offset is outside the message', { at, size: body.length })
  }
  const reader = new ByteReader(body, at)
  const descriptor = imageDescriptor.decode(reader)
  return { ...descriptor, payload: decodePayload(descriptor.type, body, reader) }
}

export type DecodedDrawCopy = Omit<ValueOf<typeof displayServer.drawCopy>, 'imageAt' | 'pointed'> & {
  readonly image: DecodedImage | undefined
}

/**
 * Decodes a DRAW_COPY with its image, as a client does; the offset of the image must lie behind the fixed part.
 *
 * @throws SidecarError SIDECAR_PROTOCOL
 */
export const decodeDrawCopy = (body: Uint8Array): DecodedDrawCopy => {
  const { imageAt, pointed, ...drawing } = displayServer.drawCopy.decode(body)
  if (imageAt === 0) {
    return { ...drawing, image: undefined }
  }
  if (imageAt < body.length - pointed.length) {
    throw new SidecarError('SIDECAR_PROTOCOL', 'offset is inside the fixed part', { at: imageAt })
  }
  return { ...drawing, image: decodeImage(body, imageAt) }
}
