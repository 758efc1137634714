import { inflateSync } from 'node:zlib'
import { decodeJpeg, decodeLz, decodeLz4, decodeQuic, GlzDecoder } from '../../src/codecs/index.js'
import { decodeDrawCopy, displayServer, IMAGE_TYPE, type DecodedImage } from '../../src/protocol/index.js'
import type { Sent } from './channel-rig.js'

/** Decodes images as a client does; GLZ images of one session refer to each other. */
class ImageDecoder {
  readonly #glz = new GlzDecoder({ maxPixels: 2 ** 24 })

  pixels(image: DecodedImage | undefined, width: number, height: number): Uint8Array {
    switch (image?.payload.kind) {
      case 'bitmap': {
        return image.payload.data
      }
      case 'coded': {
        return this.#coded(image.type, image.payload.data, width, height)
      }
      case 'packed': {
        return this.#coded(IMAGE_TYPE.glzRgb, inflateSync(image.payload.data), width, height)
      }
      default: {
        throw new Error('drawing without pixels of its own')
      }
    }
  }

  #coded(type: number, data: Uint8Array, width: number, height: number): Uint8Array {
    const maxPixels = width * height
    switch (type) {
      case IMAGE_TYPE.lzRgb: {
        return decodeLz(data, maxPixels).pixels
      }
      case IMAGE_TYPE.quic: {
        return decodeQuic(data, maxPixels).pixels
      }
      case IMAGE_TYPE.lz4: {
        return decodeLz4(data, { width, height }, maxPixels).pixels
      }
      case IMAGE_TYPE.jpeg: {
        return decodeJpeg(data, maxPixels).pixels
      }
      case IMAGE_TYPE.glzRgb: {
        const decoded = this.#glz.decode(data)
        if (!decoded.done) {
          throw new Error('an image refers to one that never came')
        }
        return decoded.image.pixels
      }
      default: {
        throw new Error(`image of type ${type}`)
      }
    }
  }
}

/** What a client shows that follows display messages: the picture of the primary surface, or none. */
export class PaintedSurface {
  width = 0
  height = 0
  /** 4 bytes a pixel: blue, green, red, 0. */
  pixels = new Uint8Array(0)
  marked = false
  readonly #decoder = new ImageDecoder()

  get exists(): boolean {
    return this.pixels.length > 0
  }

  follow(sent: readonly Sent[]): void {
    for (const { type, body } of sent) {
      this.#one(type, body)
    }
  }

  #one(type: number, body: Uint8Array): void {
    switch (type) {
      case displayServer.surfaceCreate.id: {
        const { width, height } = displayServer.surfaceCreate.decode(body)
        this.width = width
        this.height = height
        this.pixels = new Uint8Array(width * height * 4)
        this.marked = false
        break
      }
      case displayServer.surfaceDestroy.id: {
        this.width = 0
        this.height = 0
        this.pixels = new Uint8Array(0)
        break
      }
      case displayServer.mark.id: {
        this.marked = true
        break
      }
      case displayServer.copyBits.id: {
        this.#copyBits(body)
        break
      }
      case displayServer.drawCopy.id: {
        this.#drawCopy(body)
        break
      }
      default: {
        break
      }
    }
  }

  #copyBits(body: Uint8Array): void {
    const { box, srcPos } = displayServer.copyBits.decode(body)
    const right = srcPos.x + box.right - box.left
    const bottom = srcPos.y + box.bottom - box.top
    if (
      srcPos.x < 0 ||
      srcPos.y < 0 ||
      Math.max(right, box.right) > this.width ||
      Math.max(bottom, box.bottom) > this.height
    ) {
      throw new Error('copying from or to outside the surface')
    }
    const before = this.pixels.slice()
    for (let y = box.top; y < box.bottom; y++) {
      const from = ((srcPos.y + y - box.top) * this.width + srcPos.x) * 4
      this.pixels.set(
        before.subarray(from, from + 4 * (box.right - box.left)),
        (y * this.width + box.left) * 4,
      )
    }
  }

  #drawCopy(body: Uint8Array): void {
    const { box, image } = decodeDrawCopy(body)
    const width = box.right - box.left
    const height = box.bottom - box.top
    if (box.right > this.width || box.bottom > this.height) {
      throw new Error('drawing outside the surface')
    }
    const pixels = this.#decoder.pixels(image, width, height)
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const from = (y * width + x) * 4
        const to = ((box.top + y) * this.width + box.left + x) * 4
        this.pixels.set(pixels.subarray(from, from + 3), to)
      }
    }
  }
}
