/** A token bucket over a clock that the caller reads. */
export class RateBudget {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #lastMs: number

  /** `perSecond` tokens come back each second, up to `burst`. */
  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#tokens = burst
    this.#lastMs = nowMs
  }

  /**
   * Spends `count` tokens, which may leave a debt.
   *
   * @returns milliseconds to wait until the debt is paid; 0 when there is none
   */
  spend(count: number, nowMs: number): number {
    const earned = ((nowMs - this.#lastMs) / 1000) * this.#perSecond
    this.#tokens = Math.min(this.#burst, this.#tokens + earned) - count
    this.#lastMs = nowMs
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#perSecond) * 1000
  }
}
