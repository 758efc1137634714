import { GLZ_MAX_LITERALS, type GlzPass } from './glz-format.js'

/** First offset that needs the wide form, and the first that needs its fourth byte. */
const WIDE_OFFSET = 2 ** 12
const LONG_OFFSET = 2 ** 17
/** First image distances that need one, two and three extra bytes, in either form. */
const NARROW_STEPS = [2 ** 6, 2 ** 14, 2 ** 22]
const WIDE_STEPS = [1, 2 ** 8, 2 ** 16]

const extraBytes = (offset: number, distance: number): number =>
  (offset < WIDE_OFFSET ? NARROW_STEPS : WIDE_STEPS).filter((step) => distance >= step).length

/** Bytes of a match token without its length extension, 3 to 7 (codecs.md 3.3). */
export const glzMatchBytes = (offset: number, distance: number): number =>
  3 + extraBytes(offset, distance) + (offset >= LONG_OFFSET ? 1 : 0)

/**
 * Writes GLZ tokens and never past the end of its buffer: what does not fit sets `overflowed` and is left out. A literal
 * run takes its token byte only with its first literal, so an image that fits exactly is not refused for a run that
 * would have stayed empty.
 */
export class GlzTokenWriter {
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

  literal({ literalBytes }: GlzPass, unit: number): void {
    const opening = this.#runLength === 0 ? 1 : 0
    if (!this.#hasRoom(opening + literalBytes)) {
      return
    }
    if (opening === 1) {
      this.#runAt = this.#at++
    }
    switch (literalBytes) {
      case 1:
        this.#put(unit)
        break
      case 2:
        this.#put(unit >> 8)
        this.#put(unit)
        break
      case 3:
        this.#put(unit)
        this.#put(unit >> 8)
        this.#put(unit >> 16)
        break
    }
    this.#out[this.#runAt] = this.#runLength++
    if (this.#runLength === GLZ_MAX_LITERALS) {
      this.#runLength = 0
    }
  }

  /** Ends the open literal run, so that the next literal begins a token of its own. */
  closeRun(): void {
    this.#runLength = 0
  }

  /**
   * @param length units, more than the bias of the pass
   * @param offset in this image (distance 0) how far back, less one; else the first unit in the other image
   * @param distance how many images back
   */
  match(pass: GlzPass, length: number, offset: number, distance: number): void {
    this.closeRun()
    const coded = length - pass.bias
    const lengthBytes = coded < 7 ? 0 : Math.floor((coded - 7) / 255) + 1
    if (!this.#hasRoom(glzMatchBytes(offset, distance) + lengthBytes)) {
      return
    }
    const wide = offset >= WIDE_OFFSET
    this.#put((Math.min(coded, 7) << 5) | (wide ? 16 : 0) | (offset & 15))
    if (coded >= 7) {
      let extension = coded - 7
      for (; extension >= 255; extension -= 255) {
        this.#put(255)
      }
      this.#put(extension)
    }
    this.#put(offset >> 4)
    const extra = extraBytes(offset, distance)
    const long = offset >= LONG_OFFSET
    this.#put((extra << 6) | (wide ? (long ? 32 : 0) | ((offset >> 12) & 31) : distance & 63))
    for (let k = 0, rest = wide ? distance : distance >> 6; k < extra; k++, rest >>= 8) {
      this.#put(rest)
    }
    if (long) {
      this.#put(offset >> 17)
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
