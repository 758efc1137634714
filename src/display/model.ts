import { DEFAULT_LIMITS } from '../core/limits.js'
import type { Rect } from '../core/region.js'
import { checkHeads, headsOn, sameHeads, type HeadLimits } from './heads.js'
import type { ConsoleInfo, DisplaySink, Frame, PointerPosition, PointerShape, SurfaceHead } from './source.js'
import type { Drawable, Lease, Renderer } from './drawable.js'
import type { Drawing } from './drawing.js'
import { DrawnScreen } from './drawn-screen.js'
import { refuse } from './guest-check.js'
import type { DrawingLimits } from './image-check.js'
import { PRIMARY_SURFACE_ID, type SurfaceArea, type SurfaceSpec } from './surface.js'
import { Tracker, type Change, type CreatePictureStore } from './tracker.js'
import { Versions } from './versions.js'

/** What the display and cursor channels of the clients are told; all of it also stands in the model. */
export interface DisplayObserver {
  /** The list of consoles changed. */
  consolesChanged?(): void
  /** A console has a frame of another size, or none. All pixels are new. */
  frameChanged?(console: number): void
  /** The heads on a console's surface changed, the surface did not. */
  headsChanged?(console: number): void
  /** The source reported damage: {@link DisplayModel.refresh} would tell what changed. */
  stale?(console: number): void
  /** The present frame changed so; never nothing. */
  changed?(console: number, change: Change): void
  /** The present frame changed by a drawing that a client can do the same. */
  drawn?(console: number, drawing: Drawing): void
  pointerShapeChanged?(console: number): void
  pointerMoved?(console: number): void
  layoutRefused?(): void
}

/** What one console shows now. */
export interface ConsolePicture {
  /** Pixels that no source writes: they change in {@link DisplayModel.refresh} and by drawings that observers are told of. */
  readonly frame: Frame | undefined
  /** Heads on the frame; none while the guest has switched all off. */
  readonly heads: readonly SurfaceHead[]
  readonly shape: PointerShape | undefined
  readonly pointer: PointerPosition
}

const DARK: ConsolePicture = {
  frame: undefined,
  heads: [],
  shape: undefined,
  pointer: { x: 0, y: 0, visible: false },
}

/**
 * The picture of the guest as every client sees it: consoles, their frames and pointers. A source feeds it, channels
 * observe it; it knows neither.
 */
export class DisplayModel implements DisplaySink {
  #consoles: readonly ConsoleInfo[] = []
  readonly #pictures = new Map<number, ConsolePicture>()
  readonly #trackers = new Map<number, Tracker>()
  readonly #versions = new Map<number, Versions>()
  /** Heads as the guest reported them last. */
  readonly #heads = new Map<number, readonly SurfaceHead[]>()
  readonly #observers = new Set<DisplayObserver>()
  readonly #screens = new Map<number, DrawnScreen>()
  readonly #createStore: CreatePictureStore
  readonly #limits: HeadLimits & DrawingLimits
  readonly #renderer: Renderer | undefined
  #generation = 0

