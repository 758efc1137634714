/**
 * Keyboard and pointer of the guest. Calls take effect in the order in which they are made and never fail: without a
 * guest they do nothing.
 */
export interface GuestInput {
  /** `qnum`: PC set 1 scan code, with bit 7 set for the codes behind 0xE0 (`qemu-integration.md` section 3). */
  keyDown(qnum: number): void
  keyUp(qnum: number): void
  /** Relative motion in the device's units. */
  motion(dx: number, dy: number): void
  /** Absolute position in pixels of the console. */
  position(console: number, x: number, y: number): void
  /** 0 left, 1 middle, 2 right, 3 wheel up, 4 wheel down, 5 side, 6 extra. */
  buttonDown(button: number): void
  buttonUp(button: number): void
}
