import type { DbusConnection, DbusValue } from '../../qemu-io/index.js'
import type { ConsolePeer } from './console-peer.js'
import type { InputState } from './messages.js'
import { INPUT, type InputEvent, type SharedWords } from './shared.js'

const KEYBOARD = 'org.qemu.Display1.Keyboard'
const MOUSE = 'org.qemu.Display1.Mouse'

/** Bytes that QEMU has not taken, from which on events stay in the ring, where motions merge. */
const BACKLOG = 4096

/**
 * Input events from the ring to QEMU's Keyboard and Mouse objects, in order, without answers (qemu-integration.md 3).
 */
export class GuestInputPort {
  readonly #main: DbusConnection
  readonly #shared: SharedWords
  readonly #peers: () => readonly ConsolePeer[]
  /** Console of the last position: buttons go where the pointer is. */
  #pointerSlot = 0

  constructor(main: DbusConnection, shared: SharedWords, peers: () => readonly ConsolePeer[]) {
    this.#main = main
    this.#shared = shared
    this.#peers = peers
  }

  get state(): InputState {
    const first = this.#first()
    return {
      available: first !== undefined && first.object.hasKeyboard && first.object.hasMouse,
      absolute: first?.object.absolute ?? false,
      modifiers: first?.object.modifiers ?? 0,
    }
  }

  /** Sends what the ring holds as long as QEMU takes it. */
  drain(): void {
    while (!this.#main.isClosed && this.#main.queuedBytes < BACKLOG) {
      const event = this.#shared.takeInput()
      if (event === undefined) {
        return
      }
      this.#send(event)
    }
  }

  #first(): ConsolePeer | undefined {
    return this.#peers().reduce<ConsolePeer | undefined>(
      (best, peer) => (best === undefined || peer.object.number < best.object.number ? peer : best),
      undefined,
    )
  }

  #inSlot(slot: number): ConsolePeer | undefined {
    return this.#peers().find((peer) => peer.slot === slot)
  }

  #send(event: InputEvent): void {
    switch (event.operation) {
      case INPUT.keyDown:
        this.#call(this.#first(), KEYBOARD, 'Press', 'u', [event.a])
        return
      case INPUT.keyUp:
        this.#call(this.#first(), KEYBOARD, 'Release', 'u', [event.a])
        return
      case INPUT.motion:
        this.#call(this.#pointerPeer(), MOUSE, 'RelMotion', 'ii', [event.a, event.b])
        return
      case INPUT.position:
        this.#position(event)
        return
      case INPUT.buttonDown:
        this.#call(this.#pointerPeer(), MOUSE, 'Press', 'u', [event.a])
        return
      case INPUT.buttonUp:
        this.#call(this.#pointerPeer(), MOUSE, 'Release', 'u', [event.a])
    }
  }

  #pointerPeer(): ConsolePeer | undefined {
    return this.#inSlot(this.#pointerSlot) ?? this.#first()
  }

  /** QEMU refuses a position outside its console, so it is clamped to what QEMU last said, or to the frame. */
  #position(event: InputEvent): void {
    const peer = this.#inSlot(event.slot)
    if (peer === undefined) {
      return
    }
    this.#pointerSlot = event.slot
    const frame = peer.screen.size
    const width = peer.object.width > 0 ? peer.object.width : frame.width
    const height = peer.object.height > 0 ? peer.object.height : frame.height
    const x = Math.max(0, Math.min(event.a, width - 1))
    const y = Math.max(0, Math.min(event.b, height - 1))
    this.#call(peer, MOUSE, 'SetAbsPosition', 'uu', [x, y])
  }

  #call(
    peer: ConsolePeer | undefined,
    target: string,
    member: string,
    signature: string,
    args: readonly DbusValue[],
  ): void {
    if (peer !== undefined) {
      this.#main.call({ path: peer.object.path, interface: target, member, signature, args })
    }
  }
}
