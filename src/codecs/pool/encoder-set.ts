import { asSidecarError, SidecarError } from '../../core/errors.js'
import { AvLedger, ledgerMemory } from '../../host/avcodec-ledger.js'
import { loadAvcodec } from '../../host/avcodec.js'
import { loadLz4 } from '../../host/lz4.js'
import { loadTurboJpeg } from '../../host/turbojpeg.js'
import type { BandedEncoder, Image, ImageEncoder } from '../image.js'
import { createJpegAlphaEncoder, createJpegEncoder, type JpegEncoder } from '../jpeg/index.js'
import { GlzDictionary } from '../glz/index.js'
import { createLzEncoder } from '../lz/index.js'
import { createLz4Encoder } from '../lz4/index.js'
import { createQuicEncoder } from '../quic/index.js'
import { createVideoEncoder, type VideoEncoder, type VideoFormat } from '../video/index.js'
import type { GlzPort, OpenGlz } from './glz-port.js'
import type { CodingOptions, GlzOpen, VideoOpen } from './messages.js'

/** Codecs that have an encoder of their own; GLZ has dictionaries. */
export type SetCodec = Exclude<ImageEncoder['name'], 'glz'>

export interface MakeOptions {
  /** Largest image. */
  readonly maxPixels: number
}

/** An encoder that may be told how to code each image. */
export interface PoolEncoder extends ImageEncoder {
  encode(image: Image, out: Uint8Array, options?: CodingOptions): number
}

/** An encoder, or `undefined` where this machine lacks what it needs. May throw. */
export type MakeEncoder = (options: MakeOptions) => PoolEncoder | undefined

/** Makes the coder of a stream, or gives `undefined` where this machine has none. May throw. */
export type OpenVideo = (format: VideoFormat, ledger: AvLedger) => VideoEncoder | undefined

export interface EncoderMakers {
  readonly encoders: Readonly<Partial<Record<SetCodec, MakeEncoder>>>
  readonly openGlz: OpenGlz | undefined
  readonly openVideo?: OpenVideo | undefined
}

const createJpeg = ({ maxPixels }: MakeOptions): JpegEncoder | undefined => {
  const library = loadTurboJpeg()
  return library === undefined ? undefined : createJpegEncoder({ maxPixels, library })
}

const createJpegAlpha = (options: MakeOptions): PoolEncoder | undefined => {
  const jpeg = createJpeg(options)
  return jpeg === undefined ? undefined : createJpegAlphaEncoder({ jpeg, alpha: createLzEncoder(options) })
}

/** Every encoder of the product: a codec is its folder and its line here. */
export const ENCODER_MAKERS: EncoderMakers = {
  encoders: {
    lz: createLzEncoder,
    quic: createQuicEncoder,
    lz4: ({ maxPixels }) => createLz4Encoder({ maxPixels, library: loadLz4() }),
    jpeg: createJpeg,
    'jpeg-alpha': createJpegAlpha,
  },
  openGlz: (options) => new GlzDictionary(options),
  openVideo: (format, ledger) => {
    const library = loadAvcodec()
    return library === undefined ? undefined : createVideoEncoder(format, { library, ledger })
  },
}

const isBanded = (encoder: ImageEncoder): encoder is BandedEncoder => 'encodeBand' in encoder

const missing = (codec: string): SidecarError =>
  new SidecarError('SIDECAR_HOST', 'codec is not there on this machine', { codec })

/** The encoders of one thread, each made when it is first asked for, with memory of its own. */
export class EncoderSet {
  readonly maxPixels: number
  readonly #makers: EncoderMakers
  readonly #encoders = new Map<SetCodec, PoolEncoder | undefined>()
  /** With the reason where one could not be made. */
  readonly #dictionaries = new Map<number, GlzPort | SidecarError>()
  readonly #videos = new Map<number, VideoEncoder | SidecarError>()
  readonly #ledger: AvLedger

  /**
   * @param maxPixels largest image of any codec
   * @param videoLedger where it stands what video coders hold, for whoever ends this thread
   */
  constructor(
    maxPixels: number,
    makers: EncoderMakers = ENCODER_MAKERS,
    videoLedger: SharedArrayBuffer = ledgerMemory(),
  ) {
    this.maxPixels = maxPixels
    this.#makers = makers
    this.#ledger = new AvLedger(videoLedger)
  }

  /** @throws SidecarError SIDECAR_HOST when there is no such encoder here */
  get(codec: SetCodec): PoolEncoder {
    let encoder = this.#encoders.get(codec)
    if (encoder === undefined && !this.#encoders.has(codec)) {
      encoder = this.#makers.encoders[codec]?.({ maxPixels: this.maxPixels })
      this.#encoders.set(codec, encoder)
    }
    if (encoder === undefined) {
      throw missing(codec)
    }
    return encoder
  }

  /** @throws SidecarError SIDECAR_HOST when there is no such encoder here, SIDECAR_BUG when it has no bands */
  banded(codec: SetCodec): BandedEncoder {
    const encoder = this.get(codec)
    if (!isBanded(encoder)) {
      throw new SidecarError('SIDECAR_BUG', 'codec has no bands that make one image', { codec })
    }
    return encoder
  }

  /**
   * Makes a dictionary; one of that number that is there is closed before. Never throws: where that fails, asking for
   * it does.
   */
  openDictionary({ dictionary, windowPixels, nextImage }: Omit<GlzOpen, 'type'>): void {
    this.closeDictionary(dictionary)
    const { maxPixels } = this
    try {
      const port = this.#makers.openGlz?.({ windowPixels, startId: nextImage, maxPixels })
      this.#dictionaries.set(dictionary, port ?? missing('glz'))
    } catch (thrown) {
      this.#dictionaries.set(dictionary, asSidecarError(thrown))
    }
  }

  /** @throws SidecarError when it was never opened, or could not be */
  dictionary(dictionary: number): GlzPort {
    const port = this.#dictionaries.get(dictionary)
    if (port === undefined || port instanceof SidecarError) {
      throw port ?? missing('glz')
    }
    return port
  }

  closeDictionary(dictionary: number): void {
    const port = this.#dictionaries.get(dictionary)
    this.#dictionaries.delete(dictionary)
    if (port !== undefined && !(port instanceof SidecarError)) {
      port.close()
    }
  }

  /**
   * Makes the coder of a stream; one of that number that is there is closed before. Never throws: where that fails, asking
   * for it does.
   */
  openVideo({ stream, format }: Omit<VideoOpen, 'type'>): void {
    this.closeVideo(stream)
    try {
      const encoder = this.#makers.openVideo?.(format, this.#ledger)
      this.#videos.set(stream, encoder ?? missing(format.codec))
    } catch (thrown) {
      this.#videos.set(stream, asSidecarError(thrown))
    }
  }

  /** @throws SidecarError when it was never opened, or could not be */
  video(stream: number): VideoEncoder {
    const encoder = this.#videos.get(stream)
    if (encoder === undefined || encoder instanceof SidecarError) {
      throw encoder ?? missing('video')
    }
    return encoder
  }

  closeVideo(stream: number): void {
    const encoder = this.#videos.get(stream)
    this.#videos.delete(stream)
    if (encoder !== undefined && !(encoder instanceof SidecarError)) {
      encoder.close()
    }
  }
}
