import { ROP } from '../protocol/index.js'

/**
 * A raster operation of a source and a destination, bit by bit: bit `2 * s + d` is the result for the bits `s` of the source and
 * `d` of the destination.
 */
export type RopTable = number

/** Some tables by name; `…Inverse` take the inverted source. */
export const ROP_TABLE = {
  black: 0,
  andInverse: 2,
  invert: 5,
  xor: 6,
  and: 8,
  xnor: 9,
  keep: 10,
  orInverse: 11,
  put: 12,
  or: 14,
  white: 15,
} as const

/** Which bits of a descriptor invert the source and the destination (`protocol-display.md` section 9). */
export type RopKind = 'brush onto destination' | 'image onto destination' | 'brush onto image'

const INVERTS: Readonly<Record<RopKind, { readonly source: number; readonly dest: number }>> = {
  'brush onto destination': { source: ROP.inversBrush, dest: ROP.inversDest },
  'image onto destination': { source: ROP.inversSrc, dest: ROP.inversDest },
  'brush onto image': { source: ROP.inversBrush, dest: ROP.inversSrc },
}

/** The result for one bit of each; `s` and `d` are inverted where the descriptor says so. The first operation named counts. */
const resultBit = (rop: number, source: number, dest: number, s: number, d: number): number => {
  const inverted = (rop & ROP.inversRes) === 0 ? 0 : 1
  if ((rop & ROP.put) !== 0) {
    return s ^ inverted
  }
  if ((rop & ROP.or) !== 0) {
    return (s | d) ^ inverted
  }
  if ((rop & ROP.and) !== 0) {
    return (s & d) ^ inverted
  }
  if ((rop & ROP.xor) !== 0) {
    return s ^ d ^ inverted
  }
  if ((rop & ROP.blackness) !== 0) {
    return 0
  }
  if ((rop & ROP.whiteness) !== 0) {
    return 1
  }
  return (rop & ROP.invers) === 0 ? source : 1 - dest
}

/** The table of a raster operation descriptor. */
export const ropTable = (rop: number, kind: RopKind): RopTable => {
  const inverts = INVERTS[kind]
  let table = 0
  for (const source of [0, 1]) {
    for (const dest of [0, 1]) {
      const s = (rop & inverts.source) === 0 ? source : 1 - source
      const d = (rop & inverts.dest) === 0 ? dest : 1 - dest
      table |= resultBit(rop, source, dest, s, d) << (2 * source + dest)
    }
  }
  return table
}

/** Does the result depend on the destination? */
export const readsDest = (table: RopTable): boolean => ((table >> 1) & 5) !== (table & 5)
