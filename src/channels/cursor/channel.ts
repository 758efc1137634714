import { SidecarError } from '../../core/errors.js'
import type { Counter } from '../../core/metrics.js'
import type { DisplayModel, PointerShape } from '../../display/index.js'
import {
  CHANNEL_TYPES,
  CURSOR_FLAG,
  cursorServer,
  hasCap,
  MAIN_CAP,
  noCursor,
  type Cursor,
} from '../../protocol/index.js'
import type { Channel, ChannelContext } from '../channel.js'
import { MOUSE_MODE, type MouseModes } from '../mouse-mode.js'
import { ChannelWire, type WireRecord } from '../wire.js'
import { CACHED_PIXELS, useShape, type ShapeCache } from './cache.js'
import { NO_KEY } from './key.js'
import { alphaShape, prepareShape } from './shape.js'

/** State of a cursor channel; plain. */
export interface CursorRecord {
  readonly kind: 'cursor'
  readonly wire: WireRecord
  /** Console whose pointer it shows; the channel's id. */
  readonly console: number
  /** The client knows neither masks nor its cache: every shape goes whole, with alpha. */
  readonly simple: boolean
  /** Shapes that the client keeps. */
  readonly cached: ShapeCache
  /** A newer shape waits to be sent; the latest wins. */
  shapeDue: boolean
  /** A newer position waits to be sent. */
  moveDue: boolean
  /** The client shows a pointer. */
  visible: boolean
}

/**
 * Is a client with these main channel capabilities one that shows only whole shapes with alpha? A cursor channel has no
 * capabilities to tell; spice-html5, which knows nothing else, does not take names either, and the library of all others does.
 */
export const takesSimpleShapes = (mainCaps: readonly number[]): boolean =>
  !hasCap(mainCaps, MAIN_CAP.nameAndUuid)

export const newCursorRecord = (wire: WireRecord, console: number, simple = false): CursorRecord => ({
  kind: 'cursor',
  wire,
  console,
  simple,
  cached: [],
  shapeDue: false,
  moveDue: false,
  visible: false,
})

export interface CursorDeps {
  readonly model: DisplayModel
  readonly mouse: MouseModes
  /** Messages per acknowledgement. */
  readonly ackWindow: number
  /** Shapes told, by `result`: `hit` out of the client's cache, `miss` for it, `uncached`. */
  readonly shapes: Counter
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
      cursor: shown === undefined ? noCursor() : this.#cursorOf(shown),
    })
    this.#record.visible = shown !== undefined
    /* What takes only simple shapes overlooks that of INIT, too. */
    this.#record.shapeDue = shape !== undefined && (shown === undefined || this.#record.simple)
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
      this.#wire.send(cursorServer.set, { x: i16(x), y: i16(y), visible: 1, cursor: this.#cursorOf(shape) })
    }
    if (record.moveDue && this.#wire.open) {
      record.moveDue = false
      if (this.#deps.mouse.current === MOUSE_MODE.server) {
        this.#wire.send(cursorServer.move, { x: i16(x), y: i16(y) })
      }
    }
  }

  /** A shape for the client; one that it keeps goes as its key. May send first what the client has to forget. */
  #cursorOf(shape: PointerShape): Cursor {
    const { cached, simple } = this.#record
    const { width, height, hotX, hotY } = shape
    const place = { width, height, hotX, hotY }
    if (simple || width * height > CACHED_PIXELS) {
      this.#deps.shapes.add(1, { result: 'uncached' })
      const wire = simple ? alphaShape(shape) : prepareShape(shape).wire
      return { flags: 0, unique: NO_KEY, ...wire, ...place }
    }
    const { key, wire } = prepareShape(shape)
    const use = useShape(cached, key)
    if (use.kind === 'known') {
      this.#deps.shapes.add(1, { result: 'hit' })
      return { flags: CURSOR_FLAG.fromCache, unique: key, type: wire.type, ...place }
    }
    this.#deps.shapes.add(1, { result: 'miss' })
    if (use.dropped !== undefined) {
      this.#wire.send(cursorServer.invalOne, { id: use.dropped })
    }
    return { flags: CURSOR_FLAG.cacheMe, unique: key, ...wire, ...place }
  }
}
