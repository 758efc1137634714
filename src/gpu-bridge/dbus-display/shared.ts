import { REFUSALS, type Refusal } from './refusals.js'

/** Consoles that can be shown at once (L-heads); one more flag is that of the state update. */
export const SLOTS = 16
const STATE_FLAG = SLOTS

const FREE = 0
const IN_FLIGHT = 1
const MORE_PENDING = 2

const REFUSALS_AT = SLOTS + 1
const UPDATES_AT = REFUSALS_AT + REFUSALS.length
const LEDGER_AT = UPDATES_AT + 1
const HEAD_AT = LEDGER_AT + SLOTS
const TAIL_AT = HEAD_AT + 1
const RING_AT = TAIL_AT + 1

/** Input events that fit; the last part is kept for releases, so that a full ring holds no key down. */
const RING_EVENTS = 2048
const RELEASE_ROOM = 512
const EVENT_WORDS = 4

/** Input operations as they stand in the ring. */
export const INPUT = {
  keyDown: 1,
  keyUp: 2,
  motion: 3,
  position: 4,
  buttonDown: 5,
  buttonUp: 6,
} as const

export type InputOperation = (typeof INPUT)[keyof typeof INPUT]

const RELEASES: ReadonlySet<InputOperation> = new Set([INPUT.keyUp, INPUT.buttonUp])

/**
 * Words that both threads see: whether an update of a console is on its way, counters, the descriptors of the
 * listeners, and the ring of input events. Everything else goes as messages.
 */
export class SharedWords {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array

  constructor(memory = new SharedArrayBuffer((RING_AT + RING_EVENTS * EVENT_WORDS) * 4)) {
    this.memory = memory
    this.#words = new Int32Array(memory)
  }

  /**
   * Worker: may a message for this slot (or, without one, the state) be posted? If not, the main thread will write the
   * wake eventfd when it may.
   */
  tryPost(slot = STATE_FLAG): boolean {
    for (;;) {
      const before = Atomics.compareExchange(this.#words, slot, FREE, IN_FLIGHT)
      if (before === FREE) {
        return true
      }
      if (Atomics.compareExchange(this.#words, slot, IN_FLIGHT, MORE_PENDING) !== FREE) {
        return false
      }
    }
  }

  /** Worker: no message for this slot is on its way. */
  isHandled(slot: number): boolean {
    return Atomics.load(this.#words, slot) === FREE
  }

  /** Main thread: the message was handled. @returns whether the worker waits for that and must be woken */
  handled(slot = STATE_FLAG): boolean {
    return Atomics.exchange(this.#words, slot, FREE) === MORE_PENDING
  }

  /** @returns whether it is the first for this reason */
  countRefusal(reason: Refusal): boolean {
    return Atomics.add(this.#words, REFUSALS_AT + REFUSALS.indexOf(reason), 1) === 0
  }

  countUpdate(): void {
    Atomics.add(this.#words, UPDATES_AT, 1)
  }

  /** Counts so far; they wrap at 2^32, so only differences mean something. */
  refusals(): readonly number[] {
    return REFUSALS.map((_, i) => Atomics.load(this.#words, REFUSALS_AT + i))
  }

  updates(): number {
    return Atomics.load(this.#words, UPDATES_AT)
  }

  /** Worker: the listener socket of a slot, so that the main thread can close it if the worker dies. */
  holdListener(slot: number, fd: number | undefined): void {
    Atomics.store(this.#words, LEDGER_AT + slot, fd === undefined ? 0 : fd + 1)
  }

  /** Main thread, after the worker's end: listener sockets that it left open. */
  leftListeners(): number[] {
    const left: number[] = []
    for (let slot = 0; slot < SLOTS; slot++) {
      const held = Atomics.exchange(this.#words, LEDGER_AT + slot, 0)
      if (held > 0) {
        left.push(held - 1)
      }
    }
    return left
  }

  /** Main thread. @returns false when the ring is full and the event is lost */
  pushInput(operation: InputOperation, a: number, b = 0, slot = 0): boolean {
    const head = Atomics.load(this.#words, HEAD_AT)
    const tail = Atomics.load(this.#words, TAIL_AT)
    const room = RING_EVENTS - ((tail - head) >>> 0)
    if (room <= (RELEASES.has(operation) ? 0 : RELEASE_ROOM)) {
      return false
    }
    const at = RING_AT + ((tail >>> 0) % RING_EVENTS) * EVENT_WORDS
    this.#words[at] = operation
    this.#words[at + 1] = a
    this.#words[at + 2] = b
    this.#words[at + 3] = slot
    Atomics.store(this.#words, TAIL_AT, (tail + 1) | 0)
    return true
  }

  /** Worker: takes the next event, with motions that follow each other merged. */
  takeInput(): InputEvent | undefined {
    const event = this.#peekInput()
    if (event === undefined) {
      return undefined
    }
    this.#dropInput()
    for (let next = this.#peekInput(); next?.operation === event.operation; next = this.#peekInput()) {
      if (event.operation === INPUT.motion) {
        event.a = clampMotion(event.a + next.a)
        event.b = clampMotion(event.b + next.b)
      } else if (event.operation === INPUT.position && next.slot === event.slot) {
        event.a = next.a
        event.b = next.b
      } else {
        break
      }
      this.#dropInput()
    }
    return event
  }

  #peekInput(): InputEvent | undefined {
    const head = Atomics.load(this.#words, HEAD_AT)
    if (head === Atomics.load(this.#words, TAIL_AT)) {
      return undefined
    }
    const at = RING_AT + ((head >>> 0) % RING_EVENTS) * EVENT_WORDS
    return {
      operation: this.#words[at] ?? 0,
      a: this.#words[at + 1] ?? 0,
      b: this.#words[at + 2] ?? 0,
      slot: this.#words[at + 3] ?? 0,
    }
  }

  #dropInput(): void {
    Atomics.store(this.#words, HEAD_AT, (Atomics.load(this.#words, HEAD_AT) + 1) | 0)
  }
}

export interface InputEvent {
  readonly operation: number
  a: number
  b: number
  readonly slot: number
}

const clampMotion = (value: number): number => Math.max(-0x7fff, Math.min(0x7fff, value))
