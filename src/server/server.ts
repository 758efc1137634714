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
import { Audit } from './audit.js'
import { Carriers } from './carriers.js'
import { ChannelConnection, type ConnectionDeps } from './channel-connection.js'
import { judgeSecurity, NO_SECURITY_LISTS, type SecurityLists } from './channel-security.js'
import { Client, clientEndOf, type ClientEnd } from './client.js'
import type { ClientReport } from './client-report.js'
import { carriesOf, doorsOf, type OpenDoor } from './doors.js'
import { MemoryGuard, type MemoryUse } from './memory-guard.js'
import { FrontDoor, OPEN_DOOR, type FrontDoorRules } from './front-door.js'
import { makeChannel, makeMainChannel, usesMiniHeader, type GuestParts } from './guest.js'
import { KeyPool, type Keys, type TicketKeyPair } from './key-pool.js'
import { LinkIntake, type Linked, type Verdict } from './link-intake.js'
import type { Peer } from './peer.js'
import { listenOn, type BoundListener, type ListenAddress } from './listener.js'
import { NO_SESSION_LIMITS, watchSession, type SessionLimits } from './session-limits.js'
import type { TicketProof, TicketStore } from './tickets.js'
import type { TlsFront } from './tls.js'
import { SaslDoor, type SaslProvider } from './sasl-door.js'
import { changesGuest, viewOnlyGuest } from './view-only.js'
import { WebFront } from './web-front.js'
import type { WebRoot } from './web-root.js'

/** What a client finds when another one is connected (setting `clients`). */
export type ClientPolicy = 'takeover' | 'refuse' | 'share'

export interface ServerMetrics {
  readonly clients: Gauge
  readonly channels: Gauge
  readonly bytesSent: Counter
  readonly bytesReceived: Counter
  readonly limitHits: Counter
  readonly strange: Counter
  readonly authFailures: Counter
  readonly authSources: Gauge
  readonly authPenalties: Counter
  readonly authPenaltySeconds: Counter
  readonly authRefusals: Counter
  readonly linkRefusals: Counter
  readonly clientsEnded: Counter
  readonly errors: Counter
  readonly lastActivity: Gauge
  readonly viewOnlyIgnored: Counter
}

export interface ServerOptions {
  readonly listen: readonly ListenAddress[]
  readonly tlsListen?: readonly ListenAddress[]
  readonly websocketListen?: readonly ListenAddress[]
  /** Needed with `tlsListen`; started. */
  readonly tls?: TlsFront | undefined
  readonly security?: SecurityLists
  readonly webRoot?: WebRoot | undefined
  readonly clients: ClientPolicy
  readonly limits: Limits
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: ServerMetrics
  readonly tickets: TicketStore
  readonly guest: GuestParts
  readonly frontDoor?: FrontDoorRules
  /** Memory that the process holds; the system's if left out. */
  readonly memoryUse?: (() => MemoryUse) | undefined
  readonly sessionLimits?: SessionLimits
  /** In place of a pool of its own. */
  readonly keys?: Keys | undefined
  /** The number of clients changed. */
  clientsChanged(count: number): void
}

/** An end that nobody has to look at. */
const isQuiet = (error: SidecarError | undefined): error is undefined =>
  error === undefined || error.code === 'SIDECAR_PEER_GONE'

/** The SPICE server: who may link, whose channels are whose, and what ends them. What channels do is theirs. */
export class SpiceServer {
  readonly #options: ServerOptions
  readonly #keys: Keys
  readonly #audit: Audit
  readonly #frontDoor: FrontDoor
  readonly #memory: MemoryGuard
  readonly #viewOnlyGuest: GuestParts
  readonly #intake: LinkIntake
  readonly #listeners: BoundListener[] = []
  readonly #clients = new Map<number, Client>()
  readonly #channelCounts = new Map<string, number>()
  #clientNumber = 0
  #sasl: SaslDoor | undefined

