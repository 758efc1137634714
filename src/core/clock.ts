/** A running timer. `cancel` may be called any number of times, also after it fired. */
export interface Timer {
  cancel(): void
}

/** The one way to read time or wait for it; the real one lives in `app/`, tests use a fake. */
export interface Clock {
  /** Milliseconds of a monotonic clock, with fractions; the origin is arbitrary. */
  nowMs(): number
  /** Seconds since 1970, for absolute deadlines and logs only. */
  unixSeconds(): number
  /** Calls `fire` once after at least `delayMs`; does not keep the process alive. */
  after(delayMs: number, fire: () => void): Timer
  /** Calls `fire` in a later turn of the event loop, after pending input and output were served. */
  nextTurn(fire: () => void): Timer
}
