import type { Clock, Timer } from '../core/clock.js'

/** Time after the last client left, ms: later than the encoder threads end. */
const QUIET_MS = 45_000

/** Gives memory back once nobody has been connected for a while: nothing else would make the engine collect it then. */
export class TidyUp {
  readonly #clock: Clock
  readonly #tidy: () => void
  #timer: Timer | undefined

  /** @param tidy collects and gives back; may take some ms */
  constructor(clock: Clock, tidy: () => void) {
    this.#clock = clock
    this.#tidy = tidy
  }

  /** The number of clients changed. */
  clients(count: number): void {
    this.close()
    if (count === 0) {
      this.#timer = this.#clock.after(QUIET_MS, this.#tidy)
    }
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
