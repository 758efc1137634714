import { SidecarError } from '../../core/errors.js'
import { loadLzKernel } from '../../kernels/lz.js'
import type { BandedEncoder, Image } from '../image.js'
import { LzKernelCoder } from './kernel-coder.js'
import { isLzImage, LZ_HEADER_SIZE, LZ_TYPES, writeLzHeader } from './lz-format.js'
import { LzOracle } from './oracle.js'

/** A picture of 1920x1080, and a little more. */
const DEFAULT_MAX_PIXELS = 2 ** 21

export interface LzEncoderOptions {
  /** Pixels that are coded at once and that `staging` has room for; larger images are coded in pieces of that size. */
  readonly maxPixels?: number
  /** `off`: the readable encoder codes everything, as it does by itself where SIMD is missing. */
  readonly kernel?: 'auto' | 'off'
}

type Coder = Pick<LzOracle, 'encodeBody'> & { readonly staging?: Uint8Array }

/**
 * Encoder of every LZ type. Rows are coded in memory order with `topDown` in the header; the coded stride is the packed
 * one. Its memory is made with the first image or the first use of `staging`.
 *
 * Bands join because a stream is nothing but tokens, and the tokens of a band refer only to the band itself; `rgba`,
 * whose alpha follows all colours, has no bands.
 *
 * `encode` and `encodeBand` throw SidecarError SIDECAR_BUG for an image that `accepts` refuses, `encodeBand` also for
 * `rgba`.
 */
export const createLzEncoder = ({
  maxPixels = DEFAULT_MAX_PIXELS,
  kernel = 'auto',
}: LzEncoderOptions = {}): BandedEncoder => {
  let known: Coder | undefined

  const makeCoder = (): Coder => {
    const loaded = kernel === 'off' ? undefined : loadLzKernel(maxPixels)
    return loaded === undefined ? new LzOracle() : new LzKernelCoder(loaded)
  }
  const coder = (): Coder => (known ??= makeCoder())

  const refuse = (what: string, { format, width, height, stride, pixels }: Image): SidecarError =>
    new SidecarError('SIDECAR_BUG', what, { format, width, height, stride, size: pixels.length })

  const check = (image: Image): void => {
    if (!isLzImage(image)) {
      throw refuse('image given to the lz encoder is not whole, ask accepts first', image)
    }
  }

  const encode = (image: Image, out: Uint8Array): number => {
    check(image)
    if (out.length < LZ_HEADER_SIZE) {
      return -1
    }
    writeLzHeader(image, out)
    return coder().encodeBody(image, out, LZ_HEADER_SIZE)
  }

  const encodeBand = (band: Image, out: Uint8Array): number => {
    check(band)
    if (LZ_TYPES[band.format].passes.length > 1) {
      throw refuse('an image of two passes has no bands', band)
    }
    return coder().encodeBody(band, out, 0)
  }

  return {
    name: 'lz',
    lossless: true,
    get staging() {
      return coder().staging
    },
    accepts: isLzImage,
    encode,
    headerSize: LZ_HEADER_SIZE,
    writeHeader: writeLzHeader,
    encodeBand,
  }
}
