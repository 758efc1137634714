import type { ChannelFigures } from '../channels/index.js'

/** One channel of a client, as `query-spice` of QEMU tells it and a little more. */
export interface ChannelReport {
  readonly type: number
  readonly name: string
  readonly id: number
  /** Encrypted by this process. */
  readonly tls: boolean
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly figures: ChannelFigures
}

/** Names that a client proved, printable. */
export interface ClientNames {
  /** With SASL. */
  readonly user?: string
  /** Subject of its certificate, with `tls-client-ca`. */
  readonly certificate?: string
}

/** One client; times are seconds since 1970. */
export interface ClientReport extends ClientNames {
  /** As the logs name it; counts up from 1. */
  readonly number: number
  readonly source: string
  readonly since: number
  /** Last key or pointer message; `since` before the first. */
  readonly lastActivity: number
  /** How it proved itself. */
  readonly auth: string
  readonly viewOnly: boolean
  /** Last measured round trip of a ping, milliseconds; `undefined` on a unix socket and before the first. */
  readonly roundTripMs: number | undefined
  /** Measured once at the start; `undefined` while unknown and where the line is too fast to tell. */
  readonly bitsPerSecond: number | undefined
  readonly lowBandwidth: boolean
  /** All bytes of the session, of closed channels too. */
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly channels: readonly ChannelReport[]
}
