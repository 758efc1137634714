/** Longest code (codecs.md 4.3). */
const CODE_LIMIT = 26

/** Prefix and escape form of one code `l` (codecs.md 4.3). */
export interface QuicCode {
  /** P: zero bits of the longest prefix, which marks the escape form. */
  readonly prefix: number
  /** G: values from here on use the escape form. */
  readonly escapeFrom: number
  /** Sx: bits of an escaped value. */
  readonly escapeBits: number
}

const codeOf = (depth: number, low: number): QuicCode => {
  const prefix = Math.min(CODE_LIMIT - depth, 2 ** (depth - low) - 1)
  const escapeFrom = prefix * 2 ** low
  return { prefix, escapeFrom, escapeBits: Math.ceil(Math.log2(2 ** depth - escapeFrom)) }
}

/** What depends on the number of bits in a sample: codes, buckets, and the folding of differences. */
export class QuicFamily {
  readonly depth: 8 | 5
  /** Largest sample. */
  readonly max: number
  /** By `l`, as many as the depth. */
  readonly codes: readonly QuicCode[]
  /** Length of the code of residual `n` by `l`, at `l * (max + 1) + n`. */
  readonly lengths: Uint8Array
  /** Value of that code; the zero bits in front are implied by the length. */
  readonly values: Uint8Array
  /** Bucket by residual (codecs.md 4.5). */
  readonly buckets: Uint8Array
  /** Folded residual by difference modulo 2^depth (codecs.md 4.4), and the way back. */
  readonly folded: Uint8Array
  readonly unfolded: Uint8Array

  constructor(depth: 8 | 5) {
    const count = 1 << depth
    this.depth = depth
    this.max = count - 1
    this.codes = Array.from({ length: depth }, (_, low) => codeOf(depth, low))
    this.lengths = new Uint8Array(depth * count)
    this.values = new Uint8Array(depth * count)
    this.codes.forEach(({ prefix, escapeFrom, escapeBits }, low) => {
      for (let n = 0; n < count; n++) {
        const golomb = n < escapeFrom
        this.lengths[low * count + n] = golomb ? (n >> low) + 1 + low : prefix + escapeBits
        this.values[low * count + n] = golomb ? (1 << low) | (n & ((1 << low) - 1)) : n - escapeFrom
      }
    })
    this.buckets = Uint8Array.from({ length: count }, (_, n) => Math.min(31 - Math.clz32(n + 1), depth - 1))
    this.folded = Uint8Array.from({ length: count }, (_, s) =>
      s <= this.max >> 1 ? 2 * s : 2 * (this.max - s) + 1,
    )
    this.unfolded = new Uint8Array(count)
    this.folded.forEach((n, s) => {
      this.unfolded[n] = s
    })
  }
}

const FAMILIES = { 5: new QuicFamily(5), 8: new QuicFamily(8) } as const

export const quicFamily = (depth: 8 | 5): QuicFamily => FAMILIES[depth]

/** Pseudo random numbers by seed, modulo 64 (codecs.md 4.6). */
export const QUIC_RANDOM: readonly number[] = [
  2, 23, 19, 21, 7, 18, 40, 14, 12, 32, 47, 44, 36, 6, 18, 11, 4, 19, 42, 29, 16, 63, 57, 51, 16, 3, 5, 14,
  15, 30, 20, 9, 36, 45, 3, 57, 61, 0, 8, 5, 41, 14, 43, 27, 43, 59, 31, 35, 39, 60, 42, 38, 13, 54, 62, 1,
  26, 3, 11, 61, 52, 34, 7, 48, 4, 59, 22, 12, 22, 8, 50, 4, 10, 6, 44, 8, 11, 46, 31, 51, 53, 17, 1, 43, 46,
  60, 36, 54, 10, 27, 39, 44, 22, 41, 23, 2, 44, 0, 40, 53, 40, 48, 16, 43, 32, 28, 33, 12, 20, 2, 56, 62, 55,
  58, 18, 20, 13, 55, 38, 29, 57, 19, 49, 33, 47, 63, 59, 0, 35, 61, 19, 25, 46, 38, 60, 4, 35, 1, 26, 40, 28,
  10, 5, 14, 25, 18, 48, 49, 20, 59, 62, 34, 46, 7, 33, 52, 34, 58, 9, 29, 8, 55, 62, 60, 37, 36, 37, 50, 6,
  3, 10, 28, 48, 24, 26, 61, 57, 30, 11, 54, 2, 6, 50, 47, 7, 17, 35, 53, 32, 12, 23, 17, 5, 21, 49, 55, 51,
  45, 52, 27, 39, 25, 39, 63, 22, 24, 42, 52, 56, 38, 41, 41, 56, 32, 13, 24, 26, 51, 27, 56, 58, 37, 24, 42,
  15, 28, 17, 30, 31, 15, 16, 23, 25, 54, 33, 34, 1, 29, 31, 50, 53, 21, 49, 15, 47, 9, 0, 58, 37, 45, 30, 13,
  9, 45, 63, 21,
]

/** Bits of a run's remainder by run state (codecs.md 4.9). */
export const QUIC_RUN_BITS: readonly number[] = [
  0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15,
]

/** Training trigger by level (codecs.md 4.6). */
export const QUIC_TRIGGERS: readonly number[] = [110, 550, 900, 800, 550, 400, 350]
export const QUIC_LAST_LEVEL = 6
/** Pixels of one level. */
export const QUIC_LEVEL_PIXELS = 2048
