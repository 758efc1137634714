import type { ErrorCode } from '../../core/errors.js'
import type { GlzMotion } from '../glz/index.js'
import type { ImageEncoder } from '../image.js'
import type { VideoFormat, VideoFrame } from '../video/index.js'
import type { GlzNote } from './glz-port.js'
import type { PixelBlock } from './pixel-block.js'

/** Goes up with every change of the messages below; a worker of another version is not used. */
export const JOB_PROTOCOL_VERSION = 2

/** What an image can be coded with; `raw` copies. */
export type PoolCodec = 'raw' | ImageEncoder['name']

/** What a job asks for: an image, or the next frame of a video stream. */
export type JobCodec = PoolCodec | 'video'

/** Codecs whose images stand for themselves. */
export type FreeCodec = Exclude<PoolCodec, 'glz'>

/** What an image was coded as: what was asked for, or `raw` where that did not pay; GLZ may come packed. */
export type CodedAs = JobCodec | 'zlib-glz'

/** How to code; what a codec does not know is ignored. */
export interface CodingOptions {
  /** JPEG only: 1 to 100. */
  readonly quality?: number
  /** JPEG of 32 bit pixels only: width and height are halved before. */
  readonly half?: boolean
}

interface Request {
  /** Names the job in its answer; never used twice. */
  readonly job: number
  readonly block: PixelBlock
  /** Free bytes in front of the coded ones. */
  readonly headroom: number
}

/** One image; goes raw where coding does not make it smaller. */
export interface EncodeRequest extends Request {
  readonly type: 'encode'
  readonly codec: FreeCodec
  readonly options: CodingOptions
}

/** Some rows of an image whose bands, one behind the other, are one image. */
export interface BandRequest extends Request {
  readonly type: 'band'
  readonly codec: FreeCodec
  /** Rows of the whole image in front of whose first band the header goes; `undefined`: a later band. */
  readonly imageHeight: number | undefined
}

/** The next image of a dictionary; goes raw, and is no image of the dictionary, where coding does not make it smaller. */
export interface GlzEncodeRequest extends Request {
  readonly type: 'glzEncode'
  readonly dictionary: number
  /** Display channel that the image will be sent on. */
  readonly channel: number
  readonly motion: GlzMotion | undefined
  /** Pack what was coded with zlib, where that makes it smaller. */
  readonly deflate: boolean
}

/** The next frame of a stream. */
export interface VideoEncodeRequest extends Request {
  readonly type: 'videoEncode'
  readonly stream: number
  readonly frame: VideoFrame
}

/** Jobs: each is answered once, in order. */
export type JobRequest = EncodeRequest | BandRequest | GlzEncodeRequest | VideoEncodeRequest

/** Makes a dictionary, or makes it anew; its window is empty. */
export interface GlzOpen {
  readonly type: 'glzOpen'
  readonly dictionary: number
  readonly windowPixels: number
  /** Id of the first image that it will code. */
  readonly nextImage: number
}

export interface GlzClose {
  readonly type: 'glzClose'
  readonly dictionary: number
}

/** Makes the coder of a stream, or makes it anew; its next frame is a key frame. */
export interface VideoOpen {
  readonly type: 'videoOpen'
  readonly stream: number
  readonly format: VideoFormat
}

export interface VideoClose {
  readonly type: 'videoClose'
  readonly stream: number
}

/** Main thread to worker. */
export type ToWorker = JobRequest | GlzOpen | GlzClose | VideoOpen | VideoClose

export interface Ready {
  readonly type: 'ready'
  readonly version: number
}

export interface Coded {
  readonly type: 'coded'
  readonly job: number
  readonly codec: CodedAs
  /** Exactly the headroom and what was coded. */
  readonly buffer: ArrayBuffer
  /** With codec `glz` and `zlib-glz` only. */
  readonly glz: GlzNote | undefined
}

/** The job cannot be done; the worker goes on. */
export interface Failed {
  readonly type: 'failed'
  readonly job: number
  readonly code: ErrorCode
  readonly message: string
  /** The encoder had begun: a dictionary is in an unknown state. */
  readonly begun: boolean
}

export type JobAnswer = Coded | Failed

/** Worker to main thread. */
export type FromWorker = Ready | JobAnswer
