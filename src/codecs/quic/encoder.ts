import { SidecarError } from '../../core/errors.js'
import type { Image, ImageEncoder } from '../image.js'
import { QUIC_KERNEL_MAX_WIDTH, QuicKernel } from './kernel-quic.js'
import { encodeQuicPlainly } from './oracle.js'
import { isQuicImage, QUIC_HEADER_SIZE, writeQuicHeader, type QuicImage } from './quic-format.js'

export interface QuicEncoderOptions {
  /** Pixels of the largest image that is accepted; memory for them is reserved, but not used before an image needs it. */
  readonly maxPixels: number
  /** `off` codes with the readable encoder only. */
  readonly kernel?: 'auto' | 'off'
}

/** An {@link ImageEncoder} that also takes gray images. */
export interface QuicEncoder extends ImageEncoder {
  accepts(image: Image | QuicImage): boolean
  encode(image: Image | QuicImage, out: Uint8Array): number
}

/**
 * Encoder of every QUIC type, by the kernel where it runs, otherwise by the readable encoder; the bytes are the same. Rows
 * are coded from the top of the picture, whatever order they have in memory.
 *
 * Sizes from 1x1 on are coded, although servers send nothing below 3x3 as QUIC (codecs.md 4.10): that is for the caller to
 * decide. `encode` throws SidecarError SIDECAR_BUG for an image that `accepts` refuses.
 */
export const createQuicEncoder = ({ maxPixels, kernel = 'auto' }: QuicEncoderOptions): QuicEncoder => {
  const fast = kernel === 'auto' ? QuicKernel.load(maxPixels * 4) : undefined

  const takes = (image: Image | QuicImage): image is QuicImage =>
    isQuicImage(image) && image.width * image.height <= maxPixels

  const encode = (image: Image | QuicImage, out: Uint8Array): number => {
    if (!takes(image)) {
      const { format, width, height, stride, pixels } = image
      throw new SidecarError(
        'SIDECAR_BUG',
        'image given to the quic encoder is not whole, ask accepts first',
        {
          ...{ format, width, height, stride },
          size: pixels.length,
        },
      )
    }
    if (fast === undefined || image.width > QUIC_KERNEL_MAX_WIDTH) {
      return encodeQuicPlainly(image, out)
    }
    if (out.length < QUIC_HEADER_SIZE) {
      return -1
    }
    writeQuicHeader(image, out)
    return fast.encode(image, out)
  }

  return {
    name: 'quic',
    lossless: true,
    accepts: takes,
    encode,
    ...(fast === undefined ? {} : { staging: fast.staging }),
  }
}
