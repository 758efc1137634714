import { loadKernel } from './load.js'

/**
 * Codes `count` units at `from` to `out`; `rowUnits` units make a row.
 *
 * @returns end of the tokens, or 0 when they go past `limit`
 */
export type LzCodePass = (
  from: number,
  count: number,
  rowUnits: number,
  out: number,
  limit: number,
  table: number,
) => number

/** Exports of `assembly/lz.ts`; all numbers are addresses but for counts of units. */
interface LzExports {
  encode32: LzCodePass
  encode16: LzCodePass
  encode8: LzCodePass
  widen24(from: number, count: number, to: number): void
  alphaOf(from: number, count: number, to: number): void
  readonly position: { value: number }
}

/** What vectors may read and write past the end of an area. */
const SLACK_BYTES = 64
const TABLE_BYTES = 32 * 1024
const MAX_UNIT_BYTES = 4
/** One more byte for each run of 32 literals. */
const literalBytes = (units: number): number => units * 3 + Math.ceil(units / 32)

const aligned = (bytes: number): number => Math.ceil(bytes / 64) * 64

export interface LzKernel {
  readonly exports: LzExports
  /** The whole memory. */
  readonly bytes: Uint8Array
  /** Units that one call can code. */
  readonly maxUnits: number
  /** Addresses. `staging` belongs to the caller of the encoder, `units` and `raw` (which begins inside it) take copies. */
  readonly table: number
  readonly staging: number
  readonly units: number
  readonly raw: number
  readonly alpha: number
  readonly out: number
}

/**
 * Makes a kernel with a memory of its own, of which only what is used is ever touched.
 *
 * @param maxUnits units that one call can code at most
 * @returns `undefined` where SIMD is missing
 */
export const loadLzKernel = (maxUnits: number): LzKernel | undefined => {
  const area = aligned(maxUnits * MAX_UNIT_BYTES + 2 * SLACK_BYTES)
  const alphaBytes = aligned(maxUnits + SLACK_BYTES)
  const outBytes = aligned(literalBytes(maxUnits) + SLACK_BYTES)
  const kernel = loadKernel<LzExports>('lz', TABLE_BYTES + 2 * area + alphaBytes + outBytes)
  if (kernel === undefined) {
    return undefined
  }
  const { exports, memory, base: table } = kernel
  const staging = table + TABLE_BYTES
  const units = staging + area
  const alpha = units + area
  return {
    exports,
    bytes: new Uint8Array(memory.buffer),
    maxUnits,
    table,
    staging,
    units,
    // Pixels of 3 bytes are widened in place, from the end of the area to its start.
    raw: units + maxUnits + SLACK_BYTES,
    alpha,
    out: alpha + alphaBytes,
  }
}
