import { area, boundingBox, type Rect } from '../core/region.js'
import { STRIP, type PictureStore } from '../kernels/picture-format.js'

/** Rows that are looked at together. */
const BAND = 16

/** Pixels that a rectangle more costs, about: its messages and the start of a coder. */
const RECT_COST = 4096

const RGB = 0x00ffffff

/**
 * Rectangles that cover all strips of a window that are different, drawn tight around the pixels that are; in coordinates of the
 * picture. They may overlap where that takes fewer of them.
 *
 * @param equal strips of the window, as {@link PictureStore.compare} gives them
 */
export const dirtyRects = (store: PictureStore, window: Rect, equal: Uint8Array): Rect[] => {
  const columns = Math.ceil((window.right - window.left) / STRIP)
  const rows = window.bottom - window.top
  const done: Rect[] = []
  let open: Rect[] = []
  for (let top = 0; top < rows; top += BAND) {
    const bottom = Math.min(rows, top + BAND)
    const next: Rect[] = []
    for (const run of dirtyRuns(equal, columns, top, bottom)) {
      const found = open.findIndex(
        (rect) => rect.right >= run.left && run.right >= rect.left && joins(rect, run),
      )
      const [above] = found < 0 ? [] : open.splice(found, 1)
      next.push(above === undefined ? run : boundingBox(above, run))
    }
    done.push(...open)
    open = next
  }
  return [...done, ...open].map((cells) => tightened(store, window, cells, equal, columns))
}

/** Do two rectangles cost less as one? */
const joins = (a: Rect, b: Rect): boolean =>
  (area(boundingBox(a, b)) - area(a) - area(b)) * STRIP <= RECT_COST

/** Runs of columns with a difference in rows `top` to `bottom`, each with the rows in which it has any. */
const dirtyRuns = (equal: Uint8Array, columns: number, top: number, bottom: number): Rect[] => {
  const runs: Rect[] = []
  for (let column = 0; column < columns; column++) {
    const first = nextDifferent(equal, columns, column, top, bottom, 1)
    if (first < 0) {
      continue
    }
    const last = nextDifferent(equal, columns, column, bottom - 1, top - 1, -1)
    const cell = { left: column, top: first, right: column + 1, bottom: last + 1 }
    const before = runs.at(-1)
    if (before !== undefined && joins(before, cell)) {
      runs[runs.length - 1] = boundingBox(before, cell)
    } else {
      runs.push(cell)
    }
  }
  return runs
}

const nextDifferent = (
  equal: Uint8Array,
  columns: number,
  column: number,
  from: number,
  end: number,
  step: 1 | -1,
): number => {
  for (let row = from; row !== end; row += step) {
    if (equal[row * columns + column] === 0) {
      return row
    }
  }
  return -1
}

/** Moves the left and the right side of a rectangle of cells in to the first pixel that is different. */
const tightened = (
  store: PictureStore,
  window: Rect,
  cells: Rect,
  equal: Uint8Array,
  columns: number,
): Rect => {
  const { width, height } = store
  const old = new Uint32Array(store.old.buffer, store.old.byteOffset, width * height)
  const fresh = new Uint32Array(store.fresh.buffer, store.fresh.byteOffset, width * height)
  const end = Math.min(window.right, window.left + cells.right * STRIP)
  const start = window.left + cells.left * STRIP
  let left = Math.min(start + STRIP, end)
  let right = Math.max(end - (((end - window.left - 1) % STRIP) + 1), start)
  for (let row = cells.top; row < cells.bottom; row++) {
    const at = (window.top + row) * width
    if (equal[row * columns + cells.left] === 0) {
      for (let x = start; x < left; x++) {
        if ((((old[at + x] ?? 0) ^ (fresh[at + x] ?? 0)) & RGB) !== 0) {
          left = x
        }
      }
    }
    if (equal[row * columns + cells.right - 1] === 0) {
      for (let x = end - 1; x >= right; x--) {
        if ((((old[at + x] ?? 0) ^ (fresh[at + x] ?? 0)) & RGB) !== 0) {
          right = x + 1
        }
      }
    }
  }
  return { left, top: window.top + cells.top, right, bottom: window.top + cells.bottom }
}
