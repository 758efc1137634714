import type { Clock } from '../core/clock.js'

/** The clock of the machine; the one place that reads it. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  unixSeconds: () => Date.now() / 1000,
  after: (delayMs, fire) => {
    const timer = setTimeout(fire, delayMs)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
  nextTurn: (fire) => {
    const immediate = setImmediate(fire)
    return { cancel: () => clearImmediate(immediate) }
  },
}
