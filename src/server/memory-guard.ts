import type { Clock, Timer } from '../core/clock.js'
import type { Limits } from '../core/limits.js'
import type { Logger } from '../core/logger.js'
import type { Counter } from '../core/metrics.js'

/** Time between two looks while there are clients, ms. */
const LOOK_MS = 2000

/** From this part of a limit on no new client comes in. */
const TIGHT_SHARE = 0.85

/** What the process holds now, bytes. */
export interface MemoryUse {
  readonly heapUsed: number
  /** Buffers and other memory outside of the heap. */
  readonly external: number
}

export interface MemoryGuardDeps {
  readonly clock: Clock
  readonly limits: Limits
  readonly logger: Logger
  readonly limitHits: Counter
  readonly memoryUse: () => MemoryUse
  /** Ends the session of the newest client. */
  readonly endNewest: () => void
}

type Key = 'memory-heap' | 'memory-buffers'

/**
 * Keeps the process within its memory (threat model L-mem): near a limit new clients are refused, above it the newest goes. It
 * looks only while there are clients.
 */
export class MemoryGuard {
  readonly #deps: MemoryGuardDeps
  #timer: Timer | undefined

  constructor(deps: MemoryGuardDeps) {
    this.#deps = deps
  }

  /** Is there memory for one more client? */
  admits(): boolean {
    return this.#worst(TIGHT_SHARE) === undefined
  }

  /** The number of clients changed. */
  watch(clients: number): void {
    if (clients === 0) {
      this.close()
    } else {
      this.#timer ??= this.#next()
    }
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #next(): Timer {
    return this.#deps.clock.after(LOOK_MS, () => {
      this.#timer = this.#next()
      this.#look()
    })
  }

  #look(): void {
    const { limitHits, limits, logger, endNewest } = this.#deps
    const key = this.#worst(1)
    if (key !== undefined) {
      limitHits.add(1, { limit: key })
      logger.warn('Out of memory for this many clients: the newest is closed', {
        limit: key,
        bytes: limits[key],
      })
      endNewest()
    }
  }

  /** The limit of which this share is used up. */
  #worst(share: number): Key | undefined {
    const { limits, memoryUse } = this.#deps
    const { heapUsed, external } = memoryUse()
    if (heapUsed > share * limits['memory-heap']) {
      return 'memory-heap'
    }
    return external > share * limits['memory-buffers'] ? 'memory-buffers' : undefined
  }
}
