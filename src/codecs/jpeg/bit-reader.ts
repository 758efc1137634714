import { MARKER, refuse, type HuffmanTable } from './jpeg-format.js'

/**
 * Reads entropy coded data up to its marker. Behind the end it sees zeros, and refuses once one of them is used. `at` is
 * the marker when `endOfData` has been called.
 */
export class BitReader {
  readonly #bytes: Uint8Array
  #at: number
  /** The last `#count` bits of it are still to be read. */
  #bits = 0
  #count = 0
  /** Zeros among those. */
  #virtual = 0

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  /** Next code of a table. */
  symbol(table: HuffmanTable): number {
    if (this.#count < 16) {
      this.#fill()
    }
    const next = (this.#bits >>> (this.#count - 16)) & 0xffff
    const known = table.lookup[next >> 7] ?? 0
    if (known !== 0) {
      this.#use(known >> 8)
      return known & 255
    }
    for (let length = 10; length <= 16; length++) {
      if (next < (table.limits[length] ?? 0)) {
        this.#use(length)
        return table.symbols[(next >> (16 - length)) + (table.offsets[length] ?? 0)] ?? 0
      }
    }
    throw refuse('bits are no code', this.#at)
  }

  /** A signed number of `size` bits, 1 to 11 (T.81, F.2.2.1). */
  value(size: number): number {
    if (this.#count < 16) {
      this.#fill()
    }
    const value = (this.#bits >>> (this.#count - size)) & ((1 << size) - 1)
    this.#use(size)
    return value >> (size - 1) === 0 ? value - (1 << size) + 1 : value
  }

  /** Passes over the restart marker of that number, 0 to 7, which must come next. */
  restart(number: number): void {
    const at = this.endOfData()
    if (this.#bytes[at] !== MARKER.rst0 + number) {
      throw refuse('restart marker is missing', at)
    }
    this.#at = at + 1
    this.#count = 0
    this.#virtual = 0
  }

  /** @returns position of the second byte of the marker, which must come next */
  endOfData(): number {
    let at = this.#at
    if (this.#count - this.#virtual >= 8 || this.#bytes[at] !== 0xff) {
      throw refuse('data is left over where a marker must be', at)
    }
    while (this.#bytes[at] === 0xff) {
      at++
    }
    if (at >= this.#bytes.length || this.#bytes[at] === 0) {
      throw refuse('marker is missing', at)
    }
    return at
  }

  #use(size: number): void {
    this.#count -= size
    if (this.#count < this.#virtual) {
      throw refuse('ends inside its data', this.#at)
    }
  }

  /** Makes sure of 17 bits or more; one turn more than that at most. */
  #fill(): void {
    while (this.#count <= 16) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined || (byte === 0xff && this.#bytes[this.#at + 1] !== 0)) {
        this.#bits <<= 8
        this.#virtual += 8
      } else {
        this.#bits = (this.#bits << 8) | byte
        this.#at += byte === 0xff ? 2 : 1
      }
      this.#count += 8
    }
  }
}
