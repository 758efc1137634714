import type { GuestInput } from '../../src/channels/index.js'
import { hold } from './oracle.js'

const isWhole = (value: number, min: number, max: number): boolean =>
  Number.isInteger(value) && value >= min && value <= max

/** A guest that knows what is held down, and what may not be asked of QEMU. */
export class HeldGuest implements GuestInput {
  readonly held = new Set<string>()
  /** Its client's channel was replaced: what the old one lets go is not passed on. */
  muted = false

  keyDown(qnum: number): void {
    hold(isWhole(qnum, 1, 0xff), `key number ${qnum}`)
    this.#down(`key ${qnum}`)
  }

  keyUp(qnum: number): void {
    this.#up(`key ${qnum}`)
  }

  motion(dx: number, dy: number): void {
    const within = [dx, dy].every((way) => isWhole(way, -0x7fff_ffff, 0x7fff_ffff))
    hold(within && (dx !== 0 || dy !== 0), `motion by ${dx} ${dy}`)
  }

  position(console: number, x: number, y: number): void {
    const within = [x, y].every((place) => isWhole(place, 0, 0xffff_ffff))
    hold(within && isWhole(console, 0, 255), `position ${x} ${y} on ${console}`)
  }

  buttonDown(button: number): void {
    hold(isWhole(button, 0, 6), `button ${button}`)
    this.#down(`button ${button}`)
  }

  buttonUp(button: number): void {
    this.#up(`button ${button}`)
  }

  #down(what: string): void {
    if (!this.muted) {
      this.held.add(what)
    }
  }

  #up(what: string): void {
    if (!this.muted) {
      hold(this.held.delete(what), `${what} is down before it goes up`)
    }
  }
}
