import { SidecarError } from '../../core/errors.js'
import type { Lz4 } from '../../host/lz4.js'
import type { AsyncImageEncoder, Image } from '../image.js'
import {
  isLz4Image,
  LZ4_BLOCK_HEADER_SIZE,
  LZ4_HEADER_SIZE,
  packedRows,
  writeBlockSize,
  writeLz4Header,
} from './lz4-format.js'
import { Lz4Oracle } from './oracle.js'

const BLOCK_AT = LZ4_HEADER_SIZE + LZ4_BLOCK_HEADER_SIZE

/** liblz4 takes 1 to 10 ns for a pixel of 4 bytes (performance-notes.md 6). */
const INLINE_PIXELS = 64 * 1024

export interface Lz4EncoderOptions {
  /** Cap on width times height. */
  readonly maxPixels: number
  /** From `loadLz4`; without it the readable encoder stands in, on the caller's thread. */
  readonly library: Lz4 | undefined
}

/** Takes an image apart and hands its block to the library. */
const withLibrary = (library: Lz4, { maxPixels }: Lz4EncoderOptions): AsyncImageEncoder => {
  const compressor = library.compressor()
  let scratch = new Uint8Array(0)
  const scratchOf = (size: number): Uint8Array => {
    if (scratch.length < size) {
      scratch = new Uint8Array(size)
    }
    return scratch
  }

  /** @returns bytes of the whole, -1 when the block did not fit */
  const finish = (image: Image, out: Uint8Array, size: number): number => {
    if (size < 0) {
      return -1
    }
    writeLz4Header(image, out)
    writeBlockSize(out, LZ4_HEADER_SIZE, size)
    return BLOCK_AT + size
  }

  return {
    name: 'lz4',
    lossless: true,
    inlinePixels: INLINE_PIXELS,
    accepts: (image) => isLz4Image(image, maxPixels),
    encode: (image, out) => {
      check(image, maxPixels)
      const room = out.subarray(Math.min(BLOCK_AT, out.length))
      return finish(image, out, compressor.compress(packedRows(image, scratchOf), room))
    },
    encodeAsync: async (image, out) => {
      check(image, maxPixels)
      const room = out.subarray(Math.min(BLOCK_AT, out.length))
      const packed = packedRows(image, (size) => new Uint8Array(size))
      return finish(image, out, await compressor.compressAsync(packed, room))
    },
    trim: () => {
      scratch = new Uint8Array(0)
      compressor.trim()
    },
    close: async () => {
      await compressor.close()
      scratch = new Uint8Array(0)
    },
  }
}

const withoutLibrary = ({ maxPixels }: Lz4EncoderOptions): AsyncImageEncoder => {
  const oracle = new Lz4Oracle()
  let closed = false
  const encode = (image: Image, out: Uint8Array): number => {
    if (closed) {
      throw new SidecarError('SIDECAR_PEER_GONE', 'the LZ4 compressor is closed')
    }
    check(image, maxPixels)
    return oracle.encode(image, out)
  }
  return {
    name: 'lz4',
    lossless: true,
    inlinePixels: INLINE_PIXELS,
    accepts: (image) => isLz4Image(image, maxPixels),
    encode,
    encodeAsync: (image, out) => Promise.resolve().then(() => encode(image, out)),
    trim: () => {
      oracle.trim()
    },
    close: () => {
      closed = true
      oracle.trim()
      return Promise.resolve()
    },
  }
}

const check = (image: Image, maxPixels: number): void => {
  if (!isLz4Image(image, maxPixels)) {
    const { format, width, height, stride, pixels } = image
    throw new SidecarError('SIDECAR_BUG', 'image given to the lz4 encoder is not whole, ask accepts first', {
      ...{ format, width, height, stride },
      size: pixels.length,
    })
  }
}

/**
 * Encoder of LZ4 images (codecs.md 5): header and one block of all rows in memory order. Padded rows are packed first.
 *
 * `encode` throws SidecarError SIDECAR_BUG for an image that `accepts` refuses, SIDECAR_PEER_GONE once closed.
 */
export const createLz4Encoder = (options: Lz4EncoderOptions): AsyncImageEncoder =>
  options.library === undefined ? withoutLibrary(options) : withLibrary(options.library, options)
