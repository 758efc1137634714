import type { Socket } from 'node:net'
import { handleQueue, SocketTransport } from './transport.js'

interface Waiting {
  readonly bytes: Uint8Array
  readonly written: (() => void) | undefined
}

/**
 * A TLS socket on which no two writes share a record: the next one begins when the last was handed to the system. A
 * stock client looks for more input at the socket below TLS, so it would not see the second message of a record before
 * more bytes come (`protocol-session.md` 1.12).
 */
export class RecordTransport extends SocketTransport {
  override readonly secure = true
  readonly certificate: string | undefined
  readonly #tls: Socket
  readonly #below: Socket
  readonly #queue: Waiting[] = []
  #queuedBytes = 0
  #busy = false
  #ending = false

  /** `below` is the socket that carries `tls`. */
  constructor(tls: Socket, below: Socket, certificate?: string) {
    super(tls, false)
    this.certificate = certificate
    this.#tls = tls
    this.#below = below
  }

  override get waitingBytes(): number {
    return this.#tls.writableLength + this.#queuedBytes
  }

  override get unsentBytes(): number {
    return this.waitingBytes + handleQueue(this.#below)
  }

  override write(bytes: Uint8Array, written?: () => void): void {
    if (this.#busy) {
      this.#queue.push({ bytes, written })
      this.#queuedBytes += bytes.length
    } else {
      this.#send(bytes, written)
    }
  }

  override end(): void {
    this.#ending = true
    if (!this.#busy) {
      super.end()
    }
  }

  #send(bytes: Uint8Array, written: (() => void) | undefined): void {
    this.#busy = true
    super.write(bytes, () => {
      this.#busy = false
      this.#next()
      written?.()
    })
  }

  #next(): void {
    const next = this.#queue.shift()
    if (next !== undefined) {
      this.#queuedBytes -= next.bytes.length
      this.#send(next.bytes, next.written)
    } else if (this.#ending) {
      super.end()
    }
  }
}
