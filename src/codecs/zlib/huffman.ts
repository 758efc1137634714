import type { BitReader } from './bit-reader.js'

const MAX_BITS = 15

/**
 * A canonical Huffman code (RFC 1951, 3.2.2), read bit by bit. Codes that no symbol has are allowed to exist and
 * refused when read, as are codes that lack symbols.
 */
export class Huffman {
  /** Symbols with a code of each length. */
  readonly #counts = new Uint16Array(MAX_BITS + 1)
  /** Symbols in the order of their codes. */
  readonly #symbols: Uint16Array
  /** Whether two symbols claim the same code. */
  readonly oversubscribed: boolean

  /** @param lengths code length of each symbol, 0 to 15; 0: not used */
  constructor(lengths: Uint8Array) {
    this.#symbols = new Uint16Array(lengths.length)
    for (const length of lengths) {
      this.#counts[length] = (this.#counts[length] ?? 0) + 1
    }
    this.#counts[0] = 0
    const next = new Uint16Array(MAX_BITS + 2)
    let room = 1
    let oversubscribed = false
    for (let length = 1; length <= MAX_BITS; length++) {
      const count = this.#counts[length] ?? 0
      room = room * 2 - count
      oversubscribed ||= room < 0
      next[length + 1] = (next[length] ?? 0) + count
    }
    this.oversubscribed = oversubscribed
    lengths.forEach((length, symbol) => {
      if (length > 0) {
        const at = next[length] ?? 0
        this.#symbols[at] = symbol
        next[length] = at + 1
      }
    })
  }

  /** @returns -1 for a code that no symbol has */
  read(bits: BitReader): number {
    let code = 0
    let first = 0
    let index = 0
    for (let length = 1; length <= MAX_BITS; length++) {
      code |= bits.read(1)
      const count = this.#counts[length] ?? 0
      if (code - count < first) {
        return this.#symbols[index + code - first] ?? -1
      }
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    return -1
  }
}
