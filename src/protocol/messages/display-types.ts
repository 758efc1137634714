import { choice, enumOf, flagsOf, i32, list, rest, struct, u16, u32, u64, u8 } from '../schema.js'

export const SURFACE_FORMAT = { a1: 1, a8: 8, rgb555: 16, rgb565: 80, xrgb32: 32, argb32: 96 } as const
export const SURFACE_FLAG = { primary: 1, streamingMode: 2 } as const

export const BITMAP_FORMAT = {
  plt1Le: 1,
  plt1Be: 2,
  plt4Le: 3,
  plt4Be: 4,
  plt8: 5,
  rgb16: 6,
  rgb24: 7,
  rgb32: 8,
  rgba: 9,
  a8: 10,
} as const

export const BITMAP_FLAG = { palCacheMe: 1, palFromCache: 2, topDown: 4 } as const

export const IMAGE_TYPE = {
  bitmap: 0,
  quic: 1,
  lzPlt: 100,
  lzRgb: 101,
  glzRgb: 102,
  fromCache: 103,
  surface: 104,
  jpeg: 105,
  fromCacheLossless: 106,
  zlibGlzRgb: 107,
  jpegAlpha: 108,
  lz4: 109,
} as const

export const IMAGE_FLAG = { cacheMe: 1, highBitsSet: 2, cacheReplaceMe: 4 } as const

/** Who made an image: low half of its id (`protocol-display.md` 8.2). */
export const IMAGE_GROUP = { driver: 0, device: 1, red: 2, driverDontCache: 3 } as const

/** Bits of a raster operation descriptor. */
export const ROP = {
  inversSrc: 1,
  inversBrush: 2,
  inversDest: 4,
  put: 8,
  or: 16,
  and: 32,
  xor: 64,
  blackness: 128,
  whiteness: 256,
  invers: 512,
  inversRes: 1024,
} as const

export const SCALE_MODE = { interpolate: 0, nearest: 1 } as const
export const CLIP_TYPE = { none: 0, rects: 1 } as const
export const BRUSH_TYPE = { none: 0, solid: 1, pattern: 2 } as const
export const MASK_FLAG = { invers: 1 } as const

/** Rectangles of a clip; far above what a real one has. */
export const CLIP_RECTS_MAX = 65_536

/** Bytes behind the fixed part of a drawing message: images, masks, palettes, paths. */
export const POINTED_MAX = 512 * 1024 * 1024

/** What the offsets of a drawing message point to. */
export const pointed = rest({ max: POINTED_MAX })

export const point = struct({ x: i32, y: i32 })
/** Half open; mind the wire order. */
export const rect = struct({ top: i32, left: i32, bottom: i32, right: i32 })

export const clip = choice(
  'type',
  u8,
  { none: {}, rects: { rects: list(u32, rect, { max: CLIP_RECTS_MAX }) } },
  { none: [CLIP_TYPE.none], rects: [CLIP_TYPE.rects] },
  (type) => {
    switch (type) {
      case CLIP_TYPE.none: {
        return 'none'
      }
      case CLIP_TYPE.rects: {
        return 'rects'
      }
      default: {
        return undefined
      }
    }
  },
)

/** Start of every drawing message. */
export const displayBase = { surfaceId: u32, box: rect, clip } as const

/** Offset of something from the start of the body; 0: there is none. */
export const ptr32 = u32

/** `color` is 0x00RRGGBB. */
export const brush = choice(
  'type',
  u8,
  { none: {}, solid: { color: u32 }, pattern: { imageAt: ptr32, pos: point } },
  { none: [BRUSH_TYPE.none], solid: [BRUSH_TYPE.solid], pattern: [BRUSH_TYPE.pattern] },
  (type) => {
    switch (type) {
      case BRUSH_TYPE.none: {
        return 'none'
      }
      case BRUSH_TYPE.solid: {
        return 'solid'
      }
      case BRUSH_TYPE.pattern: {
        return 'pattern'
      }
      default: {
        return undefined
      }
    }
  },
)

export const mask = struct({ flags: flagsOf(u8, MASK_FLAG), pos: point, imageAt: ptr32 })

export const rop = flagsOf(u16, ROP)
export const scaleMode = enumOf(u8, SCALE_MODE)

/** First 18 bytes of an image. */
export const imageDescriptor = struct({
  id: u64,
  type: enumOf(u8, IMAGE_TYPE),
  flags: flagsOf(u8, IMAGE_FLAG),
  width: u32,
  height: u32,
})

/** First 14 bytes of a raw image behind its descriptor; a palette id or offset follows. */
export const bitmapHeader = struct({
  format: enumOf(u8, BITMAP_FORMAT),
  flags: flagsOf(u8, BITMAP_FLAG),
  width: u32,
  height: u32,
  stride: u32,
})
