/** One family of FFmpeg's libraries, as a release of Debian ships it, and where the few fields lie that are used. */
export interface AvLayout {
  /** Major versions, which are also in the sonames. */
  readonly avcodec: number
  readonly avutil: number
  readonly swscale: number
  /** Offsets in AVCodecParameters, all 32-bit. */
  readonly parameters: { readonly format: number; readonly width: number; readonly height: number }
  /** Offsets in AVFrame: planes, their bytes per row, then 32-bit fields, and the 64-bit time stamp. */
  readonly frame: {
    readonly data: number
    readonly lineSize: number
    readonly width: number
    readonly height: number
    readonly format: number
    readonly pictureType: number
    readonly pts: number
  }
  /** Offsets in AVPacket: an address, and two 32-bit fields. */
  readonly packet: { readonly data: number; readonly size: number; readonly flags: number }
}

const FRAME = { data: 0, lineSize: 64, width: 104, height: 108, format: 116, pictureType: 124, pts: 136 }
const PACKET = { data: 24, size: 32, flags: 40 }

/**
 * The two families that are known, newest first: FFmpeg 7.1 (Debian 13) and 5.1 (Debian 12). The numbers are what the C
 * compiler makes of the headers of these versions on 64-bit Linux; within a major version they do not change. An unknown
 * version is refused.
 */
export const AV_LAYOUTS: readonly AvLayout[] = [
  {
    ...{ avcodec: 61, avutil: 59, swscale: 8 },
    parameters: { format: 44, width: 72, height: 76 },
    frame: FRAME,
    packet: PACKET,
  },
  {
    ...{ avcodec: 59, avutil: 57, swscale: 6 },
    parameters: { format: 28, width: 56, height: 60 },
    frame: FRAME,
    packet: PACKET,
  },
]

/** Offsets of the 32-bit fields in front of AVCodecParameters, in every version. */
export const PARAMETERS_CODEC_TYPE = 0
export const PARAMETERS_CODEC_ID = 4

/** AVMEDIA_TYPE_VIDEO. */
export const MEDIA_VIDEO = 0
/** AV_PICTURE_TYPE_I, and the value that leaves the choice to the coder. */
export const PICTURE_KEY = 1
export const PICTURE_ANY = 0

/** Numbers of codecs and pixel formats, the same in both families. */
export const CODEC_ID = { h264: 27, vp8: 139, vp9: 167 } as const
export const FORMAT_YUV420P = 0
export const FORMAT_BGR0 = 121
