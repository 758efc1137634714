import { SidecarError } from '../../../src/core/errors.js'
import { createQuicEncoder, decodeQuic, quicMaxEncodedSize } from '../../../src/codecs/quic/index.js'
import { encodeQuicPlainly } from '../../../src/codecs/quic/oracle.js'
import type { QuicImage } from '../../../src/codecs/quic/quic-format.js'
import { hold } from '../oracle.js'

const MAX_PIXELS = 1 << 16

const encoder = createQuicEncoder({ maxPixels: MAX_PIXELS })

const decoded = (bytes: Uint8Array): QuicImage | undefined => {
  try {
    return decodeQuic(bytes, MAX_PIXELS)
  } catch (error) {
    if (error instanceof SidecarError && error.code === 'SIDECAR_PROTOCOL') {
      return undefined
    }
    throw error
  }
}

/**
 * What must hold for any bytes given to `decodeQuic`: it returns or refuses, a picture is whole and within the cap, both
 * encoders code it to the same bytes, and these decode to the same pixels. Throws when one of these does not hold.
 *
 * @returns whether the bytes were an image
 */
export const decodeQuicOracle = (bytes: Uint8Array): boolean => {
  const image = decoded(bytes)
  if (image === undefined) {
    return false
  }
  const { format, width, height, stride, pixels } = image
  const what = `${format} ${width}x${height}`
  hold(
    width * height <= MAX_PIXELS && pixels.length === stride * height && encoder.accepts(image),
    `the decoded image is whole: ${what}`,
  )
  const fast = new Uint8Array(quicMaxEncodedSize(format, width, height))
  const slow = new Uint8Array(fast.length)
  const coded = slow.subarray(0, Math.max(0, encodeQuicPlainly(image, slow)))
  const same = Buffer.compare(fast.subarray(0, Math.max(0, encoder.encode(image, fast))), coded) === 0
  hold(same, `both encoders write the same bytes: ${what}`)
  const again = decoded(coded)
  hold(
    again !== undefined && Buffer.compare(again.pixels, pixels) === 0,
    `pixels stay when coded again: ${what}`,
  )
  return true
}
