import { BitReader } from './bit-reader.js'
import {
  BLOCK_SIDE,
  BLOCK_SIZE,
  refuse,
  ZIGZAG,
  type Coding,
  type Component,
  type Frame,
} from './jpeg-format.js'
import { transformBlock } from './transform.js'

/** Largest size of a value in bits, for samples of 8 bits: the first coefficient's difference, and the others. */
const MAX_DC_BITS = 11
const MAX_AC_BITS = 10

/** One component of a scan, and the plane that its samples go into. */
export interface ScanPart {
  readonly component: Component
  readonly coding: Coding
  readonly plane: Uint8ClampedArray
}

/** Reads the entropy coded data of one scan. */
export class ScanReader {
  readonly #bits: BitReader
  readonly #offset: number
  readonly #frame: Frame
  readonly #parts: readonly ScanPart[]
  readonly #block = new Int32Array(BLOCK_SIZE)
  /** Per part the first coefficient of the block before. */
  readonly #before: Int32Array

  /** @param at first byte of the data */
  constructor(bytes: Uint8Array, at: number, frame: Frame, parts: readonly ScanPart[]) {
    this.#bits = new BitReader(bytes, at)
    this.#offset = at
    this.#frame = frame
    this.#parts = parts
    this.#before = new Int32Array(parts.length)
  }

  /**
   * @param interval units between restart markers; 0 for none
   * @returns position of the second byte of the marker behind the scan
   */
  read(interval: number): number {
    const single = this.#parts.length === 1 ? this.#parts[0]?.component : undefined
    const across = single === undefined ? this.#frame.unitsAcross : Math.ceil(single.width / BLOCK_SIDE)
    const down = single === undefined ? this.#frame.unitsDown : Math.ceil(single.height / BLOCK_SIDE)
    let [left, restarts] = [interval, 0]
    for (let row = 0; row < down; row++) {
      for (let column = 0; column < across; column++) {
        if (interval > 0 && left === 0) {
          this.#bits.restart(restarts++ % 8)
          this.#before.fill(0)
          left = interval
        }
        left--
        if (single === undefined) {
          this.#readUnit(column, row)
        } else {
          this.#readBlock(0, column, row)
        }
      }
    }
    return this.#bits.endOfData()
  }

  #readUnit(column: number, row: number): void {
    for (let index = 0; index < this.#parts.length; index++) {
      const { across = 0, down = 0 } = this.#parts[index]?.component ?? {}
      for (let y = 0; y < down; y++) {
        for (let x = 0; x < across; x++) {
          this.#readBlock(index, column * across + x, row * down + y)
        }
      }
    }
  }

  #readBlock(index: number, column: number, row: number): void {
    const part = this.#parts[index]
    if (part === undefined) {
      return
    }
    const { quant, dc, ac } = part.coding
    const [block, bits] = [this.#block, this.#bits]
    const size = bits.symbol(dc)
    if (size > MAX_DC_BITS) {
      throw refuse('difference is too large', this.#offset)
    }
    const first = (((this.#before[index] ?? 0) + (size === 0 ? 0 : bits.value(size))) << 16) >> 16
    this.#before[index] = first
    block[0] = first * (quant[0] ?? 0)
    let flat = true
    for (let k = 1; k < BLOCK_SIZE; k++) {
      const symbol = bits.symbol(ac)
      if (symbol === 0) {
        break
      }
      k += symbol >> 4
      const valueBits = symbol & 15
      if (k >= BLOCK_SIZE || valueBits > MAX_AC_BITS || (valueBits === 0 && symbol !== 0xf0)) {
        throw refuse('coefficients do not fit their block', this.#offset)
      }
      if (valueBits > 0) {
        block[ZIGZAG[k] ?? 0] = bits.value(valueBits) * (quant[k] ?? 0)
        flat = false
      }
    }
    const { stride } = part.component
    transformBlock(block, flat, part.plane, (row * stride + column) * BLOCK_SIDE, stride)
  }
}
