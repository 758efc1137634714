import type { GuestHeads } from '../channels/index.js'
import type { Limits } from '../core/limits.js'
import type { Logger } from '../core/logger.js'
import { noCounter, type Counter } from '../core/metrics.js'
import type { DisplaySource, WantedHead } from '../display/index.js'

/** Lets clients lay out the heads of the guest, as long as its display device follows. */
export class Heads implements GuestHeads {
  readonly limits: Limits
  readonly #source: Pick<DisplaySource, 'setHeads'>
  readonly #logger: Logger
  readonly #observers = new Set<() => void>()
  readonly #limitHits: Counter
  #resizable = true
  #wanted: readonly WantedHead[] = []

  constructor(
    source: Pick<DisplaySource, 'setHeads'>,
    limits: Limits,
    logger: Logger,
    limitHits: Counter = noCounter,
  ) {
    this.#limitHits = limitHits
    this.#source = source
    this.limits = limits
    this.#logger = logger
  }

  /** True until the display device refuses a layout: QEMU does not tell before. */
  get resizable(): boolean {
    return this.#resizable
  }

  /** The layout that was asked for last. */
  get wanted(): readonly WantedHead[] {
    return this.#wanted
  }

  setHeads(heads: readonly WantedHead[]): void {
    this.#wanted = heads
    this.#source.setHeads(heads)
  }

  limitHit(limit: string): void {
    this.#limitHits.add(1, { limit })
  }

  refused(problem: string): void {
    this.#logger.warn('Monitors config refused', { problem })
  }

  /** The display device takes layouts, or does not; a new QEMU is taken to do so again. */
  follow(resizable: boolean): void {
    if (resizable !== this.#resizable) {
      this.#resizable = resizable
      for (const changed of [...this.#observers]) {
        changed()
      }
    }
  }

  observe(changed: () => void): () => void {
    this.#observers.add(changed)
    return () => this.#observers.delete(changed)
  }
}
