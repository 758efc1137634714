import { SidecarError } from '../../core/errors.js'
import type { DisplayModel, PointerShape } from '../../display/index.js'
import { CHANNEL_TYPES, cursorServer, noCursor, type Cursor } from '../../protocol/index.js'
import type { Channel, ChannelContext } from '../channel.js'
import { MOUSE_MODE, type MouseModes } from '../mouse-mode.js'
import { ChannelWire, type WireRecord } from '../wire.js'
import { wireShape } from './shape.js'

/** State of a cursor channel; plain. */
export interface CursorRecord {
  readonly kind: 'cursor'
  readonly wire: WireRecord
  /** Console whose pointer it shows; the channel's id. */
  readonly console: number
  /** A newer shape waits to be sent; the latest wins. */
  shapeDue: boolean
  /** A newer position waits to be sent. */
  moveDue: boolean
  /** The client shows a pointer. */
  visible: boolean
}

export const newCursorRecord = (wire: WireRecord, console: number): CursorRecord => ({
  kind: 'cursor',
  wire,
  console,
  shapeDue: false,
  moveDue: false,
  visible: false,
})

export interface CursorDeps {
  readonly model: DisplayModel
  readonly mouse: MouseModes
  /** Messages per acknowledgement. */
  readonly ackWindow: number
}

const i16 = (value: number): number => Math.max(-0x8000, Math.min(0x7fff, value))

/** Pointer of one console at one client (`protocol-display.md` section 22). */
export class CursorChannel implements Channel {
  readonly type = CHANNEL_TYPES.cursor
  readonly #record: CursorRecord
  readonly #wire: ChannelWire
  readonly #context: ChannelContext
  readonly #deps: CursorDeps
  readonly #detach: (() => void)[] = []

  constructor(record: CursorRecord, context: ChannelContext, deps: CursorDeps) {
    this.#record = record
    this.#wire = new ChannelWire(record.wire, context.output)
    this.#context = context
    this.#deps = deps
  }

  get id(): number {
    return this.#record.console
  }

  get stalled(): boolean {
    return (this.#record.shapeDue || this.#record.moveDue) && !this.#wire.open
  }

  start(): void {
    const { pointer, shape } = this.#picture
    const shown = this.#shown
    this.#wire.setAck(this.#deps.ackWindow)
    this.#wire.send(cursorServer.init, {
      x: i16(pointer.x),
      y: i16(pointer.y),
      trailLength: 0,
      trailFrequency: 0,
      visible: shown === undefined ? 0 : 1,
      cursor: wireCursor(shown),
    })
    this.#record.visible = shown !== undefined
    this.#record.shapeDue = shown === undefined && shape !== undefined
  }

  attach(): void {
    const { model, mouse } = this.#deps
    const shape = model.observe({
      pointerShapeChanged: (console) => {
        if (console === this.#record.console) {
          this.#record.shapeDue = true
          this.#context.wake()
        }
      },
      pointerMoved: (console) => {
        if (console === this.#record.console && this.#moveMatters()) {
          this.#record.moveDue = true
          this.#context.wake()
        }
      },
    })
    /* In client mode the client was told no positions. */
    const mode = mouse.observe(() => {
      if (mouse.current === MOUSE_MODE.server) {
        this.#record.moveDue = true
        this.#context.wake()
      }
    })
    this.#detach.push(shape, mode)
  }

  receive(type: number, body: Uint8Array): void {
    if (!this.#wire.receiveCommon(type, body)) {
      throw new SidecarError('SIDECAR_PROTOCOL', 'unknown message on a cursor channel', { type })
    }
  }

  settle(): void {
    return
  }

  pump(): boolean {
    if (!this.#wire.open) {
      return false
    }
    const shown = this.#shown
    if (shown === undefined) {
      this.#hide()
    } else {
      this.#show(shown)
    }
    return false
  }

  alarm(): void {
    return
  }

  snapshot(): CursorRecord {
    return structuredClone(this.#record)
  }

  close(): void {
    for (const detach of this.#detach.splice(0)) {
      detach()
    }
  }

  get #picture(): ReturnType<DisplayModel['picture']> {
    return this.#deps.model.picture(this.#record.console)
  }

  /**
   * In client mode the client draws the pointer where its own is: only appearing and vanishing is news
   * (`protocol-display.md` 22.3).
   */
  #moveMatters(): boolean {
    return (
      this.#deps.mouse.current === MOUSE_MODE.server || this.#picture.pointer.visible !== this.#record.visible
    )
  }

  /** The shape as the guest shows it now; `undefined` while it shows none. */
  get #shown(): PointerShape | undefined {
    const { pointer, shape } = this.#picture
    return pointer.visible ? shape : undefined
  }

  /** A shape that came while the pointer is hidden stays due: stock clients show what they are told, hidden or not. */
  #hide(): void {
    this.#record.moveDue = false
    if (this.#record.visible) {
      this.#record.visible = false
      this.#record.shapeDue = true
      this.#wire.send(cursorServer.hide, {})
    }
  }

  /** Stock clients take the position from MOVE alone, so it follows a new shape. */
  #show(shape: PointerShape): void {
    const record = this.#record
    const { x, y } = this.#picture.pointer
    if (record.shapeDue) {
      record.shapeDue = false
      record.visible = true
      this.#wire.send(cursorServer.set, { x: i16(x), y: i16(y), visible: 1, cursor: wireCursor(shape) })
    }
    if (record.moveDue && this.#wire.open) {
      record.moveDue = false
      if (this.#deps.mouse.current === MOUSE_MODE.server) {
        this.#wire.send(cursorServer.move, { x: i16(x), y: i16(y) })
      }
    }
  }
}

const wireCursor = (shape: PointerShape | undefined): Cursor => {
  if (shape === undefined) {
    return noCursor()
  }
  const { width, height, hotX, hotY } = shape
  return { flags: 0, unique: 0n, ...wireShape(shape), width, height, hotX, hotY }
}
