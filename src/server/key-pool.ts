import { generateKeyPair, type KeyObject } from 'node:crypto'
import type { Clock, Timer } from '../core/clock.js'
import { SidecarError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { Logger } from '../core/logger.js'
import type { Counter } from '../core/metrics.js'
import { RateBudget } from '../core/rate-budget.js'

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

/** Where links get their key pairs. */
export type Keys = Pick<KeyPool, 'start' | 'take' | 'empty' | 'close'>

export interface KeyPoolDeps {
  readonly clock: Clock
  readonly limits: Pick<Limits, 'keys' | 'key-rate' | 'key-burst'>
  readonly limitHits: Counter
  readonly logger: Logger
}

/**
 * Ready single-use key pairs, made one at a time on the thread pool: a flood of links costs at most one generation at a
 * time, not all of the time of a core, and never blocks the event loop (threat model L-keys).
 */
export class KeyPool {
  readonly #deps: KeyPoolDeps
  readonly #budget: RateBudget
  readonly #ready: TicketKeyPair[] = []
  readonly #waiting: ((pair: TicketKeyPair) => void)[] = []
  readonly #waitingFirst: ((pair: TicketKeyPair) => void)[] = []
  #making = false
  /** Ends the rest between two pairs. */
  #rest: (() => void) | undefined
  #closed = false

  constructor(deps: KeyPoolDeps) {
    const { clock, limits } = deps
    this.#deps = deps
    this.#budget = new RateBudget(limits['key-rate'], limits['key-burst'], clock.nowMs())
  }

  /** Starts to fill the pool. */
  start(): void {
    void this.#fill()
  }

  /**
   * Hands out a pair that nobody else gets, as soon as there is one.
   *
   * @param first before those who wait without this
   * @returns a function that gives the wait up; a pair that was handed over is unaffected
   */
  take(use: (pair: TicketKeyPair) => void, first = false): () => void {
    const pair = this.#ready.shift()
    if (pair !== undefined) {
      use(pair)
    } else {
      ;(first ? this.#waitingFirst : this.#waiting).push(use)
    }
    void this.#fill()
    return () => {
      for (const queue of [this.#waiting, this.#waitingFirst]) {
        const at = queue.indexOf(use)
        if (at >= 0) {
          queue.splice(at, 1)
        }
      }
    }
  }

  /** Who takes a pair now has to wait. */
  get empty(): boolean {
    return this.#ready.length === 0
  }

  close(): void {
    this.#closed = true
    this.#ready.length = 0
    this.#waiting.length = 0
    this.#waitingFirst.length = 0
    this.#rest?.()
  }

  get #hungry(): boolean {
    const waiting = this.#waiting.length + this.#waitingFirst.length
    return !this.#closed && (waiting > 0 || this.#ready.length < this.#deps.limits.keys)
  }

  async #pace(): Promise<void> {
    const { clock, limitHits } = this.#deps
    const waitMs = this.#budget.spend(1, clock.nowMs())
    if (waitMs > 0 && !this.#closed) {
      limitHits.add(1, { limit: 'key-rate' })
      let timer: Timer | undefined
      await new Promise<void>((resolve) => {
        this.#rest = resolve
        timer = clock.after(waitMs, resolve)
      })
      timer?.cancel()
      this.#rest = undefined
    }
  }

  async #fill(): Promise<void> {
    if (this.#making) {
      return
    }
    this.#making = true
    try {
      while (this.#hungry) {
        await this.#pace()
        if (this.#closed) {
          return
        }
        const pair = await makeKeyPair()
        const use = this.#waitingFirst.shift() ?? this.#waiting.shift()
        if (use !== undefined) {
          use(pair)
        } else {
          this.#ready.push(pair)
        }
      }
    } catch (error) {
      const failure = new SidecarError('SIDECAR_HOST', 'cannot make a 1024-bit RSA key pair', {}, error)
      this.#deps.logger.error('Ticket keys cannot be made; no client can link', { err: failure })
    } finally {
      this.#making = false
    }
  }
}
