import { TokenWriter } from '../token-writer.js'
import type { GlzPass } from './glz-format.js'

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

/** Writes GLZ tokens (codecs.md 3.3). */
export class GlzTokenWriter extends TokenWriter {
  /**
   * @param length units, more than the bias of the pass
   * @param offset in this image (distance 0) how far back, less one; else the first unit in the other image
   * @param distance how many images back
   */
  match(pass: GlzPass, length: number, offset: number, distance: number): void {
    this.closeRun()
    const coded = length - pass.bias
    if (!this.hasRoom(glzMatchBytes(offset, distance) + this.extensionBytes(coded))) {
      return
    }
    const wide = offset >= WIDE_OFFSET
    this.put((Math.min(coded, 7) << 5) | (wide ? 16 : 0) | (offset & 15))
    this.putExtension(coded)
    this.put(offset >> 4)
    const extra = extraBytes(offset, distance)
    const long = offset >= LONG_OFFSET
    this.put((extra << 6) | (wide ? (long ? 32 : 0) | ((offset >> 12) & 31) : distance & 63))
    for (let k = 0, rest = wide ? distance : distance >> 6; k < extra; k++, rest >>= 8) {
      this.put(rest)
    }
    if (long) {
      this.put(offset >> 17)
    }
  }
}
