import { decodeJpeg, decodeJpegAlpha } from '../../../src/codecs/jpeg/index.js'
import type { Image } from '../../../src/codecs/image.js'
import { decodeLz } from '../../../src/codecs/lz/index.js'
import { SidecarError } from '../../../src/core/errors.js'
import { flatJpeg } from '../../unit/codecs/jpeg/flat-jpeg.js'
import { jpegAlphaVectors, jpegVectors } from '../../unit/codecs/jpeg/vectors.js'
import { hold, type Oracle } from '../oracle.js'

const MAX_PIXELS = 1 << 14

const decoded = (decode: () => Image): Image | undefined => {
  try {
    return decode()
  } catch (error) {
    if (error instanceof SidecarError && error.code === 'SIDECAR_PROTOCOL') {
      return undefined
    }
    throw error
  }
}

const part = (id: number, across: number, down: number) => ({
  id,
  factors: [across, down] as const,
  sample: (column: number, row: number) => (id * 70 + column * 31 + row * 57) & 255,
})

const COLOURS = [part(1, 2, 2), part(2, 1, 1), part(3, 1, 1)]

/** Of two kinds: a JPEG stream, and the payload of an image with alpha. */
const seeds = (): Uint8Array[] => [
  ...jpegVectors().map(({ encoded }) => encoded),
  flatJpeg({ width: 40, height: 24, components: [part(1, 1, 1)], interval: 2 }),
  flatJpeg({ width: 40, height: 40, components: COLOURS, interval: 1 }),
  flatJpeg({ width: 20, height: 20, components: COLOURS, scans: [[0], [1, 2]] }),
  ...jpegAlphaVectors().map(({ encoded }) => encoded),
]

/**
 * What must hold for any bytes given to `decodeJpeg` and `decodeJpegAlpha`: they return or refuse, a picture is whole and
 * within the cap, and decoding is a function of the bytes alone.
 */
export const decodeJpegOracle: Oracle = {
  name: 'decode-jpeg',
  seeds,
  run: (bytes) => {
    const decode = (): Image =>
      bytes[0] === 0xff ? decodeJpeg(bytes, MAX_PIXELS) : decodeJpegAlpha(bytes, decodeLz, MAX_PIXELS)
    const image = decoded(decode)
    if (image === undefined) {
      return false
    }
    const { format, width, height, stride, topDown, pixels } = image
    const what = `${format} ${width}x${height}`
    hold(width * height <= MAX_PIXELS && stride === width * 4, `size is within the cap: ${what}`)
    hold(topDown && pixels.length === stride * height, `the decoded image is whole: ${what}`)
    hold(
      format === 'rgba' || pixels.every((byte, at) => at % 4 < 3 || byte === 0),
      `pad bytes are 0: ${what}`,
    )
    hold(Buffer.compare(decode().pixels, pixels) === 0, `the same bytes give the same pixels: ${what}`)
    return true
  },
}
