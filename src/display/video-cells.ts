import { boundingBox, intersect, isEmpty, rectOf, type Rect } from '../core/region.js'

/** Side of the squares whose changes are counted, pixels. */
export const CELL = 32

/** A square that did not change for so long has come to rest: it begins anew, ms. */
const GAP_MS = 350

/** Changes nearer than this are one: a picture is looked at in parts, ms. */
const TICK_MS = 12

/** A square is active when it went on changing for so long, ms, so often, and so many times a second. */
const MIN_RUN_MS = 700
const MIN_CHANGES = 5
const MIN_RATE = 4.5

/** What changed in a square is remembered for one to two such spans, ms. */
const SPAN_MS = 1000

/** Extents that cover nothing. */
const NOTHING = [CELL, CELL, 0, 0]

/** Active squares that touch. */
export interface CellGroup {
  /** What changed in them, pixels of the picture. */
  readonly box: Rect
  /** Part of the squares of the box that is active, 0 to 1. */
  readonly lively: number
}

/** How often each square of a picture changed of late. */
export class VideoCells {
  readonly #across: number
  readonly #down: number
  readonly #firstMs: Float64Array
  readonly #lastMs: Float64Array
  readonly #changes: Uint32Array
  /**
   * What changed in each square in this span and in the one before, and when this one began: left, top, right, bottom, from its
   * corner.
   */
  readonly #extents: Uint8Array
  readonly #before: Uint8Array
  readonly #spanMs: Float64Array

  /** @param width pixels of the picture, and `height` */
  constructor(width: number, height: number) {
    this.#across = Math.ceil(width / CELL)
    this.#down = Math.ceil(height / CELL)
    const count = this.#across * this.#down
    this.#firstMs = new Float64Array(count)
    this.#lastMs = new Float64Array(count).fill(-Infinity)
    this.#changes = new Uint32Array(count)
    this.#extents = new Uint8Array(count * 4)
    this.#before = new Uint8Array(count * 4)
    this.#spanMs = new Float64Array(count)
  }

  /** HOT PATH: pixels of a rectangle inside the picture changed. */
  touch(rect: Rect, nowMs: number): void {
    for (let row = Math.floor(rect.top / CELL); row * CELL < rect.bottom; row++) {
      for (let column = Math.floor(rect.left / CELL); column * CELL < rect.right; column++) {
        const cell = row * this.#across + column
        this.#count(cell, nowMs)
        const at = cell * 4
        const extents = this.#extents
        extents[at] = Math.min(extents[at] ?? 0, Math.max(0, rect.left - column * CELL))
        extents[at + 1] = Math.min(extents[at + 1] ?? 0, Math.max(0, rect.top - row * CELL))
        extents[at + 2] = Math.max(extents[at + 2] ?? 0, Math.min(CELL, rect.right - column * CELL))
        extents[at + 3] = Math.max(extents[at + 3] ?? 0, Math.min(CELL, rect.bottom - row * CELL))
      }
    }
  }

