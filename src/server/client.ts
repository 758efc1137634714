import { DisplayShare, type Encoders, type LineFacts, type MainChannel } from '../channels/index.js'
import type { Timer } from '../core/clock.js'
import type { Limits } from '../core/limits.js'
import type { Counter } from '../core/metrics.js'
import type { SidecarError } from '../core/errors.js'
import { channelName } from '../protocol/index.js'
import type { ChannelConnection } from './channel-connection.js'
import type { ChannelReport, ClientNames, ClientReport } from './client-report.js'
import { shownName, type Peer } from './peer.js'
import type { TicketProof } from './tickets.js'

/** Why a client's session ended; a closed set, for logs and metrics. */
export type ClientEnd =
  | 'left'
  | 'admin'
  | 'idle'
  | 'expired'
  | 'memory'
  | 'takeover'
  | 'refused'
  | 'slow'
  | 'protocol'
  | 'lost'
  | 'timeout'
  | 'shutdown'
  | 'bug'

/** How the session ended, from the error that closed its main channel. */
export const clientEndOf = (error: SidecarError | undefined): ClientEnd => {
  switch (error?.code) {
    case undefined: {
      return 'left'
    }
    case 'SIDECAR_PEER_GONE': {
      return 'lost'
    }
    case 'SIDECAR_SLOW_READER': {
      return 'slow'
    }
    case 'SIDECAR_LIMIT':
    case 'SIDECAR_PROTOCOL': {
      return 'protocol'
    }
    case 'SIDECAR_TIMEOUT': {
      return 'timeout'
    }
    default: {
      return 'bug'
    }
  }
}

const UNKNOWN_LINE: LineFacts = { roundTripMs: undefined, bitsPerSecond: undefined, lowBandwidth: false }

const keyOf = (type: number, id: number): string => `${type}:${id}`

const MAIN_KEY = keyOf(1, 0)

const channelReport = (key: string, connection: ChannelConnection): ChannelReport => {
  const [type = 0, id = 0] = key.split(':').map(Number)
  const { bytesSent, bytesReceived, secure, channel } = connection
  const figures = channel.figures?.() ?? {}
  return { type, name: channelName(type) ?? 'unknown', id, tls: secure, bytesSent, bytesReceived, figures }
}

/** A session as it began. */
export interface Session {
  readonly connectionId: number
  readonly proof: TicketProof
  /** How it proved itself. */
  readonly auth: string
  /** It sees the screen and changes nothing. */
  readonly viewOnly: boolean
  /** Name that it proved, where the way to do so has names. */
  readonly user: string | undefined
  readonly sinceUnix: number
}

/** One client: its session, and the connections of all its channels. */
export class Client {
  /** Number for the logs; counts up from 1. */
  readonly number: number
  /** Connection id of the session, never 0; secret enough not to be logged. */
  readonly connectionId: number
  readonly proof: TicketProof
  readonly source: string
  readonly user: string | undefined
  /** Subject of the certificate that all its connections have. */
  readonly certificate: string | undefined
  readonly sinceMs: number
  readonly auth: string
  readonly viewOnly: boolean
  readonly #sinceUnix: number
  /** Time of the last key or pointer message. */
  lastActivityMs: number
  /** Ends the session when its time is over. */
  watch: Timer | undefined
  /** Bytes of channels that are closed. */
  #closedSent = 0
  #closedReceived = 0
  /** The main channel and its connection, from the moment they are made. */
  main: MainChannel | undefined
  mainConnection: ChannelConnection | undefined
  #displayShare: DisplayShare | undefined
  readonly #channels = new Map<string, ChannelConnection>()

  constructor(number: number, session: Session, { source, certificate }: Peer, sinceMs: number) {
    this.number = number
    this.connectionId = session.connectionId
    this.proof = session.proof
    this.source = source
    this.certificate = certificate
    this.user = session.user
    this.sinceMs = sinceMs
    this.lastActivityMs = sinceMs
    this.auth = session.auth
    this.viewOnly = session.viewOnly
    this.#sinceUnix = session.sinceUnix
  }

  get bytesSent(): number {
    return this.#connections.reduce((sum, [, each]) => sum + each.bytesSent, this.#closedSent)
  }

  get bytesReceived(): number {
    return this.#connections.reduce((sum, [, each]) => sum + each.bytesReceived, this.#closedReceived)
  }

  /** What its display channels share; made for the first of them. */
  displayShare(encoders: Encoders, limits: Limits, limitHits: Counter): DisplayShare {
    const windowBytes = Math.max(0, limits['memory-client'] - limits['out-hard'])
    return (this.#displayShare ??= new DisplayShare(encoders, windowBytes, limitHits, () => this.line))
  }

  /** What is known of the line to this client. */
  get line(): LineFacts {
    return this.main?.line ?? UNKNOWN_LINE
  }

  /** What it is called, for reports and logs; without a name there is no field. */
  get names(): ClientNames {
    return {
      ...(this.user === undefined ? {} : { user: shownName(this.user) }),
      ...(this.certificate === undefined ? {} : { certificate: shownName(this.certificate) }),
    }
  }

  report(): ClientReport {
    return {
      ...this.line,
      number: this.number,
      source: this.source,
      since: Math.floor(this.#sinceUnix),
      lastActivity: Math.floor(this.#sinceUnix + (this.lastActivityMs - this.sinceMs) / 1000),
      auth: this.auth,
      ...this.names,
      viewOnly: this.viewOnly,
      bytesSent: this.bytesSent,
      bytesReceived: this.bytesReceived,
      channels: this.#connections.map(([key, each]) => channelReport(key, each)),
    }
  }

  get #connections(): readonly (readonly [string, ChannelConnection])[] {
    const main = this.mainConnection
    return [...(main === undefined ? [] : [[MAIN_KEY, main] as const]), ...this.#channels]
  }

  /** Channels beside main. */
  get channelCount(): number {
    return this.#channels.size
  }

  has(type: number, id: number): boolean {
    return this.#channels.has(keyOf(type, id))
  }

  add(type: number, id: number, connection: ChannelConnection): void {
    this.#channels.set(keyOf(type, id), connection)
  }

  remove(type: number, id: number): void {
    const closed = this.#channels.get(keyOf(type, id))
    this.#closedSent += closed?.bytesSent ?? 0
    this.#closedReceived += closed?.bytesReceived ?? 0
    this.#channels.delete(keyOf(type, id))
  }

  /** Tells the client why, then closes all its connections. */
  end(linkError: number, text: string): void {
    this.main?.disconnecting(linkError, text)
    this.mainConnection?.close()
    this.closeChannels()
  }

  closeChannels(): void {
    for (const connection of [...this.#channels.values()]) {
      connection.close()
    }
    this.#displayShare?.close()
    this.#displayShare = undefined
  }
}
