import type { Clock, Timer } from '../../src/core/clock.js'

interface Waiting {
  readonly atMs: number
  readonly order: number
  readonly fire: () => void
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #nowMs = 0
  #order = 0
  readonly #timers = new Set<Waiting>()
  readonly #turns: Waiting[] = []

  nowMs(): number {
    return this.#nowMs
  }

  unixSeconds(): number {
    return 1_700_000_000 + this.#nowMs / 1000
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#timers.size + this.#turns.length
  }

  /** Calls that wait for the next turn. */
  get turns(): number {
    return this.#turns.length
  }

  after(delayMs: number, fire: () => void): Timer {
    this.#order += 1
    const waiting = { atMs: this.#nowMs + delayMs, order: this.#order, fire }
    this.#timers.add(waiting)
    return { cancel: () => void this.#timers.delete(waiting) }
  }

  nextTurn(fire: () => void): Timer {
    this.#order += 1
    const waiting = { atMs: this.#nowMs, order: this.#order, fire }
    this.#turns.push(waiting)
    return {
      cancel: () => {
        const at = this.#turns.indexOf(waiting)
        if (at >= 0) {
          this.#turns.splice(at, 1)
        }
      },
    }
  }

  /** Runs what waits for the next turn now, not what that asks for in turn. */
  runNextTurn(): void {
    for (const { fire } of this.#turns.splice(0)) {
      fire()
    }
  }

  /** Moves time on and fires what falls due, in order, at its own time. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms
    for (;;) {
      const due = [...this.#timers]
        .filter(({ atMs }) => atMs <= untilMs)
        .sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0]
      if (due === undefined) {
        break
      }
      this.#timers.delete(due)
      this.#nowMs = Math.max(this.#nowMs, due.atMs)
      due.fire()
    }
    this.#nowMs = untilMs
  }
}
