import { randomInt } from 'node:crypto'
import type { ChannelContext } from '../channels/index.js'
import type { Clock } from '../core/clock.js'
import type { SidecarError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { Logger } from '../core/logger.js'
import type { Counter, Gauge } from '../core/metrics.js'
import {
  CHANNEL_TYPES,
  channelName,
  LINK_ERROR,
  type LinkErrorCode,
  type LinkMess,
} from '../protocol/index.js'
import { ChannelConnection, type ConnectionDeps } from './channel-connection.js'
import { Client, clientEndOf, type ClientEnd } from './client.js'
import { makeChannel, makeMainChannel, usesMiniHeader, type GuestParts } from './guest.js'
import { KeyPool, type TicketKeyPair } from './key-pool.js'
import { LinkIntake, type Linked, type Verdict } from './link-intake.js'
import { listenOn, type BoundListener, type ListenAddress } from './listener.js'
import type { TicketStore } from './tickets.js'

/** What a client finds when another one is connected (setting `clients`). */
export type ClientPolicy = 'takeover' | 'refuse' | 'share'

export interface ServerMetrics {
  readonly clients: Gauge
  readonly channels: Gauge
  readonly bytesSent: Counter
  readonly bytesReceived: Counter
  readonly limitHits: Counter
  readonly authFailures: Counter
  readonly linkRefusals: Counter
  readonly clientsEnded: Counter
  readonly errors: Counter
  readonly lastActivity: Gauge
}

export interface ServerOptions {
  readonly listen: readonly ListenAddress[]
  readonly clients: ClientPolicy
  readonly limits: Limits
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: ServerMetrics
  readonly tickets: TicketStore
  readonly guest: GuestParts
  /** The number of clients changed. */
  clientsChanged(count: number): void
}

/** An end that nobody has to look at. */
const isQuiet = (error: SidecarError | undefined): error is undefined =>
  error === undefined || error.code === 'SIDECAR_PEER_GONE'

/** The SPICE server: who may link, whose channels are whose, and what ends them. What channels do is theirs. */
export class SpiceServer {
  readonly #options: ServerOptions
  readonly #keys: KeyPool
  readonly #intake: LinkIntake
  readonly #listeners: BoundListener[] = []
  readonly #clients = new Map<number, Client>()
  readonly #channelCounts = new Map<string, number>()
  #clientNumber = 0

  constructor(options: ServerOptions) {
    const { clock, limits, logger, metrics } = options
    this.#options = options
    this.#keys = new KeyPool(limits.keys, logger)
    this.#intake = new LinkIntake({
      clock,
      limits,
      logger,
      metrics,
      keys: this.#keys,
      authenticate: (mess, pair, block) => this.#authenticate(mess, pair, block),
      linked: (link) => this.#linked(link),
    })
  }

  /**
   * Binds all addresses.
   *
   * @returns the bound addresses
   * @throws SidecarError SIDECAR_CONFIG when one cannot be bound; none is then
   */
  async start(): Promise<readonly string[]> {
    this.#keys.start()
    try {
      for (const address of this.#options.listen) {
        this.#listeners.push(await listenOn(address, (socket) => this.#intake.connected(socket)))
      }
    } catch (error) {
      await this.close()
      throw error
    }
    return this.#listeners.map((listener) => listener.address)
  }

  /** Ends every session with a reason and frees the addresses; callable any number of times. */
  async close(): Promise<void> {
    this.#keys.close()
    this.#intake.close()
    const closed = this.#listeners.splice(0).map((listener) => listener.close())
    for (const client of [...this.#clients.values()]) {
      this.#end(client, 'shutdown', 'the server is shutting down')
    }
    await Promise.all(closed)
  }

  /** A wrong ticket looks the same whatever else is wrong (threat model B4). */
  #authenticate(mess: LinkMess, pair: TicketKeyPair, block: Uint8Array): Verdict {
    const { tickets } = this.#options
    const proof = tickets.decrypt(pair.privateKey, block)
    if (proof === undefined) {
      return this.#deny(LINK_ERROR.permissionDenied, 'undecryptable')
    }
    const isMain = mess.channelType === CHANNEL_TYPES.main
    const client = isMain ? undefined : this.#clients.get(mess.connectionId)
    const good = client === undefined ? tickets.admitsSession(proof) : tickets.sameTicket(client.proof, proof)
    if (!good) {
      return this.#deny(LINK_ERROR.permissionDenied, tickets.locked ? 'locked' : 'ticket')
    }
    if (isMain ? mess.connectionId !== 0 : client === undefined) {
      return this.#deny(LINK_ERROR.badConnectionId, 'connection-id')
    }
    return client === undefined || this.#channelFree(client, mess)
      ? { code: LINK_ERROR.ok, proof }
      : this.#deny(LINK_ERROR.channelNotAvailable, 'channel')
  }

  #deny(code: LinkErrorCode, reason: string): Verdict {
    this.#options.metrics.authFailures.add(1, { reason })
    return { code, proof: undefined }
  }

  #channelFree(client: Client, { channelType, channelId }: LinkMess): boolean {
    const { guest, limits, metrics } = this.#options
    if (client.channelCount >= limits.channels) {
      metrics.limitHits.add(1, { limit: 'channels' })
      return false
    }
    const offered = guest.main.vm.offers().some(({ type, id }) => type === channelType && id === channelId)
    return offered && !client.has(channelType, channelId)
  }

  #linked(link: Linked): void {
    if (link.mess.channelType === CHANNEL_TYPES.main) {
      this.#newClient(link)
    } else {
      this.#newChannel(link)
    }
  }

  #newClient({ socket, source, mess, proof, rest }: Linked): void {
    const { clients: policy, clock, guest, logger, metrics } = this.#options
    this.#clientNumber += 1
    const connectionId = this.#newConnectionId()
    const client = new Client(this.#clientNumber, { connectionId, proof }, source, clock.nowMs())
    const connection = new ChannelConnection(
      socket,
      {
        mini: usesMiniHeader(mess),
        type: mess.channelType,
        channel: (context: ChannelContext) => {
          const channel = makeMainChannel(
            mess,
            connectionId,
            socket.remoteAddress !== undefined,
            guest,
            context,
          )
          client.main = channel
          return channel
        },
      },
      this.#connectionDeps((error) => this.#clientGone(client, error)),
    )
    client.mainConnection = connection
    const refused = this.#policyRefusal()
    if (refused !== undefined) {
      metrics.linkRefusals.add(1, { reason: refused })
      logger.warn('Client refused', { source, reason: refused })
      client.end(LINK_ERROR.error, 'another client is connected')
      return
    }
    const present = [...this.#clients.values()]
    this.#clients.set(connectionId, client)
    if (policy === 'takeover') {
      for (const other of present) {
        this.#end(other, 'takeover', 'another client took over')
      }
    }
    this.#count('main', 1)
    metrics.clients.set(this.#clients.size)
    logger.info('Client linked', { client: client.number, source })
    this.#options.clientsChanged(this.#clients.size)
    connection.start(rest)
  }

  #policyRefusal(): 'busy' | 'clients' | undefined {
    const { clients: policy, limits, metrics } = this.#options
    if (policy === 'refuse' && this.#clients.size > 0) {
      return 'busy'
    }
    if (policy === 'share' && this.#clients.size >= limits.clients) {
      metrics.limitHits.add(1, { limit: 'clients' })
      return 'clients'
    }
    return undefined
  }

  #newChannel({ socket, mess, rest }: Linked): void {
    const { guest, logger } = this.#options
    const { channelType: type, channelId: id } = mess
    const client = this.#clients.get(mess.connectionId)
    if (client === undefined) {
      socket.destroy()
      return
    }
    const channel = channelName(type) ?? 'unknown'
    const fields = { client: client.number, channel, channelId: id }
    const connection = new ChannelConnection(
      socket,
      { mini: usesMiniHeader(mess), type, channel: (context) => makeChannel(mess, guest, context) },
      this.#connectionDeps((error) => {
        client.remove(type, id)
        this.#count(channel, -1)
        if (isQuiet(error)) {
          logger.debug('Channel closed', fields)
          return
        }
        this.#options.metrics.errors.add(1, { code: error.code })
        logger.warn('Channel closed', { ...fields, err: error })
        if (error.code === 'SIDECAR_SLOW_READER') {
          this.#forget(client, 'slow', error)
          client.end(LINK_ERROR.error, 'this client reads too slowly')
        }
      }),
    )
    client.add(type, id, connection)
    this.#count(channel, 1)
    logger.debug('Channel linked', fields)
    connection.start(rest)
  }

  #connectionDeps(closed: ConnectionDeps['closed']): ConnectionDeps {
    const { clock, limits, metrics } = this.#options
    return {
      clock,
      limits,
      metrics,
      active: () => metrics.lastActivity.set(clock.unixSeconds()),
      closed,
    }
  }

  /** Ends a session from our side. */
  #end(client: Client, end: ClientEnd, text: string): void {
    if (this.#forget(client, end, undefined)) {
      client.end(LINK_ERROR.ok, text)
    }
  }

  #clientGone(client: Client, error: SidecarError | undefined): void {
    this.#forget(client, clientEndOf(error), error)
    client.closeChannels()
  }

  /** @returns whether the session was still on */
  #forget(client: Client, end: ClientEnd, error: SidecarError | undefined): boolean {
    const { clock, logger, metrics } = this.#options
    if (!this.#clients.delete(client.connectionId)) {
      return false
    }
    this.#count('main', -1)
    metrics.clientsEnded.add(1, { reason: end })
    metrics.clients.set(this.#clients.size)
    const seconds = Math.round((clock.nowMs() - client.sinceMs) / 1000)
    const fields = { client: client.number, source: client.source, reason: end, seconds }
    if (isQuiet(error)) {
      logger.info('Client left', fields)
    } else {
      metrics.errors.add(1, { code: error.code })
      logger.warn('Client dropped', { ...fields, err: error })
    }
    this.#options.clientsChanged(this.#clients.size)
    return true
  }

  #count(channel: string, change: 1 | -1): void {
    const count = (this.#channelCounts.get(channel) ?? 0) + change
    this.#channelCounts.set(channel, count)
    this.#options.metrics.channels.set(count, { channel })
  }

  /** 32 random bits, never 0 and never in use (threat model B4). */
  #newConnectionId(): number {
    let id = randomInt(1, 0x1_0000_0000)
    while (this.#clients.has(id)) {
      id = randomInt(1, 0x1_0000_0000)
    }
    return id
  }
}
