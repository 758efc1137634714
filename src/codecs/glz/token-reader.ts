import { MAX_LITERALS } from '../token-writer.js'
import { SidecarError } from '../../core/errors.js'
import { GLZ_HEADER_SIZE, type GlzHeader, type GlzPass } from './glz-format.js'

/** Below this many bytes a loop copies faster than `copyWithin`. */
const BLOCK_COPY_BYTES = 64

/**
 * The pixels of an earlier image, `distance` images back: `undefined` when they are still to come. Throws for what can
 * never come.
 */
export type GlzSource = (distance: number) => Uint8Array | undefined

const refuse = (what: string, offset: number): SidecarError =>
  new SidecarError('SIDECAR_PROTOCOL', `glz image refused: ${what}`, { offset })

/**
 * Reads tokens and writes units into `pixels`; one instance per image. Reading stops where a reference is to an image that
 * is still to come, and goes on from there with the next call.
 *
 * Every step uses up input and produces units, so the work is linear in both.
 */
export class GlzTokenReader {
  readonly #bytes: Uint8Array
  readonly #pixels: Uint8Array
  readonly #header: GlzHeader
  readonly #source: GlzSource
  readonly #units: number
  #at = GLZ_HEADER_SIZE
  #pass = 0
  #unit = 0

  constructor(bytes: Uint8Array, pixels: Uint8Array, header: GlzHeader, source: GlzSource) {
    this.#bytes = bytes
    this.#pixels = pixels
    this.#header = header
    this.#source = source
    this.#units = header.width * header.height
  }

  /** @returns 0 when the image is whole, else how many images back the one is that is missing */
  read(): number {
    const { passes } = this.#header.type
    for (let pass = passes[this.#pass]; pass !== undefined; pass = passes[this.#pass]) {
      while (this.#unit < this.#units) {
        const missing = this.#readToken(pass)
        if (missing > 0) {
          return missing
        }
      }
      this.#pass++
      this.#unit = 0
    }
    if (this.#at !== this.#bytes.length) {
      throw refuse('bytes are left over after the last unit', this.#at)
    }
    return 0
  }

  #u8(): number {
    const value = this.#bytes[this.#at]
    if (value === undefined) {
      throw refuse('ends inside its tokens', this.#at)
    }
    this.#at++
    return value
  }

  /** @returns 0, or the distance of the image that is missing; the token is then left where it is */
  #readToken(pass: GlzPass): number {
    const start = this.#at
    const control = this.#u8()
    if (control < MAX_LITERALS) {
      this.#readLiterals(pass, control + 1)
      return 0
    }
    let length = control >> 5
    if (length === 7) {
      let extension = this.#u8()
      while (extension === 255) {
        length += extension
        extension = this.#u8()
      }
      length += extension
    }
    length += pass.bias
    let offset = (control & 15) + this.#u8() * 2 ** 4
    const form = this.#u8()
    const wide = (control & 16) !== 0
    let distance = wide ? 0 : form & 63
    for (let k = 0, scale = wide ? 1 : 64; k < form >> 6; k++, scale *= 256) {
      distance += this.#u8() * scale
    }
    if (wide) {
      offset += (form & 31) * 2 ** 12
      offset += (form & 32) === 0 ? 0 : this.#u8() * 2 ** 17
    }
    if (length > this.#units - this.#unit) {
      throw refuse('match goes past the last unit', start)
    }
    const source = distance === 0 ? this.#pixels : this.#source(distance)
    if (source === undefined) {
      this.#at = start
      return distance
    }
    const from = distance === 0 ? this.#unit - offset - 1 : offset
    const sourceUnits = distance === 0 ? Infinity : source.length / this.#header.type.pixelBytes
    if (from < 0 || from + length > sourceUnits) {
      throw refuse('match lies outside of the image it refers to', start)
    }
    this.#copy(pass, source, from, length)
    this.#unit += length
    return 0
  }

  #readLiterals({ kind, literalBytes }: GlzPass, count: number): void {
    const [bytes, pixels, step] = [this.#bytes, this.#pixels, this.#header.type.pixelBytes]
    const end = this.#at + count * literalBytes
    if (count > this.#units - this.#unit) {
      throw refuse('literals go past the last unit', this.#at)
    }
    if (end > bytes.length) {
      throw refuse('ends inside its literals', this.#at)
    }
    let to = this.#unit * step
    for (let at = this.#at; at < end; at += literalBytes, to += step) {
      switch (kind) {
        case 'rgb':
          pixels[to] = bytes[at] ?? 0
          pixels[to + 1] = bytes[at + 1] ?? 0
          pixels[to + 2] = bytes[at + 2] ?? 0
          break
        case 'rgb16':
          pixels[to] = bytes[at + 1] ?? 0
          pixels[to + 1] = (bytes[at] ?? 0) & 0x7f
          break
        case 'alpha':
          pixels[to + 3] = bytes[at] ?? 0
          break
      }
    }
    this.#at = end
    this.#unit += count
  }

  /** Unit by unit, ascending: source and destination may overlap. */
  #copy({ kind }: GlzPass, source: Uint8Array, first: number, count: number): void {
    const [pixels, step] = [this.#pixels, this.#header.type.pixelBytes]
    let from = first * step
    let to = this.#unit * step
    const end = to + count * step
    if (kind === 'alpha') {
      for (from += 3, to += 3; to < end; from += 4, to += 4) {
        pixels[to] = source[from] ?? 0
      }
    } else if (step === 4 && source !== pixels) {
      /* The fourth byte of the other image may hold its alpha. */
      for (; to < end; from += 4, to += 4) {
        pixels[to] = source[from] ?? 0
        pixels[to + 1] = source[from + 1] ?? 0
        pixels[to + 2] = source[from + 2] ?? 0
      }
    } else if (source !== pixels) {
      pixels.set(source.subarray(from, from + count * step), to)
    } else if (count * step >= BLOCK_COPY_BYTES && end <= to + (to - from)) {
      pixels.copyWithin(to, from, from + count * step)
    } else {
      for (; to < end; from++, to++) {
        pixels[to] = pixels[from] ?? 0
      }
    }
  }
}
