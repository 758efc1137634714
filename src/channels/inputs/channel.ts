import type { Counter } from '../../core/metrics.js'
import { SidecarError } from '../../core/errors.js'
import { CHANNEL_TYPES, inputsClient, inputsServer } from '../../protocol/index.js'
import type { Channel, ChannelContext } from '../channel.js'
import { MOUSE_MODE, type MouseModes } from '../mouse-mode.js'
import { ChannelWire, type WireRecord } from '../wire.js'
import type { GuestInput } from './guest-input.js'
import { LOCK_KEYS, type LockKeys } from './lock-keys.js'
import { scanByte, type ScanState } from './scan-codes.js'

/** Motions after which the client wants to hear (`protocol-session.md` 4.3). */
const MOTIONS_PER_ACK = 4

/** Time after which the client is told the lock state again, once it pressed a lock key. */
const LOCK_CONFIRM_MS = 2000

const BUTTON_WHEEL_UP = 4
const BUTTON_WHEEL_DOWN = 5
/** Left, middle, right, side, extra: the wheel is not held. */
const HELD_BUTTONS = 0b1100111

/** Merged motion stays within what QEMU takes, however much a client sends. */
const MAX_MOTION = 0x7fff_ffff

const clampMotion = (sum: number): number => Math.max(-MAX_MOTION, Math.min(MAX_MOTION, sum))

/** State of an inputs channel; plain. */
export interface InputsRecord {
  readonly kind: 'inputs'
  readonly wire: WireRecord
  readonly scan: ScanState
  /** Key numbers that this client holds down. */
  held: number[]
  /** Buttons that this client holds down, as a mask. */
  buttons: number
  /** Motion messages since the last MOUSE_MOTION_ACK. */
  motions: number
  /** Relative motion not handed on yet. */
  dx: number
  dy: number
  /** Last position not handed on yet. */
  position: { x: number; y: number; display: number } | undefined
  /** The lock state has to be confirmed to the client. */
  confirmLocks: boolean
}

export const newInputsRecord = (wire: WireRecord): InputsRecord => ({
  kind: 'inputs',
  wire,
  scan: { prefix: 0 },
  held: [],
  buttons: 0,
  motions: 0,
  dx: 0,
  dy: 0,
  position: undefined,
  confirmLocks: false,
})

export interface InputsDeps {
  readonly guest: GuestInput
  readonly mouse: MouseModes
  readonly locks: LockKeys
  /** Input events handed to the guest, by kind. */
  readonly events: Counter
}

/** Keyboard and pointer of one client (`protocol-session.md` section 4). */
export class InputsChannel implements Channel {
  readonly type = CHANNEL_TYPES.inputs
  readonly id = 0
  readonly stalled = false
  readonly #record: InputsRecord
  readonly #wire: ChannelWire
  readonly #context: ChannelContext
  readonly #deps: InputsDeps
  #detach: (() => void) | undefined

  constructor(record: InputsRecord, context: ChannelContext, deps: InputsDeps) {
    this.#record = record
    this.#wire = new ChannelWire(record.wire, context.output)
    this.#context = context
    this.#deps = deps
  }

  start(): void {
    this.#wire.send(inputsServer.init, { modifiers: this.#deps.locks.modifiers })
  }

  attach(): void {
    this.#detach = this.#deps.locks.observe(() => this.#tellLocks())
    if (this.#record.confirmLocks) {
      this.#context.alarm(LOCK_CONFIRM_MS)
    }
  }

  receive(type: number, body: Uint8Array): void {
    switch (type) {
      case inputsClient.keyDown.id: {
        this.#keyCode(inputsClient.keyDown.decode(body).code)
        return
      }
      case inputsClient.keyUp.id: {
        this.#keyCode(inputsClient.keyUp.decode(body).code)
        return
      }
      case inputsClient.keyScancode.id: {
        for (const byte of inputsClient.keyScancode.decode(body).codes) {
          this.#scan(byte)
        }
        return
      }
      case inputsClient.keyModifiers.id: {
        this.#wantLocks(inputsClient.keyModifiers.decode(body).modifiers)
        return
      }
      case inputsClient.mouseMotion.id: {
        const { dx, dy, buttons } = inputsClient.mouseMotion.decode(body)
        this.#countMotion()
        if (this.#deps.mouse.current === MOUSE_MODE.server) {
          this.#motion(dx, dy)
          this.#setButtons(buttons)
        }
        return
      }
      case inputsClient.mousePosition.id: {
        const { x, y, buttons, displayId } = inputsClient.mousePosition.decode(body)
        this.#countMotion()
        if (this.#deps.mouse.current === MOUSE_MODE.client) {
          this.#record.position = { x, y, display: displayId }
          this.#setButtons(buttons)
        }
        return
      }
      case inputsClient.mousePress.id: {
        const { button, buttons } = inputsClient.mousePress.decode(body)
        if (button === BUTTON_WHEEL_UP || button === BUTTON_WHEEL_DOWN) {
          this.#flushPointer()
          this.#deps.guest.buttonDown(button - 1)
          this.#deps.guest.buttonUp(button - 1)
          this.#deps.events.add(1, { kind: 'button' })
        }
        this.#setButtons(buttons)
        return
      }
      case inputsClient.mouseRelease.id: {
        this.#setButtons(inputsClient.mouseRelease.decode(body).buttons)
        return
      }
      default: {
        if (!this.#wire.receiveCommon(type, body)) {
          throw new SidecarError('SIDECAR_PROTOCOL', 'unknown message on the inputs channel', { type })
        }
      }
    }
  }

