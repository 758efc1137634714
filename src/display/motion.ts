import { intersect, shift, type Rect } from '../core/region.js'
import { MAX_PROBES, PROBE, STRIP, type PictureStore } from '../kernels/picture-format.js'
import { bestRect } from './best-rect.js'

/** Pixels that did not change but for their place: those of `to` were displaced by (`dx`, `dy`) before. */
export interface Move {
  readonly to: Rect
  readonly dx: number
  readonly dy: number
}

/** A move pays when it makes this many pixels more right than wrong: it costs a message and a search. */
const MIN_GAIN = 4096

/** The displacement of the move before is taken when it explains this part of the difference. */
const LIKELY_SHARE = 0.5

/** Columns of strips whose rows vote for a vertical displacement. */
const VOTING_COLUMNS = 3

/** Votes that a vertical displacement needs. */
const MIN_VOTES = 4

/** Places of the new picture that are looked for in the old one, each in this many rows. */
const PROBE_ROWS = 8
const PROBE_PLACES = MAX_PROBES / PROBE_ROWS

/** Changes of colour that make a probe worth looking for. */
const PROBE_TURNS = 6

/** More columns than this are taken two and more at a time in the search for the rectangle. */
const MAX_CELL_COLUMNS = 32

/**
 * The one displacement that explains most of the difference between the old and the fresh pixels of a window: scrolled text, a
 * dragged window. What it does not explain is left to whoever compares the pictures after the move.
 *
 * @param unchanged strips of the window that are equal now
 * @param last the move before this one: what scrolls, mostly goes on as it did
 * @returns a move inside the window, in coordinates of the picture
 */
export const findMove = (
  store: PictureStore,
  window: Rect,
  unchanged: Uint8Array,
  last?: Move,
): Move | undefined => {
  if (window.right - window.left < STRIP || window.bottom - window.top < PROBE_ROWS) {
    return undefined
  }
  const again =
    last === undefined ? undefined : explained(store, window, unchanged, last.dx, last.dy, LIKELY_SHARE)
  if (again !== undefined) {
    return again
  }
  const dy = verticalVote(store, window, unchanged)
  const scrolled = dy === undefined ? undefined : explained(store, window, unchanged, 0, dy)
  if (scrolled !== undefined) {
    return scrolled
  }
  const dragged = probeVote(store, window, unchanged)
  return dragged === undefined ? undefined : explained(store, window, unchanged, dragged.dx, dragged.dy)
}

/** Displacement that most changed rows of the busiest columns agree on. */
const verticalVote = (store: PictureStore, window: Rect, unchanged: Uint8Array): number | undefined => {
  const width = window.right - window.left
  const height = window.bottom - window.top
  const columns = Math.ceil(width / STRIP)
  const votes = new Map<number, number>()
  const rowOf = new Map<number, number>()
  for (const column of busiest(unchanged, columns, height)) {
    const before = store.stripHashes('old', window, column * STRIP)
    rowOf.clear()
    for (let y = 0; y < height; y++) {
      const hash = before[y] ?? 0
      rowOf.set(hash, rowOf.has(hash) ? -1 : y)
    }
    const after = store.stripHashes('fresh', window, column * STRIP)
    for (let y = 0, at = column; y < height; y++, at += columns) {
      const hash = after[y] ?? 0
      const from = hash === 0 || unchanged[at] === 1 ? -1 : (rowOf.get(hash) ?? -1)
      if (from >= 0 && from !== y) {
        votes.set(y - from, (votes.get(y - from) ?? 0) + 1)
      }
    }
  }
  return winner(votes, MIN_VOTES)
}

const winner = (votes: ReadonlyMap<number, number>, least: number): number | undefined => {
  let best: number | undefined
  let most = least - 1
  for (const [key, count] of votes) {
    if (count > most) {
      best = key
      most = count
    }
  }
  return best
}

/** Columns with the most strips that changed. */
const busiest = (unchanged: Uint8Array, columns: number, height: number): number[] => {
  const changed = new Array<number>(columns).fill(height)
  for (let at = 0; at < unchanged.length; at++) {
    if (unchanged[at] === 1) {
      changed[at % columns] = (changed[at % columns] ?? 0) - 1
    }
  }
  return changed
    .map((count, column) => ({ column, count }))
    .filter(({ count }) => count >= MIN_VOTES)
    .sort((a, b) => b.count - a.count)
    .slice(0, VOTING_COLUMNS)
    .map(({ column }) => column)
}

/** Displacement that probes agree on that were found again elsewhere. */
const probeVote = (
  store: PictureStore,
  window: Rect,
  unchanged: Uint8Array,
): { readonly dx: number; readonly dy: number } | undefined => {
  const width = window.right - window.left
  const height = window.bottom - window.top
  const points = probePoints(width, height, unchanged)
  const votes = new Map<number, number>()
  for (const { number, x, y } of store.search(window, points, PROBE_ROWS, PROBE_TURNS)) {
    const point = points[number]
    if (point !== undefined && (point.x !== x || point.y !== y)) {
      const key = (point.y - y + height) * 2 * width + (point.x - x + width)
      votes.set(key, (votes.get(key) ?? 0) + 1)
    }
  }
  const key = winner(votes, 2)
  return key === undefined
    ? undefined
    : { dx: (key % (2 * width)) - width, dy: Math.floor(key / (2 * width)) - height }
}

