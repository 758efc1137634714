import { SidecarError } from '../../core/errors.js'
import type { Image } from '../image.js'
import { GLZ_HEADER_SIZE, GLZ_MAX_WINDOW, readGlzHeader, type GlzHeader } from './glz-format.js'
import { GlzTokenReader } from './token-reader.js'

/** Most units that one body byte can stand for: a length extension byte of 255. */
const MAX_UNITS_PER_BYTE = 255
/** Images kept at most; a sender's window of more is refused. */
const MAX_KEPT_IMAGES = 65536

export interface GlzDecoderOptions {
  /** Cap on the pixels of one image. */
  readonly maxPixels: number
  /**
   * Window that was asked for, pixels; default the largest there is. Twice as many may be kept, while images of several
   * channels are under way.
   */
  readonly windowPixels?: number
  /** Id of the first image; default 0. */
  readonly startId?: number
}

/** A decoded image. Its pixels stay in the window: they must not be written to. */
export interface GlzDecoded {
  readonly done: true
  readonly imageId: number
  readonly winHeadDist: number
  readonly image: Image
}

/** An image that needs another one first, which has to come on another channel. */
export interface GlzWaiting {
  readonly done: false
  readonly imageId: number
  /** Id of the missing image. */
  readonly waitsFor: number
  /** Goes on when that image has been decoded; may be called at any time, once. */
  resume(): GlzDecoded | GlzWaiting
}

interface Kept {
  readonly header: GlzHeader
  readonly pixels: Uint8Array
}

const refuse = (what: string, context: Readonly<Record<string, number>>): SidecarError =>
  new SidecarError('SIDECAR_PROTOCOL', `glz image refused: ${what}`, context)

/**
 * The receiver's side of a GLZ dictionary (codecs.md 3.4): one for all display channels of a session. Images may come
 * in any order; one that refers to an image that is still to come waits for it. What is older than the newest image of
 * an unbroken row of ids says to keep, is freed.
 *
 * Hostile input: an image is at most `maxPixels`; all images kept, those that wait included, are at most twice the
 * window and {@link MAX_KEPT_IMAGES}; memory is only taken once a body is long enough to fill it; the work is linear in
 * the input and the images.
 */
export class GlzDecoder {
  readonly #maxPixels: number
  readonly #maxKept: number
  readonly #kept = new Map<number, Kept>()
  /** Ids of images that are being decoded. */
  readonly #pending = new Set<number>()
  #keptPixels = 0
  /** All ids below have come. */
  #nextId: number
  /** Oldest id that may be kept. */
  #oldestId: number

  constructor({ maxPixels, windowPixels = GLZ_MAX_WINDOW, startId = 0 }: GlzDecoderOptions) {
    this.#maxPixels = maxPixels
    this.#maxKept = 2 * Math.min(windowPixels, GLZ_MAX_WINDOW)
    this.#nextId = startId
    this.#oldestId = startId
  }

  /** Pixels of all images in memory. */
  get keptPixels(): number {
    return this.#keptPixels
  }

  /** Images in memory, those that wait included. */
  get keptImages(): number {
    return this.#kept.size + this.#pending.size
  }

  /**
   * Decodes an image. The result is packed; pad bytes of `rgb32` are 0, and so is bit 15 of `rgb16`. Rows come in coded
   * order, `topDown` says which is first.
   *
   * @param bytes header and body, nothing after them
   * @throws SidecarError SIDECAR_PROTOCOL for everything that is not a whole, well-formed image within the caps, or that
   * refers to what is not in the window
   */
  decode(bytes: Uint8Array): GlzDecoded | GlzWaiting {
    const header = readGlzHeader(bytes, this.#maxPixels)
    const { type, width, height, imageId, winHeadDist } = header
    const pixels = width * height
    if (imageId < this.#nextId || this.#kept.has(imageId) || this.#pending.has(imageId)) {
      throw refuse('its id was there before', { imageId })
    }
    if (this.#keptPixels + pixels > this.#maxKept || this.keptImages >= MAX_KEPT_IMAGES) {
      throw refuse('the window is full', { imageId, winHeadDist, pixels, kept: this.#keptPixels })
    }
    if (pixels * type.passes.length > (bytes.length - GLZ_HEADER_SIZE) * MAX_UNITS_PER_BYTE) {
      throw refuse('body is too short for its size', { pixels, size: bytes.length })
    }
    const decoded = new Uint8Array(pixels * type.pixelBytes)
    const reader = new GlzTokenReader(
      bytes,
      decoded,
      header,
      (distance) => this.#find(header, distance)?.pixels,
    )
    this.#pending.add(imageId)
    this.#keptPixels += pixels
    return this.#run(header, reader, decoded)
  }

  #run(header: GlzHeader, reader: GlzTokenReader, pixels: Uint8Array): GlzDecoded | GlzWaiting {
    const { type, width, height, topDown, imageId, winHeadDist } = header
    let missing: number
    try {
      missing = reader.read()
    } catch (error) {
      this.#pending.delete(imageId)
      this.#keptPixels -= width * height
      throw error
    }
    if (missing > 0) {
      return {
        ...{ done: false, imageId, waitsFor: imageId - missing },
        resume: () => this.#run(header, reader, pixels),
      }
    }
    this.#pending.delete(imageId)
    this.#kept.set(imageId, { header, pixels })
    this.#free()
    const stride = width * type.pixelBytes
    return {
      ...{ done: true, imageId, winHeadDist },
      image: { format: type.format, width, height, stride, topDown, pixels },
    }
  }

  /** `undefined`: still to come. */
  #find({ type, imageId, winHeadDist }: GlzHeader, distance: number): Kept | undefined {
    const id = imageId - distance
    const found = this.#kept.get(id)
    if (distance > winHeadDist || (found === undefined && id < this.#nextId)) {
      throw refuse('refers to an image outside of the window', { imageId, distance, winHeadDist })
    }
    if (found !== undefined && found.header.type !== type) {
      throw refuse('refers to an image of another type', { imageId, distance })
    }
    return found
  }

  #free(): void {
    let newest: Kept | undefined
    for (let next = this.#kept.get(this.#nextId); next !== undefined; next = this.#kept.get(this.#nextId)) {
      newest = next
      this.#nextId++
    }
    if (newest === undefined) {
      return
    }
    const head = newest.header.imageId - newest.header.winHeadDist
    for (; this.#oldestId < head; this.#oldestId++) {
      const old = this.#kept.get(this.#oldestId)
      if (old !== undefined) {
        this.#kept.delete(this.#oldestId)
        this.#keptPixels -= old.pixels.length / old.header.type.pixelBytes
      }
    }
  }
}
