/** Longest ticket that a stock client can send, bytes (`protocol-session.md` 1.6). */
export const MAX_TICKET_BYTES = 60

/** A thousand years; keeps every sum of times exact. */
export const MAX_EXPIRY_SECONDS = 31_536_000_000

/**
 * When a ticket stops being good: never, already, some seconds after it was set or loaded, or at a time since 1970.
 */
export type TicketExpiry =
  | { readonly kind: 'never' }
  | { readonly kind: 'now' }
  | { readonly kind: 'after'; readonly seconds: number }
  | { readonly kind: 'at'; readonly unixSeconds: number }
