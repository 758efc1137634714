/** Codecs whose frames refer to earlier ones; MJPEG frames are ordinary JPEG images. */
export type VideoCodec = 'h264' | 'vp8' | 'vp9'

export const VIDEO_CODECS: readonly VideoCodec[] = ['h264', 'vp8', 'vp9']

/** Shortest and longest side of a frame, pixels. Smaller ones do not pay, larger ones no coder here keeps up with. */
export const VIDEO_MIN_SIDE = 16
export const VIDEO_MAX_SIDE = 4096

/** What a stream is coded as. */
export interface VideoFormat {
  readonly codec: VideoCodec
  /** Pixels, {@link VIDEO_MIN_SIDE} to {@link VIDEO_MAX_SIDE}. */
  readonly width: number
  readonly height: number
  /** Frames a second that come, 1 to 120; what is outside is taken as the nearest. */
  readonly fps: number
  /** Bits a second that the frames may take, 64 000 to 100 000 000; what is outside is taken as the nearest. */
  readonly bitRate: number
}

/** One frame beside its pixels; what is left out stays as it was. */
export interface VideoFrame {
  /** Time of the picture, ms; only differences count. */
  readonly ptsMs: number
  readonly bitRate?: number | undefined
  readonly fps?: number | undefined
  /** The frame is to stand for itself, since earlier ones did not all arrive. */
  readonly keyFrame?: boolean | undefined
}

const within = (value: number, min: number, max: number): number =>
  Number.isFinite(value) ? Math.min(max, Math.max(min, value)) : min

export const clampFps = (fps: number): number => within(fps, 1, 120)
export const clampBitRate = (bitRate: number): number => Math.round(within(bitRate, 64_000, 100_000_000))

/** Whether frames of that size are coded at all. */
export const isVideoSize = (width: number, height: number): boolean =>
  [width, height].every((side) => Number.isInteger(side) && side >= VIDEO_MIN_SIDE && side <= VIDEO_MAX_SIDE)
