import { ByteReader, ByteWriter } from '../../core/bytes.js'
import { SidecarError } from '../../core/errors.js'
import { AGENT_PORT, agentChunkHeader } from '../../protocol/index.js'

/** Bytes of the header of a chunk: port and size. */
export const CHUNK_HEADER_SIZE = 8

/** Bytes of a piece that a chunk is cut into, as the reference does before it passes them on. */
export const MAX_PIECE = 2048

/**
 * Takes the guest's stream of chunks apart (`protocol-session.md` 3.7). A chunk may be of any size, since a guest puts a
 * whole message into one; its size is only counted down, so that one of 4 GiB costs as much memory as one of 2 KiB. Each
 * chunk comes out in pieces of 2048 bytes and a rest, wherever the socket cut the stream.
 */
export class ChunkReader {
  readonly #take: (port: number, piece: Uint8Array) => void
  readonly #header = new Uint8Array(CHUNK_HEADER_SIZE)
  readonly #piece = new Uint8Array(MAX_PIECE)
  #headerLength = 0
  #pieceLength = 0
  #port = 0
  /** Bytes of the chunk that are still to come, beside those in `#piece`. */
  #left = 0
  #chunks = 0

  /** `take` gets each piece, for an empty chunk an empty one; its bytes are good until it returns. */
  constructor(take: (port: number, piece: Uint8Array) => void) {
    this.#take = take
  }

  /** Chunks begun so far. */
  get chunks(): number {
    return this.#chunks
  }

  /**
   * Takes what came from the guest.
   *
   * @throws SidecarError SIDECAR_PROTOCOL for a port other than 1 and 2: the stream is out of step; whatever `take` throws
   */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      at += this.#left === 0 ? this.#readHeader(bytes.subarray(at)) : this.#readPiece(bytes.subarray(at))
    }
  }

  #readHeader(bytes: Uint8Array): number {
    const count = Math.min(CHUNK_HEADER_SIZE - this.#headerLength, bytes.length)
    this.#header.set(bytes.subarray(0, count), this.#headerLength)
    this.#headerLength += count
    if (this.#headerLength === CHUNK_HEADER_SIZE) {
      this.#headerLength = 0
      const { port, size } = agentChunkHeader.decode(new ByteReader(this.#header))
      if (port !== AGENT_PORT.client && port !== AGENT_PORT.server) {
        throw new SidecarError('SIDECAR_PROTOCOL', 'the guest agent sent a chunk of an unknown port', {
          port,
        })
      }
      this.#port = port
      this.#left = size
      this.#chunks += 1
      if (size === 0) {
        this.#take(port, this.#piece.subarray(0, 0))
      }
    }
    return count
  }

  #readPiece(bytes: Uint8Array): number {
    const wanted = Math.min(this.#left, MAX_PIECE - this.#pieceLength)
    const count = Math.min(wanted, bytes.length)
    this.#left -= count
    if (this.#pieceLength === 0 && count === wanted) {
      this.#take(this.#port, bytes.subarray(0, count))
      return count
    }
    this.#piece.set(bytes.subarray(0, count), this.#pieceLength)
    this.#pieceLength += count
    if (count === wanted) {
      const length = this.#pieceLength
      this.#pieceLength = 0
      this.#take(this.#port, this.#piece.subarray(0, length))
    }
    return count
  }
}

/** A message towards the guest in chunks of at most 2048 bytes. */
export const chunksOf = (port: number, message: Uint8Array): Uint8Array => {
  const out = new ByteWriter(message.length + Math.ceil(message.length / MAX_PIECE) * CHUNK_HEADER_SIZE)
  for (let at = 0; at < message.length; at += MAX_PIECE) {
    const piece = message.subarray(at, at + MAX_PIECE)
    agentChunkHeader.encode({ port, size: piece.length }, out)
    out.bytes(piece)
  }
  return out.finish()
}
