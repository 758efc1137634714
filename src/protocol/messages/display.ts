import {
  bytes,
  countedAhead,
  empty,
  enumOf,
  flagsOf,
  i32,
  i64,
  list,
  message,
  messageOf,
  struct,
  u16,
  u32,
  u64,
  u8,
} from '../schema.js'
import { channelWait } from './common.js'
import {
  brush,
  clip,
  displayBase,
  mask,
  point,
  pointed,
  ptr32,
  rect,
  rop,
  scaleMode,
  SURFACE_FLAG,
  SURFACE_FORMAT,
} from './display-types.js'
import { displayUnsent } from './display-unsent.js'

export const VIDEO_CODEC = { mjpeg: 1, vp8: 2, h264: 3, vp9: 4, h265: 5 } as const
export const STREAM_FLAG = { topDown: 1 } as const
/** Type of a resource that a client is told to drop. */
export const RESOURCE_TYPE = { pixmap: 1 } as const
/** What a client may ask for with PREFERRED_COMPRESSION. */
export const IMAGE_COMPRESSION = {
  invalid: 0,
  off: 1,
  autoGlz: 2,
  autoLz: 3,
  quic: 4,
  glz: 5,
  lz: 6,
  lz4: 7,
} as const

/** Audio delay of a stream report while no sound plays. */
export const NO_AUDIO_DELAY = 0xffff_ffff

/** Bytes of one coded video frame. */
export const STREAM_DATA_MAX = 64 * 1024 * 1024
/** Heads in one message: the field allows 65 535, no adapter has more than 256. */
export const HEADS_MAX = 256

const copy = { imageAt: ptr32, srcArea: rect, rop, scaleMode, mask, pointed } as const
const invers = { mask, pointed } as const

/** A monitor as the guest arranged it. */
export const head = struct({
  monitorId: u32,
  surfaceId: u32,
  width: u32,
  height: u32,
  x: u32,
  y: u32,
  flags: u32,
})

/**
 * Messages of the display channel from the server (`protocol-display.md` 5 and 7).
 *
 * Fields that end in `At` are offsets from the start of the body into `pointed`.
 */
export const displayServer = {
  ...displayUnsent,
  mode: message(101, { xRes: u32, yRes: u32, bits: u32 }),
  mark: message(102, empty),
  reset: message(103, empty),
  copyBits: message(104, { ...displayBase, srcPos: point }),
  invalList: message(105, {
    resources: list(u16, struct({ type: enumOf(u8, RESOURCE_TYPE), id: u64 }), { max: 65_535 }),
  }),
  invalAllPixmaps: message(106, { waits: list(u8, channelWait, { max: 255 }) }),
  invalPalette: message(107, { id: u64 }),
  invalAllPalettes: message(108, empty),
  streamCreate: message(122, {
    surfaceId: u32,
    id: u32,
    flags: flagsOf(u8, STREAM_FLAG),
    codec: enumOf(u8, VIDEO_CODEC),
    stamp: u64,
    streamWidth: u32,
    streamHeight: u32,
    srcWidth: u32,
    srcHeight: u32,
    dest: rect,
    clip,
  }),
  /** `mmTime` in milliseconds. */
  streamData: message(123, { id: u32, mmTime: u32, data: bytes(u32, { max: STREAM_DATA_MAX }) }),
  streamClip: message(124, { id: u32, clip }),
  streamDestroy: message(125, { id: u32 }),
  streamDestroyAll: message(126, empty),
  drawFill: message(302, { ...displayBase, brush, rop, mask, pointed }),
  drawOpaque: message(303, {
    ...displayBase,
    imageAt: ptr32,
    srcArea: rect,
    brush,
    rop,
    scaleMode,
    mask,
    pointed,
  }),
  drawCopy: message(304, { ...displayBase, ...copy }),
  drawBlend: message(305, { ...displayBase, ...copy }),
  drawBlackness: message(306, { ...displayBase, ...invers }),
  drawWhiteness: message(307, { ...displayBase, ...invers }),
  drawInvers: message(308, { ...displayBase, ...invers }),
  drawRop3: message(309, {
    ...displayBase,
    imageAt: ptr32,
    srcArea: rect,
    brush,
    rop3: u8,
    scaleMode,
    mask,
    pointed,
  }),
  drawTransparent: message(312, {
    ...displayBase,
    imageAt: ptr32,
    srcArea: rect,
    srcColor: u32,
    trueColor: u32,
    pointed,
  }),
  drawAlphaBlend: message(313, {
    ...displayBase,
    alphaFlags: flagsOf(u8, { destHasAlpha: 1, srcSurfaceHasAlpha: 2 }),
    alpha: u8,
    imageAt: ptr32,
    srcArea: rect,
    pointed,
  }),
  surfaceCreate: message(314, {
    surfaceId: u32,
    width: u32,
    height: u32,
    format: enumOf(u32, SURFACE_FORMAT),
    flags: flagsOf(u32, SURFACE_FLAG),
  }),
  surfaceDestroy: message(315, { surfaceId: u32 }),
  streamDataSized: message(316, {
    id: u32,
    mmTime: u32,
    width: u32,
    height: u32,
    dest: rect,
    data: bytes(u32, { max: STREAM_DATA_MAX }),
  }),
  /** The count of heads stands before `maxAllowed` on the wire. */
  monitorsConfig: messageOf(317, countedAhead(u16, { maxAllowed: u16 }, 'heads', head, { max: HEADS_MAX })),
  /** `maxWindowSize` in frames. */
  streamActivateReport: message(319, { streamId: u32, uniqueId: u32, maxWindowSize: u32, timeoutMs: u32 }),
} as const

/** Messages of the display channel from the client (`protocol-display.md` 6). */
export const displayClient = {
  /** Both sizes in pixels. */
  init: message(101, { pixmapCacheId: u8, pixmapCacheSize: i64, glzDictionaryId: u8, glzWindowSize: i32 }),
  streamReport: message(102, {
    streamId: u32,
    uniqueId: u32,
    startFrameMmTime: u32,
    endFrameMmTime: u32,
    numFrames: u32,
    numDrops: u32,
    lastFrameDelay: i32,
    audioDelay: u32,
  }),
  preferredCompression: message(103, { compression: enumOf(u8, IMAGE_COMPRESSION) }),
  glDrawDone: message(104, empty),
  preferredVideoCodecType: message(105, { codecs: list(u8, enumOf(u8, VIDEO_CODEC), { max: 255 }) }),
} as const
