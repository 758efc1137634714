import type { Clock, Timer } from '../../core/clock.js'
import { asSidecarError, SidecarError } from '../../core/errors.js'
import {
  JOB_PROTOCOL_VERSION,
  type FromWorker,
  type JobAnswer,
  type JobRequest,
  type ToWorker,
} from './messages.js'
import type { PoolLimits } from './options.js'
import type { StartWorker, WorkerPort } from './worker-port.js'

export type SlotState = 'stopped' | 'starting' | 'idle' | 'busy'

/** Why a worker is gone that nobody ended. */
export type LossReason = 'died' | 'deadline' | 'start'

/** What a slot tells the pool; its state has changed before. */
export interface SlotEvents {
  /** The worker is idle for the first time. */
  ready(): void
  /** The job that it had is answered; it is idle. */
  answered(answer: JobAnswer): void
  /** The worker is gone, with the job that it had; the slot is stopped. */
  lost(reason: LossReason, error: SidecarError): void
}

/** Place of one worker, with at most one job at a time. */
export class WorkerSlot {
  readonly #clock: Clock
  readonly #limits: Pick<PoolLimits, 'jobMs' | 'startMs'>
  readonly #startWorker: StartWorker
  readonly #events: SlotEvents
  #state: SlotState = 'stopped'
  #port: WorkerPort | undefined
  #job: number | undefined
  #timer: Timer | undefined
  /** Of the worker that is here now; what earlier ones still say is ignored. */
  #generation = 0
  #idleSinceMs = 0

  constructor(
    clock: Clock,
    limits: Pick<PoolLimits, 'jobMs' | 'startMs'>,
    startWorker: StartWorker,
    events: SlotEvents,
  ) {
    this.#clock = clock
    this.#limits = limits
    this.#startWorker = startWorker
    this.#events = events
  }

  get state(): SlotState {
    return this.#state
  }

  /** Time at which the worker became idle. */
  get idleSinceMs(): number {
    return this.#idleSinceMs
  }

  /** Starts a worker in a stopped slot; where that fails, the slot is lost at once. */
  start(): void {
    this.#generation += 1
    const generation = this.#generation
    this.#state = 'starting'
    try {
      this.#port = this.#startWorker({
        message: (message) => {
          if (generation === this.#generation) {
            this.#heard(message)
          }
        },
        ended: (error) => {
          if (generation === this.#generation) {
            this.#lose(this.#state === 'starting' ? 'start' : 'died', error)
          }
        },
      })
    } catch (thrown) {
      this.#lose('start', asSidecarError(thrown))
      return
    }
    this.#arm(this.#limits.startMs, 'start', 'encoder worker does not start')
  }

  /** Gives an idle worker a job. */
  run(request: JobRequest, transfer: readonly ArrayBuffer[]): void {
    this.#state = 'busy'
    this.#job = request.job
    this.#arm(this.#limits.jobMs, 'deadline', 'encoder worker does not finish its job')
    this.#port?.post(request, transfer)
  }

  /** Sends a message that is not answered, to a worker that is there. */
  tell(message: ToWorker): void {
    this.#port?.post(message, [])
  }

  /** Ends the worker, whatever it does; its job is not answered any more. Resolves when the thread is gone. */
  async stop(): Promise<void> {
    const port = this.#clear()
    await port?.terminate()
  }

  #heard(message: FromWorker): void {
    if (message.type === 'ready') {
      if (message.version !== JOB_PROTOCOL_VERSION) {
        this.#lose('start', new SidecarError('SIDECAR_BUG', 'encoder worker is of another version'))
        return
      }
      if (this.#state === 'starting') {
        this.#becomeIdle()
        this.#events.ready()
      }
      return
    }
    if (this.#state === 'busy' && message.job === this.#job) {
      this.#becomeIdle()
      this.#events.answered(message)
    }
  }

  #becomeIdle(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#job = undefined
    this.#state = 'idle'
    this.#idleSinceMs = this.#clock.nowMs()
  }

  /**
   * The loop of this thread may be what is late: an answer that is there already is served first, which takes a turn.
   */
  #arm(delayMs: number, reason: LossReason, what: string): void {
    const { jobMs, startMs } = this.#limits
    this.#timer = this.#clock.after(delayMs, () => {
      this.#timer = this.#clock.nextTurn(() => {
        this.#lose(reason, new SidecarError('SIDECAR_TIMEOUT', what, { jobMs, startMs }))
      })
    })
  }

  #lose(reason: LossReason, error: SidecarError): void {
    const port = this.#clear()
    void port?.terminate()
    this.#events.lost(reason, error)
  }

  #clear(): WorkerPort | undefined {
    const port = this.#port
    this.#generation += 1
    this.#timer?.cancel()
    this.#timer = undefined
    this.#port = undefined
    this.#job = undefined
    this.#state = 'stopped'
    return port
  }
}
