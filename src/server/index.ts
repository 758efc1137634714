export type { GuestParts } from './guest.js'
export type { ListenAddress } from './listener.js'
export { SpiceServer, type ClientPolicy, type ServerMetrics, type ServerOptions } from './server.js'
export { MAX_TICKET_BYTES, TicketStore, type TicketExpiry } from './tickets.js'
