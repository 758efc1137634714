import type { TicketExpiry } from '../core/ticket.js'
import type { ClientReport } from '../server/index.js'

/** What local control can see and do. */
export interface AdminControl {
  /** How clients prove themselves now, in the words of `query-spice`. */
  readonly auth: 'none' | 'spice' | 'sasl'
  readonly mouseMode: 'client' | 'server'
  /** Nobody gets in for lack of a ticket. */
  readonly locked: boolean
  clients(): readonly ClientReport[]
  /** Sets the ticket for new sessions; the caller wipes the bytes. */
  setTicket(ticket: Uint8Array, expiry: TicketExpiry): void
  setExpiry(expiry: TicketExpiry): void
  lock(): void
  /** Ends the session of a client with a reason; false when there is none of this number. */
  disconnect(number: number): boolean
}
