import { inflateSync } from 'node:zlib'
import {
  decodeJpeg,
  decodeLz,
  decodeLz4,
  decodeQuic,
  GlzDecoder,
  type Image,
} from '../../src/codecs/index.js'
import { readGlzHeader } from '../../src/codecs/glz/glz-format.js'
import {
  BITMAP_FLAG,
  BITMAP_FORMAT,
  IMAGE_FLAG,
  IMAGE_TYPE,
  type DecodedImage,
} from '../../src/protocol/index.js'
import { PaletteCache } from './client-palettes.js'
import { plainImage, type PlainImage } from './client-surface.js'

/** Pixels of one image that a client takes at most. */
const MAX_PIXELS = 2 ** 25

/** A message cannot be handled before something has come on another channel of the session. */
export class Blocked extends Error {}

/**
 * The pixmap cache of a session (`protocol-display.md` 12.6). Stricter than stock clients, which hide a server's mistakes:
 * they count an id that is added twice, let pass one that is dropped without being there, and take any number of pixels.
 */
export class PixmapCache {
  /** Pixels that the client offered. */
  readonly #budget: number
  readonly #kept = new Map<bigint, PlainImage>()
  #pixels = 0

  constructor(budget: number) {
    this.#budget = budget
  }

  get ids(): readonly bigint[] {
    return [...this.#kept.keys()]
  }

  get pixels(): number {
    return this.#pixels
  }

  get(id: bigint): PlainImage | undefined {
    return this.#kept.get(id)
  }

  add(id: bigint, image: PlainImage): void {
    if (this.#kept.has(id)) {
      throw new Error(`pixmap ${id} is in the cache already`)
    }
    this.#pixels += image.width * image.height
    if (this.#pixels > this.#budget) {
      throw new Error(`${this.#pixels} pixels in a cache of ${this.#budget}`)
    }
    this.#kept.set(id, image)
  }

  /** Lossless pixels in place of lossy ones. */
  replace(id: bigint, image: PlainImage): void {
    const before = this.#kept.get(id)
    if (before?.width !== image.width || before.height !== image.height || image.lossy) {
      throw new Error(`pixmap ${id} is not in the cache to be replaced, or not with this`)
    }
    this.#kept.set(id, image)
  }

  remove(id: bigint): void {
    const image = this.#kept.get(id)
    if (image === undefined) {
      throw new Error(`pixmap ${id} is dropped and was not in the cache`)
    }
    this.#pixels -= image.width * image.height
    this.#kept.delete(id)
  }

  clear(): void {
    this.#kept.clear()
    this.#pixels = 0
  }
}

/** A stock client's cache, pixels (`protocol-display.md` 6). */
export const STOCK_CACHE_PIXELS = (80 * 1024 * 1024) / 4

export interface ClientSessionOptions {
  /** Pixels offered for the cache in INIT; {@link STOCK_CACHE_PIXELS} when left out. */
  readonly pixmapCachePixels?: number
  /** Channels that wait for each other: what a channel lacks may still come on another. */
  readonly channels?: number
}

/** What the display channels of one client share: the pixmap cache, the GLZ window, and how far each channel is. */
export class ClientSession {
  readonly pixmaps: PixmapCache
  /** Serial of the last message handled, by id of the display channel. */
  readonly handled = new Map<number, number>()
  /** Tells every channel that another one got on. */
  readonly progress = new Set<() => void>()
  readonly #glz = new GlzDecoder({ maxPixels: MAX_PIXELS })
  /** GLZ images that wait for one of another channel, by their id in the window. */
  readonly #waiting = new Map<number, { resume(): ReturnType<GlzDecoder['decode']> }>()
  readonly #alone: boolean

  constructor({ pixmapCachePixels = STOCK_CACHE_PIXELS, channels = 1 }: ClientSessionOptions = {}) {
    this.pixmaps = new PixmapCache(pixmapCachePixels)
    this.#alone = channels <= 1
  }

  /** @throws Blocked where there is another channel on which it may come; Error where there is none */
  lacks(what: string): never {
    if (this.#alone) {
      throw new Error(`a client waits for ever: ${what}`)
    }
    throw new Blocked(what)
  }

