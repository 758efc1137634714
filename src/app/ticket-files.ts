import { readTicketFile, type Config } from '../config/index.js'
import type { Clock } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import { TicketFileWatch, type TicketStore } from '../server/index.js'

type TicketSettings = Pick<Config, 'ticketFile' | 'ticketExpiry' | 'viewOnlyTicketFile'>

/** Brings the tickets of the configured files into the store, and again whenever a file changes. */
export class TicketFiles {
  readonly #settings: TicketSettings
  readonly #store: TicketStore
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #watches: TicketFileWatch[] = []

  constructor(settings: TicketSettings, store: TicketStore, clock: Clock, logger: Logger) {
    this.#settings = settings
    this.#store = store
    this.#clock = clock
    this.#logger = logger
  }

  /**
   * Reads the files; the expiry counts anew.
   *
   * @throws SidecarError SIDECAR_CONFIG when one cannot be read; its old ticket stays
   */
  load(): void {
    this.#loadTicket()
    this.#loadViewOnly()
  }

  /** Follows the files from now on. */
  watch(): void {
    const { ticketFile, viewOnlyTicketFile } = this.#settings
    this.#follow(ticketFile, () => this.#loadTicket())
    this.#follow(viewOnlyTicketFile, () => this.#loadViewOnly())
  }

  close(): void {
    for (const watch of this.#watches.splice(0)) {
      watch.close()
    }
  }

  #follow(path: string | undefined, load: () => void): void {
    if (path === undefined) {
      return
    }
    const changed = (): void => {
      try {
        load()
        this.#logger.info('Ticket file changed; ticket loaded', { path })
      } catch (error) {
        this.#logger.error('Ticket file changed but cannot be used; the old ticket stays', {
          path,
          err: error,
        })
      }
    }
    this.#watches.push(new TicketFileWatch(path, { clock: this.#clock, logger: this.#logger, changed }))
  }

  #loadTicket(): void {
    const { ticketFile, ticketExpiry } = this.#settings
    if (ticketFile !== undefined) {
      const ticket = readTicketFile(ticketFile)
      this.#store.set(ticket, ticketExpiry)
      ticket?.fill(0)
    }
  }

  #loadViewOnly(): void {
    const { viewOnlyTicketFile } = this.#settings
    if (viewOnlyTicketFile !== undefined) {
      const ticket = readTicketFile(viewOnlyTicketFile)
      this.#store.setViewOnly(ticket)
      ticket?.fill(0)
    }
  }
}
