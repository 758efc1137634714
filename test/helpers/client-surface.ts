import { contains, intersect, isEmpty, rectOf, type Rect } from '../../src/core/region.js'

/** Pixels as a client keeps them: packed, top row first, one word 0x00RRGGBB a pixel. */
export interface PlainImage {
  readonly width: number
  readonly height: number
  readonly words: Uint32Array
  /** Were they coded so that they may differ from what the guest drew? */
  readonly lossy: boolean
}

const RGB = 0x00ff_ffff

/**
 * A packed copy of rows of four bytes a pixel, without the unused byte.
 *
 * @param stride bytes from row to row
 */
export const plainImage = (
  size: { readonly width: number; readonly height: number },
  source: { readonly pixels: Uint8Array; readonly stride: number; readonly topDown: boolean },
  lossy: boolean,
): PlainImage => {
  const { width, height } = size
  const { stride, topDown } = source
  const aligned = source.pixels.byteOffset % 4 === 0 && stride % 4 === 0
  const pixels = aligned ? source.pixels : Uint8Array.from(source.pixels)
  if (stride % 4 !== 0 || stride < width * 4 || pixels.length < stride * (height - 1) + width * 4) {
    throw new Error(`image of ${width}x${height} with ${pixels.length} bytes, ${stride} a row`)
  }
  const from = new Uint32Array(pixels.buffer, pixels.byteOffset, Math.floor(pixels.length / 4))
  const words = new Uint32Array(width * height)
  for (let y = 0, to = 0; y < height; y++) {
    const row = ((topDown ? y : height - 1 - y) * stride) / 4
    for (let x = 0; x < width; x++, to++) {
      words[to] = from[row + x]! & RGB
    }
  }
  return { width, height, words, lossy }
}

/** The part of an image, in another size when asked for, by its nearest pixels. */
export const partOf = (image: PlainImage, part: Rect, width: number, height: number): PlainImage => {
  if (isEmpty(part) || !contains(rectOf(0, 0, image.width, image.height), part)) {
    throw new Error('a part of an image that is not all in it')
  }
  const [partWidth, partHeight] = [part.right - part.left, part.bottom - part.top]
  const scales = partWidth !== width || partHeight !== height
  if (!scales && partWidth === image.width && partHeight === image.height) {
    return image
  }
  const words = new Uint32Array(width * height)
  for (let y = 0, to = 0; y < height; y++) {
    const row = (part.top + Math.floor((y * partHeight) / height)) * image.width + part.left
    for (let x = 0; x < width; x++, to++) {
      words[to] = image.words[row + Math.floor((x * partWidth) / width)]!
    }
  }
  return { width, height, words, lossy: image.lossy || scales }
}

/** One surface of a client, and which of its pixels came in a way that loses something. */
export class ClientSurface {
  readonly width: number
  readonly height: number
  /** 4 bytes a pixel: blue, green, red, 0. */
  readonly pixels: Uint8Array
  /** 1: may differ from what the guest drew. */
  readonly lossy: Uint8Array
  readonly #words: Uint32Array

  constructor(width: number, height: number) {
    if (width < 1 || height < 1) {
      throw new Error(`surface of ${width}x${height}`)
    }
    this.width = width
    this.height = height
    this.#words = new Uint32Array(width * height)
    this.pixels = new Uint8Array(this.#words.buffer)
    this.lossy = new Uint8Array(width * height)
  }

  /** All of it, as an image that does not follow later drawing. */
  image(): PlainImage {
    const { width, height } = this
    return { width, height, words: this.#words.slice(), lossy: this.lossy.includes(1) }
  }

  /** @throws Error when a part of `box` is outside: no server has a reason to draw there */
  check(box: Rect, doing: string): void {
    if (isEmpty(box) || !contains(rectOf(0, 0, this.width, this.height), box)) {
      const place = `${box.left},${box.top} to ${box.right},${box.bottom}`
      throw new Error(`${doing} outside the surface: ${place} of ${this.width}x${this.height}`)
    }
  }

  put(image: PlainImage, box: Rect, clips: readonly Rect[]): void {
    this.check(box, 'drawing')
    const lossy = image.lossy ? 1 : 0
    for (const part of clips.map((clip) => intersect(box, clip))) {
      for (let y = part.top; y < part.bottom && part.left < part.right; y++) {
        const from = (y - box.top) * image.width + part.left - box.left
        const to = y * this.width + part.left
        this.#words.set(image.words.subarray(from, from + part.right - part.left), to)
        this.lossy.fill(lossy, to, to + part.right - part.left)
      }
    }
  }

  /** @param colour 0x00RRGGBB */
  fill(colour: number, box: Rect, clips: readonly Rect[]): void {
    this.check(box, 'filling')
    for (const part of clips.map((clip) => intersect(box, clip))) {
      for (let y = part.top; y < part.bottom && part.left < part.right; y++) {
        this.#words.fill(colour & RGB, y * this.width + part.left, y * this.width + part.right)
        this.lossy.fill(0, y * this.width + part.left, y * this.width + part.right)
      }
    }
  }

  /** Combines each pixel with a colour; what is lossy stays so. */
  paint(combine: (word: number) => number, box: Rect, clips: readonly Rect[]): void {
    this.check(box, 'painting')
    for (const part of clips.map((clip) => intersect(box, clip))) {
      for (let y = part.top; y < part.bottom; y++) {
        for (let at = y * this.width + part.left; at < y * this.width + part.right; at++) {
          this.#words[at] = combine(this.#words[at]!) & RGB
        }
      }
    }
  }

  /** What is lossy stays so where it goes (`protocol-display.md` 16). */
  move(box: Rect, x: number, y: number, clips: readonly Rect[]): void {
    const [width, height] = [box.right - box.left, box.bottom - box.top]
    this.check(box, 'copying to')
    this.check(rectOf(x, y, width, height), 'copying from')
    const words = new Uint32Array(width * height)
    const lossy = new Uint8Array(width * height)
    for (let row = 0; row < height; row++) {
      const from = (y + row) * this.width + x
      words.set(this.#words.subarray(from, from + width), row * width)
      lossy.set(this.lossy.subarray(from, from + width), row * width)
    }
    this.put({ width, height, words, lossy: false }, box, clips)
    for (const part of clips.map((clip) => intersect(box, clip))) {
      for (let row = part.top; row < part.bottom && part.left < part.right; row++) {
        const from = (row - box.top) * width + part.left - box.left
        const marks = lossy.subarray(from, from + part.right - part.left)
        this.lossy.set(marks, row * this.width + part.left)
      }
    }
  }
}
