import { LZ_MAX_LITERALS, LZ_NEAR_LIMIT, type LzPass } from './lz-format.js'

/**
 * Writes LZ tokens (codecs.md 2.3) and never past the end of its buffer: what does not fit sets `overflowed` and is
 * left out. A literal run takes its token byte only with its first literal, so an image that fits exactly is not
 * refused for a run that would have stayed empty.
 */
export class LzTokenWriter {
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

  literal(pass: LzPass, unit: number): void {
    const opening = this.#runLength === 0 ? 1 : 0
    if (!this.#hasRoom(opening + pass.literalBytes)) {
      return
    }
    if (opening === 1) {
      this.#runAt = this.#at++
    }
    switch (pass.kind) {
      case 'plt':
      case 'alpha':
        this.#put(unit)
        break
      case 'rgb16':
        this.#put(unit >> 8)
        this.#put(unit)
        break
      case 'rgb':
        this.#put(unit)
        this.#put(unit >> 8)
        this.#put(unit >> 16)
        break
    }
    this.#out[this.#runAt] = this.#runLength++
    if (this.#runLength === LZ_MAX_LITERALS) {
      this.#runLength = 0
    }
  }

  /** Ends the open literal run, so that the next literal begins a token of its own. */
  closeRun(): void {
    this.#runLength = 0
  }

  /**
   * @param length units, more than the bias of the pass
   * @param distance real distance in units, 1 to 73727
   */
  match(pass: LzPass, length: number, distance: number): void {
    this.closeRun()
    const coded = length - pass.bias
    const stored = distance - 1
    const far = stored >= LZ_NEAR_LIMIT
    const extensionBytes = coded < 7 ? 0 : Math.floor((coded - 7) / 255) + 1
    if (!this.#hasRoom((far ? 4 : 2) + extensionBytes)) {
      return
    }
    this.#put((Math.min(coded, 7) << 5) + (far ? 31 : stored >> 8))
    if (coded >= 7) {
      let extension = coded - 7
      for (; extension >= 255; extension -= 255) {
        this.#put(255)
      }
      this.#put(extension)
    }
    if (far) {
      this.#put(255)
      this.#put((stored - LZ_NEAR_LIMIT) >> 8)
      this.#put(stored - LZ_NEAR_LIMIT)
    } else {
      this.#put(stored)
    }
  }

  #hasRoom(size: number): boolean {
    this.#overflowed ||= size > this.#out.length - this.#at
    return !this.#overflowed
  }

  #put(value: number): void {
    this.#out[this.#at++] = value
  }
}
