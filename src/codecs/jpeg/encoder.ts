import { SidecarError } from '../../core/errors.js'
import type { JpegOptions, JpegSource, JpegSubsampling, TurboJpeg } from '../../host/turbojpeg.js'
import type { AsyncImageEncoder, Image, PixelFormat } from '../image.js'
import { expandRgb16 } from './expand.js'
import { halveRgb32 } from './halve.js'

/** Longest side that JPEG has, less what the library keeps for itself; pixels. */
const MAX_SIDE = 65500

/** Quality of the reference (codecs.md 6). */
const DEFAULT_QUALITY = 85

/** The library takes about 2.2 ns for a pixel (performance-notes.md 6). */
const INLINE_PIXELS = 128 * 1024

export interface JpegEncoderOptions {
  /** Cap on width times height. */
  readonly maxPixels: number
  /** From `loadTurboJpeg`. */
  readonly library: TurboJpeg
  /** 1 to 100. */
  readonly quality?: number
  readonly subsampling?: JpegSubsampling
  /** `fast` loses a little precision, as video frames may (codecs.md 6). */
  readonly dct?: JpegOptions['dct']
}

/** Of one image, in place of what the encoder was made with. */
export interface JpegCoding {
  /** 1 to 100. */
  readonly quality?: number
  /** Of 32 bit pixels with rows of whole words: width and height are halved before, both at least 2. */
  readonly half?: boolean
}

/** Encoder of JPEG images that can be told the quality of each. */
export interface JpegEncoder extends AsyncImageEncoder {
  encode(image: Image, out: Uint8Array, coding?: JpegCoding): number
  encodeAsync(image: Image, out: Uint8Array, coding?: JpegCoding): Promise<number>
}

const PIXEL_BYTES: Readonly<Partial<Record<PixelFormat, number>>> = { rgb16: 2, rgb24: 3, rgb32: 4 }

const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value > 0

const accepts = ({ format, width, height, stride, pixels }: Image, maxPixels: number): boolean => {
  const row = width * (PIXEL_BYTES[format] ?? Number.NaN)
  return (
    isWhole(row) &&
    isWhole(height) &&
    isWhole(stride) &&
    width <= MAX_SIDE &&
    height <= MAX_SIDE &&
    width * height <= maxPixels &&
    stride >= row &&
    stride < 2 ** 31 &&
    pixels.length >= stride * (height - 1) + row
  )
}

/** What the library can take: 16 bit pixels are widened into memory that `scratch` gives. */
const sourceOf = (image: Image, scratch: (pixels: number) => Uint32Array, half = false): JpegSource => {
  const { format, width, height, stride, topDown, pixels } = image
  if (half && format === 'rgb32' && stride % 4 === 0 && width > 1 && height > 1) {
    const [halfWidth, halfHeight] = [width >> 1, height >> 1]
    const halved = scratch(halfWidth * halfHeight)
    halveRgb32(image, halved)
    const size = { width: halfWidth, height: halfHeight, stride: halfWidth * 4 }
    return { layout: 'bgrx', ...size, topDown, pixels: new Uint8Array(halved.buffer) }
  }
  if (format !== 'rgb16') {
    return { layout: format === 'rgb24' ? 'bgr' : 'bgrx', width, height, stride, topDown, pixels }
  }
  const words = scratch(width * height)
  expandRgb16(image, words)
  const wide = new Uint8Array(words.buffer)
  return { layout: 'bgrx', width, height, stride: width * 4, topDown, pixels: wide }
}

/**
 * Encoder of JPEG images (codecs.md 6): a whole JFIF stream, top row first whatever the order in memory. Codes `rgb16`,
 * `rgb24` and `rgb32` with any stride.
 *
 * `encode` throws SidecarError SIDECAR_BUG for an image that `accepts` refuses, SIDECAR_HOST when the library fails,
 * SIDECAR_PEER_GONE once closed.
 */
export const createJpegEncoder = (options: JpegEncoderOptions): JpegEncoder => {
  const { maxPixels, library, subsampling = '4:2:0', dct = 'accurate' } = options
  const compressor = library.compressor()
  let wide = new Uint32Array(0)
  const wideOf = (size: number): Uint32Array => {
    if (wide.length < size) {
      wide = new Uint32Array(size)
    }
    return wide
  }
  const optionsOf = (coding: JpegCoding | undefined): JpegOptions => ({
    quality: coding?.quality ?? options.quality ?? DEFAULT_QUALITY,
    subsampling,
    dct,
  })
  const check = (image: Image): void => {
    if (!accepts(image, maxPixels)) {
      const { format, width, height, stride, pixels } = image
      throw new SidecarError(
        'SIDECAR_BUG',
        'image given to the jpeg encoder is not whole, ask accepts first',
        {
          ...{ format, width, height, stride },
          size: pixels.length,
        },
      )
    }
  }
  return {
    name: 'jpeg',
    lossless: false,
    inlinePixels: INLINE_PIXELS,
    accepts: (image) => accepts(image, maxPixels),
    encode: (image, out, coding) => {
      check(image)
      return compressor.compress(sourceOf(image, wideOf, coding?.half), optionsOf(coding), out)
    },
    encodeAsync: async (image, out, coding) => {
      check(image)
      const source = sourceOf(image, (size) => new Uint32Array(size), coding?.half)
      return compressor.compressAsync(source, optionsOf(coding), out)
    },
    trim: () => {
      wide = new Uint32Array(0)
      compressor.trim()
    },
    close: async () => {
      await compressor.close()
      wide = new Uint32Array(0)
    },
  }
}
