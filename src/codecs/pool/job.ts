import type { SidecarError } from '../../core/errors.js'
import type { GlzMotion } from '../glz/index.js'
import type { VideoFrame } from '../video/index.js'
import type { GlzNote } from './glz-port.js'
import type { CodedAs, CodingOptions, FreeCodec } from './messages.js'
import type { FailReason } from './options.js'
import type { PixelBlock } from './pixel-block.js'

interface JobCommon {
  /** Who pays for it: a number of the client's, never used for another one. */
  readonly owner: number
  readonly block: PixelBlock
  /** Bytes to leave free in front of what is coded: the largest prefix that the message may need. */
  readonly headroom: number
}

export interface FreeJob extends JobCommon {
  readonly codec: FreeCodec
  readonly options?: CodingOptions
  /**
   * Codes the image in so many bands, at the same time where workers are free; one image all the same. Only for codecs
   * with bands (`BandedEncoder`) and `raw`.
   */
  readonly bands?: number
  /**
   * Names the pixels that there are when it is called: as long as it says the same, so are they. Jobs of several owners with the
   * same key that code alike are done once.
   */
  readonly key?: () => string
}

export interface GlzJob extends JobCommon {
  readonly codec: 'glz'
  /** From `EncoderPool.openDictionary`. */
  readonly dictionary: number
  /** Id of the display channel that the image will be sent on, 0 to 255. */
  readonly channel: number
  /** How pixels moved, where that is known. */
  readonly motion?: GlzMotion
  /** Pack what was coded with zlib, where that makes it smaller (`zlib-glz-wan-compression`). */
  readonly deflate?: boolean
}

/**
 * The next frame of a video stream. Frames refer to earlier ones: whoever does not send one that was coded, or whose client
 * missed one, asks for a key frame with the next.
 */
export interface VideoJob extends JobCommon, VideoFrame {
  readonly codec: 'video'
  /** From `EncoderPool.openVideo`. */
  readonly stream: number
}

/** A rectangle to code. Its pixels are those of the time at which the work begins. */
export type EncodeJob = FreeJob | GlzJob | VideoJob

/** An image, ready to be sent. */
export interface CodedImage {
  readonly kind: 'coded'
  readonly codec: CodedAs
  /**
   * The image in order: the first piece begins with the headroom, the others belong behind it. More than one only for
   * bands. Each piece has memory of its own, of exactly its size.
   */
  readonly pieces: readonly Uint8Array[]
  /** Bytes of the image, without the headroom. 0 only for video: the coder left the frame out to keep to its rate. */
  readonly size: number
  /** With codec `glz` and `zlib-glz`: it must be sent, its id is taken; `size` there is that of the GLZ image. */
  readonly glz: GlzNote | undefined
  /** Time from the handing over to the answer, ms. */
  readonly encodeMs: number
}

export interface FailedImage {
  readonly kind: 'failed'
  readonly reason: FailReason
  readonly error: SidecarError
}

export type EncodeOutcome = CodedImage | FailedImage

/** What became of a job that was handed in. */
export type Submission =
  | {
      readonly kind: 'queued'
      /**
       * Nobody wants the image any more.
       *
       * @returns whether it is dropped, so that no outcome comes; not for a GLZ image that is being coded: it has its
       * id and must be sent
       */
      cancel(): boolean
    }
  /** No room now: let damage gather; see `EncoderPool.whenRoom`. */
  | { readonly kind: 'full' }
  /** No worker runs and none may be started now: code small pieces with `EncoderPool.encodeNow`. */
  | { readonly kind: 'down' }

/** The image in one piece; copies only what was coded in bands. */
export const joinPieces = ({ pieces }: CodedImage): Uint8Array => {
  const [first] = pieces
  if (first !== undefined && pieces.length === 1) {
    return first
  }
  const joined = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    joined.set(piece, at)
    at += piece.length
  }
  return joined
}
