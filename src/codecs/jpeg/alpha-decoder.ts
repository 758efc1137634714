import type { Image } from '../image.js'
import { JPEG_ALPHA_HEADER_SIZE, JPEG_ALPHA_TOP_DOWN } from './alpha-format.js'
import { decodeJpeg } from './decoder.js'
import { refuse } from './jpeg-format.js'

/** `decodeLz`, or what does the same. */
export type DecodeAlpha = (bytes: Uint8Array, maxPixels: number) => Image

/**
 * Decodes one JPEG image with alpha (codecs.md 7), from its flags to its end. The result is `rgba`, packed, top row first.
 *
 * Hostile input: bounds are those of the two decoders.
 *
 * @param payload flags, sizes and both streams, nothing after them
 * @param decodeAlpha decodes the LZ stream
 * @param maxPixels cap on width times height
 * @throws SidecarError SIDECAR_PROTOCOL for everything that is not a whole, well-formed image within the cap
 */
export const decodeJpegAlpha = (payload: Uint8Array, decodeAlpha: DecodeAlpha, maxPixels: number): Image => {
  if (payload.length < JPEG_ALPHA_HEADER_SIZE) {
    throw refuse('payload is shorter than its fields', payload.length)
  }
  const view = new DataView(payload.buffer, payload.byteOffset, JPEG_ALPHA_HEADER_SIZE)
  const [flags, jpegSize, dataSize] = [view.getUint8(0), view.getUint32(1, true), view.getUint32(5, true)]
  const data = payload.subarray(JPEG_ALPHA_HEADER_SIZE)
  if (flags > JPEG_ALPHA_TOP_DOWN || dataSize !== data.length || jpegSize > dataSize) {
    throw refuse('flags or sizes of the payload are wrong', 0)
  }
  const colours = decodeJpeg(data.subarray(0, jpegSize), maxPixels)
  const { width, height, stride, pixels } = colours
  const alpha = decodeAlpha(data.subarray(jpegSize), width * height)
  const topDown = flags === JPEG_ALPHA_TOP_DOWN
  if (
    alpha.format !== 'xxxa' ||
    alpha.width !== width ||
    alpha.height !== height ||
    alpha.topDown !== topDown
  ) {
    throw refuse('alpha is not that of the colours', jpegSize)
  }
  for (let row = 0; row < height; row++) {
    const from = (topDown ? row : height - 1 - row) * alpha.stride + 3
    for (let x = 0, to = row * stride + 3; x < width; x++, to += 4) {
      pixels[to] = alpha.pixels[from + x * 4] ?? 0
    }
  }
  return { ...colours, format: 'rgba' }
}
