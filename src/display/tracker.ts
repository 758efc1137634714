import { addToRegion, area, boundingBox, intersect, rectOf, regionArea, type Rect } from '../core/region.js'
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
  #source: Frame
  #pause = FIRST_PAUSE
  #skip = 0
  #lastMove: Move | undefined
  /** The picture; changes with {@link refresh} alone. */
  readonly frame: Frame

  private constructor(source: Frame, store: PictureStore) {
    const { width, height, generation } = source
    this.#source = source
    this.#store = store
    this.frame = { generation, width, height, stride: width * 4, pixels: store.old }
    const whole = this.#whole
    this.#copyIn(whole)
    store.take(whole)
  }

  /**
   * @param before the tracker that this one replaces; its memory is used again where it fits, and its frame is void
   * @returns `undefined` when there is no memory for the picture
   */
  static create(source: Frame, createStore: CreatePictureStore, before?: Tracker): Tracker | undefined {
    const { width, height } = source
    const store =
      before !== undefined && before.#store.reshape(width, height)
        ? before.#store
        : createStore(width, height)
    return store && new Tracker(source, store)
  }

  /** Pixels come from another frame of the same size from now on. */
  follow(source: Frame): void {
    this.#source = source
    this.damage([this.#whole])
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
    return rectOf(0, 0, this.#source.width, this.#source.height)
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
