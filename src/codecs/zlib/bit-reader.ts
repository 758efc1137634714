import { SidecarError } from '../../core/errors.js'

/** Reads bits, lowest first (RFC 1951, 3.1.1). */
export class BitReader {
  readonly #bytes: Uint8Array
  #at: number
  #bits = 0
  #count = 0

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  /** Position of the next whole byte. */
  get at(): number {
    return this.#at
  }

  /** @param count 0 to 16 */
  read(count: number): number {
    while (this.#count < count) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) {
        throw new SidecarError('SIDECAR_PROTOCOL', 'zlib stream refused: ends inside its data', {
          offset: this.#at,
        })
      }
      this.#at++
      this.#bits |= byte << this.#count
      this.#count += 8
    }
    const value = this.#bits & ((1 << count) - 1)
    this.#bits >>>= count
    this.#count -= count
    return value
  }

  /** Goes to the next byte border. */
  align(): void {
    this.#bits = 0
    this.#count = 0
  }

  /** Whole bytes, after `align`. */
  take(count: number): Uint8Array {
    const start = this.#at
    if (count > this.#bytes.length - start) {
      throw new SidecarError('SIDECAR_PROTOCOL', 'zlib stream refused: ends inside its data', {
        offset: start,
      })
    }
    this.#at += count
    return this.#bytes.subarray(start, start + count)
  }
}
