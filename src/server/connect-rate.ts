import type { Limits } from '../core/limits.js'
import { RateBudget } from './rate-budget.js'

/** Sources remembered; one that is forgotten begins with a full budget, as after some quiet seconds. */
const MAX_SOURCES = 10_000

/** New connections of one source: many at once for the channels of a client, then few a second (L-rate-src). */
export class ConnectRate {
  readonly #limits: Pick<Limits, 'source-burst' | 'source-rate'>
  /** Least recently seen first. */
  readonly #sources = new Map<string, RateBudget>()

  constructor(limits: Pick<Limits, 'source-burst' | 'source-rate'>) {
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
    if (this.#sources.size > MAX_SOURCES) {
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
