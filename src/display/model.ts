import type { Rect } from '../core/region.js'
import type { ConsoleInfo, DisplaySink, Frame, PointerPosition, PointerShape } from './source.js'
import { Tracker, type Change, type CreatePictureStore } from './tracker.js'
import { Versions } from './versions.js'

/** What the display and cursor channels of the clients are told; all of it also stands in the model. */
export interface DisplayObserver {
  /** The list of consoles changed. */
  consolesChanged?(): void
  /** A console has a frame of another size, or none. All pixels are new. */
  frameChanged?(console: number): void
  /** The source reported damage: {@link DisplayModel.refresh} would tell what changed. */
  stale?(console: number): void
  /** The present frame changed so; never nothing. */
  changed?(console: number, change: Change): void
  pointerShapeChanged?(console: number): void
  pointerMoved?(console: number): void
  layoutRefused?(): void
}

/** What one console shows now. */
export interface ConsolePicture {
  /** Pixels that no source writes: they change in {@link DisplayModel.refresh} alone. */
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
  readonly #trackers = new Map<number, Tracker>()
  readonly #versions = new Map<number, Versions>()
  readonly #observers = new Set<DisplayObserver>()
  readonly #createStore: CreatePictureStore

  /** @param createStore makes the memory of a console's picture; a console without any is dark */
  constructor(createStore: CreatePictureStore) {
    this.#createStore = createStore
  }

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
    const before = this.#trackers.get(console)
    if (frame === undefined && before === undefined) {
      return
    }
    if (frame !== undefined && before?.frame.width === frame.width && before.frame.height === frame.height) {
      before.follow(frame)
      this.#tell((observer) => observer.stale?.(console))
      return
    }
    const tracker = frame === undefined ? undefined : Tracker.create(frame, this.#createStore, before)
    if (tracker === undefined) {
      this.#trackers.delete(console)
    } else {
      this.#trackers.set(console, tracker)
    }
    if (tracker === undefined) {
      this.#versions.delete(console)
    } else {
      this.#versions.set(console, new Versions(tracker.frame.width, tracker.frame.height))
    }
    this.#pictures.set(console, { ...this.picture(console), frame: tracker?.frame })
    this.#tell((observer) => observer.frameChanged?.(console))
  }

  damage(console: number, rects: readonly Rect[]): void {
    const tracker = this.#trackers.get(console)
    tracker?.damage(rects)
    if (tracker?.stale === true) {
      this.#tell((observer) => observer.stale?.(console))
    }
  }

  /** Is there damage of a console that {@link refresh} has not looked at? */
  isStale(console: number): boolean {
    return this.#trackers.get(console)?.stale === true
  }

  /**
   * Brings the picture of a console up to date and tells the observers what changed. Bounded work: call again while
   * {@link isStale}. Whoever can send calls it, so damage that nobody can take costs nothing.
   */
  refresh(console: number): void {
    const change = this.#trackers.get(console)?.refresh()
    if (change !== undefined && change.moves.length + change.rects.length > 0) {
      this.#versions.get(console)?.touch([...change.moves.map(({ to }) => to), ...change.rects])
      this.#tell((observer) => observer.changed?.(console, change))
    }
  }

  /** Goes up when pixels in a rectangle of a console's picture may have changed; never the same for two pictures. */
  versionOf(console: number, rect: Rect): number {
    return this.#versions.get(console)?.of(rect) ?? 0
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
