import { area, boundingBox, contains, intersect, isEmpty, shift, type Rect } from '../core/region.js'
import { CELL, VideoCells, type CellGroup } from './video-cells.js'
import type { Change } from './tracker.js'

/** A part of a console that shows video now. */
export interface VideoRegion {
  /** Goes up over all regions of a console; never used twice. */
  readonly id: number
  /** Does not change while the region lives; even pixels. */
  readonly box: Rect
}

/** Regions of one console at once. */
const MAX_REGIONS = 4

/** Less is not worth a stream, pixels (`protocol-display.md` 17.1). */
const MIN_AREA = 96 * 96
const MIN_SIDE = 64

/** So much of a region changes again and again, or it is none. */
const MIN_LIVELY = 0.5

/** Time between two looks for regions, ms. */
const LOOK_MS = 200

/** A region in which nothing changed for so long is over, ms (`protocol-display.md` 17.4). */
export const VIDEO_REST_MS = 1000

/** What was no video is asked about again after this time, ms. */
const ASK_AGAIN_MS = 1000

/** What is video is asked about so often, ms; it ends when it is none twice in a row. */
const RECHECK_MS = 2000

/** A region starts anew when it would be larger, or was smaller for so long, ms, by this. */
const GROWN = 1.3
const SHRUNK = 0.6
const SHRUNK_MS = 3000

/** Pixels moved over this part of a region: a window is being dragged, and the region is no more where it was. */
const DRAGGED = 0.25

interface Live extends VideoRegion {
  lastMs: number
  checkedMs: number
  doubtful: boolean
}

/**
 * Finds the parts of one console's picture that show video, by what changes in it: often, for a while, all over, always in the
 * same place, and not by moving. Text that is typed, scrolls or floods, cursors and progress bars are no video. Pure: time comes
 * in with each call.
 */
export class VideoRegions {
  readonly #width: number
  readonly #height: number
  readonly #cells: VideoCells
  readonly #isVideo: (box: Rect) => boolean
  #live: Live[] = []
  #lastId: number
  #lookedMs = -Infinity
  #refusedUntilMs = -Infinity

  /**
   * @param width pixels of the picture, and `height`
   * @param isVideo does a box show what looks like video; asked seldom
   * @param lastId ids of regions begin behind it
   */
  constructor(width: number, height: number, isVideo: (box: Rect) => boolean, lastId = 0) {
    this.#width = width
    this.#height = height
    this.#cells = new VideoCells(width, height)
    this.#isVideo = isVideo
    this.#lastId = lastId
  }

  /** They do not overlap. */
  get regions(): readonly VideoRegion[] {
    return this.#live
  }

  get lastId(): number {
    return this.#lastId
  }

  /** When {@link settle} would end a region next; `undefined` without any. */
  get deadlineMs(): number | undefined {
    return this.#live.length === 0
      ? undefined
      : Math.min(...this.#live.map(({ lastMs }) => lastMs + VIDEO_REST_MS))
  }

  /** Takes note of a change of the picture, which shows it already. */
  follow({ moves, rects }: Change, nowMs: number): void {
    for (const { to, dx, dy } of moves) {
      const touched = boundingBox(to, shift(to, -dx, -dy))
      this.#cells.forget(touched)
      this.#live = this.#live.filter(({ box }) => area(intersect(touched, box)) <= DRAGGED * area(box))
    }
    for (const rect of rects) {
      this.#cells.touch(rect, nowMs)
    }
    for (const region of this.#live) {
      if (rects.some((rect) => !isEmpty(intersect(rect, region.box)))) {
        region.lastMs = nowMs
      }
    }
    this.settle(nowMs)
    if (nowMs - this.#lookedMs >= LOOK_MS) {
      this.#lookedMs = nowMs
      this.#look(nowMs)
    }
  }

  /** Ends what has come to rest. */
  settle(nowMs: number): void {
    if (this.#live.some(({ lastMs }) => nowMs - lastMs >= VIDEO_REST_MS)) {
      this.#live = this.#live.filter(({ lastMs }) => nowMs - lastMs < VIDEO_REST_MS)
    }
  }

  #look(nowMs: number): void {
    const groups = this.#cells.groups(nowMs).filter((group) => this.#isCandidate(group))
    this.#live = this.#live.filter((region) => this.#holds(region, groups, nowMs))
    for (const { box } of groups) {
      const fresh = this.#aligned(box)
      if (this.#live.some((region) => contains(slackened(region.box), fresh))) {
        continue
      }
      const crossed = this.#live.filter((region) => !isEmpty(intersect(region.box, fresh)))
      const grown = crossed.every((region) => area(fresh) >= GROWN * area(region.box))
      if (grown && this.#live.length - crossed.length < MAX_REGIONS && this.#startable(fresh, nowMs)) {
        this.#lastId += 1
        this.#live = this.#live.filter((region) => !crossed.includes(region))
        this.#live.push({ id: this.#lastId, box: fresh, lastMs: nowMs, checkedMs: nowMs, doubtful: false })
      }
    }
  }

  #isCandidate({ box, lively }: CellGroup): boolean {
    return (
      area(box) >= MIN_AREA &&
      box.right - box.left >= MIN_SIDE &&
      box.bottom - box.top >= MIN_SIDE &&
      lively >= MIN_LIVELY
    )
  }

  #startable(box: Rect, nowMs: number): boolean {
    if (nowMs < this.#refusedUntilMs) {
      return false
    }
    const video = this.#isVideo(box)
    if (!video) {
      this.#refusedUntilMs = nowMs + ASK_AGAIN_MS
    }
    return video
  }

  /** Is it still video, and all of it? */
  #holds(region: Live, groups: readonly CellGroup[], nowMs: number): boolean {
    const { box } = region
    const sinceMs = nowMs - SHRUNK_MS
    const inside = groups.some((group) => contains(slackened(box), group.box))
    const shrunk = inside && area(this.#cells.recentBox(box, sinceMs)) < SHRUNK * area(box)
    if (shrunk || this.#cells.recent(box, sinceMs) < MIN_LIVELY) {
      return false
    }
    if (nowMs - region.checkedMs < RECHECK_MS) {
      return true
    }
    const doubtful = !this.#isVideo(box)
    const over = doubtful && region.doubtful
    region.checkedMs = nowMs
    region.doubtful = doubtful
    return !over
  }

  /** On even pixels, inside the picture. */
  #aligned({ left, top, right, bottom }: Rect): Rect {
    const even = (value: number): number => value - (value % 2)
    return {
      left: even(left),
      top: even(top),
      right: Math.min(even(right + 1), even(this.#width)),
      bottom: Math.min(even(bottom + 1), even(this.#height)),
    }
  }
}

/** Changes so near to a region are its own. */
const slackened = ({ left, top, right, bottom }: Rect): Rect => ({
  left: left - CELL,
  top: top - CELL,
  right: right + CELL,
  bottom: bottom + CELL,
})
