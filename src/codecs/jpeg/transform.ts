import { BLOCK_SIDE, BLOCK_SIZE } from './jpeg-format.js'

/** Fixed point: factors have 13 bits behind the point, what lies between the passes has 2. */
const FACTOR_BITS = 13
const BETWEEN_BITS = 2
const factor = (value: number): number => Math.round(value * (1 << FACTOR_BITS))

const F_0_298 = factor(0.298631336)
const F_0_390 = factor(0.390180644)
const F_0_541 = factor(0.5411961)
const F_0_765 = factor(0.765366865)
const F_0_899 = factor(0.899976223)
const F_1_175 = factor(1.175875602)
const F_1_501 = factor(1.50132111)
const F_1_847 = factor(1.847759065)
const F_1_961 = factor(1.96157056)
const F_2_053 = factor(2.053119869)
const F_2_562 = factor(2.562915447)
const F_3_072 = factor(3.072711026)

/** One row or column: the eight-point inverse transform of Loeffler, Ligtenberg and Moschytz. */
const transformLine = (block: Int32Array, at: number, step: number, shift: number): void => {
  const half = 1 << (shift - 1)
  const place = (index: number): number => at + index * step
  const c0 = block[at] ?? 0
  const c1 = block[place(1)] ?? 0
  const c2 = block[place(2)] ?? 0
  const c3 = block[place(3)] ?? 0
  const c4 = block[place(4)] ?? 0
  const c5 = block[place(5)] ?? 0
  const c6 = block[place(6)] ?? 0
  const c7 = block[place(7)] ?? 0

  const turn = Math.imul(c2 + c6, F_0_541)
  const low = turn - Math.imul(c6, F_1_847)
  const high = turn + Math.imul(c2, F_0_765)
  const sum = ((c0 + c4) << FACTOR_BITS) + half
  const difference = ((c0 - c4) << FACTOR_BITS) + half
  const e0 = sum + high
  const e1 = difference + low
  const e2 = difference - low
  const e3 = sum - high

  const outer = -Math.imul(c7 + c1, F_0_899)
  const inner = -Math.imul(c5 + c3, F_2_562)
  const both = Math.imul(c7 + c3 + c5 + c1, F_1_175)
  const first = both - Math.imul(c7 + c3, F_1_961)
  const second = both - Math.imul(c5 + c1, F_0_390)
  const o0 = Math.imul(c1, F_1_501) + outer + second
  const o1 = Math.imul(c3, F_3_072) + inner + first
  const o2 = Math.imul(c5, F_2_053) + inner + second
  const o3 = Math.imul(c7, F_0_298) + outer + first

  block[at] = (e0 + o0) >> shift
  block[place(1)] = (e1 + o1) >> shift
  block[place(2)] = (e2 + o2) >> shift
  block[place(3)] = (e3 + o3) >> shift
  block[place(4)] = (e3 - o3) >> shift
  block[place(5)] = (e2 - o2) >> shift
  block[place(6)] = (e1 - o1) >> shift
  block[place(7)] = (e0 - o0) >> shift
}

/** Of a block that has nothing but its first coefficient. */
const fillBlock = (value: number, plane: Uint8ClampedArray, at: number, stride: number): void => {
  const sample = (((value << BETWEEN_BITS) + 16) >> (BETWEEN_BITS + 3)) + 128
  for (let row = 0; row < BLOCK_SIDE; row++) {
    plane.fill(sample, at + row * stride, at + row * stride + BLOCK_SIDE)
  }
}

/**
 * Turns coefficients into samples, with the precision of the slow integer transform of the field's libraries, and leaves
 * the block all zero. Values that no encoder makes overflow into some sample or other.
 *
 * @param flat whether all coefficients but the first are 0
 * @param at place of the block's first sample in the plane
 */
export const transformBlock = (
  block: Int32Array,
  flat: boolean,
  plane: Uint8ClampedArray,
  at: number,
  stride: number,
): void => {
  if (flat) {
    fillBlock(block[0] ?? 0, plane, at, stride)
    block[0] = 0
    return
  }
  for (let column = 0; column < BLOCK_SIDE; column++) {
    transformLine(block, column, BLOCK_SIDE, FACTOR_BITS - BETWEEN_BITS)
  }
  for (let row = 0; row < BLOCK_SIZE; row += BLOCK_SIDE) {
    transformLine(block, row, 1, FACTOR_BITS + BETWEEN_BITS + 3)
  }
  for (let row = 0, to = at; row < BLOCK_SIZE; row += BLOCK_SIDE, to += stride) {
    for (let column = 0; column < BLOCK_SIDE; column++) {
      plane[to + column] = (block[row + column] ?? 0) + 128
    }
  }
  block.fill(0)
}
