/** One target of the fuzzer. */
export interface Oracle {
  readonly name: string
  /** Inputs that are valid, or nearly; the mutations start from them. */
  seeds(): readonly Uint8Array[]
  /**
   * Takes any bytes. Throws when something does not hold.
   *
   * @returns whether the input was a good one, as far as the target can tell
   */
  run(input: Uint8Array): boolean
}

/** Fails the run with what did not hold. */
export const hold = (holds: boolean, what: string): void => {
  if (!holds) {
    throw new Error(`does not hold: ${what}`)
  }
}

/** Reads an input; behind its end there are zeros. */
export class InputReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  u8(): number {
    const byte = this.#bytes[this.#at] ?? 0
    this.#at += 1
    return byte
  }

  u16(): number {
    return this.u8() | (this.u8() << 8)
  }

  /** At most `size` bytes, fewer at the end. */
  bytes(size: number): Uint8Array {
    const start = Math.min(this.#at, this.#bytes.length)
    this.#at = start + size
    return this.#bytes.slice(start, start + size)
  }

  rest(): Uint8Array {
    return this.bytes(Math.max(0, this.left))
  }
}
