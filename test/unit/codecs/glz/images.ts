import type { Image } from '../../../../src/codecs/image.js'
import { GLZ_TYPES, type GlzFormat } from '../../../../src/codecs/glz/glz-format.js'

export const GLZ_FORMATS = Object.keys(GLZ_TYPES) as GlzFormat[]

/** Per byte of a pixel the bits that are coded. */
const CODED_BITS: Readonly<Record<GlzFormat, readonly number[]>> = {
  rgb16: [0xff, 0x7f],
  rgb24: [0xff, 0xff, 0xff],
  rgb32: [0xff, 0xff, 0xff, 0],
  rgba: [0xff, 0xff, 0xff, 0xff],
}

/** What a decoder gives back: packed rows, and 0 where the format codes nothing. */
export const canonical = (source: Image): Image => {
  const bits = CODED_BITS[source.format as GlzFormat]
  const stride = source.width * bits.length
  const pixels = new Uint8Array(stride * source.height)
  for (let row = 0; row < source.height; row++) {
    pixels.set(source.pixels.subarray(row * source.stride, row * source.stride + stride), row * stride)
  }
  return { ...source, stride, pixels: pixels.map((byte, at) => byte & bits[at % bits.length]!) }
}

export const samePixels = (a: Image, b: Image): boolean =>
  a.format === b.format &&
  a.width === b.width &&
  a.height === b.height &&
  a.stride === b.stride &&
  a.topDown === b.topDown &&
  Buffer.compare(a.pixels, b.pixels) === 0

/** Whole numbers below a bound, the same on every machine. */
export const randomFrom = (seed: number): ((below: number) => number) => {
  let state = seed | 1
  return (below) => {
    state = Math.imul(state, 1664525) + 1013904223
    return (state >>> 8) % below
  }
}

/** Packed noise; the same seed gives the same pixels. */
export const noiseImage = (format: GlzFormat, width: number, height: number, seed: number): Image => {
  const random = randomFrom(seed)
  const stride = width * GLZ_TYPES[format].pixelBytes
  const pixels = new Uint8Array(stride * height).map(() => random(256))
  return canonical({ format, width, height, stride, topDown: true, pixels })
}

/** `source` moved by whole pixels, with `fresh` where it leaves nothing. */
export const moved = (source: Image, fresh: Image, dx: number, dy: number): Image => {
  const { width, height, stride } = source
  const step = stride / width
  const pixels = fresh.pixels.slice()
  for (let y = Math.max(0, dy); y < Math.min(height, height + dy); y++) {
    const from = (y - dy) * stride + Math.max(0, -dx) * step
    const size = (width - Math.abs(dx)) * step
    pixels.set(source.pixels.subarray(from, from + size), y * stride + Math.max(0, dx) * step)
  }
  return { ...source, pixels }
}
