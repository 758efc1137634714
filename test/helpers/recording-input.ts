import type { GuestInput } from '../../src/channels/index.js'

/** Keeps what a guest would get, in words. */
export class RecordingInput implements GuestInput {
  readonly log: string[] = []

  keyDown(qnum: number): void {
    this.log.push(`key ${qnum.toString(16)} down`)
  }

  keyUp(qnum: number): void {
    this.log.push(`key ${qnum.toString(16)} up`)
  }

  motion(dx: number, dy: number): void {
    this.log.push(`motion ${dx} ${dy}`)
  }

  position(console: number, x: number, y: number): void {
    this.log.push(`position ${console} ${x} ${y}`)
  }

  buttonDown(button: number): void {
    this.log.push(`button ${button} down`)
  }

  buttonUp(button: number): void {
    this.log.push(`button ${button} up`)
  }
}
