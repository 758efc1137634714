import { empty, enumOf, flagsOf, i32, message, rest, u16, u32, u8 } from '../schema.js'

/** Lock state bits. */
export const KEY_MODIFIER = { scrollLock: 1, numLock: 2, capsLock: 4 } as const
/** Button numbers (`protocol-session.md` 4.1). */
export const MOUSE_BUTTON = { left: 1, middle: 2, right: 3, up: 4, down: 5, side: 6, extra: 7 } as const
/** Button state bits. */
export const MOUSE_BUTTON_MASK = {
  left: 0x01,
  middle: 0x02,
  right: 0x04,
  up: 0x08,
  down: 0x10,
  side: 0x20,
  extra: 0x40,
} as const
/** Largest body that the reference reads from a client. */
export const SCANCODES_MAX = 2048

const modifiers = flagsOf(u16, KEY_MODIFIER)
const buttons = flagsOf(u16, MOUSE_BUTTON_MASK)
const button = enumOf(u8, MOUSE_BUTTON)

/** Messages of the inputs channel from the server (`protocol-session.md` 4.1). */
export const inputsServer = {
  init: message(101, { modifiers }),
  keyModifiers: message(102, { modifiers }),
  mouseMotionAck: message(111, empty),
} as const

/** Messages of the inputs channel from the client. */
export const inputsClient = {
  /** One to four bytes of PC set 1, the first in the low byte. */
  keyDown: message(101, { code: u32 }),
  keyUp: message(102, { code: u32 }),
  keyModifiers: message(103, { modifiers }),
  /** Bytes of PC set 1. */
  keyScancode: message(104, { codes: rest({ max: SCANCODES_MAX }) }),
  mouseMotion: message(111, { dx: i32, dy: i32, buttons }),
  /** Pixels of the display `displayId`. */
  mousePosition: message(112, { x: u32, y: u32, buttons, displayId: u8 }),
  mousePress: message(113, { button, buttons }),
  mouseRelease: message(114, { button, buttons }),
} as const
