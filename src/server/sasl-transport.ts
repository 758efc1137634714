import type { Clock, Timer } from '../core/clock.js'
import { asSidecarError } from '../core/errors.js'
import type { SaslLayer } from './sasl-session.js'
import type { Transport, TransportHandler } from './transport.js'

/** Encoded bytes that the library takes at once (`protocol-session.md` 1.7). */
const DECODE_BYTES = 4096

/** Most bytes encoded in one turn of the event loop. */
const ENCODE_BYTES = 64 * 1024

/** No more is encoded while this much waits below. */
const ENOUGH_BELOW = 256 * 1024

interface Waiting {
  readonly bytes: Uint8Array
  done: number
  readonly written: (() => void) | undefined
}

/**
 * A connection whose bytes go through a security layer of SASL's. Each write is encoded by itself, a long one in pieces
 * and over several turns of the event loop.
 */
export class SaslTransport implements Transport {
  readonly remoteAddress: string | undefined
  readonly secure: boolean
  readonly local: boolean
  readonly certificate: string | undefined
  readonly #inner: Transport
  readonly #layer: SaslLayer
  readonly #maxPiece: number
  readonly #clock: Clock
  readonly #queue: Waiting[] = []
  #queuedBytes = 0
  #user: TransportHandler | undefined
  #turn: Timer | undefined
  #ending = false
  #over = false

  /** Takes over transport and layer; the layer is let go with the connection. */
  constructor(inner: Transport, layer: SaslLayer, maxPiece: number, clock: Clock) {
    this.#inner = inner
    this.#layer = layer
    this.#maxPiece = Math.min(maxPiece, ENCODE_BYTES)
    this.#clock = clock
    this.remoteAddress = inner.remoteAddress
    this.secure = inner.secure
    this.local = inner.local
    this.certificate = inner.certificate
    inner.use({
      data: (chunk) => this.#received(chunk),
      end: () => this.#user?.end(),
      failed: (error) => this.#user?.failed(error),
      closed: () => {
        this.#release()
        this.#user?.closed()
      },
    })
  }

  get waitingBytes(): number {
    return this.#queuedBytes + this.#inner.waitingBytes
  }

  get unsentBytes(): number {
    return this.#queuedBytes + this.#inner.unsentBytes
  }

  use(handler: TransportHandler | undefined): void {
    this.#user = handler
  }

  pause(): void {
    this.#inner.pause()
  }

  resume(): void {
    this.#inner.resume()
  }

  /**
   * Takes bytes out of the layer that came before this was made.
   *
   * @throws SidecarError when they are not of the layer
   */
  decode(chunk: Uint8Array): Uint8Array {
    const parts: Uint8Array[] = []
    for (let at = 0; at < chunk.length; at += DECODE_BYTES) {
      parts.push(this.#layer.decode(chunk.subarray(at, at + DECODE_BYTES)))
    }
    return parts.length === 1 ? (parts[0] ?? chunk) : Buffer.concat(parts)
  }

  write(bytes: Uint8Array, written?: () => void): void {
    if (this.#over || this.#ending) {
      return
    }
    this.#queue.push({ bytes, done: 0, written })
    this.#queuedBytes += bytes.length
    if (this.#turn === undefined) {
      this.#pump()
    }
  }

  end(): void {
    this.#ending = true
    if (this.#queue.length === 0) {
      this.#inner.end()
    }
  }

  destroy(): void {
    this.#release()
    this.#inner.destroy()
  }

  #received(chunk: Uint8Array): void {
    if (this.#over) {
      return
    }
    let plain: Uint8Array
    try {
      plain = this.decode(chunk)
    } catch (error) {
      this.#broken(error)
      return
    }
    if (plain.length > 0) {
      this.#user?.data(plain)
    }
  }

  /** Encodes what fits into this turn and into the connection below. */
  #pump(): void {
    let budget = ENCODE_BYTES
    let next = this.#queue[0]
    while (next !== undefined && budget > 0 && this.#inner.waitingBytes < ENOUGH_BELOW && !this.#over) {
      const size = Math.min(this.#maxPiece, budget, next.bytes.length - next.done)
      const piece = next.bytes.subarray(next.done, next.done + size)
      next.done += size
      budget -= size
      this.#queuedBytes -= size
      const isLast = next.done === next.bytes.length
      if (isLast) {
        this.#queue.shift()
      }
      this.#send(piece, isLast ? next.written : undefined)
      next = this.#queue[0]
    }
    if (this.#over) {
      return
    }
    if (next === undefined) {
      if (this.#ending) {
        this.#inner.end()
      }
    } else if (this.#inner.waitingBytes < ENOUGH_BELOW) {
      this.#later()
    }
  }

  #send(piece: Uint8Array, written: (() => void) | undefined): void {
    let encoded: Uint8Array
    try {
      encoded = this.#layer.encode(piece)
    } catch (error) {
      this.#broken(error)
      return
    }
    this.#inner.write(encoded, () => {
      if (this.#queue.length > 0) {
        this.#later()
      }
      written?.()
    })
  }

  #later(): void {
    if (!this.#over) {
      this.#turn ??= this.#clock.nextTurn(() => {
        this.#turn = undefined
        this.#pump()
      })
    }
  }

  #broken(error: unknown): void {
    this.#user?.failed(asSidecarError(error))
    this.destroy()
  }

  #release(): void {
    if (!this.#over) {
      this.#over = true
      this.#turn?.cancel()
      this.#queue.length = 0
      this.#queuedBytes = 0
      this.#layer.dispose()
    }
  }
}