  settle(): void {
    this.#flushPointer()
  }

  pump(): boolean {
    return false
  }

  alarm(): void {
    this.#tellLocks()
  }

  snapshot(): InputsRecord {
    return structuredClone(this.#record)
  }

  close(): void {
    this.#detach?.()
    this.#detach = undefined
    this.#flushPointer()
    for (const qnum of this.#record.held) {
      this.#deps.guest.keyUp(qnum)
    }
    this.#record.held = []
    this.#setButtons(0)
  }

  /** One to four bytes, the first in the lowest place, up to the first zero. */
  #keyCode(code: number): void {
    for (let rest = code; rest !== 0; rest >>>= 8) {
      const byte = rest & 0xff
      if (byte === 0) {
        return
      }
      this.#scan(byte)
    }
  }

  #scan(byte: number): void {
    const event = scanByte(this.#record.scan, byte)
    if (event === undefined) {
      return
    }
    this.#flushPointer()
    if (event.down) {
      this.#press(event.qnum)
    } else {
      this.#release(event.qnum)
    }
  }

  #press(qnum: number): void {
    const { held } = this.#record
    if (!held.includes(qnum)) {
      held.push(qnum)
      const lock = LOCK_KEYS.find(([, key]) => key === qnum)
      if (lock !== undefined) {
        this.#deps.locks.toggled(lock[0])
        this.#confirmLater()
      }
    }
    this.#deps.guest.keyDown(qnum)
    this.#deps.events.add(1, { kind: 'key' })
  }

  #release(qnum: number): void {
    const { held } = this.#record
    const at = held.indexOf(qnum)
    if (at < 0) {
      return
    }
    held.splice(at, 1)
    this.#deps.guest.keyUp(qnum)
    this.#deps.events.add(1, { kind: 'key' })
  }

  /** Presses and releases each lock key whose state the client wants otherwise and nobody holds. */
  #wantLocks(wanted: number): void {
    const { locks, guest, events } = this.#deps
    for (const [bit, qnum] of LOCK_KEYS) {
      if (((wanted ^ locks.modifiers) & bit) !== 0 && !this.#record.held.includes(qnum)) {
        guest.keyDown(qnum)
        guest.keyUp(qnum)
        events.add(2, { kind: 'key' })
        locks.toggled(bit)
        this.#confirmLater()
      }
    }
  }

  #confirmLater(): void {
    this.#record.confirmLocks = true
    this.#context.alarm(LOCK_CONFIRM_MS)
  }

  #tellLocks(): void {
    this.#record.confirmLocks = false
    this.#wire.send(inputsServer.keyModifiers, { modifiers: this.#deps.locks.modifiers })
  }

  #countMotion(): void {
    this.#record.motions += 1
    if (this.#record.motions === MOTIONS_PER_ACK) {
      this.#record.motions = 0
      this.#wire.send(inputsServer.mouseMotionAck, {})
    }
  }

  #motion(dx: number, dy: number): void {
    this.#record.dx = clampMotion(this.#record.dx + dx)
    this.#record.dy = clampMotion(this.#record.dy + dy)
  }

  /** Hands merged motion on; buttons and keys do so first, so that the order the person made stays. */
  #flushPointer(): void {
    const record = this.#record
    const { guest, events } = this.#deps
    if (record.dx !== 0 || record.dy !== 0) {
      guest.motion(record.dx, record.dy)
      record.dx = 0
      record.dy = 0
      events.add(1, { kind: 'motion' })
    }
    if (record.position !== undefined) {
      const { x, y, display } = record.position
      record.position = undefined
      guest.position(display, x, y)
      events.add(1, { kind: 'position' })
    }
  }

  #setButtons(mask: number): void {
    const record = this.#record
    const wanted = mask & HELD_BUTTONS
    const changed = wanted ^ record.buttons
    if (changed === 0) {
      return
    }
    this.#flushPointer()
    record.buttons = wanted
    for (let button = 0; button < 7; button++) {
      const bit = 1 << button
      if ((changed & bit) !== 0) {
        if ((wanted & bit) !== 0) {
          this.#deps.guest.buttonDown(button)
        } else {
          this.#deps.guest.buttonUp(button)
        }
        this.#deps.events.add(1, { kind: 'button' })
      }
    }
  }
}
