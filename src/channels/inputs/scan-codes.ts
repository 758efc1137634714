/** QEMU's number of the Pause key, whose set 1 sequence starts with 0xE1. */
export const QNUM_PAUSE = 0xc6

/** Where in a multi-byte scan code the stream stands; plain, part of the channel's record. */
export interface ScanState {
  /** 0, or the prefix seen: 0xE0, 0xE1, or 0xE11D for the second byte of Pause. */
  prefix: number
}

/** A key of the guest going down or up. */
export interface KeyEvent {
  readonly qnum: number
  readonly down: boolean
}

/**
 * Takes one byte of PC set 1 (`protocol-session.md` 4.2 and 4.5): 0xE0 makes the next code an extended one, `e1 1d 45`
 * and `e1 9d c5` are Pause down and up.
 *
 * @returns the key event that this byte completes, if any
 */
export const scanByte = (state: ScanState, byte: number): KeyEvent | undefined => {
  const { prefix } = state
  const code = byte & 0x7f
  const down = (byte & 0x80) === 0
  if (prefix === 0xe1) {
    state.prefix = code === 0x1d ? 0xe11d : 0
    return undefined
  }
  if (prefix === 0xe11d) {
    state.prefix = 0
    return code === 0x45 ? { qnum: QNUM_PAUSE, down } : undefined
  }
  if (byte === 0xe0 || byte === 0xe1) {
    state.prefix = byte
    return undefined
  }
  state.prefix = 0
  if (code === 0) {
    return undefined
  }
  return { qnum: prefix === 0xe0 ? code | 0x80 : code, down }
}