  /** What lies under a rectangle has no past. */
  forget(rect: Rect): void {
    this.#each(rect, (cell) => {
      this.#lastMs[cell] = -Infinity
    })
  }

  /** Part of the squares of a rectangle that changed since then, 0 to 1. */
  recent(rect: Rect, sinceMs: number): number {
    let all = 0
    let changed = 0
    this.#each(rect, (cell) => {
      all += 1
      changed += (this.#lastMs[cell] ?? 0) > sinceMs ? 1 : 0
    })
    return all === 0 ? 0 : changed / all
  }

  /** The box of the squares of a rectangle that changed since then. */
  recentBox(rect: Rect, sinceMs: number): Rect {
    let box = rectOf(0, 0, 0, 0)
    this.#each(rect, (cell) => {
      if ((this.#lastMs[cell] ?? 0) > sinceMs) {
        box = boundingBox(box, this.#changed(cell))
      }
    })
    return intersect(box, rect)
  }

  /** Active squares that touch each other, the corners included. */
  groups(nowMs: number): CellGroup[] {
    const seen = new Uint8Array(this.#lastMs.length)
    const groups: CellGroup[] = []
    for (let cell = 0; cell < seen.length; cell++) {
      if (seen[cell] === 0 && this.#isActive(cell, nowMs)) {
        groups.push(this.#groupFrom(cell, nowMs, seen))
      }
    }
    return groups
  }

  #groupFrom(start: number, nowMs: number, seen: Uint8Array): CellGroup {
    let box = rectOf(0, 0, 0, 0)
    let active = 0
    const open = [start]
    seen[start] = 1
    for (let cell = open.pop(); cell !== undefined; cell = open.pop()) {
      active += 1
      box = boundingBox(box, this.#changed(cell))
      const column = cell % this.#across
      const row = (cell - column) / this.#across
      for (let y = Math.max(0, row - 1); y <= Math.min(this.#down - 1, row + 1); y++) {
        for (let x = Math.max(0, column - 1); x <= Math.min(this.#across - 1, column + 1); x++) {
          const near = y * this.#across + x
          if (seen[near] === 0 && this.#isActive(near, nowMs)) {
            seen[near] = 1
            open.push(near)
          }
        }
      }
    }
    let all = 0
    this.#each(box, () => (all += 1))
    return { box, lively: active / Math.max(1, all) }
  }

  #count(cell: number, nowMs: number): void {
    const restedMs = nowMs - (this.#lastMs[cell] ?? 0)
    if (restedMs > GAP_MS) {
      this.#firstMs[cell] = nowMs
      this.#changes[cell] = 1
      this.#spanMs[cell] = nowMs
      this.#before.set(NOTHING, cell * 4)
      this.#extents.set(NOTHING, cell * 4)
    } else if (restedMs < TICK_MS) {
      return
    } else {
      this.#changes[cell] = (this.#changes[cell] ?? 0) + 1
      if (nowMs - (this.#spanMs[cell] ?? 0) > SPAN_MS) {
        this.#spanMs[cell] = nowMs
        this.#before.set(this.#extents.subarray(cell * 4, cell * 4 + 4), cell * 4)
        this.#extents.set(NOTHING, cell * 4)
      }
    }
    this.#lastMs[cell] = nowMs
  }

  #isActive(cell: number, nowMs: number): boolean {
    const lastMs = this.#lastMs[cell] ?? 0
    const changes = this.#changes[cell] ?? 0
    const runMs = lastMs - (this.#firstMs[cell] ?? 0)
    return (
      nowMs - lastMs <= GAP_MS &&
      runMs >= MIN_RUN_MS &&
      changes >= MIN_CHANGES &&
      ((changes - 1) * 1000) / runMs >= MIN_RATE
    )
  }

  /** What changed in a square, in the picture. */
  #changed(cell: number): Rect {
    const column = cell % this.#across
    const left = column * CELL
    const top = ((cell - column) / this.#across) * CELL
    const at = cell * 4
    const least = (side: number): number =>
      Math.min(this.#extents[at + side] ?? 0, this.#before[at + side] ?? 0)
    const most = (side: number): number =>
      Math.max(this.#extents[at + side] ?? 0, this.#before[at + side] ?? 0)
    const box = { left: left + least(0), top: top + least(1), right: left + most(2), bottom: top + most(3) }
    return isEmpty(box) ? rectOf(0, 0, 0, 0) : box
  }

  #each({ left, top, right, bottom }: Rect, visit: (cell: number) => void): void {
    for (let row = Math.max(0, Math.floor(top / CELL)); row < this.#down && row * CELL < bottom; row++) {
      for (
        let column = Math.max(0, Math.floor(left / CELL));
        column < this.#across && column * CELL < right;
        column++
      ) {
        visit(row * this.#across + column)
      }
    }
  }
}
