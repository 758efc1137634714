import type { GuestInput } from '../channels/index.js'
import { placeHeads, tabletPosition, type DisplayModel, type WantedHead } from '../display/index.js'
import type { InputButton, InputEvent } from '../qmp/index.js'

/** QEMU's names of the buttons, by their numbers. */
const BUTTONS: readonly InputButton[] = ['left', 'middle', 'right', 'wheel-up', 'wheel-down', 'side', 'extra']

/** Events kept while QEMU has not answered the last ones; beyond it positions are dropped, the oldest first. */
const MAX_QUEUED = 256

export interface DesktopInputDeps {
  /** The input of the display source: all of it goes there while one head is on. */
  readonly source: GuestInput
  readonly model: DisplayModel
  /** The layout that a client asked for last. */
  wanted(): readonly WantedHead[]
  /** QMP's input-send-event. */
  send(events: readonly InputEvent[]): Promise<unknown>
}

/**
 * Keyboard and pointer of a guest whose one tablet covers all its heads. D-Bus scales a position to the console it is
 * given for, so with several heads the pointer goes over QMP, in the coordinates of the whole desktop, and its buttons
 * with it, in order (`qemu-integration.md` section 3).
 */
export class DesktopInput implements GuestInput {
  readonly #deps: DesktopInputDeps
  #queue: InputEvent[] = []
  #sending = false

  constructor(deps: DesktopInputDeps) {
    this.#deps = deps
  }

  keyDown(qnum: number): void {
    this.#deps.source.keyDown(qnum)
  }

  keyUp(qnum: number): void {
    this.#deps.source.keyUp(qnum)
  }

  motion(dx: number, dy: number): void {
    this.#deps.source.motion(dx, dy)
  }

  position(console: number, x: number, y: number): void {
    const heads = this.#heads()
    if (heads.length < 2) {
      this.#deps.source.position(console, x, y)
      return
    }
    const at = tabletPosition(placeHeads(heads, this.#deps.wanted()), console, x, y)
    if (at !== undefined) {
      this.#add(
        { type: 'abs', data: { axis: 'x', value: at.x } },
        { type: 'abs', data: { axis: 'y', value: at.y } },
      )
    }
  }

  buttonDown(button: number): void {
    this.#button(button, true)
  }

  buttonUp(button: number): void {
    this.#button(button, false)
  }

  #button(number: number, down: boolean): void {
    const button = BUTTONS[number]
    if (this.#heads().length < 2 || button === undefined) {
      if (down) {
        this.#deps.source.buttonDown(number)
      } else {
        this.#deps.source.buttonUp(number)
      }
      return
    }
    this.#add({ type: 'btn', data: { down, button } })
  }

  #heads(): readonly { console: number; width: number; height: number }[] {
    const { model } = this.#deps
    return model.consoles.flatMap(({ index }) => {
      const { frame } = model.picture(index)
      return frame === undefined ? [] : [{ console: index, width: frame.width, height: frame.height }]
    })
  }

  /** A position replaces one that waits right before it. */
  #add(...events: readonly InputEvent[]): void {
    const isMove = events[0]?.type === 'abs'
    if (isMove && this.#queue.at(-1)?.type === 'abs') {
      this.#queue.splice(-2)
    }
    this.#queue.push(...events)
    while (this.#queue.length > MAX_QUEUED) {
      const oldest = this.#queue.findIndex(({ type }) => type === 'abs')
      this.#queue.splice(Math.max(0, oldest), 1)
    }
    void this.#send()
  }

  async #send(): Promise<void> {
    if (this.#sending) {
      return
    }
    this.#sending = true
    while (this.#queue.length > 0) {
      const events = this.#queue
      this.#queue = []
      try {
        await this.#deps.send(events)
      } catch {
        /* QEMU refused or is gone; the QMP client has said so, and later positions are worth more than these. */
      }
    }
    this.#sending = false
  }
}