  /**
   * @param createStore makes the memory of a console's picture; a console without any is dark
   * @param renderer for guests that send drawing commands; without one they are refused
   */
  constructor(
    createStore: CreatePictureStore,
    limits: HeadLimits & Partial<DrawingLimits> = DEFAULT_LIMITS,
    renderer?: Renderer,
  ) {
    this.#createStore = createStore
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
    this.#renderer = renderer
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
    for (const index of [...this.#screens.keys()]) {
      if (!known.has(index)) {
        this.#screens.delete(index)
      }
    }
    for (const index of [...this.#heads.keys()]) {
      if (!known.has(index)) {
        this.#heads.delete(index)
      }
    }
    this.#tell((observer) => observer.consolesChanged?.())
  }

  scanout(console: number, frame: Frame | undefined): void {
    const before = this.#trackers.get(console)
    const screen = this.#screens.get(console)
    if (screen?.has(PRIMARY_SURFACE_ID) === true) {
      screen.destroy(PRIMARY_SURFACE_ID)
    }
    if (frame === undefined && before === undefined) {
      return
    }
    if (frame !== undefined && before?.frame.width === frame.width && before.frame.height === frame.height) {
      before.follow(frame)
      this.#tell((observer) => observer.stale?.(console))
      return
    }
    this.#show(console, frame === undefined ? undefined : Tracker.create(frame, this.#createStore, before))
  }

  surfaceCreate(console: number, surface: SurfaceSpec): void {
    const screen = this.#screenOf(console)
    screen.check(surface)
    if (surface.id !== PRIMARY_SURFACE_ID) {
      screen.create(surface)
      return
    }
    const before = this.#trackers.get(console)
    if (before?.frame.width === surface.width && before.frame.height === surface.height) {
      before.follow(undefined)
      screen.create(surface, before)
      this.#tell((observer) => observer.stale?.(console))
      return
    }
    this.#generation += 1
    const { width, height } = surface
    const size = { width, height, generation: this.#generation }
    const tracker = Tracker.createDrawn(size, this.#createStore, before)
    try {
      if (tracker === undefined) {
        refuse('no memory for the primary surface', { width, height })
      }
      screen.create(surface, tracker)
    } finally {
      this.#show(console, screen.has(PRIMARY_SURFACE_ID) ? tracker : undefined)
    }
  }

  surfaceDestroy(console: number, surface: number): void {
    this.#screenOf(console).destroy(surface)
    if (surface === PRIMARY_SURFACE_ID) {
      this.scanout(console, undefined)
    }
  }

  draw(console: number, drawable: Drawable, lease: Lease): void {
    try {
      const drawn = this.#screenOf(console).draw(drawable)
      if (drawn.kind === 'drawing') {
        this.#versions.get(console)?.touch(drawn.region)
        this.#tell((observer) => observer.drawn?.(console, drawn.drawing))
      }
      if (drawn.kind !== 'nothing' && this.isStale(console)) {
        this.#tell((observer) => observer.stale?.(console))
      }
    } finally {
      lease.release()
    }
  }

  readArea(console: number, surface: number, rect: Rect): SurfaceArea {
    return this.#screenOf(console).readArea(surface, rect)
  }

  heads(console: number, reported: readonly SurfaceHead[]): void {
    const { frame, heads: before } = this.picture(console)
    const checked = checkHeads(reported, this.maxHeads(console), frame)
    this.#heads.set(console, checked)
    const heads = headsOn(frame, checked)
    if (frame !== undefined && !sameHeads(heads, before)) {
      this.#pictures.set(console, { ...this.picture(console), heads })
      this.#tell((observer) => observer.headsChanged?.(console))
    }
  }

  /** Heads that a console's surface may be divided into, at least 1. */
  maxHeads(console: number): number {
    const most = this.#consoles.find(({ index }) => index === console)?.maxHeads ?? 1
    return Math.max(1, Math.min(most, this.#limits.heads))
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
    this.#heads.clear()
    this.#screens.clear()
  }

  /** The console has this picture from now on, of another size than before, or none. */
  #show(console: number, tracker: Tracker | undefined): void {
    if (tracker === undefined) {
      this.#trackers.delete(console)
      this.#versions.delete(console)
    } else {
      this.#trackers.set(console, tracker)
      this.#versions.set(console, new Versions(tracker.frame.width, tracker.frame.height))
    }
    const shown = tracker?.frame
    const heads = headsOn(shown, this.#heads.get(console))
    this.#pictures.set(console, { ...this.picture(console), frame: shown, heads })
    this.#tell((observer) => observer.frameChanged?.(console))
  }

  #screenOf(console: number): DrawnScreen {
    const known = this.#screens.get(console)
    if (known !== undefined) {
      return known
    }
    const renderer = this.#renderer
    if (renderer === undefined || !this.#consoles.some(({ index }) => index === console)) {
      return refuse('drawing commands for a console that takes none', { console })
    }
    const screen = new DrawnScreen(this.#limits, renderer)
    this.#screens.set(console, screen)
    return screen
  }

  #tell(call: (observer: DisplayObserver) => void): void {
    for (const observer of [...this.#observers]) {
      call(observer)
    }
  }
}
