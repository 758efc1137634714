import type { Clock } from '../../core/clock.js'
import { asSidecarError } from '../../core/errors.js'
import type { Limits } from '../../core/limits.js'
import type { Logger } from '../../core/logger.js'
import { noCounter, type Counter } from '../../core/metrics.js'
import type { DisplaySink, DisplaySource, SourceEnd, WantedHead } from '../../display/source.js'
import type { OwnedFd } from '../../host/index.js'
import { DbusRun } from './dbus-run.js'
import { DbusGuestInput, type GuestInput } from './guest-input.js'

export interface DbusDisplayMetrics {
  /** Frames, damage and pointer changes taken from QEMU. */
  readonly updates: Counter
  /** What was refused, by label `reason` (`REFUSALS`). */
  readonly refused: Counter
}

export interface DbusDisplayOptions {
  /** A new connection to QEMU's D-Bus display; the source closes it. */
  openPeer(): Promise<OwnedFd>
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: Limits
  /** Milliseconds between updates of one console; the first after a pause comes at once. 0: as fast as they come. */
  readonly minFrameIntervalMs: number
  readonly metrics?: Partial<DbusDisplayMetrics>
}

export interface DbusDisplaySource extends DisplaySource {
  readonly kind: 'dbus-display'
  /** Keyboard and mouse of the guest; `available` only while the source runs. */
  readonly input: GuestInput
}

/** What fits SetUIInfo's `q`; places are only a hint to the guest. */
const MAX_MM = 0xffff
const MAX_OFFSET = 0x7fffffff

const isSize = (value: number, max: number): boolean => Number.isInteger(value) && value >= 0 && value <= max

const within = (value: number, min: number, max: number): number =>
  Number.isFinite(value) ? Math.trunc(Math.max(min, Math.min(max, value))) : 0

/** Settles with `undefined` when `signal` aborts first; what comes later is closed. */
const openUnlessAborted = async (
  open: () => Promise<OwnedFd>,
  signal: AbortSignal,
): Promise<OwnedFd | undefined> => {
  let onAbort = (): void => undefined
  const aborted = new Promise<undefined>((resolve) => {
    onAbort = (): void => resolve(undefined)
  })
  signal.addEventListener('abort', onAbort, { once: true })
  const opening = open()
  try {
    return await Promise.race([opening, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
    if (signal.aborted) {
      void opening.then(
        (late) => late.close(),
        () => undefined,
      )
    }
  }
}

class DbusDisplay implements DbusDisplaySource {
  readonly kind = 'dbus-display'
  readonly input = new DbusGuestInput()
  readonly #options: DbusDisplayOptions
  #heads: readonly WantedHead[] = []
  #run: DbusRun | undefined
  #busy = false

  constructor(options: DbusDisplayOptions) {
    this.#options = options
  }

  async run(sink: DisplaySink, signal: AbortSignal): Promise<SourceEnd> {
    if (this.#busy) {
      return { kind: 'failed', reason: 'the source is running already' }
    }
    this.#busy = true
    try {
      return await this.#runOnce(sink, signal)
    } finally {
      this.#busy = false
    }
  }

  async #runOnce(sink: DisplaySink, signal: AbortSignal): Promise<SourceEnd> {
    let peer: OwnedFd | undefined
    try {
      peer = signal.aborted ? undefined : await openUnlessAborted(() => this.#options.openPeer(), signal)
    } catch (thrown) {
      const error = asSidecarError(thrown)
      return { kind: error.code === 'SIDECAR_PEER_GONE' ? 'peerGone' : 'failed', reason: error.message }
    }
    if (peer === undefined || signal.aborted) {
      peer?.close()
      return { kind: 'closed' }
    }
    const { metrics, ...options } = this.#options
    const run = new DbusRun({
      ...options,
      peer,
      sink,
      input: this.input,
      heads: this.#heads,
      updates: metrics?.updates ?? noCounter,
      refused: metrics?.refused ?? noCounter,
    })
    this.#run = run
    const end = await run.until(signal)
    this.#run = undefined
    peer.close()
    // A guest that comes back is asked for the same layout; the next user has one of their own.
    this.#heads = end.kind === 'closed' ? [] : this.#heads
    return end
  }

  setHeads(heads: readonly WantedHead[]): void {
    const { 'head-side': side, heads: most } = this.#options.limits
    this.#heads = heads
      .slice(0, most)
      .filter(({ width, height }) => isSize(width, side) && isSize(height, side))
      .map((head) => ({
        ...head,
        x: within(head.x, -MAX_OFFSET, MAX_OFFSET),
        y: within(head.y, -MAX_OFFSET, MAX_OFFSET),
        widthMm: within(head.widthMm, 0, MAX_MM),
        heightMm: within(head.heightMm, 0, MAX_MM),
      }))
    this.#run?.setHeads(this.#heads)
  }
}

/**
 * The guest's screen through QEMU's D-Bus display. While it runs it holds one listener per graphic console, so run it
 * only while somebody looks; QEMU is free as soon as `run` was aborted.
 */
export const createDbusDisplaySource = (options: DbusDisplayOptions): DbusDisplaySource =>
  new DbusDisplay(options)
