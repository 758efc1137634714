import type { Clock, Timer } from '../core/clock.js'

/** Longest a session may last, seconds; 0 is without end. */
export interface SessionLimits {
  /** Without a key or pointer message. */
  readonly idleSeconds: number
  /** In all. */
  readonly maxSeconds: number
}

export const NO_SESSION_LIMITS: SessionLimits = { idleSeconds: 0, maxSeconds: 0 }

export interface WatchedSession {
  readonly sinceMs: number
  readonly lastActivityMs: number
}

/** Sleeps at most this long at once: longer timers do not fit the system's. */
const MAX_SLEEP_MS = 2 ** 31 - 1

const afterSeconds = (fromMs: number, seconds: number): number =>
  seconds === 0 ? Number.POSITIVE_INFINITY : fromMs + seconds * 1000

/**
 * Ends a session that lasted too long (threat model B5, "keeping the session for ever"). It looks again when the
 * nearest end would have come, so activity costs nothing.
 *
 * @param end called once
 * @returns gives the watch up
 */
export const watchSession = (
  session: WatchedSession,
  { idleSeconds, maxSeconds }: SessionLimits,
  clock: Clock,
  end: (reason: 'idle' | 'expired') => void,
): Timer => {
  let timer: Timer | undefined
  const look = (): void => {
    const nowMs = clock.nowMs()
    const idleAtMs = afterSeconds(session.lastActivityMs, idleSeconds)
    const overAtMs = afterSeconds(session.sinceMs, maxSeconds)
    if (nowMs >= overAtMs) {
      end('expired')
    } else if (nowMs >= idleAtMs) {
      end('idle')
    } else if (Number.isFinite(Math.min(idleAtMs, overAtMs))) {
      timer = clock.after(Math.min(MAX_SLEEP_MS, Math.min(idleAtMs, overAtMs) - nowMs), look)
    }
  }
  look()
  return { cancel: () => timer?.cancel() }
}
