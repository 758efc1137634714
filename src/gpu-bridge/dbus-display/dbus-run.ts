import type { Clock, Timer } from '../../core/clock.js'
import type { Limits } from '../../core/limits.js'
import type { Logger } from '../../core/logger.js'
import type { Counter } from '../../core/metrics.js'
import type { DisplaySink, SourceEnd, WantedHead } from '../../display/source.js'
import { OwnedFd } from '../../host/index.js'
import { QemuIo } from '../../qemu-io/index.js'
import type { DbusGuestInput } from './guest-input.js'
import type { FromWorker, ScreenUpdate, SlotHead, ToWorker, WorkerStart } from './messages.js'
import { REFUSALS, type Refusal } from './refusals.js'
import { Screens } from './screens.js'
import { SharedWords } from './shared.js'

/** QEMU 7.2 does this whenever the guest changes its mode (qemu-integration.md 2.3). */
const EXPECTED: ReadonlySet<Refusal> = new Set(['update-outside'])

const ENTRY = new URL('../worker.js', import.meta.url)

/** A guest that has not followed a layout by then is asked again, a few times. */
const REMIND_MS = 1000
const REMINDERS = 3

export interface DbusRunOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: Limits
  readonly minFrameIntervalMs: number
  /** Stays the caller's to close. */
  readonly peer: OwnedFd
  readonly sink: DisplaySink
  readonly input: DbusGuestInput
  readonly heads: readonly WantedHead[]
  readonly updates: Counter
  readonly refused: Counter
}

/** One run of the source: one worker, one connection to QEMU. */
export class DbusRun {
  readonly #options: DbusRunOptions
  readonly #shared = new SharedWords()
  readonly #screens: Screens
  readonly #io: QemuIo
  /** When an update of a slot may be acknowledged next, and who waits for that. */
  readonly #nextAck = new Map<number, number>()
  readonly #timers = new Map<number, Timer>()
  readonly #refusals = REFUSALS.map(() => 0)
  #updates = 0
  #deadline: Timer | undefined
  #end: SourceEnd | undefined
  #headRefused = false
  #reminder: Timer | undefined

  constructor(options: DbusRunOptions) {
    this.#options = options
    this.#screens = new Screens(options.sink, options.heads)
    const data: Omit<WorkerStart, 'wakeFd'> = {
      peerFd: options.peer.fd,
      shared: this.#shared.memory,
      limits: options.limits,
    }
    this.#io = new QemuIo({
      entry: ENTRY,
      data: { ...data },
      onMessage: (message) => this.#message(message as FromWorker),
    })
  }

  /** Runs until `signal` aborts or QEMU is gone; never rejects. */
  async until(signal: AbortSignal): Promise<SourceEnd> {
    const { clock, limits, input, sink, logger } = this.#options
    const close = (): void => this.#close({ kind: 'closed' })
    signal.addEventListener('abort', close, { once: true })
    this.#deadline = clock.after(limits['stage-ms'], () =>
      this.#close({ kind: 'failed', reason: 'qemu does not answer on its d-bus display' }),
    )
    this.#io.start()
    input.attach({
      shared: this.#shared,
      wake: () => this.#io.wake(),
      slotOf: (index) => this.#screens.slotOf(index),
    })
    const ended = await this.#io.ended
    signal.removeEventListener('abort', close)
    this.#deadline.cancel()
    this.#reminder?.cancel()
    for (const timer of this.#timers.values()) {
      timer.cancel()
    }
    // A worker that died has left QEMU waiting on sockets that nobody reads.
    this.#shared.leftListeners().forEach((fd) => new OwnedFd(fd).close())
    this.#count()
    input.detach()
    sink.reset()
    if (ended.kind === 'died') {
      logger.error('The QEMU worker died', { err: ended.error })
      return { kind: 'failed', reason: ended.error.message }
    }
    return this.#end ?? { kind: 'closed' }
  }

  setHeads(heads: readonly WantedHead[]): void {
    this.#askHeads(this.#screens.setHeads(heads))
  }

  #close(end: SourceEnd): void {
    this.#end ??= end
    const command: ToWorker = { kind: 'close' }
    void this.#io.close(command)
  }

  #message(message: FromWorker): void {
    if (this.#end !== undefined) {
      return
    }
    switch (message.kind) {
      case 'state':
        this.#deadline?.cancel()
        this.#askHeads(this.#screens.consolesChanged(message.consoles))
        this.#options.input.update(message.input)
        if (this.#shared.handled()) {
          this.#io.wake()
        }
        break
      case 'update':
        this.#screens.update(message)
        this.#acknowledge(message)
        break
      case 'headRefused':
        if (!this.#headRefused) {
          this.#headRefused = true
          this.#options.logger.info('The display device cannot be resized', { error: message.errorName })
          this.#options.sink.layoutRefused()
        }
        break
      case 'ended':
        this.#end = message.gone
          ? { kind: 'peerGone', reason: message.reason }
          : { kind: 'failed', reason: message.reason }
    }
    this.#count()
  }

  /** Tells the worker that the next update may come: at once after a pause, else at the pace that was set. */
  #acknowledge({ slot }: ScreenUpdate): void {
    const { clock, minFrameIntervalMs } = this.#options
    const now = clock.nowMs()
    const at = Math.max(now, this.#nextAck.get(slot) ?? now)
    this.#nextAck.set(slot, at + minFrameIntervalMs)
    const acknowledge = (): void => {
      this.#timers.delete(slot)
      if (this.#shared.handled(slot)) {
        this.#io.wake()
      }
    }
    if (at > now) {
      this.#timers.set(slot, clock.after(at - now, acknowledge))
    } else {
      acknowledge()
    }
  }

  #askHeads(heads: readonly SlotHead[]): void {
    if (heads.length > 0) {
      const command: ToWorker = { kind: 'heads', heads }
      this.#io.post(command)
      this.#remind(1)
    }
  }

  /**
   * The guest's driver misses a layout that comes while it reads the one before, and QEMU passes on no layout that is
   * equal to the last: asked again, a head is a millimetre wider each time.
   */
  #remind(round: number): void {
    this.#reminder?.cancel()
    this.#reminder = this.#options.clock.after(REMIND_MS, () => {
      const heads = this.#screens.unfollowed()
      if (heads.length > 0 && !this.#headRefused && round <= REMINDERS) {
        const wider = heads.map((head) => ({ ...head, widthMm: Math.min(0xffff, head.widthMm + round) }))
        const command: ToWorker = { kind: 'heads', heads: wider }
        this.#io.post(command)
        this.#remind(round + 1)
      }
    })
  }

  #count(): void {
    const { updates, refused, logger } = this.#options
    const taken = this.#shared.updates()
    if (taken !== this.#updates) {
      updates.add((taken - this.#updates) >>> 0)
      this.#updates = taken
    }
    for (const [i, count] of this.#shared.refusals().entries()) {
      const before = this.#refusals[i] ?? 0
      if (count === before) {
        continue
      }
      const reason = REFUSALS[i] ?? 'call'
      refused.add((count - before) >>> 0, { reason })
      if (before === 0) {
        const level = EXPECTED.has(reason) ? 'debug' : 'warn'
        logger[level]('Refused what QEMU sent to the display', { reason })
      }
      this.#refusals[i] = count
    }
  }
}
