import type { AsyncImageEncoder, Image, ImageEncoder } from '../image.js'
import { JPEG_ALPHA_HEADER_SIZE, JPEG_ALPHA_TOP_DOWN } from './alpha-format.js'
import type { JpegCoding, JpegEncoder } from './encoder.js'

export interface JpegAlphaEncoderOptions {
  /** Codes the colours; closing and trimming are its owner's. */
  readonly jpeg: JpegEncoder
  /** Codes the alpha: an LZ encoder, which must take `xxxa`. */
  readonly alpha: ImageEncoder
}

/**
 * Encoder of JPEG images with alpha (codecs.md 7), of `rgba`. What it writes is the whole payload: flags, sizes, the JPEG
 * stream and the LZ stream. Colours are coded as they are, premultiplied or not; alpha is exact.
 *
 * Throws what the two encoders throw. `trim` and `close` are those of the JPEG encoder.
 */
export const createJpegAlphaEncoder = ({ jpeg, alpha }: JpegAlphaEncoderOptions): JpegEncoder => {
  const colours = (image: Image): Image => ({ ...image, format: 'rgb32' })
  const alphas = (image: Image): Image => ({ ...image, format: 'xxxa' })
  const body = (out: Uint8Array): Uint8Array => out.subarray(Math.min(JPEG_ALPHA_HEADER_SIZE, out.length))

  /** Puts the alpha behind the colours. @returns bytes of the whole, -1 when something did not fit */
  const finish = (image: Image, out: Uint8Array, jpegSize: number): number => {
    if (jpegSize < 0) {
      return -1
    }
    const alphaSize = alpha.encode(alphas(image), body(out).subarray(jpegSize))
    if (alphaSize < 0) {
      return -1
    }
    const view = new DataView(out.buffer, out.byteOffset, JPEG_ALPHA_HEADER_SIZE)
    view.setUint8(0, image.topDown ? JPEG_ALPHA_TOP_DOWN : 0)
    view.setUint32(1, jpegSize, true)
    view.setUint32(5, jpegSize + alphaSize, true)
    return JPEG_ALPHA_HEADER_SIZE + jpegSize + alphaSize
  }

  return {
    name: 'jpeg-alpha',
    lossless: false,
    inlinePixels: jpeg.inlinePixels / 2,
    accepts: (image) =>
      image.format === 'rgba' && jpeg.accepts(colours(image)) && alpha.accepts(alphas(image)),
    encode: (image: Image, out: Uint8Array, coding?: JpegCoding) =>
      finish(image, out, jpeg.encode(colours(image), body(out), coding)),
    encodeAsync: async (image: Image, out: Uint8Array, coding?: JpegCoding) =>
      finish(image, out, await jpeg.encodeAsync(colours(image), body(out), coding)),
    trim: () => {
      jpeg.trim()
    },
    close: () => jpeg.close(),
  } satisfies AsyncImageEncoder
}
