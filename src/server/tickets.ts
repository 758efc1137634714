import {
  constants,
  createHash,
  privateDecrypt,
  randomBytes,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto'
import type { Clock } from '../core/clock.js'

/** Longest ticket that a stock client can send (`protocol-session.md` 1.6). */
export const MAX_TICKET_BYTES = 60

/** When a ticket stops being good: never, already, some seconds after it was set, or at a time since 1970. */
export type TicketExpiry =
  | { readonly kind: 'never' }
  | { readonly kind: 'now' }
  | { readonly kind: 'after'; readonly seconds: number }
  | { readonly kind: 'at'; readonly unixSeconds: number }

/** What a link proved; opaque to everybody but the store. */
export type TicketProof = Uint8Array

/**
 * The ticket of the VM. It keeps only salted digests, compares in constant time, and fails closed: no ticket, an empty
 * one or an expired one denies everybody (threat model R9).
 */
export class TicketStore {
  readonly #clock: Clock
  readonly #salt = randomBytes(32)
  #digest: Buffer | undefined
  #deadlineMs = Number.POSITIVE_INFINITY
  readonly #open: boolean

  /** `open`: everybody who completes the exchange is let in (`disable-ticketing`). */
  constructor(clock: Clock, open: boolean) {
    this.#clock = clock
    this.#open = open
  }

  /** Sets the ticket; `undefined` or an empty one locks. */
  set(ticket: Uint8Array | undefined, expiry: TicketExpiry): void {
    const usable = ticket !== undefined && ticket.length > 0 && ticket.length <= MAX_TICKET_BYTES
    this.#digest = usable ? this.#digestOf(ticket) : undefined
    this.#deadlineMs = this.#deadline(expiry)
  }

  get locked(): boolean {
    return !this.#open && this.#digest === undefined
  }

  /**
   * Opens a ticket block. All failures look alike and take the same path.
   *
   * @returns the proof for {@link admitsSession} or {@link sameTicket}, or `undefined` when the block is no ticket
   */
  decrypt(key: KeyObject, block: Uint8Array): TicketProof | undefined {
    let plain: Buffer
    try {
      plain = privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, block)
    } catch {
      return undefined
    }
    const end = plain.indexOf(0)
    if (end < 0 || end > MAX_TICKET_BYTES) {
      return undefined
    }
    return this.#digestOf(plain.subarray(0, end))
  }

  /** May this proof begin a new session; the expiry is judged here and only here. */
  admitsSession(proof: TicketProof): boolean {
    if (this.#open) {
      return true
    }
    const expected = this.#digest ?? this.#digestOf(randomBytes(16))
    const equal = timingSafeEqual(expected, proof)
    return equal && this.#digest !== undefined && this.#clock.nowMs() < this.#deadlineMs
  }

  /** Is it the ticket with which a session began: its further channels may join, expired or changed meanwhile or not. */
  sameTicket(session: TicketProof, proof: TicketProof): boolean {
    return timingSafeEqual(session, proof) || this.#open
  }

  #digestOf(ticket: Uint8Array): Buffer {
    return createHash('sha256').update(this.#salt).update(ticket).digest()
  }

  #deadline(expiry: TicketExpiry): number {
    const nowMs = this.#clock.nowMs()
    switch (expiry.kind) {
      case 'never': {
        return Number.POSITIVE_INFINITY
      }
      case 'now': {
        return nowMs
      }
      case 'after': {
        return nowMs + expiry.seconds * 1000
      }
      case 'at': {
        return nowMs + (expiry.unixSeconds - this.#clock.unixSeconds()) * 1000
      }
    }
  }
}
