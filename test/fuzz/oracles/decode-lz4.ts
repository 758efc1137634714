import type { Image } from '../../../src/codecs/image.js'
import { createLz4Encoder, decodeLz4, lz4MaxEncodedSize } from '../../../src/codecs/lz4/index.js'
import { SidecarError } from '../../../src/core/errors.js'
import { lz4Vectors } from '../../unit/codecs/lz4/vectors.js'
import { hold, InputReader, type Oracle } from '../oracle.js'

const MAX_PIXELS = 1 << 16

const encoder = createLz4Encoder({ maxPixels: MAX_PIXELS, library: undefined })

const decoded = (bytes: Uint8Array, size: { width: number; height: number }): Image | undefined => {
  try {
    return decodeLz4(bytes, size, MAX_PIXELS)
  } catch (error) {
    if (error instanceof SidecarError && error.code === 'SIDECAR_PROTOCOL') {
      return undefined
    }
    throw error
  }
}

/**
 * What must hold for any bytes given to `decodeLz4`, the first four being the size (two u16): it returns or refuses, a
 * picture is whole and within the cap, and its pixels survive being coded again.
 */
export const decodeLz4Oracle: Oracle = {
  name: 'decode-lz4',
  seeds: () =>
    lz4Vectors().map(({ encoded, image: { width, height } }) =>
      Uint8Array.of(width & 255, width >> 8, height & 255, height >> 8, ...encoded),
    ),
  run: (input) => {
    const reader = new InputReader(input)
    const size = { width: reader.u16(), height: reader.u16() }
    const image = decoded(reader.rest(), size)
    if (image === undefined) {
      return false
    }
    const { format, width, height, stride, pixels } = image
    const what = `${format} ${width}x${height}`
    hold(width === size.width && height === size.height && width * height <= MAX_PIXELS, `size: ${what}`)
    hold(pixels.length === stride * height && encoder.accepts(image), `the image is whole: ${what}`)
    const out = new Uint8Array(lz4MaxEncodedSize(format, width, height))
    const again = decoded(out.subarray(0, Math.max(0, encoder.encode(image, out))), size)
    hold(
      again !== undefined && again.topDown === image.topDown && Buffer.compare(again.pixels, pixels) === 0,
      `pixels survive being coded again: ${what}`,
    )
    return true
  },
}
