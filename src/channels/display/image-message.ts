import type { CodedImage } from '../../codecs/index.js'
import { ByteWriter } from '../../core/bytes.js'
import { rectOf } from '../../core/region.js'
import {
  BITMAP_FORMAT,
  CLIP_TYPE,
  DRAW_COPY_BITMAP_PREFIX_SIZE,
  DRAW_COPY_FIXED_SIZE,
  DRAW_COPY_LZ_PREFIX_SIZE,
  DRAW_COPY_ZLIB_GLZ_PREFIX_SIZE,
  drawCopyPaletteSize,
  IMAGE_TYPE,
  imageDescriptor,
  ROP,
  SCALE_MODE,
  writeDrawCopyBitmap,
  writeDrawCopyLz,
  writeDrawCopyPalette,
  writeDrawCopyZlibGlz,
  type displayServer,
  type DrawCopyImage,
  type DrawCopyPalette,
  type ValueOf,
} from '../../protocol/index.js'
import type { CachedPiece } from './outbox.js'

/** The largest prefix of a DRAW_COPY body in front of its image. */
export const DRAW_COPY_MAX_PREFIX = Math.max(
  DRAW_COPY_BITMAP_PREFIX_SIZE,
  DRAW_COPY_LZ_PREFIX_SIZE,
  DRAW_COPY_ZLIB_GLZ_PREFIX_SIZE,
)

const CODED_TYPES = {
  lz: IMAGE_TYPE.lzRgb,
  quic: IMAGE_TYPE.quic,
  glz: IMAGE_TYPE.glzRgb,
  lz4: IMAGE_TYPE.lz4,
  jpeg: IMAGE_TYPE.jpeg,
} as const

/**
 * HOT PATH: puts the prefix of a DRAW_COPY in front of a coded image, without a copy.
 *
 * @param bytes the image in one piece, behind `headroom` free bytes
 * @param headroom free bytes in front of the image, at least `header` and {@link DRAW_COPY_MAX_PREFIX}
 * @param header bytes of the message header
 * @returns the message, its header not yet written
 */
export const drawCopyMessage = (
  image: CodedImage,
  bytes: Uint8Array,
  place: DrawCopyImage,
  headroom: number,
  header: number,
): Uint8Array => {
  const { codec, size } = image
  switch (codec) {
    case 'raw': {
      const at = headroom - DRAW_COPY_BITMAP_PREFIX_SIZE
      writeDrawCopyBitmap(bytes, at, { ...place, format: BITMAP_FORMAT.rgb32 })
      return bytes.subarray(at - header)
    }
    case 'zlib-glz': {
      const at = headroom - DRAW_COPY_ZLIB_GLZ_PREFIX_SIZE
      writeDrawCopyZlibGlz(bytes, at, place, image.glz?.size ?? 0, size)
      return bytes.subarray(at - header)
    }
    case 'jpeg-alpha': {
      throw new RangeError('the picture of a console has no alpha')
    }
    case 'video': {
      throw new RangeError('a frame of a stream is no picture by itself')
    }
    default: {
      const at = headroom - DRAW_COPY_LZ_PREFIX_SIZE
      writeDrawCopyLz(bytes, at, { ...place, imageType: CODED_TYPES[codec] }, size)
      return bytes.subarray(at - header)
    }
  }
}

/**
 * A DRAW_COPY of an LZ image of indexes; copies it, as it lies in the coder's memory.
 *
 * @param header bytes of the message header
 */
export const paletteMessage = (
  data: Uint8Array,
  place: DrawCopyImage,
  palette: DrawCopyPalette,
  header: number,
): Uint8Array => {
  const message = new Uint8Array(header + drawCopyPaletteSize(palette, data.length))
  message.set(data, writeDrawCopyPalette(message, header, place, palette, data.length))
  return message
}

/** A DRAW_COPY of a part of an image that the client has in its pixmap cache (`protocol-display.md` 12.2). */
export const cachedCopy = (
  surfaceId: number,
  { box, id, width, height, x, y }: CachedPiece,
): ValueOf<typeof displayServer.drawCopy> => ({
  surfaceId,
  box,
  clip: { type: CLIP_TYPE.none },
  imageAt: DRAW_COPY_FIXED_SIZE,
  srcArea: rectOf(x, y, box.right - box.left, box.bottom - box.top),
  rop: ROP.put,
  scaleMode: SCALE_MODE.interpolate,
  mask: { flags: 0, pos: { x: 0, y: 0 }, imageAt: 0 },
  pointed: descriptorOf({ id, type: IMAGE_TYPE.fromCache, flags: 0, width, height }),
})

const descriptorOf = (image: ValueOf<typeof imageDescriptor>): Uint8Array => {
  const out = new ByteWriter(imageDescriptor.sizeOf(image))
  imageDescriptor.encode(image, out)
  return out.finish()
}
