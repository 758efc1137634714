import { SidecarError } from '../../core/errors.js'
import type { Image } from '../image.js'
import { GLZ_MAX_IMAGES, type GlzCoder, type GlzMotion } from './coder.js'
import {
  GLZ_HEADER_SIZE,
  GLZ_MAX_WINDOW,
  GLZ_TYPES,
  isGlzImage,
  glzTypeOf,
  writeGlzHeader,
} from './glz-format.js'
import { GlzKernelCoder } from './kernel-coder.js'
import { GlzOracle } from './oracle.js'
import { GlzWindow } from './window.js'

export interface GlzDictionaryOptions {
  /** Pixels of the window that the client asked for in its INIT, 1 to 2^25; what is outside is clamped. */
  readonly windowPixels: number
  /** Pixels of the largest image that will be coded; larger ones are refused. */
  readonly maxPixels: number
  /**
   * Id of the first image: 0 for a client that has seen none, else one more than the last that was sent to it. Ids have
   * no holes (codecs.md 3.4).
   */
  readonly startId: number
  /** `off`: the readable coder, without SIMD. */
  readonly kernel?: 'auto' | 'off'
}

/** The newest image of another channel that an image refers to. */
export interface GlzReference {
  readonly channel: number
  readonly imageId: number
}

export interface GlzCoded {
  /** Bytes, header included. */
  readonly size: number
  readonly imageId: number
  readonly winHeadDist: number
  /** Oldest image referred to, `imageId` itself when there is none. */
  readonly oldestReferredTo: number
  /** One entry for each other channel that the image refers to: what {@link GlzLedger} makes waits of. */
  readonly references: readonly GlzReference[]
}

const NONE: readonly GlzReference[] = []

/**
 * The sender's GLZ dictionary: one for all display channels of a client (`protocol-display.md` section 14). It lives in
 * one thread and codes one image at a time; every image that it has coded has to be sent, on the channel that was
 * named, in the order of coding.
 *
 * Memory: as {@link GlzKernelCoder} says; nothing before the first image, all of it back on `close`.
 */
export class GlzDictionary {
  readonly windowPixels: number
  readonly maxPixels: number
  readonly #startId: number
  readonly #kernel: 'auto' | 'off'
  readonly #window: GlzWindow
  /** Channel of each image, by sequence number modulo the length. */
  readonly #channels = new Uint8Array(GLZ_MAX_IMAGES)
  #coder: GlzCoder | undefined
  #closed = false

  constructor({ windowPixels, maxPixels, startId, kernel = 'auto' }: GlzDictionaryOptions) {
    if (!Number.isSafeInteger(startId) || startId < 0) {
      throw new SidecarError('SIDECAR_BUG', 'glz image ids cannot start here', { startId })
    }
    this.windowPixels = Math.min(Math.max(1, Math.floor(windowPixels)), GLZ_MAX_WINDOW)
    this.maxPixels = Math.max(1, Math.min(maxPixels, this.windowPixels - 1))
    this.#startId = startId
    this.#kernel = kernel
    this.#window = new GlzWindow(this.windowPixels)
  }

  /** Id of the image to come: where a dictionary that takes over goes on. */
  get nextId(): number {
    return this.#startId + this.#window.next
  }

  /**
   * Memory where packed pixels may be put that are coded next; made when first asked for, none without SIMD or once
   * closed. It is the place where the dictionary then keeps them: nothing may be written there once they are coded, so ask
   * anew for every image. Whoever keeps it keeps all memory of the dictionary.
   */
  get staging(): Uint8Array | undefined {
    return this.#closed ? undefined : this.#ready().staging
  }

  /** Whether the image can be coded: a GLZ format, whole, and smaller than the window. */
  accepts(image: Image): boolean {
    const pixels = image.width * image.height
    return !this.#closed && isGlzImage(image) && pixels < this.windowPixels && pixels <= this.maxPixels
  }

  /**
   * Codes an image, which must pass `accepts`, for a channel.
   *
   * @param channel id of the display channel that it will be sent on, 0 to 255
   * @param motion how pixels moved since the last image of the same size, if that is known; a wrong one costs nothing
   * @returns `undefined` when the result would not fit into `out`; no id is taken then
   * @throws SidecarError SIDECAR_BUG for an image that `accepts` refuses
   */
  encode(image: Image, out: Uint8Array, channel: number, motion?: GlzMotion): GlzCoded | undefined {
    if (!this.accepts(image)) {
      const { format, width, height, stride, pixels } = image
      throw new SidecarError(
        'SIDECAR_BUG',
        'image given to the glz encoder is not whole, ask accepts first',
        {
          ...{ format, width, height, stride },
          size: pixels.length,
        },
      )
    }
    if (out.length < GLZ_HEADER_SIZE) {
      return undefined
    }
    const window = this.#window
    const type = glzTypeOf(image.format) ?? GLZ_TYPES.rgb32
    const coder = this.#ready()
    const pixels = image.width * image.height
    window.makeRoom(pixels)
    const { next: sequence, first } = window
    const size = coder.code({ image, type, sequence, first, motion }, out, GLZ_HEADER_SIZE)
    if (size < 0) {
      return undefined
    }
    window.append(pixels)
    this.#channels[sequence % GLZ_MAX_IMAGES] = channel
    const imageId = this.#startId + sequence
    const winHeadDist = sequence - first
    writeGlzHeader(image, type, imageId, winHeadDist, out)
    return { size, imageId, winHeadDist, ...this.#references(coder, sequence, channel) }
  }

  /**
   * Forgets all images: what comes next refers to none of them. For a receiver that may have lost some (a channel of it
   * was closed). Ids go on, memory stays.
   */
  clear(): void {
    this.#window.clear()
  }

  /** Gives the memory back. The ids go on in a dictionary that is made with {@link nextId}. */
  close(): void {
    this.#closed = true
    this.#coder?.close()
    this.#coder = undefined
  }

  #ready(): GlzCoder {
    if (this.#closed) {
      throw new SidecarError('SIDECAR_BUG', 'the glz dictionary is closed')
    }
    const { windowPixels, maxPixels } = this
    const kernel =
      this.#kernel === 'off' ? undefined : (this.#coder ?? GlzKernelCoder.load(windowPixels, maxPixels))
    return (this.#coder ??= kernel ?? new GlzOracle())
  }

  #references(
    coder: GlzCoder,
    sequence: number,
    channel: number,
  ): Pick<GlzCoded, 'oldestReferredTo' | 'references'> {
    let newest: Map<number, number> | undefined
    let oldest = sequence
    for (const other of coder.referred()) {
      const otherChannel = this.#channels[other % GLZ_MAX_IMAGES] ?? 0
      oldest = Math.min(oldest, other)
      if (otherChannel !== channel) {
        newest ??= new Map()
        newest.set(otherChannel, Math.max(other, newest.get(otherChannel) ?? 0))
      }
    }
    return {
      oldestReferredTo: this.#startId + oldest,
      references:
        newest === undefined
          ? NONE
          : Array.from(newest, ([id, other]) => ({ channel: id, imageId: this.#startId + other })),
    }
  }
}
