import type { LzCodePass, LzKernel } from '../../kernels/lz.js'
import type { Image } from '../image.js'
import { LZ_TYPES, lzPackedStride, type LzPassKind, type LzType } from './lz-format.js'

/**
 * Codes images of every type with the SIMD kernel. It chooses its own matches, so its bytes differ from those of
 * `LzOracle`, its pixels do not. What is larger than the memory of the kernel is coded in pieces that do not refer to
 * each other; a stream is nothing but tokens, so the pieces joined are one pass.
 */
export class LzKernelCoder {
  readonly staging: Uint8Array
  readonly #kernel: LzKernel
  readonly #coders: Readonly<Record<LzPassKind, LzCodePass>>

  constructor(kernel: LzKernel) {
    this.#kernel = kernel
    const { encode8, encode16, encode32 } = kernel.exports
    this.#coders = { plt: encode8, alpha: encode8, rgb16: encode16, rgb: encode32 }
    this.staging = kernel.bytes.subarray(kernel.staging, kernel.staging + kernel.maxUnits * 4)
  }

  /**
   * HOT PATH (damage to encoded image). Appends the body of `image`, which must pass `isLzImage`, to `out` from `at` on.
   * Budget: 4 ms for 192 Ki pixels of photo; `npm run bench:codecs` measures it. Per piece it makes two views, and no copy
   * of packed pixels that lie in {@link staging}.
   *
   * @returns position after the body, or -1 when it does not fit
   */
  encodeBody(image: Image, out: Uint8Array, at: number): number {
    const { bytes, maxUnits, out: to, table } = this.#kernel
    const type = LZ_TYPES[image.format]
    const rowUnits = Math.ceil(image.width / type.unitPixels)
    const count = rowUnits * image.height
    let written = at
    for (const { kind } of type.passes) {
      for (let unit = 0; unit < count; unit += maxUnits) {
        const units = Math.min(maxUnits, count - unit)
        const from = this.#placeUnits(image, type, kind, unit, units)
        const end = this.#coders[kind](from, units, rowUnits, to, to + out.length - written, table)
        if (end === 0) {
          return -1
        }
        out.set(bytes.subarray(to, end), written)
        written += end - to
      }
    }
    return written
  }

  /** @returns where the units of a pass now lie */
  #placeUnits(image: Image, type: LzType, kind: LzPassKind, unit: number, units: number): number {
    const { alpha, exports, units: copy } = this.#kernel
    const from = this.#placeBytes(image, type, unit, units)
    if (kind === 'alpha') {
      exports.alphaOf(from, units, alpha)
      return alpha
    }
    if (type.unitBytes === 3) {
      exports.widen24(from, units, copy)
      return copy
    }
    return from
  }

  /** @returns where the units as they are in the image, without gaps between rows, now lie */
  #placeBytes({ pixels, width, stride, height }: Image, type: LzType, unit: number, units: number): number {
    const { bytes, staging, raw, units: copy } = this.#kernel
    const { unitBytes } = type
    const rowBytes = lzPackedStride(type, width)
    const packed = stride === rowBytes || height === 1
    if (packed && pixels.buffer === bytes.buffer && pixels.byteOffset >= staging) {
      return pixels.byteOffset + unit * unitBytes
    }
    const target = unitBytes === 3 ? raw : copy
    let from = unit * unitBytes
    const end = from + units * unitBytes
    if (packed) {
      bytes.set(pixels.subarray(from, end), target)
      return target
    }
    for (let to = target; from < end;) {
      const row = Math.floor(from / rowBytes)
      const column = from - row * rowBytes
      const size = Math.min(rowBytes - column, end - from)
      bytes.set(pixels.subarray(row * stride + column, row * stride + column + size), to)
      from += size
      to += size
    }
    return target
  }
}
