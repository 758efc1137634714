import type { InputState } from './messages.js'
import { INPUT, type InputOperation, type SharedWords } from './shared.js'

/** Keyboard and pointer of the guest. Calls keep their order and never wait; while no guest is there they are lost. */
export interface GuestInput {
  /** `qnum`: scan code of set 1, extended keys with bit 7 set (qemu-integration.md 3). */
  keyDown(qnum: number): void
  keyUp(qnum: number): void
  /** Relative motion in pixels. */
  motion(dx: number, dy: number): void
  /** Absolute position in pixels of a console, clamped to it. */
  position(consoleIndex: number, x: number, y: number): void
  /** 0 left, 1 middle, 2 right, 3 wheel up, 4 wheel down, 5 side, 6 extra. */
  buttonDown(button: number): void
  buttonUp(button: number): void
  readonly state: InputState
  /** @returns a function that ends the notification */
  onChange(listener: () => void): () => void
}

/** Where events go while a worker runs. */
export interface InputTarget {
  readonly shared: SharedWords
  wake(): void
  /** Slot of a console, if there is one. */
  slotOf(consoleIndex: number): number | undefined
}

const NO_INPUT: InputState = { available: false, absolute: false, modifiers: 0 }
const MAX_QNUM = 0xff
const MAX_BUTTON = 6
const MAX_COORDINATE = 0x7fff

const whole = (value: number, min: number, max: number): number =>
  Number.isFinite(value) ? Math.max(min, Math.min(max, Math.trunc(value))) : 0

const isCode = (value: number, min: number, max: number): boolean =>
  Number.isInteger(value) && value >= min && value <= max

/** HOT PATH of input: four words into a ring and one write to an eventfd per event. */
export class DbusGuestInput implements GuestInput {
  #target: InputTarget | undefined
  #state: InputState = NO_INPUT
  readonly #listeners = new Set<() => void>()

  get state(): InputState {
    return this.#state
  }

  keyDown(qnum: number): void {
    this.#key(INPUT.keyDown, qnum)
  }

  keyUp(qnum: number): void {
    this.#key(INPUT.keyUp, qnum)
  }

  motion(dx: number, dy: number): void {
    const x = whole(dx, -MAX_COORDINATE, MAX_COORDINATE)
    const y = whole(dy, -MAX_COORDINATE, MAX_COORDINATE)
    if (x !== 0 || y !== 0) {
      this.#push(INPUT.motion, x, y)
    }
  }

  position(consoleIndex: number, x: number, y: number): void {
    const slot = this.#target?.slotOf(consoleIndex)
    if (slot !== undefined) {
      this.#push(INPUT.position, whole(x, 0, MAX_COORDINATE), whole(y, 0, MAX_COORDINATE), slot)
    }
  }

  buttonDown(button: number): void {
    this.#button(INPUT.buttonDown, button)
  }

  buttonUp(button: number): void {
    this.#button(INPUT.buttonUp, button)
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The source's side: a worker takes events from now on. */
  attach(target: InputTarget): void {
    this.#target = target
  }

  /** The source's side: the guest is gone. */
  detach(): void {
    this.#target = undefined
    this.update(NO_INPUT)
  }

  update(state: InputState): void {
    const before = this.#state
    if (
      before.available === state.available &&
      before.absolute === state.absolute &&
      before.modifiers === state.modifiers
    ) {
      return
    }
    this.#state = state
    for (const listener of [...this.#listeners]) {
      listener()
    }
  }

  #key(operation: InputOperation, qnum: number): void {
    if (isCode(qnum, 1, MAX_QNUM)) {
      this.#push(operation, qnum)
    }
  }

  #button(operation: InputOperation, button: number): void {
    if (isCode(button, 0, MAX_BUTTON)) {
      this.#push(operation, button)
    }
  }

  #push(operation: InputOperation, a: number, b = 0, slot = 0): void {
    const target = this.#target
    if (target?.shared.pushInput(operation, a, b, slot) === true) {
      target.wake()
    }
  }
}