  /** The pixels of an image, which join the cache when the server says so. */
  pixels(
    image: DecodedImage,
    surface: (id: number) => PlainImage,
    palettes = new PaletteCache(),
  ): PlainImage {
    const { id, type, flags, width, height, payload } = image
    if (payload.kind === 'cached') {
      return this.#cached(image)
    }
    const plain = payload.kind === 'surface' ? surface(payload.surfaceId) : this.#decoded(image, palettes)
    if (plain.width !== width || plain.height !== height) {
      throw new Error(`image of type ${type}: ${plain.width}x${plain.height}, announced ${width}x${height}`)
    }
    if ((flags & IMAGE_FLAG.cacheReplaceMe) !== 0) {
      this.pixmaps.replace(id, plain)
    } else if ((flags & IMAGE_FLAG.cacheMe) !== 0) {
      this.pixmaps.add(id, plain)
    }
    return plain
  }

  #cached({ id, type, width, height }: DecodedImage): PlainImage {
    const kept = this.pixmaps.get(id)
    if (kept === undefined) {
      return this.lacks(`pixmap ${id} is not in the cache`)
    }
    if (kept.width !== width || kept.height !== height) {
      throw new Error(`pixmap ${id} has another size`)
    }
    return kept.lossy && type === IMAGE_TYPE.fromCacheLossless
      ? this.lacks(`pixmap ${id} is in the cache, but not lossless`)
      : kept
  }

  #decoded({ type, width, height, payload }: DecodedImage, palettes: PaletteCache): PlainImage {
    switch (payload.kind) {
      case 'bitmap': {
        if (payload.format !== BITMAP_FORMAT.rgb32 && payload.format !== BITMAP_FORMAT.rgba) {
          throw new Error(`raw image of format ${payload.format}`)
        }
        const topDown = (payload.flags & BITMAP_FLAG.topDown) !== 0
        return plainImage(payload, { pixels: payload.data, stride: payload.stride, topDown }, false)
      }
      case 'coded': {
        return this.#coded(type, payload.data, width, height)
      }
      case 'indexed': {
        return indexedImage(decodeLz(payload.data, width * height), palettes.take(payload.palette))
      }
      case 'packed': {
        const data = inflateSync(payload.data)
        if (data.length !== payload.glzSize) {
          throw new Error(`${data.length} bytes of GLZ, announced ${payload.glzSize}`)
        }
        return this.#glzImage(data)
      }
      default: {
        throw new Error('drawing without pixels of its own')
      }
    }
  }

  #coded(type: number, data: Uint8Array, width: number, height: number): PlainImage {
    const maxPixels = width * height
    switch (type) {
      case IMAGE_TYPE.lzRgb: {
        return plainOf(decodeLz(data, maxPixels), false)
      }
      case IMAGE_TYPE.quic: {
        return plainOf(decodeQuic(data, maxPixels), false)
      }
      case IMAGE_TYPE.lz4: {
        return plainOf(decodeLz4(data, { width, height }, maxPixels), false)
      }
      case IMAGE_TYPE.jpeg: {
        return plainOf(decodeJpeg(data, maxPixels), true)
      }
      case IMAGE_TYPE.glzRgb: {
        return this.#glzImage(data)
      }
      default: {
        throw new Error(`image of type ${type}`)
      }
    }
  }

  #glzImage(data: Uint8Array): PlainImage {
    const { imageId } = readGlzHeader(data, MAX_PIXELS)
    const decoded = this.#waiting.get(imageId)?.resume() ?? this.#glz.decode(data)
    if (!decoded.done) {
      this.#waiting.set(imageId, decoded)
      return this.lacks(`GLZ image ${imageId} refers to ${decoded.waitsFor}, which never came`)
    }
    this.#waiting.delete(imageId)
    return plainOf(decoded.image, false)
  }
}

const plainOf = (image: Omit<Image, 'format'> & { readonly format: string }, lossy: boolean): PlainImage => {
  if (image.format !== 'rgb32' && image.format !== 'rgba') {
    throw new Error(`image of format ${image.format}`)
  }
  return plainImage(image, image, lossy)
}

const indexedImage = (
  { format, width, height, stride, topDown, pixels }: Image,
  colours: readonly number[],
): PlainImage => {
  if (format !== 'plt8') {
    throw new Error(`image of format ${format} with a palette`)
  }
  const words = new Uint32Array(width * height)
  for (let at = 0; at < words.length; at++) {
    const colour = colours[pixels[Math.floor(at / width) * stride + (at % width)]!]
    if (colour === undefined) {
      throw new Error('an index is outside of its palette')
    }
    words[at] = colour
  }
  const bytes = new Uint8Array(words.buffer)
  return plainImage({ width, height }, { pixels: bytes, stride: 4 * width, topDown }, false)
}
