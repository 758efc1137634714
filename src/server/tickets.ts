import {
  constants,
  createHash,
  privateDecrypt,
  randomBytes,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto'
import type { Clock } from '../core/clock.js'
import { MAX_TICKET_BYTES, type TicketExpiry } from '../core/ticket.js'

/** What a link proved; opaque to everybody but the store. */
export type TicketProof = Uint8Array

export interface TicketRules {
  /** Everybody who completes the exchange is let in (`disable-ticketing`). */
  readonly open?: boolean
  /** A ticket begins one session (`ticket-single-use`). */
  readonly singleUse?: boolean
}

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
  readonly #singleUse: boolean
  #viewDigest: Buffer | undefined

  constructor(clock: Clock, { open = false, singleUse = false }: TicketRules = {}) {
    this.#clock = clock
    this.#open = open
    this.#singleUse = singleUse
  }

  /** Sets the ticket; `undefined` or an empty one locks. */
  set(ticket: Uint8Array | undefined, expiry: TicketExpiry): void {
    this.#digest = this.#usableDigest(ticket)
    this.#deadlineMs = this.#deadline(expiry)
  }

  /** Changes when the ticket stops being good; without a ticket nothing changes. */
  setExpiry(expiry: TicketExpiry): void {
    this.#deadlineMs = this.#deadline(expiry)
  }

  /** Sets the ticket whose sessions only watch; `undefined` or an empty one lets nobody watch. */
  setViewOnly(ticket: Uint8Array | undefined): void {
    this.#viewDigest = this.#usableDigest(ticket)
  }

  /** Everybody is let in, whatever ticket is set. */
  get open(): boolean {
    return this.#open
  }

  get locked(): boolean {
    return !this.#open && this.#digest === undefined && this.#viewDigest === undefined
  }

  /** A session began with this proof: a single-use ticket is good for nobody else now. */
  spend(proof: TicketProof): void {
    if (this.#singleUse && this.#digest !== undefined && timingSafeEqual(this.#digest, proof)) {
      this.#digest = undefined
    }
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

  /**
   * May this proof begin a new session, and of which kind; the expiry is judged here and only here. The same ticket
   * in both places is the one that may do more.
   */
  admitsSession(proof: TicketProof): 'full' | 'view' | undefined {
    if (this.#open) {
      return 'full'
    }
    const nobody = this.#digestOf(randomBytes(16))
    const full = timingSafeEqual(this.#digest ?? nobody, proof)
    const view = timingSafeEqual(this.#viewDigest ?? nobody, proof)
    if (full && this.#digest !== undefined) {
      return this.#clock.nowMs() < this.#deadlineMs ? 'full' : undefined
    }
    return view && this.#viewDigest !== undefined ? 'view' : undefined
  }

  /** Is it the ticket with which a session began: its further channels may join, expired or changed meanwhile or not. */
  sameTicket(session: TicketProof, proof: TicketProof): boolean {
    return timingSafeEqual(session, proof) || this.#open
  }

  /** None for a ticket that no client could send. */
  #usableDigest(ticket: Uint8Array | undefined): Buffer | undefined {
    const usable = ticket !== undefined && ticket.length > 0 && ticket.length <= MAX_TICKET_BYTES
    return usable ? this.#digestOf(ticket) : undefined
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
