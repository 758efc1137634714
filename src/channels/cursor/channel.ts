import { SidecarError } from '../../core/errors.js'
import type { DisplayModel } from '../../display/index.js'
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
  /** The client was told the shape and position at the start. */
  begun: boolean
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
  begun: false,
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
  #detach: (() => void) | undefined

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
    this.#wire.setAck(this.#deps.ackWindow)
    const { pointer } = this.#picture
    this.#wire.send(cursorServer.init, {
      x: i16(pointer.x),
      y: i16(pointer.y),
      trailLength: 0,
      trailFrequency: 0,
      visible: pointer.visible ? 1 : 0,
      cursor: this.#cursor(),
    })
    this.#record.begun = true
    this.#record.visible = pointer.visible
  }

  attach(): void {
    const { model } = this.#deps
    this.#detach = model.observe({
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
    const record = this.#record
    if (!this.#wire.open) {
      return false
    }
    const { pointer, shape } = this.#picture
    if (record.shapeDue) {
      record.shapeDue = false
      if (shape === undefined) {
        this.#hide()
      } else {
        this.#wire.send(cursorServer.set, {
          x: i16(pointer.x),
          y: i16(pointer.y),
          visible: pointer.visible ? 1 : 0,
          cursor: this.#cursor(),
        })
        record.visible = pointer.visible
        record.moveDue = false
      }
    }
    if (record.moveDue) {
      record.moveDue = false
      if (!pointer.visible || shape === undefined) {
        this.#hide()
      } else {
        this.#wire.send(cursorServer.move, { x: i16(pointer.x), y: i16(pointer.y) })
        record.visible = true
      }
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
    this.#detach?.()
    this.#detach = undefined
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

  #hide(): void {
    this.#record.visible = false
    this.#wire.send(cursorServer.hide, {})
  }

  #cursor(): Cursor {
    const { shape } = this.#picture
    if (shape === undefined) {
      return noCursor()
    }
    const { type, data } = wireShape(shape)
    return {
      flags: 0,
      unique: 0n,
      type,
      width: shape.width,
      height: shape.height,
      hotX: shape.hotX,
      hotY: shape.hotY,
      data,
    }
  }
}
