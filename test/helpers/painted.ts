import { decodeLz } from '../../src/codecs/index.js'
import { decodeDrawCopy, displayServer, type DecodedImage } from '../../src/protocol/index.js'
import type { Sent } from './channel-rig.js'

const pixelsOf = (image: DecodedImage | undefined, maxPixels: number): Uint8Array => {
  switch (image?.payload.kind) {
    case 'bitmap': {
      return image.payload.data
    }
    case 'coded': {
      return decodeLz(image.payload.data, maxPixels).pixels
    }
    default: {
      throw new Error('drawing without pixels of its own')
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
      case displayServer.drawCopy.id: {
        this.#drawCopy(body)
        break
      }
      default: {
        break
      }
    }
  }

  #drawCopy(body: Uint8Array): void {
    const { box, image } = decodeDrawCopy(body)
    const width = box.right - box.left
    const height = box.bottom - box.top
    if (box.right > this.width || box.bottom > this.height) {
      throw new Error('drawing outside the surface')
    }
    const pixels = pixelsOf(image, width * height)
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const from = (y * width + x) * 4
        const to = ((box.top + y) * this.width + box.left + x) * 4
        this.pixels.set(pixels.subarray(from, from + 3), to)
      }
    }
  }
}
