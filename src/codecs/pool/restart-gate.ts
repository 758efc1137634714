import type { Clock } from '../../core/clock.js'
import type { PoolLimits } from './options.js'

/** Says when a worker may be started after others were lost. */
export class RestartGate {
  readonly #clock: Clock
  readonly #limits: Pick<PoolLimits, 'backOffMs' | 'maxBackOffMs' | 'stableMs'>
  #losses = 0
  #lastLossMs = 0

  constructor(clock: Clock, limits: Pick<PoolLimits, 'backOffMs' | 'maxBackOffMs' | 'stableMs'>) {
    this.#clock = clock
    this.#limits = limits
  }

  /** A worker may be started now. */
  get open(): boolean {
    return this.#losses === 0 || this.#clock.nowMs() >= this.#lastLossMs + this.backOffMs
  }

  /** Workers were lost lately: no two are started at the same time. */
  get careful(): boolean {
    return this.#losses > 0 && this.#clock.nowMs() < this.#lastLossMs + this.#limits.stableMs
  }

  /** Time from the last loss to the next start, ms. */
  get backOffMs(): number {
    const { backOffMs, maxBackOffMs } = this.#limits
    return this.#losses === 0 ? 0 : Math.min(maxBackOffMs, backOffMs * 2 ** (this.#losses - 1))
  }

  lost(): void {
    const nowMs = this.#clock.nowMs()
    this.#losses = nowMs - this.#lastLossMs >= this.#limits.stableMs ? 1 : Math.min(this.#losses + 1, 64)
    this.#lastLossMs = nowMs
  }
}
