/** Bits of a lock state, on the wire and at QEMU alike (`protocol-session.md` 4.1). */
export const LOCK = { scroll: 1, num: 2, caps: 4 } as const

/** Key number that toggles each lock. */
export const LOCK_KEYS: readonly (readonly [bit: number, qnum: number])[] = [
  [LOCK.scroll, 0x46],
  [LOCK.num, 0x45],
  [LOCK.caps, 0x3a],
]

/** Lock state of the guest's keyboard, shared by all clients: believed from key presses, corrected by the guest. */
export class LockKeys {
  #modifiers: number
  /** A key press changed the state and the guest has not said anything since. */
  #guessed = false
  readonly #observers = new Set<() => void>()

  constructor(modifiers = 0) {
    this.#modifiers = modifiers
  }

  get modifiers(): number {
    return this.#modifiers
  }

  /** The guest set its LEDs; tells the observers when that is news, or the first word on a guess of ours. */
  reported(modifiers: number): void {
    const known = modifiers & (LOCK.scroll | LOCK.num | LOCK.caps)
    if (known !== this.#modifiers || this.#guessed) {
      this.#modifiers = known
      this.#guessed = false
      for (const changed of [...this.#observers]) {
        changed()
      }
    }
  }

  /** A lock key was pressed: the guest is expected to follow, and reports when it does not. */
  toggled(bit: number): void {
    this.#modifiers ^= bit
    this.#guessed = true
  }

  /** @returns a function that ends the observation */
  observe(changed: () => void): () => void {
    this.#observers.add(changed)
    return () => this.#observers.delete(changed)
  }
}
