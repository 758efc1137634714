/** Literal units that one token holds (codecs.md 2.3 and 3.3). */
export const MAX_LITERALS = 32

/**
 * What LZ and GLZ tokens have in common. Never writes past the end of its buffer: what does not fit sets `overflowed` and is left
 * out. A literal run takes its token byte only with its first literal, so an image that fits exactly is not refused for
 * a run that would have stayed empty.
 */
export class TokenWriter {
  readonly #out: Uint8Array
  #at: number
  #overflowed = false
  /** Position of the token byte of the open literal run, if it has literals. */
  #runAt = 0
  #runLength = 0

  constructor(out: Uint8Array, at: number) {
    this.#out = out
    this.#at = at
  }

  /** End of what was written so far. */
  get at(): number {
    return this.#at
  }

  get overflowed(): boolean {
    return this.#overflowed
  }

  /** One unit, in the form of its pass: 1 byte, 16-bit pixels high byte first, 24-bit ones blue first. */
  literal({ literalBytes }: { readonly literalBytes: number }, unit: number): void {
    const opening = this.#runLength === 0 ? 1 : 0
    if (!this.hasRoom(opening + literalBytes)) {
      return
    }
    if (opening === 1) {
      this.#runAt = this.#at++
    }
    switch (literalBytes) {
      case 1:
        this.put(unit)
        break
      case 2:
        this.put(unit >> 8)
        this.put(unit)
        break
      case 3:
        this.put(unit)
        this.put(unit >> 8)
        this.put(unit >> 16)
        break
    }
    this.#out[this.#runAt] = this.#runLength++
    if (this.#runLength === MAX_LITERALS) {
      this.#runLength = 0
    }
  }

  /** Ends the open literal run, so that the next literal begins a token of its own. */
  closeRun(): void {
    this.#runLength = 0
  }

  /** Bytes that extend a coded length that its token byte cannot hold. */
  protected extensionBytes(coded: number): number {
    return coded < 7 ? 0 : Math.floor((coded - 7) / 255) + 1
  }

  protected putExtension(coded: number): void {
    if (coded >= 7) {
      let extension = coded - 7
      for (; extension >= 255; extension -= 255) {
        this.put(255)
      }
      this.put(extension)
    }
  }

  protected hasRoom(size: number): boolean {
    this.#overflowed ||= size > this.#out.length - this.#at
    return !this.#overflowed
  }

  protected put(value: number): void {
    this.#out[this.#at++] = value
  }
}
