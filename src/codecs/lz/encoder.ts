import { SidecarError } from '../../core/errors.js'
import type { BandedEncoder, Image } from '../image.js'
import { LzRgb32Kernel } from './kernel-rgb32.js'
import { isLzImage, LZ_HEADER_SIZE, writeLzHeader } from './lz-format.js'
import { LzOracle } from './oracle.js'

/**
 * Encoder of every LZ type: `rgb32`, what the screen is made of, by the kernel, the others by the readable encoder.
 * Rows are coded in memory order with `topDown` in the header; the coded stride is the packed one.
 *
 * Bands join because a stream is nothing but tokens, and the tokens of a band refer only to the band itself; the RGBA
 * types, whose alpha follows all colours, have no bands.
 *
 * `encode` throws SidecarError SIDECAR_BUG for an image that `accepts` refuses.
 */
export const createLzEncoder = (): BandedEncoder => {
  const kernel = new LzRgb32Kernel()
  const oracle = new LzOracle()

  const check = (image: Image): void => {
    if (!isLzImage(image)) {
      const { format, width, height, stride, pixels } = image
      throw new SidecarError('SIDECAR_BUG', 'image given to the lz encoder is not whole, ask accepts first', {
        ...{ format, width, height, stride },
        size: pixels.length,
      })
    }
  }

  const encode = (image: Image, out: Uint8Array): number => {
    check(image)
    if (image.format !== 'rgb32') {
      return oracle.encode(image, out)
    }
    if (out.length < LZ_HEADER_SIZE) {
      return -1
    }
    writeLzHeader(image, out)
    return kernel.encode(image, out, LZ_HEADER_SIZE)
  }

  const encodeBand = (band: Image, out: Uint8Array): number => {
    check(band)
    if (band.format !== 'rgb32') {
      throw new SidecarError('SIDECAR_BUG', 'only rgb32 is coded in bands', { format: band.format })
    }
    return kernel.encode(band, out, 0)
  }

  return {
    name: 'lz',
    lossless: true,
    accepts: isLzImage,
    encode,
    headerSize: LZ_HEADER_SIZE,
    writeHeader: writeLzHeader,
    encodeBand,
  }
}
