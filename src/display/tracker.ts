import {
  addToRegion,
  area,
  boundingBox,
  intersect,
  rectOf,
  regionArea,
  shift,
  type Rect,
} from '../core/region.js'
import type { PictureStore } from '../kernels/picture-format.js'
import { dirtyRects } from './dirty-rects.js'
import { findMove, type Move } from './motion.js'
import type { Frame } from './source.js'

/** How a picture became the next one: first the moves, one after the other, then new pixels in the rectangles. */
export interface Change {
  readonly moves: readonly Move[]
  readonly rects: readonly Rect[]
}

/** More rectangles of damage than this are merged into one that covers them. */
const MAX_PENDING = 64

/** Pixels that one {@link Tracker.refresh} looks at: about 3 ms when all of them changed. */
const TURN_PIXELS = 2 * 1024 * 1024

/** Damage in several places is looked at as one when that takes no more than so many times its pixels. */
const JOINED_EXCESS = 4

/** Strips that must differ before it is worth asking where they came from. */
const MIN_MOVED_STRIPS = 96

/** A search in vain among fewer strips is cheap, and says nothing of later ones: text that fills a screen before it scrolls. */
const VAIN_STRIPS = 1024

/** Moves that are looked for in one change. */
const MAX_MOVES = 3

/** Another move is looked for only while at least this part of the difference is left. */
const WORTH_ANOTHER = 0.3

/** After a search in vain so many changes are not searched, then twice as many, up to the second number. */
const FIRST_PAUSE = 1
const LONGEST_PAUSE = 16

/** Makes the memory of a picture of that many pixels; `undefined` when there is none. */
export type CreatePictureStore = (width: number, height: number) => PictureStore | undefined

const NOTHING: Change = { moves: [], rects: [] }

/**
 * The picture of one console as clients are told of it: a copy of the source's frame, and what really changed in it.
 * Sources report too much; the difference is found when somebody wants it, not when it is reported.
 */
export class Tracker {
  readonly #store: PictureStore
  readonly #pending: Rect[] = []
  /** `undefined`: the pixels are drawn into {@link canvas}. */
  #source: Frame | undefined
  #pause = FIRST_PAUSE
  #skip = 0
  #lastMove: Move | undefined
  /** The picture; changes with {@link refresh}, and by what is drawn into {@link told}. */
  readonly frame: Frame

  private constructor(generation: number, source: Frame | undefined, store: PictureStore) {
    const { width, height } = store
    this.#source = source
    this.#store = store
    this.frame = { generation, width, height, stride: width * 4, pixels: store.old }
    const whole = this.#whole
    if (source === undefined) {
      store.fresh.fill(0)
    }
    this.#copyIn(whole)
    store.take(whole)
  }

  /**
   * @param before the tracker that this one replaces; its memory is used again where it fits, and its frame is void
   * @returns `undefined` when there is no memory for the picture
   */
  static create(source: Frame, createStore: CreatePictureStore, before?: Tracker): Tracker | undefined {
    return Tracker.#make(source, source, createStore, before)
  }

  /** As {@link create}, for a picture that is drawn into {@link canvas}. */
  static createDrawn(
    size: Pick<Frame, 'width' | 'height' | 'generation'>,
    createStore: CreatePictureStore,
    before?: Tracker,
  ): Tracker | undefined {
    return Tracker.#make(size, undefined, createStore, before)
  }