  constructor(options: ServerOptions) {
    const { clock, limits, logger, metrics } = options
    this.#options = options
    this.#keys = options.keys ?? new KeyPool({ clock, limits, limitHits: metrics.limitHits, logger })
    this.#audit = new Audit(logger)
    this.#frontDoor = new FrontDoor(
      { clock, limits, audit: this.#audit, metrics },
      options.frontDoor ?? OPEN_DOOR,
    )
    this.#memory = new MemoryGuard({
      clock,
      limits,
      logger,
      limitHits: metrics.limitHits,
      memoryUse: options.memoryUse ?? (() => process.memoryUsage()),
      endNewest: () => {
        const newest = [...this.#clients.values()].at(-1)
        if (newest !== undefined) {
          this.#end(newest, 'memory', 'the server is out of memory')
        }
      },
    })
    this.#viewOnlyGuest = viewOnlyGuest(options.guest)
    this.#intake = new LinkIntake({
      clock,
      limits,
      logger,
      metrics,
      keys: this.#keys,
      carriers: new Carriers({
        clock,
        limits,
        metrics,
        tls: options.tls,
        web: new WebFront({ clock, limits, limitHits: metrics.limitHits }, options.webRoot),
      }),
      judgeSecurity: (type, transport) =>
        judgeSecurity(type, transport, options.security ?? NO_SECURITY_LISTS),
      authenticate: (mess, pair, block, peer) => this.#authenticate(mess, pair, block, peer),
      hasSession: (source) => [...this.#clients.values()].some((client) => client.source === source),
      sasl: () => this.#sasl,
      linked: (link) => this.#linked(link),
      served: (source) => this.#frontDoor.harmless(source),
    })
  }

  /**
   * Binds all addresses.
   *
   * @returns the bound addresses, in the order of `listen`, `tlsListen` and `websocketListen`
   * @throws SidecarError SIDECAR_CONFIG when one cannot be bound; none is then
   */
  async start(): Promise<readonly OpenDoor[]> {
    this.#keys.start()
    const open: OpenDoor[] = []
    try {
      const { listen, tlsListen = [], websocketListen = [], tls } = this.#options
      for (const { address, door } of doorsOf({
        listen,
        tlsListen,
        websocketListen,
        hasTls: tls !== undefined,
      })) {
        const bound = await listenOn(address, (socket) => {
          this.#frontDoor.connected(socket, door.local, (source) => {
            this.#intake.connected(socket, door, source)
          })
        })
        this.#listeners.push(bound)
        open.push({ address: bound.address, carries: carriesOf(door) })
      }
    } catch (error) {
      await this.close()
      throw error
    }
    return open
  }

  /** Ends every session with a reason and frees the addresses; callable any number of times. */
  async close(): Promise<void> {
    this.#keys.close()
    this.#frontDoor.close()
    this.#memory.close()
    this.#intake.close()
    const closed = this.#listeners.splice(0).map((listener) => listener.close())
    for (const client of [...this.#clients.values()]) {
      this.#end(client, 'shutdown', 'the server is shutting down')
    }
    await Promise.all(closed)
  }

  #authenticate(mess: LinkMess, pair: TicketKeyPair, block: Uint8Array, peer: Peer): () => Verdict {
    const proof = this.#options.tickets.decrypt(pair.privateKey, block)
    return () => this.#frontDoor.judged(peer.source, mess, this.#judge(mess, proof, peer))
  }

  /** A wrong ticket looks the same whatever else is wrong (threat model B4). */
  #judge(mess: LinkMess, proof: TicketProof | undefined, peer: Peer): Verdict {
    const { tickets } = this.#options
    if (proof === undefined) {
      return this.#deny(LINK_ERROR.permissionDenied, 'undecryptable')
    }
    const isMain = mess.channelType === CHANNEL_TYPES.main
    const client = isMain ? undefined : this.#clients.get(mess.connectionId)
    const kind = client === undefined ? tickets.admitsSession(proof) : undefined
    const good = client === undefined ? kind !== undefined : tickets.sameTicket(client.proof, proof)
    if (!good) {
      return this.#deny(LINK_ERROR.permissionDenied, tickets.locked ? 'locked' : 'ticket')
    }
    if (client !== undefined && client.certificate !== peer.certificate) {
      return this.#deny(LINK_ERROR.permissionDenied, 'certificate')
    }
    if (isMain ? mess.connectionId !== 0 : client === undefined) {
      return this.#deny(LINK_ERROR.badConnectionId, 'connection-id')
    }
    const auth = tickets.open ? 'open' : 'ticket'
    return client === undefined || this.#channelFree(client, mess)
      ? { code: LINK_ERROR.ok, proof, auth, viewOnly: kind === 'view' }
      : this.#deny(LINK_ERROR.channelNotAvailable, 'channel')
  }

  /** From now on clients authenticate by SASL, and tickets are good for nobody. */
  useSasl(provider: SaslProvider): void {
    this.#sasl = new SaslDoor({
      provider,
      session: (connectionId) => this.#clients.get(connectionId),
      channelFree: (mess) => {
        const client = this.#clients.get(mess.connectionId)
        return client !== undefined && this.#channelFree(client, mess)
      },
      deny: (code, reason) => this.#deny(code, reason),
      judged: (source, mess, verdict) => this.#frontDoor.judged(source, mess, verdict),
    })
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

  #newClient({ transport, peer, mess, proof, auth, viewOnly, user, rest }: Linked): void {
    const { clients: policy, clock, metrics, tickets } = this.#options
    this.#clientNumber += 1
    const connectionId = this.#newConnectionId()
    const client = new Client(
      this.#clientNumber,
      { connectionId, proof, auth, viewOnly, user, sinceUnix: clock.unixSeconds() },
      peer,
      clock.nowMs(),
    )
    const connection = new ChannelConnection(
      transport,
      {
        mini: usesMiniHeader(mess),
        type: mess.channelType,
        ignored: this.#ignoredOf(client, mess.channelType),
        channel: (context: ChannelContext) => {
          const channel = makeMainChannel(
            mess,
            connectionId,
            !transport.local,
            this.#guestOf(client),
            context,
          )
          client.main = channel
          return channel
        },
      },
      this.#connectionDeps(client, mess, (error) => this.#clientGone(client, error)),
    )
    client.mainConnection = connection
    const refused = this.#policyRefusal()
    if (refused !== undefined) {
      metrics.linkRefusals.add(1, { reason: refused })
      this.#audit.refused(peer.source, refused, { ...client.names })
      const why = refused === 'memory' ? 'the server is out of memory' : 'another client is connected'
      client.end(LINK_ERROR.error, why)
      return
    }
    const present = [...this.#clients.values()]
    this.#clients.set(connectionId, client)
    tickets.spend(proof)
    if (policy === 'takeover') {
      for (const other of present) {
        this.#audit.takeover(other, client)
        this.#end(other, 'takeover', 'another client took over')
      }
    }
    this.#count('main', 1)
    metrics.clients.set(this.#clients.size)
    this.#audit.linked(client, transport.secure)
    client.watch = watchSession(client, this.#options.sessionLimits ?? NO_SESSION_LIMITS, clock, (end) => {
      this.#end(
        client,
        end,
        end === 'idle' ? 'nobody used this session for too long' : 'the time of this session is over',
      )
    })
    this.#memory.watch(this.#clients.size)
    this.#options.clientsChanged(this.#clients.size)
    connection.start(rest)
  }

  #policyRefusal(): 'busy' | 'clients' | 'memory' | undefined {
    const { clients: policy, limits, metrics } = this.#options
    if (policy === 'refuse' && this.#clients.size > 0) {
      return 'busy'
    }
    if (policy === 'share' && this.#clients.size >= limits.clients) {
      metrics.limitHits.add(1, { limit: 'clients' })
      return 'clients'
    }
    // The first client is always let in: nobody else could make room for it.
    if (policy === 'share' && this.#clients.size > 0 && !this.#memory.admits()) {
      return 'memory'
    }
    return undefined
  }

  #newChannel({ transport, mess, rest }: Linked): void {
    const { logger } = this.#options
    const { channelType: type, channelId: id } = mess
    const client = this.#clients.get(mess.connectionId)
    if (client === undefined) {
      transport.destroy()
      return
    }
    const channel = channelName(type) ?? 'unknown'
    const fields = { client: client.number, channel, channelId: id }
    const connection = new ChannelConnection(
      transport,
      {
        mini: usesMiniHeader(mess),
        type,
        ignored: this.#ignoredOf(client, type),
        channel: (context) =>
          makeChannel(
            mess,
            this.#guestOf(client),
            context,
            (encoders) =>
              client.displayShare(encoders, this.#options.limits, this.#options.metrics.limitHits),
            client.main?.clientCaps ?? [],
          ),
      },
      this.#connectionDeps(client, mess, (error) => {
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
    if (type === CHANNEL_TYPES.inputs && !transport.secure) {
      client.main?.notify('keyboard channel is insecure')
    }
  }

  /** What a client that only watches gets to see of the guest. */
  #guestOf(client: Client): GuestParts {
    return client.viewOnly ? this.#viewOnlyGuest : this.#options.guest
  }

  /** Messages of a client that only watches which do nothing, counted. */
  #ignoredOf(client: Client, channelType: number): ((messageType: number) => boolean) | undefined {
    if (!client.viewOnly) {
      return undefined
    }
    return (messageType) => {
      const ignored = changesGuest(channelType, messageType)
      if (ignored) {
        this.#options.metrics.viewOnlyIgnored.add(1)
      }
      return ignored
    }
  }

  /** What each client is and has, oldest first. */
  clientReports(): readonly ClientReport[] {
    return [...this.#clients.values()].map((client) => client.report())
  }

  /** Ends the session of a client with a reason; false when there is none of this number. */
  disconnect(number: number): boolean {
    const client = [...this.#clients.values()].find((each) => each.number === number)
    if (client === undefined) {
      return false
    }
    this.#end(client, 'admin', 'the administrator ended this session')
    return true
  }

  #connectionDeps(client: Client, mess: LinkMess, closed: ConnectionDeps['closed']): ConnectionDeps {
    const { clock, limits, metrics } = this.#options
    const isInputs = mess.channelType === CHANNEL_TYPES.inputs
    return {
      clock,
      limits,
      metrics,
      active: () => {
        metrics.lastActivity.set(clock.unixSeconds())
        if (isInputs) {
          client.lastActivityMs = clock.nowMs()
        }
      },
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
    client.watch?.cancel()
    this.#audit.ended(client, end, seconds)
    if (!isQuiet(error)) {
      const fields = { client: client.number, source: client.source, reason: end, seconds }
      metrics.errors.add(1, { code: error.code })
      logger.warn('Client dropped', { ...fields, err: error })
    }
    this.#memory.watch(this.#clients.size)
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
