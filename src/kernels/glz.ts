import { loadKernel } from './load.js'

/** Exports of `assembly/glz.ts`; addresses and sizes in bytes. */
interface GlzExports {
  tableBytes(): number
  setup(ring: number, size: number, map: number, slots: number, tables: number, references: number): void
  begin(): number
  place(slot: number, type: number, sequence: number, start: number, end: number): void
  forget(slot: number): void
  takeColours24(from: number, stride: number, width: number, height: number, to: number): void
  takeColours16(from: number, stride: number, width: number, height: number, to: number): void
  takeAlpha(from: number, stride: number, width: number, height: number, to: number): void
  code24: CodePass
  code15: CodePass
  code8: CodePass
}

type CodePass = (
  slot: number,
  rowBytes: number,
  hintSlot: number,
  hintDelta: number,
  at: number,
  limit: number,
) => number

/** Planes begin on a multiple of this. */
export const GLZ_BLOCK_BYTES = 256
const BLOCK_MAP_ENTRY_BYTES = 2
const SLOT_BYTES = 32
/** Behind the ring and the output: what vectors read or write too much. */
const SLACK_BYTES = 64

/** Places in the ring are below this: the tables use the bits above for something else. */
const MAX_PLACE = 2 ** 29

export interface GlzLayout {
  /** Bytes of the ring, a multiple of {@link GLZ_BLOCK_BYTES}. */
  readonly ringBytes: number
  /** Slots at most, up to 2^16. */
  readonly slots: number
  readonly outBytes: number
}

export interface GlzKernel {
  readonly exports: GlzExports
  /** The whole memory. */
  readonly bytes: Uint8Array
  /** Addresses. */
  readonly ring: number
  readonly out: number
  /** The list of sequence numbers that were referred to; its length stands in front of it. */
  readonly references: Uint32Array
}

const aligned = (bytes: number): number => Math.ceil(bytes / GLZ_BLOCK_BYTES) * GLZ_BLOCK_BYTES

/**
 * Makes a kernel with a memory of its own. Nothing of that memory is touched before it is needed, so the parts cost
 * what is used of them (`performance-notes.md` section 5); all of it goes when the last reference to the kernel goes.
 *
 * @returns `undefined` where SIMD is missing
 */
export const loadGlzKernel = (layout: GlzLayout): GlzKernel | undefined => {
  const { ringBytes, slots } = layout
  const mapBytes = aligned((ringBytes / GLZ_BLOCK_BYTES) * BLOCK_MAP_ENTRY_BYTES)
  /* The tables: 2^15, 2^13 and 2^16 places, checked below. */
  const tableBytes = (2 ** 15 + 2 ** 13 + 2 ** 16) * 4
  const sizes = [
    mapBytes,
    aligned(slots * SLOT_BYTES),
    aligned((slots + 1) * 4),
    tableBytes,
    aligned(ringBytes + SLACK_BYTES),
    aligned(layout.outBytes + SLACK_BYTES),
  ]
  const kernel = loadKernel<GlzExports>(
    'glz',
    sizes.reduce((sum, size) => sum + size, GLZ_BLOCK_BYTES),
  )
  if (kernel === undefined) {
    return undefined
  }
  const { exports, memory } = kernel
  if (exports.tableBytes() !== tableBytes) {
    throw new RangeError('the tables of kernel glz have another size')
  }
  let at = aligned(kernel.base)
  const [map, slotsAt, references, tables, ring, out] = sizes.map((size) => {
    const start = at
    at += size
    return start
  }) as [number, number, number, number, number, number]
  if (ring + ringBytes > MAX_PLACE) {
    throw new RangeError(`a ring of ${ringBytes} bytes is more than kernel glz can tell apart`)
  }
  exports.setup(ring, ringBytes, map, slotsAt, tables, references)
  return {
    exports,
    bytes: new Uint8Array(memory.buffer),
    ring,
    out,
    references: new Uint32Array(memory.buffer, references, slots + 1),
  }
}
