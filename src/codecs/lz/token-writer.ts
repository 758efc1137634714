import { TokenWriter } from '../token-writer.js'
import { LZ_NEAR_LIMIT, type LzPass } from './lz-format.js'

/** Writes LZ tokens (codecs.md 2.3). */
export class LzTokenWriter extends TokenWriter {
  /**
   * @param length units, more than the bias of the pass
   * @param distance real distance in units, 1 to 73727
   */
  match(pass: LzPass, length: number, distance: number): void {
    this.closeRun()
    const coded = length - pass.bias
    const stored = distance - 1
    const far = stored >= LZ_NEAR_LIMIT
    if (!this.hasRoom((far ? 4 : 2) + this.extensionBytes(coded))) {
      return
    }
    this.put((Math.min(coded, 7) << 5) + (far ? 31 : stored >> 8))
    this.putExtension(coded)
    if (far) {
      this.put(255)
      this.put((stored - LZ_NEAR_LIMIT) >> 8)
      this.put(stored - LZ_NEAR_LIMIT)
    } else {
      this.put(stored)
    }
  }
}
