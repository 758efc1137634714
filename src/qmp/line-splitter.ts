import { SidecarError } from '../core/errors.js'

const NEWLINE = 0x0a
const FIRST_CAPACITY = 4096

/** A buffer that one long line made this big is not kept. */
const KEPT_CAPACITY = 64 * 1024

/** Cuts a stream of bytes into lines that end in a newline, and keeps at most one unfinished line. */
export class LineSplitter {
  readonly #maxLine: number
  #chunk: Uint8Array = new Uint8Array(0)
  #at = 0
  #partial = new Uint8Array(FIRST_CAPACITY)
  #partialLength = 0

  /** @param maxLine bytes of a line without its end (L-qmp) */
  constructor(maxLine: number) {
    this.#maxLine = maxLine
  }

  /** Bytes kept of a line whose end has not come. */
  get waitingBytes(): number {
    return this.#partialLength
  }

  /** The next bytes of the stream; only once {@link next} has nothing more of those before. */
  push(chunk: Uint8Array): void {
    if (this.#at < this.#chunk.length) {
      throw new SidecarError('SIDECAR_BUG', 'bytes pushed before those before were taken')
    }
    this.#chunk = chunk
    this.#at = 0
  }

  /**
   * The next whole line, without its newline, as a view that is valid until the next call; undefined when more bytes
   * are needed.
   *
   * @throws SidecarError SIDECAR_LIMIT when a line is too long
   */
  next(): Uint8Array | undefined {
    const end = this.#chunk.indexOf(NEWLINE, this.#at)
    const piece = this.#chunk.subarray(this.#at, end < 0 ? this.#chunk.length : end)
    if (piece.length > this.#maxLine - this.#partialLength) {
      throw new SidecarError('SIDECAR_LIMIT', 'a QMP line is too long', { max: this.#maxLine })
    }
    if (end < 0) {
      this.#keep(piece)
      this.#at = this.#chunk.length
      return undefined
    }
    this.#at = end + 1
    if (this.#partialLength === 0) {
      return piece
    }
    this.#keep(piece)
    const line = this.#partial.subarray(0, this.#partialLength)
    this.#partialLength = 0
    if (this.#partial.length > KEPT_CAPACITY) {
      this.#partial = new Uint8Array(FIRST_CAPACITY)
    }
    return line
  }

  #keep(piece: Uint8Array): void {
    const length = this.#partialLength + piece.length
    if (length > this.#partial.length) {
      const grown = new Uint8Array(Math.min(Math.max(length, this.#partial.length * 2), this.#maxLine))
      grown.set(this.#partial.subarray(0, this.#partialLength))
      this.#partial = grown
    }
    this.#partial.set(piece, this.#partialLength)
    this.#partialLength = length
  }
}
