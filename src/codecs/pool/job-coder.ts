import { asSidecarError, SidecarError } from '../../core/errors.js'
import type { Image, ImageEncoder } from '../image.js'
import { deflateGlzSync } from '../zlib/index.js'
import type { EncoderSet } from './encoder-set.js'
import type {
  BandRequest,
  Coded,
  EncodeRequest,
  GlzEncodeRequest,
  JobAnswer,
  JobRequest,
  VideoEncodeRequest,
} from './messages.js'
import { blockImage, copyBlock, packedImage, packedSize, type PixelBlock } from './pixel-block.js'

/** A band may be this much larger than its pixels, as a whole image may not: its neighbours make up for it. */
const bandRoom = (rawSize: number): number => rawSize + Math.ceil(rawSize / 16) + 64

/** Room for a frame of video however small: what stands in front of its pixels does not shrink with them. */
const MIN_VIDEO_ROOM = 65536

/** Does the jobs of one thread, on a copy of their pixels that nobody else can change. */
export class JobCoder {
  readonly #encoders: EncoderSet
  /** Scratch memory as long as the largest job so far; given back with the thread. */
  #copy = new Uint8Array(0)
  #out = new Uint8Array(0)
  #begun = false

  constructor(encoders: EncoderSet) {
    this.#encoders = encoders
  }

  /** Never throws: what goes wrong is the answer. */
  answer(request: JobRequest): JobAnswer {
    this.#begun = false
    try {
      return this.#code(request)
    } catch (thrown) {
      const { code, message } = asSidecarError(thrown)
      return { type: 'failed', job: request.job, code, message, begun: this.#begun }
    }
  }

  /** HOT PATH: damage to encoded image. Allocates the answer; the scratch memory is made once. */
  #code(request: JobRequest): Coded {
    const { width, height } = request.block
    if (width * height > this.#encoders.maxPixels) {
      const { maxPixels } = this.#encoders
      throw new SidecarError('SIDECAR_LIMIT', 'image is too large for the encoders', {
        width,
        height,
        maxPixels,
      })
    }
    switch (request.type) {
      case 'encode':
        return this.#encode(request)
      case 'band':
        return this.#encodeBand(request)
      case 'glzEncode':
        return this.#encodeGlz(request)
      case 'videoEncode':
        return this.#encodeVideo(request)
    }
  }

  #encode(request: EncodeRequest): Coded {
    const { job, codec, block, headroom, options } = request
    if (codec === 'raw') {
      const buffer = new ArrayBuffer(headroom + packedSize(block))
      copyBlock(block, new Uint8Array(buffer, headroom))
      return { type: 'coded', job, codec, buffer, glz: undefined }
    }
    const encoder = this.#encoders.get(codec)
    const pixels = this.#take(block, encoder.staging)
    const size = encoder.encode(checked(encoder, block, pixels), this.#room(pixels.length), options)
    return size < 0
      ? { type: 'coded', job, codec: 'raw', buffer: behind(headroom, pixels), glz: undefined }
      : { type: 'coded', job, codec, buffer: behind(headroom, this.#out.subarray(0, size)), glz: undefined }
  }

  #encodeGlz({ job, dictionary, channel, motion, deflate, block, headroom }: GlzEncodeRequest): Coded {
    const port = this.#encoders.dictionary(dictionary)
    const pixels = this.#take(block, port.staging)
    const image = checked(port, block, pixels)
    const out = this.#room(pixels.length)
    this.#begun = true
    const glz = port.encode(image, out, channel, motion)
    if (glz === undefined) {
      return { type: 'coded', job, codec: 'raw', buffer: behind(headroom, pixels), glz }
    }
    const coded = out.subarray(0, glz.size)
    const deflated = deflate ? deflateGlzSync(coded) : undefined
    return deflated === undefined
      ? { type: 'coded', job, codec: 'glz', buffer: behind(headroom, coded), glz }
      : { type: 'coded', job, codec: 'zlib-glz', buffer: behind(headroom, deflated), glz }
  }

  /** Copies the pixels once, into the coder's own memory. */
  #encodeVideo({ job, stream, frame, block, headroom }: VideoEncodeRequest): Coded {
    const encoder = this.#encoders.video(stream)
    const out = this.#room(Math.max(packedSize(block), MIN_VIDEO_ROOM))
    const size = encoder.encode(blockImage(block), out, frame)
    return {
      type: 'coded',
      job,
      codec: 'video',
      buffer: behind(headroom, out.subarray(0, size)),
      glz: undefined,
    }
  }

  #encodeBand({ job, codec, block, headroom, imageHeight }: BandRequest): Coded {
    if (codec === 'raw') {
      return this.#encode({ type: 'encode', job, codec, block, headroom, options: {} })
    }
    const encoder = this.#encoders.banded(codec)
    const pixels = this.#take(block, encoder.staging)
    const image = checked(encoder, block, pixels)
    const out = this.#room(bandRoom(pixels.length))
    const size = encoder.encodeBand(image, out)
    if (size < 0) {
      throw new SidecarError('SIDECAR_BUG', 'band cannot be coded', { codec, format: block.format })
    }
    const header = imageHeight === undefined ? 0 : encoder.headerSize
    const buffer = behind(headroom + header, out.subarray(0, size))
    if (imageHeight !== undefined) {
      encoder.writeHeader({ ...image, height: imageHeight }, new Uint8Array(buffer, headroom, header))
    }
    return { type: 'coded', job, codec, buffer, glz: undefined }
  }

  /** The pixels as they are now, packed: in the memory of the encoder where that has a place for them. */
  #take(block: PixelBlock, staging: Uint8Array | undefined): Uint8Array {
    const size = packedSize(block)
    if (staging === undefined || staging.length < size) {
      if (this.#copy.length < size) {
        this.#copy = new Uint8Array(size)
      }
    }
    const place = staging !== undefined && staging.length >= size ? staging : this.#copy
    const pixels = place.subarray(0, size)
    copyBlock(block, pixels)
    return pixels
  }

  #room(size: number): Uint8Array {
    if (this.#out.length < size) {
      this.#out = new Uint8Array(size)
    }
    return this.#out.subarray(0, size)
  }
}

/** The image of a packed copy, if the codec takes it. */
const checked = (codec: Pick<ImageEncoder, 'accepts'>, block: PixelBlock, pixels: Uint8Array): Image => {
  const image = packedImage(block, pixels)
  if (!codec.accepts(image)) {
    const { format, width, height } = block
    throw new SidecarError('SIDECAR_BUG', 'image is none that the codec can code', { format, width, height })
  }
  return image
}

/** `bytes` behind `headroom` free ones, in memory of exactly that size. */
const behind = (headroom: number, bytes: Uint8Array): ArrayBuffer => {
  const buffer = new ArrayBuffer(headroom + bytes.length)
  new Uint8Array(buffer, headroom).set(bytes)
  return buffer
}
