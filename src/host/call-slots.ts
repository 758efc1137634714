import type { Clock } from '../core/clock.js'
import { SidecarError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { Logger } from '../core/logger.js'
import type { Counter, Gauge } from '../core/metrics.js'

export interface CallSlotsDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: Pick<Limits, 'sasl-calls' | 'sasl-call-ms' | 'sasl-lost'>
  readonly metrics: {
    readonly limitHits: Counter
    /** By state: running, lost. */
    readonly calls: Gauge
  }
}

interface Waiting {
  readonly go: () => void
  readonly refuse: (error: SidecarError) => void
}

/**
 * Calls of a library that blocks a thread and may never return. A few run at once and the others wait. One that takes
 * too long is given up: its thread stays with it, another call takes its place, and only when too many are lost is
 * everybody refused, until one of them returns. So a directory that hangs holds up those who ask it and nobody else.
 */
export class CallSlots {
  readonly #deps: CallSlotsDeps
  readonly #waiting: Waiting[] = []
  #running = 0
  #lost = 0

  constructor(deps: CallSlotsDeps) {
    this.#deps = deps
  }

  /**
   * Makes a call when its turn has come.
   *
   * @param call begins it; when it is given up, nobody hears of its result any more
   * @throws SidecarError SIDECAR_TIMEOUT when it takes too long, SIDECAR_HOST while too many are lost
   */
  async run<T>(call: () => Promise<T>): Promise<T> {
    await this.#enter()
    return new Promise<T>((resolve, reject) => {
      const { clock, limits } = this.#deps
      let given = false
      const deadline = clock.after(limits['sasl-call-ms'], () => {
        given = true
        this.#giveUp()
        reject(new SidecarError('SIDECAR_TIMEOUT', 'SASL took too long', { ms: limits['sasl-call-ms'] }))
      })
      const over = (): void => {
        deadline.cancel()
        if (given) {
          this.#lost -= 1
          this.#deps.logger.info('A lost SASL call returned', { lost: this.#lost })
        } else {
          this.#running -= 1
        }
        this.#changed()
      }
      // What throws at once is rejected, too.
      void Promise.resolve().then(call).finally(over).then(resolve, reject)
    })
  }

  get #blocked(): boolean {
    return this.#lost > 0 && this.#lost >= this.#deps.limits['sasl-lost']
  }

  async #enter(): Promise<void> {
    if (this.#blocked) {
      throw this.#refusal()
    }
    if (this.#running >= this.#deps.limits['sasl-calls']) {
      this.#hit('sasl-calls')
      // Who lets it in has counted it already.
      await new Promise<void>((go, refuse) => this.#waiting.push({ go, refuse }))
      return
    }
    this.#running += 1
    this.#changed()
  }

  #giveUp(): void {
    this.#running -= 1
    this.#lost += 1
    this.#hit('sasl-call-ms')
    this.#deps.logger.warn('SASL call took too long and is lost', { lost: this.#lost })
    if (this.#blocked) {
      this.#waiting.splice(0).forEach(({ refuse }) => refuse(this.#refusal()))
    }
    this.#changed()
  }

  /** Lets in as many as there is room for, and tells the metrics. */
  #changed(): void {
    while (!this.#blocked && this.#waiting.length > 0 && this.#running < this.#deps.limits['sasl-calls']) {
      this.#running += 1
      this.#waiting.shift()?.go()
    }
    const { calls } = this.#deps.metrics
    calls.set(this.#running, { state: 'running' })
    calls.set(this.#lost, { state: 'lost' })
  }

  #refusal(): SidecarError {
    this.#hit('sasl-lost')
    return new SidecarError('SIDECAR_HOST', 'SASL does not answer any more', { lost: this.#lost })
  }

  #hit(limit: 'sasl-calls' | 'sasl-call-ms' | 'sasl-lost'): void {
    this.#deps.metrics.limitHits.add(1, { limit })
  }
}
