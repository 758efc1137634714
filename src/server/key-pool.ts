import { generateKeyPair, type KeyObject } from 'node:crypto'
import { SidecarError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'

/** RSA key pair of one link: 1024 bits because the ticket block of the protocol is 128 bytes. */
export interface TicketKeyPair {
  readonly privateKey: KeyObject
  /** DER SubjectPublicKeyInfo, 162 bytes (`protocol-session.md` 1.6). */
  readonly publicKey: Uint8Array
}

const makeKeyPair = (): Promise<TicketKeyPair> =>
  new Promise((resolve, reject) => {
    generateKeyPair('rsa', { modulusLength: 1024, publicExponent: 65537 }, (error, publicKey, privateKey) => {
      if (error === null) {
        resolve({ privateKey, publicKey: publicKey.export({ type: 'spki', format: 'der' }) })
      } else {
        reject(error)
      }
    })
  })

/**
 * Ready single-use key pairs, made one at a time on the thread pool: a flood of links costs at most one generation
 * at a time and never blocks the event loop (threat model L-keys).
 */
export class KeyPool {
  readonly #size: number
  readonly #logger: Logger
  readonly #ready: TicketKeyPair[] = []
  readonly #waiting: ((pair: TicketKeyPair) => void)[] = []
  #making = false
  #closed = false

  constructor(size: number, logger: Logger) {
    this.#size = size
    this.#logger = logger
  }

  /** Starts to fill the pool. */
  start(): void {
    void this.#fill()
  }

  /**
   * Hands out a pair that nobody else gets, as soon as there is one.
   *
   * @returns a function that gives the wait up; a pair that was handed over is unaffected
   */
  take(use: (pair: TicketKeyPair) => void): () => void {
    const pair = this.#ready.shift()
    if (pair !== undefined) {
      use(pair)
    } else {
      this.#waiting.push(use)
    }
    void this.#fill()
    return () => {
      const at = this.#waiting.indexOf(use)
      if (at >= 0) {
        this.#waiting.splice(at, 1)
      }
    }
  }

  close(): void {
    this.#closed = true
    this.#ready.length = 0
    this.#waiting.length = 0
  }

  get #hungry(): boolean {
    return !this.#closed && (this.#waiting.length > 0 || this.#ready.length < this.#size)
  }

  async #fill(): Promise<void> {
    if (this.#making) {
      return
    }
    this.#making = true
    try {
      while (this.#hungry) {
        const pair = await makeKeyPair()
        const use = this.#waiting.shift()
        if (use !== undefined) {
          use(pair)
        } else {
          this.#ready.push(pair)
        }
      }
    } catch (error) {
      const failure = new SidecarError('SIDECAR_HOST', 'cannot make a 1024-bit RSA key pair', {}, error)
      this.#logger.error('Ticket keys cannot be made; no client can link', { err: failure })
    } finally {
      this.#making = false
    }
  }
}
