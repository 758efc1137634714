import { ROP_TABLE, type PixelArray, type RopTable } from '../display/index.js'

/** HOT PATH: `count` pixels of `out` become what the raster operation makes of them and those of `source`. */
export const combineRow = (
  out: PixelArray,
  at: number,
  source: Uint32Array,
  count: number,
  table: RopTable,
): void => {
  const target = out
  switch (table) {
    case ROP_TABLE.put: {
      target.set(source.subarray(0, count), at)
      return
    }
    case ROP_TABLE.keep: {
      return
    }
    case ROP_TABLE.black:
    case ROP_TABLE.white: {
      target.fill(table === ROP_TABLE.black ? 0 : 0xffff_ffff, at, at + count)
      return
    }
    default: {
      for (let i = 0; i < count; i++) {
        target[at + i] = combine(table, source[i] ?? 0, target[at + i] ?? 0)
      }
    }
  }
}

/** The raster operation on all bits of two pixels; the result is a number of 32 bits with a sign. */
export const combine = (table: RopTable, s: number, d: number): number =>
  (table & 1 ? ~s & ~d : 0) | (table & 2 ? ~s & d : 0) | (table & 4 ? s & ~d : 0) | (table & 8 ? s & d : 0)

/** A ternary raster operation on all bits: bit `4 * p + 2 * s + d` of `rop3` is the result. */
export const combine3 = (rop3: number, p: number, s: number, d: number): number =>
  (~p & combine(rop3 & 15, s, d)) | (p & combine(rop3 >> 4, s, d))
