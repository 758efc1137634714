import { SidecarError } from '../../core/errors.js'
import { AvEncoder } from '../../host/avcodec-encoder.js'
import type { AvLedger } from '../../host/avcodec-ledger.js'
import { avcodecReason, loadAvcodec, type Avcodec } from '../../host/avcodec.js'
import type { Image } from '../image.js'
import {
  codedSide,
  CODERS,
  encoderOptions,
  rateOf,
  ticksOf,
  type CoderRate,
  type CoderSettings,
} from './coder-settings.js'
import { copyFrame, type FrameRoom } from './copy-frame.js'
import {
  clampBitRate,
  clampFps,
  isVideoSize,
  VIDEO_CODECS,
  type VideoCodec,
  type VideoFormat,
  type VideoFrame,
} from './video-format.js'

/** The coder of one stream. */
export interface VideoEncoder {
  /**
   * Codes the next frame into `out`. A frame of another size than the one before begins anew with a key frame, as does a
   * bit rate that the coder cannot change to while it runs.
   *
   * @returns bytes written; 0: the coder left the frame out to keep to its rate
   * @throws SidecarError SIDECAR_BUG for a frame that cannot be coded, SIDECAR_HOST when the library fails or the frame
   * does not fit; the next frame begins anew
   */
  encode(image: Image, out: Uint8Array, frame: VideoFrame): number
  /** Gives its memory back; callable any number of times. A frame that comes after it opens a coder again. */
  close(): void
}

/** What coders are made of. */
export interface VideoCoderDeps {
  readonly library: Avcodec
  /** Of this thread. */
  readonly ledger: AvLedger
}

/** Longest time from frame to frame that a coder is told of: after a pause it has no more to spend than its buffer, ms. */
const MAX_STEP_MS = 1000

/**
 * A coder that cannot change its rate is opened again only for a rate outside of these multiples of its own: the key frame
 * that comes with it costs bits as well, and too high a rate costs more than too low a one.
 */
const KEEP_FROM = 0.9
const KEEP_TO = 1.5

/** One that can is opened again for more than this multiple: it would starve its next frames as if it had spent the rise. */
const MAX_RISE = 2

const PIXEL_BYTES = 4

/** The coder that the library has for a codec, the best one. */
const coderFor = (library: Avcodec, codec: VideoCodec): CoderSettings | undefined =>
  CODERS[codec].find(({ coder }) => library.encoder(coder) !== undefined)

/** Codecs that the library has coders for. */
export const videoCodecsOf = (library: Avcodec | undefined): readonly VideoCodec[] =>
  library === undefined ? [] : VIDEO_CODECS.filter((codec) => coderFor(library, codec) !== undefined)

/** What a machine can code. */
export interface AvailableVideo {
  readonly codecs: readonly VideoCodec[]
  /** Why it is not all, for the log. */
  readonly reason: string | undefined
}

/** Asks this machine; the first call in a process loads the library, which costs 14 MB. */
export const availableVideo = (): AvailableVideo => {
  const library = loadAvcodec()
  const codecs = videoCodecsOf(library)
  const lacks = VIDEO_CODECS.filter((codec) => !codecs.includes(codec))
  const without = lacks.length > 0 ? `libavcodec was built without ${lacks.join(', ')}` : undefined
  return { codecs, reason: library === undefined ? avcodecReason() : without }
}

/** A coder that runs. */
interface Running {
  readonly encoder: AvEncoder
  readonly room: FrameRoom
  readonly settings: CoderSettings
  /** What it was opened for. */
  readonly opened: VideoFormat
  /** What it was told last. */
  told: CoderRate
  pts: number
  lastMs: number
}

class AvVideoEncoder implements VideoEncoder {
  readonly #deps: VideoCoderDeps
  #format: VideoFormat
  #running: Running | undefined
  #wantsKey = false

  constructor(format: VideoFormat, deps: VideoCoderDeps) {
    this.#format = format
    this.#deps = deps
  }

