import { SidecarError } from '../../core/errors.js'
import type { Histogram } from '../../core/metrics.js'
import {
  answerPong,
  giveUpRate,
  nextPing,
  RATE_PING_ID,
  startRate,
  unansweredMs,
  type PingRecord,
} from './pings.js'

/** Time between latency measurements (`protocol-session.md` 2.4). */
const PING_INTERVAL_MS = 15_000

/** A client that answers no ping for this long is gone. */
const PONG_DEADLINE_MS = 30_000

/** The large ping may take this long on the slowest line; afterwards the rate stays unknown. */
const RATE_DEADLINE_MS = 100_000

/** Time between looks at whether the line is free, while the bit rate is to be measured. */
const PROBE_INTERVAL_MS = 500

/** Looks in that rhythm; later ones come with the pings that there are anyway. */
const MAX_PROBES = 20

/** The channels of a client are linked and its picture has begun this many round trips after it asked for them. */
const ROUND_TRIPS_TO_PICTURE = 10

/** A line is free when a ping takes no longer than this beyond twice the shortest. */
const FREE_SLACK_MS = 5

export interface LineMeterOutput {
  ping(id: number, nowMs: number): void
  /** The ping with a payload that measures the bit rate. */
  ratePing(nowMs: number): void
  alarm(delayMs: number): void
}

export interface LineMeterMetrics {
  /** Round trip times of pings, seconds. */
  readonly roundTrip: Histogram
  /** Bit rates of lines, bits per second. */
  readonly bitRate: Histogram
}

/**
 * Latency, bit rate and liveness of one client (`protocol-session.md` 2.4). Two pings go out with the first messages.
 * The quarter megabyte that measures the bit rate waits until a ping comes back as fast as if nothing else were under
 * way: the list of channels and the first picture never wait for it.
 */
export class LineMeter {
  readonly #pings: PingRecord
  readonly #output: LineMeterOutput
  readonly #metrics: LineMeterMetrics

  constructor(pings: PingRecord, output: LineMeterOutput, metrics: LineMeterMetrics) {
    this.#pings = pings
    this.#output = output
    this.#metrics = metrics
  }

  start(nowMs: number): void {
    this.#ping(nowMs)
    this.#ping(nowMs)
  }

  attach(nowMs: number): void {
    this.#wait(nowMs)
  }

  /**
   * Sends what is due.
   *
   * @throws SidecarError SIDECAR_TIMEOUT for a client that answered no ping in time
   */
  alarm(nowMs: number): void {
    const waitedMs = unansweredMs(this.#pings, nowMs)
    if (waitedMs >= this.#deadlineMs) {
      if (this.#pings.rate !== 'sent') {
        throw new SidecarError('SIDECAR_TIMEOUT', 'client answered no ping in time', {
          waitedMs: Math.round(waitedMs),
        })
      }
      giveUpRate(this.#pings)
    }
    /* Nothing is sent behind the large ping: it would wait as long. */
    if (this.#pings.rate !== 'sent' && (!this.#probing || this.#pings.waiting.length === 0)) {
      this.#ping(nowMs)
    }
    this.#pings.probes += 1
    this.#wait(nowMs)
  }

  /**
   * The echoed time stamp is the client's word; our own table counts (`protocol-session.md` section 9, row 19).
   *
   * @param attachedMs when the client asked for its channels; `undefined` while it did not
   * @returns false for an answer to nothing
   */
  pong(id: number, nowMs: number, attachedMs: number | undefined): boolean {
    const pings = this.#pings
    const latencyMs = pings.latencyMs
    const tookMs = answerPong(pings, id, nowMs)
    if (tookMs === undefined) {
      return false
    }
    if (id === RATE_PING_ID) {
      if (pings.bitsPerSecond !== undefined) {
        this.#metrics.bitRate.observe(pings.bitsPerSecond)
      }
      this.#wait(nowMs)
      return true
    }
    this.#metrics.roundTrip.observe(tookMs / 1000)
    if (pings.rate === 'due' && latencyMs !== undefined && pings.waiting.length === 0) {
      const free = tookMs <= 2 * latencyMs + FREE_SLACK_MS
      const settledMs = PROBE_INTERVAL_MS + ROUND_TRIPS_TO_PICTURE * latencyMs
      if (free && attachedMs !== undefined && nowMs - attachedMs >= settledMs) {
        startRate(pings, nowMs)
        this.#output.ratePing(nowMs)
        this.#wait(nowMs)
      }
    }
    return true
  }

  get #probing(): boolean {
    return this.#pings.rate === 'due' && this.#pings.probes < MAX_PROBES
  }

  /** Longest that the oldest ping may wait for its answer. */
  get #deadlineMs(): number {
    return this.#pings.rate === 'sent' ? RATE_DEADLINE_MS : PONG_DEADLINE_MS
  }

  #wait(nowMs: number): void {
    const interval = this.#probing ? PROBE_INTERVAL_MS : PING_INTERVAL_MS
    const leftMs = this.#deadlineMs - unansweredMs(this.#pings, nowMs)
    this.#output.alarm(Math.max(0, Math.min(interval, leftMs)))
  }

  #ping(nowMs: number): void {
    this.#output.ping(nextPing(this.#pings, nowMs), nowMs)
  }
}
