import { intersect, isEmpty, rectOf, type Rect } from '../core/region.js'
import type { ConsoleInfo, DisplaySink, Frame, PointerPosition, PointerShape } from './source.js'

/** What the display and cursor channels of the clients are told; all of it also stands in the model. */
export interface DisplayObserver {
  /** The list of consoles changed. */
  consolesChanged?(): void
  /** A console has a new frame, or none. All pixels are new. */
  frameChanged?(console: number): void
  /** Parts of the present frame changed; never empty. */
  damaged?(console: number, rects: readonly Rect[]): void
  pointerShapeChanged?(console: number): void
  pointerMoved?(console: number): void
  layoutRefused?(): void
}

/** What one console shows now. */
export interface ConsolePicture {
  readonly frame: Frame | undefined
  readonly shape: PointerShape | undefined
  readonly pointer: PointerPosition
}

const DARK: ConsolePicture = { frame: undefined, shape: undefined, pointer: { x: 0, y: 0, visible: false } }

/**
 * The picture of the guest as every client sees it: consoles, their frames and pointers. A source feeds it, channels
 * observe it; it knows neither.
 */
export class DisplayModel implements DisplaySink {
  #consoles: readonly ConsoleInfo[] = []
  readonly #pictures = new Map<number, ConsolePicture>()
  readonly #observers = new Set<DisplayObserver>()

  get consoles(): readonly ConsoleInfo[] {
    return this.#consoles
  }

  /** The picture of a console; dark for one that is off or does not exist. */
  picture(console: number): ConsolePicture {
    return this.#pictures.get(console) ?? DARK
  }

  /** @returns a function that ends the observation */
  observe(observer: DisplayObserver): () => void {
    this.#observers.add(observer)
    return () => this.#observers.delete(observer)
  }

  consolesChanged(consoles: readonly ConsoleInfo[]): void {
    this.#consoles = consoles
    const known = new Set(consoles.map((console) => console.index))
    for (const index of [...this.#pictures.keys()]) {
      if (!known.has(index)) {
        this.scanout(index, undefined)
        this.#pictures.delete(index)
      }
    }
    this.#tell((observer) => observer.consolesChanged?.())
  }

  scanout(console: number, frame: Frame | undefined): void {
    const before = this.picture(console)
    if (frame === undefined && before.frame === undefined) {
      return
    }
    this.#pictures.set(console, { ...before, frame })
    this.#tell((observer) => observer.frameChanged?.(console))
  }

  damage(console: number, rects: readonly Rect[]): void {
    const { frame } = this.picture(console)
    if (frame === undefined) {
      return
    }
    const whole = rectOf(0, 0, frame.width, frame.height)
    const inside = rects.map((rect) => intersect(rect, whole)).filter((rect) => !isEmpty(rect))
    if (inside.length > 0) {
      this.#tell((observer) => observer.damaged?.(console, inside))
    }
  }

  pointerShape(console: number, shape: PointerShape | undefined): void {
    this.#pictures.set(console, { ...this.picture(console), shape })
    this.#tell((observer) => observer.pointerShapeChanged?.(console))
  }

  pointerMoved(console: number, pointer: PointerPosition): void {
    this.#pictures.set(console, { ...this.picture(console), pointer })
    this.#tell((observer) => observer.pointerMoved?.(console))
  }

  layoutRefused(): void {
    this.#tell((observer) => observer.layoutRefused?.())
  }

  reset(): void {
    for (const index of [...this.#pictures.keys()]) {
      this.scanout(index, undefined)
      this.pointerShape(index, undefined)
      this.#pictures.delete(index)
    }
  }

  #tell(call: (observer: DisplayObserver) => void): void {
    for (const observer of [...this.#observers]) {
      call(observer)
    }
  }
}
