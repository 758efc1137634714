import { loadKernel } from '../../kernels/load.js'
import { QUIC_HEADER_SIZE, QUIC_TYPES, type QuicImage } from './quic-format.js'

/** The exports of `src/kernels/assembly/quic.ts`. */
interface QuicExports {
  readonly output: () => number
  readonly outputEnd: () => number
  readonly setUp: () => void
  readonly begin: (type: number, width: number) => void
  readonly rows: (source: number, stride: number, count: number) => number
  readonly rewind: () => void
  readonly finish: () => void
}

/** Widest row that the kernel has memory for. */
export const QUIC_KERNEL_MAX_WIDTH = 16384
/** Bytes of source rows that are copied in at a time: both halves of the band memory stay in the second-level cache. */
const BAND_BYTES = 65536
/** One row of the widest image is the most that a band has to hold. */
const BAND_ROOM = QUIC_KERNEL_MAX_WIDTH * 4
/** The kernel reads whole vectors, so up to this many bytes past a row. */
const SLACK = 512

/**
 * The kernel and its memory, in this order: what is the kernel's own, two bands of source rows, the staging memory.
 *
 * The coded bytes are taken out in pieces of some 64 KiB, so that they and the bands do not wash the caches, and memory
 * that no image needs stays untouched.
 */
export class QuicKernel {
  readonly #exports: QuicExports
  readonly #memory: Uint8Array
  readonly #output: number
  readonly #bands: number
  /** Where a caller may put its packed pixels. */
  readonly staging: Uint8Array

  private constructor(exports: QuicExports, memory: Uint8Array, base: number, stagingSize: number) {
    this.#exports = exports
    this.#memory = memory
    this.#output = exports.output()
    this.#bands = base + SLACK
    const staging = this.#bands + 2 * (BAND_ROOM + SLACK) + SLACK
    this.staging = memory.subarray(staging, staging + stagingSize)
    exports.setUp()
  }

  /**
   * @param stagingSize bytes
   * @returns undefined where kernels do not run
   */
  static load(stagingSize: number): QuicKernel | undefined {
    const kernel = loadKernel<QuicExports>('quic', 2 * BAND_ROOM + 8 * SLACK + stagingSize)
    return (
      kernel && new QuicKernel(kernel.exports, new Uint8Array(kernel.memory.buffer), kernel.base, stagingSize)
    )
  }

  /**
   * HOT PATH (damage to encoded image): appends the rows of `image` to `out` behind the header.
   *
   * INVARIANT: `image` passes `isQuicImage` and is at most `QUIC_KERNEL_MAX_WIDTH` wide, so that every row the kernel is told
   * of lies in the staging memory, or whole in one band.
   *
   * @returns bytes of the whole image, or -1 when they do not fit
   */
  encode(image: QuicImage, out: Uint8Array): number {
    const { format, width, height, stride, topDown, pixels } = image
    const type = QUIC_TYPES[format]
    this.#exports.begin(type.type, width)
    const packed = width * type.pixelBytes
    const step = topDown ? stride : -stride
    const { staging } = this
    let at: number
    if (
      pixels.buffer === staging.buffer &&
      pixels.byteOffset === staging.byteOffset &&
      pixels.length <= staging.length
    ) {
      const first = pixels.byteOffset + (topDown ? 0 : stride * (height - 1))
      at = this.#rows(first, step, height, out, QUIC_HEADER_SIZE)
    } else {
      at = this.#bandsOf(image, packed, out)
    }
    if (at < 0) {
      return -1
    }
    this.#exports.finish()
    return this.#take(out, at)
  }

  /** Copies the source in by bands; the last row of one band is still there while the next is coded. */
  #bandsOf(image: QuicImage, packed: number, out: Uint8Array): number {
    const { height, stride, topDown, pixels } = image
    /* Rows with much padding go in one by one. */
    const perBand =
      stride > 2 * packed || stride > BAND_ROOM ? 1 : Math.max(1, Math.floor(BAND_BYTES / stride))
    let at = QUIC_HEADER_SIZE
    let band = this.#bands
    for (let y = 0; y < height && at >= 0; y += perBand) {
      const count = Math.min(perBand, height - y)
      const from = (topDown ? y : height - y - count) * stride
      const size = stride * (count - 1) + packed
      this.#memory.set(pixels.subarray(from, from + size), band)
      at = topDown
        ? this.#rows(band, stride, count, out, at)
        : this.#rows(band + stride * (count - 1), -stride, count, out, at)
      band = this.#bands * 2 + BAND_ROOM + SLACK - band
    }
    return at
  }

  #rows(first: number, stride: number, count: number, out: Uint8Array, at: number): number {
    let done = 0
    while (done < count && at >= 0) {
      done += this.#exports.rows(first + stride * done, stride, count - done)
      if (done < count) {
        at = this.#take(out, at)
      }
    }
    return this.#exports.outputEnd() - this.#output < BAND_BYTES / 2 ? at : this.#take(out, at)
  }

  /** Moves the coded bytes out. */
  #take(out: Uint8Array, at: number): number {
    if (at < 0) {
      return -1
    }
    const size = this.#exports.outputEnd() - this.#output
    if (size > out.length - at) {
      return -1
    }
    out.set(this.#memory.subarray(this.#output, this.#output + size), at)
    this.#exports.rewind()
    return at + size
  }
}