  encode(image: Image, out: Uint8Array, frame: VideoFrame): number {
    checkFrame(image, frame)
    const { width, height } = image
    this.#format = {
      ...{ codec: this.#format.codec, width, height },
      fps: clampFps(frame.fps ?? this.#format.fps),
      bitRate: clampBitRate(frame.bitRate ?? this.#format.bitRate),
    }
    if (this.#running !== undefined && !fits(this.#running, this.#format)) {
      this.close()
    }
    try {
      this.#running ??= this.#open()
      return this.#code(this.#running, image, out, frame)
    } catch (thrown) {
      this.close()
      throw thrown
    }
  }

  close(): void {
    this.#running?.encoder.close()
    this.#running = undefined
    this.#wantsKey = false
  }

  #open(): Running {
    const { library, ledger } = this.#deps
    const format = this.#format
    const settings = coderFor(library, format.codec)
    if (settings === undefined) {
      throw new SidecarError('SIDECAR_HOST', 'this machine has no coder for a video codec', {
        codec: format.codec,
      })
    }
    const encoder = new AvEncoder(library, ledger, encoderOptions(settings, format))
    const room = {
      ...{ pixels: encoder.pixels, stride: encoder.stride },
      // Colours are coded for two pixels at a time, also where the codec has odd sizes.
      width: format.width + (format.width % 2),
      height: codedSide(settings, format.height),
    }
    const told = rateOf(settings, format.fps, format.fps, format.bitRate)
    return { encoder, room, settings, opened: format, told, pts: 0, lastMs: Number.NEGATIVE_INFINITY }
  }

  /** HOT PATH: one frame. */
  #code(running: Running, image: Image, out: Uint8Array, { ptsMs, keyFrame = false }: VideoFrame): number {
    const { encoder, settings, opened } = running
    retune(running, this.#format)
    const stepMs = Math.min(MAX_STEP_MS, Math.max(0, ptsMs - running.lastMs))
    const step = Math.max(1, Math.round((stepMs * ticksOf(settings, opened.fps)) / 1000))
    running.pts = running.lastMs === Number.NEGATIVE_INFINITY ? 0 : running.pts + step
    running.lastMs = ptsMs
    copyFrame(image, running.room)
    const wantsKey = keyFrame || this.#wantsKey
    const size = encoder.encode(running.pts, wantsKey, out)
    if (size < 0) {
      throw new SidecarError('SIDECAR_HOST', 'video frame is larger than its pixels', { room: out.length })
    }
    this.#wantsKey = wantsKey && size === 0
    return size
  }
}

/** Whether a coder can go on with that format. */
const fits = (running: Running, format: VideoFormat): boolean => {
  const { settings, opened, told } = running
  const { width, height, fps, bitRate } = format
  if (width !== opened.width || height !== opened.height) {
    return false
  }
  return settings.retunes
    ? rateOf(settings, opened.fps, fps, bitRate).perSecond <= told.perSecond * MAX_RISE
    : bitRate >= opened.bitRate * KEEP_FROM && bitRate <= opened.bitRate * KEEP_TO
}

/** Tells a running coder its rate, where that works. */
const retune = (running: Running, { fps, bitRate }: VideoFormat): void => {
  const { encoder, settings, opened } = running
  const rate = rateOf(settings, opened.fps, fps, bitRate)
  if (settings.retunes && rate.perSecond !== running.told.perSecond) {
    running.told = rate
    for (const [name, value] of Object.entries(settings.rateOptions(rate))) {
      encoder.setOption(name, value)
    }
  }
}

const checkFrame = (image: Image, { ptsMs }: VideoFrame): void => {
  const { format, width, height, stride, pixels } = image
  const row = width * PIXEL_BYTES
  if (
    (format !== 'rgb32' && format !== 'rgba') ||
    !isVideoSize(width, height) ||
    !(Number.isSafeInteger(stride) && stride >= row) ||
    !(pixels.length >= stride * (height - 1) + row) ||
    !Number.isFinite(ptsMs)
  ) {
    throw new SidecarError('SIDECAR_BUG', 'picture is none that a video coder can code', {
      ...{ format, width, height, stride, ptsMs },
      size: pixels.length,
    })
  }
}

/**
 * Coder of a video stream: a frame in, its bytes out, at once. H.264 is a byte stream (Annex B) with the parameter sets in
 * front of each key frame; VP8 and VP9 frames stand without a container. Colours: see `matrixFor`.
 *
 * VP8 and VP9 have any size. H.264 with 4:2:0 has even ones only: a frame with an odd side is coded with its last column or
 * row twice, and a client that scales what it decodes to the size of the stream shrinks it by that one pixel. So the
 * owner of a stream does well to give it an even size.
 *
 * Nothing is opened before the first frame.
 */
export const createVideoEncoder = (format: VideoFormat, deps: VideoCoderDeps): VideoEncoder =>
  new AvVideoEncoder(format, deps)