  static #make(
    { width, height, generation }: Pick<Frame, 'width' | 'height' | 'generation'>,
    source: Frame | undefined,
    createStore: CreatePictureStore,
    before: Tracker | undefined,
  ): Tracker | undefined {
    const store =
      before !== undefined && before.#store.reshape(width, height)
        ? before.#store
        : createStore(width, height)
    return store && new Tracker(generation, source, store)
  }

  /** Pixels come from another frame of the same size from now on; or from {@link canvas}, which is black at first. */
  follow(source: Frame | undefined): void {
    this.#source = source
    if (source === undefined) {
      this.#store.fresh.fill(0)
    }
    this.damage([this.#whole])
  }

  /** Where pixels are drawn when there is no frame to follow; what was drawn is {@link damage}. */
  get canvas(): Uint32Array {
    return this.#words(this.#store.fresh)
  }

  /** The picture as clients are told of it. What is drawn into it as it is into the canvas, they must be told. */
  get told(): Uint32Array {
    return this.#words(this.#store.old)
  }

  /** Pixels were moved to `to` in both pictures: those that were not looked at stay so at their new place. */
  moved({ to, dx, dy }: Move): void {
    this.damage(this.#pending.map((rect) => intersect(shift(rect, dx, dy), to)))
  }

  #words({ buffer, byteOffset }: Uint8Array): Uint32Array {
    return new Uint32Array(buffer, byteOffset, this.frame.width * this.frame.height)
  }

  /** Parts of the source's frame may have changed. */
  damage(rects: readonly Rect[]): void {
    for (const rect of rects) {
      addToRegion(this.#pending, intersect(rect, this.#whole), MAX_PENDING)
    }
  }

  /** Is there damage that was not looked at? */
  get stale(): boolean {
    return this.#pending.length > 0
  }

  /** Brings the picture up to date, at least in part; bounded work. Call again while {@link stale}. */
  refresh(): Change {
    const window = this.#nextWindow()
    if (window === undefined) {
      return NOTHING
    }
    this.#copyIn(window)
    const { equal, different } = this.#store.compare(window)
    if (different < MIN_MOVED_STRIPS || !this.#searches()) {
      return { moves: [], rects: this.#takeChanged(window, equal) }
    }
    const moves: Move[] = []
    let left = different
    let unchanged = equal.slice()
    while (
      moves.length < MAX_MOVES &&
      left >= MIN_MOVED_STRIPS &&
      left >= different * WORTH_ANOTHER ** moves.length
    ) {
      const move = findMove(this.#store, window, unchanged, this.#lastMove)
      if (move === undefined) {
        break
      }
      this.#lastMove = move
      this.#store.move(move.to, move.dx, move.dy)
      moves.push(move)
      const after = this.#store.compare(window)
      left = after.different
      unchanged = after.equal.slice()
    }
    if (moves.length > 0 || different > VAIN_STRIPS) {
      this.#learn(moves.length > 0)
    }
    return { moves, rects: this.#takeChanged(window, unchanged) }
  }

  /** @returns rectangles in which pixels changed; they are in the picture now */
  #takeChanged(window: Rect, equal: Uint8Array): Rect[] {
    const rects = dirtyRects(this.#store, window, equal)
    for (const rect of rects) {
      this.#store.take(rect)
    }
    return rects
  }

  get #whole(): Rect {
    return rectOf(0, 0, this.#store.width, this.#store.height)
  }

  /** Takes the next window out of what is pending. */
  #nextWindow(): Rect | undefined {
    const pending = this.#pending
    const all = pending.reduce(boundingBox, rectOf(0, 0, 0, 0))
    if (pending.length === 0) {
      return undefined
    }
    if (area(all) <= TURN_PIXELS && area(all) <= JOINED_EXCESS * regionArea(pending)) {
      pending.length = 0
      return all
    }
    const [first] = pending.splice(0, 1)
    if (first === undefined) {
      return undefined
    }
    const rows = Math.max(1, Math.floor(TURN_PIXELS / (first.right - first.left)))
    const bottom = Math.min(first.bottom, first.top + rows)
    if (bottom < first.bottom) {
      pending.unshift({ ...first, top: bottom })
    }
    return { ...first, bottom }
  }

  /** HOT PATH: the source may write at any time, so what is compared is a copy. */
  #copyIn({ left, top, right, bottom }: Rect): void {
    if (this.#source === undefined) {
      return
    }
    const { pixels, stride } = this.#source
    const { fresh, width } = this.#store
    const bytes = (right - left) * 4
    for (let y = top; y < bottom; y++) {
      const from = y * stride + left * 4
      fresh.set(pixels.subarray(from, from + bytes), (y * width + left) * 4)
    }
  }

  #searches(): boolean {
    this.#skip -= 1
    return this.#skip < 0
  }

  #learn(found: boolean): void {
    this.#skip = found ? 0 : this.#pause
    this.#pause = found ? FIRST_PAUSE : Math.min(LONGEST_PAUSE, this.#pause * 2)
  }
}
