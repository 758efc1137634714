import type { MainChannel } from '../channels/index.js'
import type { SidecarError } from '../core/errors.js'
import type { ChannelConnection } from './channel-connection.js'
import type { TicketProof } from './tickets.js'

/** Why a client's session ended; a closed set, for logs and metrics. */
export type ClientEnd =
  'left' | 'takeover' | 'refused' | 'slow' | 'protocol' | 'lost' | 'timeout' | 'shutdown' | 'bug'

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

const keyOf = (type: number, id: number): string => `${type}:${id}`

/** One client: its session, and the connections of all its channels. */
export class Client {
  /** Number for the logs; counts up from 1. */
  readonly number: number
  /** Connection id of the session, never 0; secret enough not to be logged. */
  readonly connectionId: number
  readonly proof: TicketProof
  readonly source: string
  readonly sinceMs: number
  /** The main channel and its connection, from the moment they are made. */
  main: MainChannel | undefined
  mainConnection: ChannelConnection | undefined
  readonly #channels = new Map<string, ChannelConnection>()

  constructor(
    number: number,
    session: { readonly connectionId: number; readonly proof: TicketProof },
    source: string,
    sinceMs: number,
  ) {
    this.number = number
    this.connectionId = session.connectionId
    this.proof = session.proof
    this.source = source
    this.sinceMs = sinceMs
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
  }
}
