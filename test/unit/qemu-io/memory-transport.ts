import type { DbusTransport, Descriptor } from '../../../src/qemu-io/dbus/index.js'

/** A descriptor that only counts whether it was closed. */
export class FakeFd implements Descriptor {
  static #next = 1000
  readonly fd = (FakeFd.#next += 1)
  closed = 0

  close(): void {
    this.closed += 1
  }
}

interface Piece {
  bytes: Uint8Array
  fds: readonly Descriptor[]
}

class Pipe {
  readonly pieces: Piece[] = []
  ended = false
}

/** Socket in memory: descriptors come with the first byte of their write, reads stop at the next descriptors. */
export class MemoryTransport implements DbusTransport {
  closed = false
  /** Bytes that one write takes; 0 is a full socket. */
  accepts = Number.MAX_SAFE_INTEGER
  readonly #in: Pipe
  readonly #out: Pipe
  readonly #pieceSize: number

  constructor(input: Pipe, output: Pipe, pieceSize: number) {
    this.#in = input
    this.#out = output
    this.#pieceSize = pieceSize
  }

  static pair(pieceSize = 1): [MemoryTransport, MemoryTransport] {
    const a = new Pipe()
    const b = new Pipe()
    return [new MemoryTransport(a, b, pieceSize), new MemoryTransport(b, a, pieceSize)]
  }

  read(into: Uint8Array): { length: number; fds: readonly Descriptor[] } | undefined {
    const piece = this.#in.pieces[0]
    if (piece === undefined) {
      return this.#in.ended ? { length: 0, fds: [] } : undefined
    }
    const { fds } = piece
    const length = Math.min(into.length, piece.bytes.length, this.#pieceSize)
    into.set(piece.bytes.subarray(0, length))
    piece.bytes = piece.bytes.subarray(length)
    piece.fds = []
    if (piece.bytes.length === 0) {
      this.#in.pieces.shift()
    }
    return { length, fds }
  }

  write(bytes: Uint8Array, fds: readonly Descriptor[]): number {
    const length = Math.min(bytes.length, this.accepts)
    if (length > 0) {
      this.#out.pieces.push({ bytes: bytes.slice(0, length), fds })
    }
    return length
  }

  close(): void {
    this.closed = true
    this.#out.ended = true
  }
}
