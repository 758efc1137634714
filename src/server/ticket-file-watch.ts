import { statSync, watch, type FSWatcher } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock, Timer } from '../core/clock.js'
import type { Logger } from '../core/logger.js'

/** Who writes a file does so in steps; this long after the last one it is looked at. */
const SETTLE_MS = 100

/** Without a word of the kernel's (a network file system, a target elsewhere) changes are seen this late. */
const RECHECK_MS = 10_000

export interface TicketFileWatchDeps {
  readonly clock: Clock
  readonly logger: Logger
  /** The file is another one, or has another content. */
  changed(): void
}

/** What tells one state of a file from the next; `gone` when there is none. */
const identityOf = (path: string): string => {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
    return [dev, ino, size, mtimeNs, ctimeNs].join(':')
  } catch {
    return 'gone'
  }
}

/**
 * Notices that a ticket file changed: written in place, replaced, or behind a link that was swapped, as the mounts of
 * Kubernetes do. So it watches the folder, and judges by the file that the path leads to.
 */
export class TicketFileWatch {
  readonly #path: string
  readonly #deps: TicketFileWatchDeps
  readonly #watcher: FSWatcher | undefined
  #seen: string
  #settle: Timer | undefined
  #recheck: Timer | undefined

  /** The file has been read just now: its present state is no news. */
  constructor(path: string, deps: TicketFileWatchDeps) {
    this.#path = path
    this.#deps = deps
    this.#seen = identityOf(path)
    this.#watcher = this.#watch()
    this.#recheckLater()
  }

  /** Ends all watching; callable any number of times. */
  close(): void {
    this.#watcher?.close()
    this.#settle?.cancel()
    this.#recheck?.cancel()
  }

  #watch(): FSWatcher | undefined {
    const blind = (error: unknown): void => {
      this.#deps.logger.warn('Folder of a ticket file is not watched; it is looked at every 10 s', {
        err: error,
      })
    }
    try {
      const watcher = watch(dirname(this.#path), { persistent: false }, () => this.#lookSoon())
      watcher.on('error', (error) => {
        watcher.close()
        blind(error)
      })
      return watcher
    } catch (error) {
      blind(error)
      return undefined
    }
  }

  #lookSoon(): void {
    this.#settle?.cancel()
    this.#settle = this.#deps.clock.after(SETTLE_MS, () => this.#look())
  }

  #recheckLater(): void {
    this.#recheck = this.#deps.clock.after(RECHECK_MS, () => {
      this.#look()
      this.#recheckLater()
    })
  }

  #look(): void {
    const now = identityOf(this.#path)
    if (now !== this.#seen) {
      this.#seen = now
      this.#deps.changed()
    }
  }
}
