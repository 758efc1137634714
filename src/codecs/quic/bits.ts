import { QUIC_HEADER_SIZE, QUIC_WORD_SIZE, refuseQuic } from './quic-format.js'

/** Writes bits into little-endian words, the highest bit first, and never past the end of its buffer (codecs.md 4.1). */
export class QuicBitWriter {
  readonly #out: Uint8Array
  #at = QUIC_HEADER_SIZE
  #word = 0
  #free = 32
  #overflowed = false

  /** @param out its first 20 bytes are left to the header */
  constructor(out: Uint8Array) {
    this.#out = out
  }

  get overflowed(): boolean {
    return this.#overflowed
  }

  /**
   * @param value below 2^count
   * @param count 0 to 31
   */
  put(value: number, count: number): void {
    if (count < this.#free) {
      this.#free -= count
      this.#word |= value << this.#free
      return
    }
    const over = count - this.#free
    this.#flush(this.#word | (value >>> over))
    this.#free = 32 - over
    this.#word = over === 0 ? 0 : value << this.#free
  }

  /**
   * Fills the last word and adds the empty one.
   *
   * @returns bytes of the whole image, or -1 when they did not fit
   */
  finish(): number {
    if (this.#free < 32) {
      this.#flush(this.#word)
    }
    this.#flush(0)
    return this.#overflowed ? -1 : this.#at
  }

  #flush(word: number): void {
    const [out, at] = [this.#out, this.#at]
    if (out.length - at < QUIC_WORD_SIZE) {
      this.#overflowed = true
      return
    }
    out[at] = word
    out[at + 1] = word >>> 8
    out[at + 2] = word >>> 16
    out[at + 3] = word >>> 24
    this.#at = at + QUIC_WORD_SIZE
  }
}

/** Reads what `QuicBitWriter` wrote; refuses to take bits that are not there. */
export class QuicBitReader {
  readonly #view: DataView
  /** Bits of all words but the last, which only closes the stream. */
  readonly #end: number
  #at = 0

  /** @param body what follows the header; bytes after the last whole word do not count */
  constructor(body: Uint8Array) {
    const words = Math.floor(body.length / QUIC_WORD_SIZE)
    this.#view = new DataView(body.buffer, body.byteOffset, words * QUIC_WORD_SIZE)
    this.#end = Math.max(0, words - 1) * 32
  }

  /** Bits that are left. */
  get left(): number {
    return this.#end - this.#at
  }

  /** The next 32 bits; behind the end they are 0. */
  peek(): number {
    const at = Math.floor(this.#at / 32) * QUIC_WORD_SIZE
    if (at + 2 * QUIC_WORD_SIZE > this.#view.byteLength) {
      return 0
    }
    const shift = this.#at % 32
    const high = this.#view.getUint32(at, true)
    return shift === 0
      ? high
      : ((high << shift) | (this.#view.getUint32(at + 4, true) >>> (32 - shift))) >>> 0
  }

  /** Goes on by `count` bits. */
  skip(count: number): void {
    this.#at += count
    if (this.#at > this.#end) {
      throw refuseQuic('ends inside its rows', { bits: this.#end })
    }
  }
}
