import type { Clock, Timer } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import type { Gauge } from '../core/metrics.js'
import type { DisplaySink, DisplaySource } from '../display/index.js'

/** How long a source goes on after the last client left, for one that comes right back. */
const LINGER_MS = 3000

const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 5000

/** A source that ran this long was fine; the next loss starts the back-off anew. */
const STEADY_MS = 10_000

export interface SupervisorDeps {
  readonly source: DisplaySource
  readonly sink: DisplaySink
  readonly clock: Clock
  readonly logger: Logger
  readonly up: Gauge
}

/**
 * Runs the display source while somebody looks and QEMU answers: no client, no source, so nothing of QEMU is held and
 * an idle sidecar costs nothing (DESIGN.md section 5 rule 6).
 */
export class SourceSupervisor {
  readonly #deps: SupervisorDeps
  #watched = false
  #reachable = false
  #running: { readonly abort: AbortController; readonly end: Promise<void> } | undefined
  #linger: Timer | undefined
  #retry: Timer | undefined
  #retryMs = FIRST_RETRY_MS
  #closed = false

  constructor(deps: SupervisorDeps) {
    this.#deps = deps
  }

  /** Clients came or went. */
  watched(watched: boolean): void {
    this.#watched = watched
    this.#linger?.cancel()
    this.#linger = undefined
    if (watched) {
      this.#begin()
    } else if (this.#running !== undefined) {
      this.#linger = this.#deps.clock.after(LINGER_MS, () => this.#stop())
    }
  }

  /** QEMU answers, or does not. */
  reachable(reachable: boolean): void {
    this.#reachable = reachable
    if (reachable) {
      this.#retryMs = FIRST_RETRY_MS
      this.#retry?.cancel()
      this.#retry = undefined
      this.#begin()
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#linger?.cancel()
    this.#retry?.cancel()
    this.#stop()
    await this.#running?.end
  }

  #stop(): void {
    this.#running?.abort.abort()
  }

  #begin(): void {
    const idle = this.#running === undefined && this.#retry === undefined
    if (!idle || !this.#watched || !this.#reachable || this.#closed) {
      return
    }
    const abort = new AbortController()
    this.#running = { abort, end: this.#run(abort.signal) }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { source, sink, clock, logger, up } = this.#deps
    const labels = { source: source.kind }
    logger.info('Display source starting', labels)
    up.set(1, labels)
    const startMs = clock.nowMs()
    const end = await source.run(sink, signal)
    up.set(0, labels)
    sink.reset()
    this.#running = undefined
    if (end.kind === 'closed') {
      logger.info('Display source stopped', labels)
      this.#begin()
      return
    }
    if (clock.nowMs() - startMs > STEADY_MS) {
      this.#retryMs = FIRST_RETRY_MS
    }
    logger.warn('Display source lost', {
      ...labels,
      end: end.kind,
      reason: end.reason,
      retryMs: this.#retryMs,
    })
    this.#again()
  }

  #again(): void {
    if (this.#closed) {
      return
    }
    const delayMs = this.#retryMs
    this.#retryMs = Math.min(delayMs * 2, LAST_RETRY_MS)
    this.#retry = this.#deps.clock.after(delayMs, () => {
      this.#retry = undefined
      this.#begin()
    })
  }
}
