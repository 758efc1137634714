import { rectOf, type Rect } from '../core/region.js'

/** A rectangle of cells and the sum of their values. */
export interface BestRect {
  /** In cells. */
  readonly cells: Rect
  readonly sum: number
}

/**
 * The rectangle of a grid whose values have the largest sum, by the method of Kadane for each pair of columns. Rows and
 * columns at its edges that add nothing are left out. Takes `columns² * rows / 2` steps.
 *
 * @param values row by row
 * @returns `undefined` when no value is positive
 */
export const bestRect = (values: Int32Array, columns: number, rows: number): BestRect | undefined => {
  const sums = new Int32Array(rows)
  let best = 0
  let place: Rect | undefined
  for (let left = columns - 1; left >= 0; left--) {
    sums.fill(0)
    for (let right = left; right < columns; right++) {
      let sum = 0
      let top = 0
      for (let row = 0; row < rows; row++) {
        const line = (sums[row] ?? 0) + (values[row * columns + right] ?? 0)
        sums[row] = line
        if (sum <= 0) {
          sum = 0
          top = row
        }
        sum += line
        if (sum > best) {
          best = sum
          place = rectOf(left, top, right + 1 - left, row + 1 - top)
        }
      }
    }
  }
  return place === undefined ? undefined : { cells: place, sum: best }
}
