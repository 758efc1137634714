import { SidecarError } from '../../../src/core/errors.js'
import type { Image } from '../../../src/codecs/image.js'
import { createLzEncoder, decodeLz, lzMaxEncodedSize } from '../../../src/codecs/lz/index.js'

const MAX_PIXELS = 1 << 16

const encoder = createLzEncoder()
const inPieces = createLzEncoder({ maxPixels: 64 })
const readable = createLzEncoder({ kernel: 'off' })

const decoded = (bytes: Uint8Array): Image | undefined => {
  try {
    return decodeLz(bytes, MAX_PIXELS)
  } catch (error) {
    if (error instanceof SidecarError && error.code === 'SIDECAR_PROTOCOL') {
      return undefined
    }
    throw error
  }
}

/**
 * What must hold for any bytes given to `decodeLz`: it returns or refuses, a picture is whole and within the cap, and
 * its pixels survive being coded again by each encoder. Throws when one of these does not hold.
 *
 * @returns whether the bytes were an image
 */
export const decodeLzOracle = (bytes: Uint8Array): boolean => {
  const image = decoded(bytes)
  if (image === undefined) {
    return false
  }
  const { format, width, height, stride, pixels } = image
  if (width * height > MAX_PIXELS || pixels.length !== stride * height || !encoder.accepts(image)) {
    throw new Error(
      `decoded image is not whole: ${format} ${width}x${height}, stride ${stride}, ${pixels.length} bytes`,
    )
  }
  for (const each of [encoder, inPieces, readable]) {
    const out = new Uint8Array(lzMaxEncodedSize(format, width, height) * 2)
    const again = decoded(out.subarray(0, Math.max(0, each.encode(image, out))))
    if (again === undefined || !samePixels(image, again)) {
      throw new Error(`pixels change when coded again: ${format} ${width}x${height}`)
    }
  }
  return true
}

/** Bit 15 of rgb16 is not part of a pixel. */
const samePixels = (a: Image, b: Image): boolean => {
  const mask = (at: number): number => (a.format === 'rgb16' && at % 2 === 1 ? 0x7f : 0xff)
  return (
    a.pixels.length === b.pixels.length &&
    a.pixels.every((byte, at) => ((byte ^ b.pixels[at]!) & mask(at)) === 0)
  )
}
