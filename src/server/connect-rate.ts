import type { Limits } from '../core/limits.js'
import { RateBudget } from '../core/rate-budget.js'

type RateLimits = Pick<Limits, 'source-burst' | 'source-rate' | 'source-memory'>

/** New connections of one source: many at once for the channels of a client, then few a second (L-rate-src). */
export class ConnectRate {
  readonly #limits: RateLimits
  /** Least recently seen first. */
  readonly #sources = new Map<string, RateBudget>()

  constructor(limits: RateLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#sources.size
  }

  /** Counts one connection; a refused one costs nothing. @returns whether it may come in */
  admit(source: string, nowMs: number): boolean {
    const { 'source-rate': rate, 'source-burst': burst } = this.#limits
    const budget = this.#sources.get(source) ?? new RateBudget(rate, burst, nowMs)
    this.#sources.delete(source)
    this.#sources.set(source, budget)
    if (this.#sources.size > this.#limits['source-memory']) {
      /* Forgotten, it begins with a full budget, as after some quiet seconds. */
      const [oldest] = this.#sources.keys()
      this.#sources.delete(oldest ?? '')
    }
    if (budget.spend(1, nowMs) === 0) {
      return true
    }
    budget.spend(-1, nowMs)
    return false
  }

  /** Gives back what one connection cost: it proved itself, or fetched a page. */
  refund(source: string, nowMs: number): void {
    this.#sources.get(source)?.spend(-1, nowMs)
  }
}