/**
 * Changed places spread over the picture, eight rows each, so that one of them is met in every eighth row. Not at even
 * distances: those could be the width of the window, and all places in its first column, where nothing is found again.
 */
const probePoints = (width: number, height: number, unchanged: Uint8Array): { x: number; y: number }[] => {
  const columns = Math.ceil(width / STRIP)
  const places: { x: number; y: number }[] = []
  for (let y = 0; y + PROBE_ROWS <= height; y += PROBE_ROWS) {
    for (let column = 0; column < columns && column * STRIP + PROBE <= width; column++) {
      let still = 0
      for (let row = y; row < y + PROBE_ROWS; row++) {
        still += unchanged[row * columns + column] ?? 0
      }
      if (still <= PROBE_ROWS / 2) {
        places.push({ x: column * STRIP, y })
      }
    }
  }
  const chosen =
    places.length <= PROBE_PLACES
      ? places
      : Array.from(
          { length: PROBE_PLACES },
          (_, i) => (i + scatter(i)) * (places.length / PROBE_PLACES),
        ).flatMap((at) => places[Math.floor(at)] ?? [])
  return chosen.flatMap(({ x, y }) => Array.from({ length: PROBE_ROWS }, (_, i) => ({ x, y: y + i })))
}

/** From 0 to below 1, without a pattern in `i`. */
const scatter = (i: number): number => (Math.imul(i + 1, 0x9e3779b1) >>> 0) / 2 ** 32

/** The rectangle that gains most by a displacement; `undefined` when it gains too little. */
const explained = (
  store: PictureStore,
  window: Rect,
  unchanged: Uint8Array,
  dx: number,
  dy: number,
  share = 0,
): Move | undefined => {
  const width = window.right - window.left
  const height = window.bottom - window.top
  const columns = Math.ceil(width / STRIP)
  const { equal: matched } = store.compare(window, dx, dy)
  const group = Math.ceil(columns / MAX_CELL_COLUMNS)
  const cells = Math.ceil(columns / group)
  const values = new Int32Array(cells * height)
  for (let y = 0, at = 0; y < height; y++) {
    for (let column = 0; column < columns; column++, at++) {
      const gain = (matched[at] ?? 0) - (unchanged[at] ?? 0)
      if (gain !== 0) {
        const cell = y * cells + Math.floor(column / group)
        values[cell] = (values[cell] ?? 0) + gain * Math.min(STRIP, width - column * STRIP)
      }
    }
  }
  const best = bestRect(values, cells, height)
  const least = Math.max(MIN_GAIN, share * STRIP * unchanged.reduce((sum, same) => sum + 1 - same, 0))
  if (best === undefined || best.sum < least) {
    return undefined
  }
  const cellWidth = STRIP * group
  const { left, top, right, bottom } = best.cells
  const rough = {
    left: window.left + left * cellWidth,
    top: window.top + top,
    right: Math.min(window.right, window.left + right * cellWidth),
    bottom: window.top + bottom,
  }
  const possible = intersect(window, shift(window, dx, dy))
  return { to: intersect(possible, trimmed(store, possible, rough, dx, dy)), dx, dy }
}

/** Strips are coarse: moves the left and right edge of a rectangle to where it gains most, up to a strip further out. */
const trimmed = (store: PictureStore, possible: Rect, rough: Rect, dx: number, dy: number): Rect => {
  const { left, right } = rough
  const inLeft = columnGains(store, possible, { ...rough, left: left - STRIP, right: left }, dx, dy)
  const inRight = columnGains(store, possible, { ...rough, left: right, right: right + STRIP }, dx, dy)
  return { ...rough, left: left - bestPrefix(inLeft.reverse()), right: right + bestPrefix(inRight) }
}

/** Number of leading values with the largest sum; 0 when none is positive. */
const bestPrefix = (values: readonly number[]): number => {
  let sum = 0
  let best = 0
  let length = 0
  values.forEach((value, i) => {
    sum += value
    if (sum > best) {
      best = sum
      length = i + 1
    }
  })
  return length
}

const RGB = 0x00ffffff

/** For each column of `area`: rows that a displacement makes right, less those that it makes wrong. */
const columnGains = (store: PictureStore, possible: Rect, area: Rect, dx: number, dy: number): number[] => {
  const { width, height } = store
  const old = new Uint32Array(store.old.buffer, store.old.byteOffset, width * height)
  const fresh = new Uint32Array(store.fresh.buffer, store.fresh.byteOffset, width * height)
  const gains = new Array<number>(area.right - area.left).fill(0)
  const { left, top, right, bottom } = intersect(possible, area)
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const at = y * width + x
      const pixel = (fresh[at] ?? 0) & RGB
      const stays = pixel === ((old[at] ?? 0) & RGB)
      const comes = pixel === ((old[at - dy * width - dx] ?? 0) & RGB)
      if (stays !== comes) {
        gains[x - area.left] = (gains[x - area.left] ?? 0) + (comes ? 1 : -1)
      }
    }
  }
  return gains
}
