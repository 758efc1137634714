import {
  always,
  countedAhead,
  flagged,
  flagsOf,
  i16,
  list,
  message,
  rest,
  struct,
  u32,
  u64,
  u8,
  whenSet,
} from '../schema.js'
import { brush, displayBase, point, pointed, ptr32, rect, rop } from './display-types.js'

/** Bits of a line's attributes (`protocol-display.md` 7). */
export const LINE_FLAG = { startWithGap: 4, styled: 8 } as const

/** Bits of a path segment. */
export const PATH_FLAG = { begin: 1, end: 2, close: 8, bezier: 16 } as const

/** Bits of a composite operation that say which fields there are; the others hold operator, filters and repeats. */
export const COMPOSITE_FLAG = {
  componentAlpha: 1 << 18,
  hasMask: 1 << 19,
  hasSourceTransform: 1 << 20,
  hasMaskTransform: 1 << 21,
  sourceOpaque: 1 << 22,
  maskOpaque: 1 << 23,
  destOpaque: 1 << 24,
} as const

export const SCANOUT_FLAG = { y0Top: 1 } as const

/** Planes of a scanout. */
export const SCANOUT_PLANES_MAX = 4
/** Segments of a path and points of a segment; far above what a real one has. */
const PATH_MAX = 65_536
const QUALITY_MAX = 2048

const lineAttributes = flagged('flags', flagsOf(u8, LINE_FLAG), {
  /** `styleAt` points to `segments` lengths in 28.4 fixed point. */
  style: whenSet(LINE_FLAG.styled, struct({ segments: u8, styleAt: ptr32 })),
})

/** 16.16 fixed point. */
const transform = struct({ t00: u32, t01: u32, t02: u32, t10: u32, t11: u32, t12: u32 })

const point16 = struct({ x: i16, y: i16 })

/** What the path of a stroke points to; coordinates in 28.4 fixed point. */
export const strokePath = list(
  u32,
  struct({ flags: flagsOf(u8, PATH_FLAG), points: list(u32, point, { max: PATH_MAX }) }),
  { max: PATH_MAX },
)

/** Drawing messages that this server renders itself and never sends, by the names of {@link displayServer}. */
export const displayUnsent = {
  drawStroke: message(310, {
    ...displayBase,
    pathAt: ptr32,
    attributes: lineAttributes,
    brush,
    foreMode: rop,
    backMode: rop,
    pointed,
  }),
  drawText: message(311, {
    ...displayBase,
    stringAt: ptr32,
    backArea: rect,
    foreBrush: brush,
    backBrush: brush,
    foreMode: rop,
    backMode: rop,
    pointed,
  }),
  drawComposite: message(318, {
    ...displayBase,
    composite: flagged('flags', flagsOf(u32, COMPOSITE_FLAG), {
      imageAt: always(ptr32),
      maskAt: whenSet(COMPOSITE_FLAG.hasMask, ptr32),
      sourceTransform: whenSet(COMPOSITE_FLAG.hasSourceTransform, transform),
      maskTransform: whenSet(COMPOSITE_FLAG.hasMaskTransform, transform),
      sourceOrigin: always(point16),
      maskOrigin: always(point16),
    }),
    pointed,
  }),
  /** The descriptor takes no bytes: it comes as ancillary data behind the message (`protocol-display.md` 1). */
  glScanoutUnix: message(320, {
    width: u32,
    height: u32,
    stride: u32,
    drmFourcc: u32,
    flags: flagsOf(u32, SCANOUT_FLAG),
  }),
  glDraw: message(321, { x: u32, y: u32, width: u32, height: u32 }),
  qualityIndicator: message(322, { data: rest({ max: QUALITY_MAX }) }),
  /** One descriptor for each plane, as above. */
  glScanout2Unix: message(323, {
    width: u32,
    height: u32,
    drmFourcc: u32,
    flags: flagsOf(u32, SCANOUT_FLAG),
    buffer: countedAhead(u8, { modifier: u64 }, 'planes', struct({ offset: u32, stride: u32 }), {
      max: SCANOUT_PLANES_MAX,
    }),
  }),
} as const
