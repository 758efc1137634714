import type { Timer } from '../../core/clock.js'
import type { SidecarError } from '../../core/errors.js'
import type { JobAnswer } from './messages.js'
import type { PoolDeps, PoolLimits } from './options.js'
import { RestartGate } from './restart-gate.js'
import type { StartWorker } from './worker-port.js'
import { WorkerSlot, type LossReason } from './worker-slot.js'

/** What the crew tells the pool. */
export interface CrewEvents {
  /** A worker is idle that was not there before. */
  ready(): void
  answered(slot: WorkerSlot, answer: JobAnswer): void
  lost(slot: WorkerSlot, reason: LossReason, error: SidecarError): void
  /** A worker is going to be ended because it had nothing to do. */
  ending(slot: WorkerSlot): void
  /** Whether the worker keeps something that is lost with it. */
  keeps(slot: WorkerSlot): boolean
}

/** The workers: how many there are, when one starts and when one has been idle for too long. */
export class WorkerCrew {
  readonly slots: readonly WorkerSlot[]
  readonly #deps: PoolDeps
  readonly #limits: PoolLimits
  readonly #events: CrewEvents
  readonly #gate: RestartGate
  #idleTimer: Timer | undefined
  #closed = false

  constructor(deps: PoolDeps, limits: PoolLimits, startWorker: StartWorker, events: CrewEvents) {
    this.#deps = deps
    this.#limits = limits
    this.#events = events
    this.#gate = new RestartGate(deps.clock, limits)
    this.slots = Array.from({ length: limits.workers }, () => {
      const slot: WorkerSlot = new WorkerSlot(deps.clock, limits, startWorker, {
        ready: () => events.ready(),
        answered: (answer) => events.answered(slot, answer),
        lost: (reason, error) => {
          this.#gate.lost()
          events.lost(slot, reason, error)
        },
      })
      return slot
    })
  }

  /** Workers that run or are starting. */
  get live(): number {
    return this.slots.reduce((live, { state }) => live + (state === 'stopped' ? 0 : 1), 0)
  }

  /** A worker is there or may be started now. */
  get up(): boolean {
    return !this.#closed && this.slots.length > 0 && (this.live > 0 || this.#gate.open)
  }

  /** Time from the last loss until a worker is started again, ms. */
  get backOffMs(): number {
    return this.#gate.backOffMs
  }

  /** Starts workers for `waiting` jobs that no idle one can take, as far as that is allowed. */
  startFor(waiting: number): void {
    const starting = this.slots.filter(({ state }) => state === 'starting').length
    for (let wanted = waiting - starting; wanted > 0 && this.#gate.open && !this.#closed; wanted--) {
      const slot = this.slots.find(({ state }) => state === 'stopped')
      const careful = this.#gate.careful && this.slots.some(({ state }) => state === 'starting')
      if (slot === undefined || careful) {
        return
      }
      slot.start()
    }
  }

  /** Ends workers that had nothing to do for long, and looks again when the next one may be due. */
  watchIdle(): void {
    this.#deps.metrics.workers.set(this.live)
    if (this.#idleTimer !== undefined || this.#closed) {
      return
    }
    let nextMs = Infinity
    for (const slot of this.slots) {
      const leftMs = this.#idleLeftMs(slot)
      if (leftMs <= 0) {
        this.#events.ending(slot)
        void slot.stop()
      } else {
        nextMs = Math.min(nextMs, leftMs)
      }
    }
    this.#deps.metrics.workers.set(this.live)
    if (nextMs < Infinity) {
      this.#idleTimer = this.#deps.clock.after(nextMs, () => {
        this.#idleTimer = undefined
        this.watchIdle()
      })
    }
  }

  /** Ends all workers for good; resolves when the threads are gone. */
  async close(): Promise<void> {
    this.#closed = true
    this.#idleTimer?.cancel()
    this.#idleTimer = undefined
    const stopped = this.slots.map((slot) => slot.stop())
    this.#deps.metrics.workers.set(0)
    await Promise.all(stopped)
  }

  /** Time that the worker may still be idle, ms; none is ended while it works. */
  #idleLeftMs(slot: WorkerSlot): number {
    const { idleMs, dictionaryIdleMs } = this.#limits
    if (slot.state === 'stopped') {
      return Infinity
    }
    const allowedMs = this.#events.keeps(slot) ? Math.max(idleMs, dictionaryIdleMs) : idleMs
    return slot.state === 'idle' ? allowedMs - (this.#deps.clock.nowMs() - slot.idleSinceMs) : allowedMs
  }
}
