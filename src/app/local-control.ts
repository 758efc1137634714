import { chmodSync } from 'node:fs'
import type { Socket } from 'node:net'
import { AdminEndpoint, type AdminControl } from '../admin/index.js'
import { MOUSE_MODE, type MouseModes } from '../channels/index.js'
import type { UnixAddress } from '../config/index.js'
import type { Clock } from '../core/clock.js'
import { asSidecarError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { Logger } from '../core/logger.js'
import type { Counter } from '../core/metrics.js'
import { peerCredentials } from '../host/index.js'
import { socketFd } from '../qmp/index.js'
import { listenOn, type BoundListener, type SpiceServer, type TicketStore } from '../server/index.js'

export interface LocalControlDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: Limits
  readonly limitHits: Counter
  readonly server: Pick<SpiceServer, 'clientReports' | 'disconnect'>
  readonly tickets: TicketStore
  readonly mouse: MouseModes
  /** Clients prove themselves by SASL, not by tickets. */
  readonly sasl: boolean
}

/** The admin socket of one sidecar: for root and for its own user, by the kernel's word (threat model B9, R10). */
export class LocalControl {
  readonly #deps: LocalControlDeps
  readonly #endpoint: AdminEndpoint
  #listener: BoundListener | undefined

  constructor(deps: LocalControlDeps) {
    const { clock, logger, limits, limitHits } = deps
    this.#deps = deps
    this.#endpoint = new AdminEndpoint({
      control: controlOf(deps),
      clock,
      logger,
      limits,
      limitHits,
      peerAllowed: (socket) => this.#peerAllowed(socket),
    })
  }

  /**
   * Begins to listen.
   *
   * @throws SidecarError SIDECAR_CONFIG when the socket cannot be made
   */
  async start(address: UnixAddress): Promise<void> {
    this.#listener = await listenOn(address, (socket) => this.#endpoint.connected(socket), 'admin')
    /* The umask of the process has kept it to its owner from the start; this takes the useless execute bit, too. */
    chmodSync(address.path, 0o600)
    this.#deps.logger.info('Admin socket listening', {
      address: this.#listener.address,
      carries: 'admin',
    })
  }

  /** Drops what is connected and frees the path; callable any number of times. */
  async close(): Promise<void> {
    this.#endpoint.close()
    await this.#listener?.close()
    this.#listener = undefined
  }

  #peerAllowed(socket: Socket): boolean {
    try {
      const { uid } = peerCredentials(socketFd(socket))
      return uid === 0 || uid === process.getuid?.()
    } catch (error) {
      this.#deps.logger.warn('Admin connection of an unknown user', { err: asSidecarError(error) })
      return false
    }
  }
}

const controlOf = ({ server, tickets, mouse, sasl }: LocalControlDeps): AdminControl => ({
  get auth() {
    if (sasl) {
      return 'sasl'
    }
    return tickets.open ? 'none' : 'spice'
  },
  get mouseMode() {
    return mouse.current === MOUSE_MODE.client ? 'client' : 'server'
  },
  get locked() {
    return !sasl && tickets.locked
  },
  clients: () => server.clientReports(),
  setTicket: (ticket, expiry) => tickets.set(ticket, expiry),
  setExpiry: (expiry) => tickets.setExpiry(expiry),
  lock: () => tickets.set(undefined, { kind: 'never' }),
  disconnect: (number) => server.disconnect(number),
})
