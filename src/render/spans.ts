import { boundingBox, intersect, isEmpty, type Rect } from '../core/region.js'

/** Paints the pixels from `left` to before `right` of row `y`. */
export type PaintSpan = (y: number, left: number, right: number) => void

/** Rows `top` to before `bottom` in which the same columns are drawn: left, right, left, right and so on, ascending. */
type PaintBand = (top: number, bottom: number, spans: readonly number[]) => void

/** More rectangles than this are told as one. */
const MAX_REGION = 32

/**
 * The pixels of `area` that are in any of the clip rectangles, each once. Takes steps in proportion to the rectangles and the
 * pixels of the area, however the rectangles overlap.
 */
const eachBand = (area: Rect, clip: readonly Rect[] | undefined, paint: PaintBand): void => {
  if (isEmpty(area)) {
    return
  }
  if (clip === undefined) {
    paint(area.top, area.bottom, [area.left, area.right])
    return
  }
  const cuts = clip.map((rect) => intersect(rect, area)).filter((rect) => !isEmpty(rect))
  const [only] = cuts
  if (only !== undefined && cuts.length === 1) {
    paint(only.top, only.bottom, [only.left, only.right])
    return
  }
  sweep(area, cuts, paint)
}

/** Goes down the rows; `steps` says for each column by how many rectangles more it is covered than the one before it. */
const sweep = (area: Rect, cuts: readonly Rect[], paint: PaintBand): void => {
  const begins = cuts.toSorted((a, b) => a.top - b.top)
  const ends = cuts.toSorted((a, b) => a.bottom - b.bottom)
  const steps = new Int32Array(area.right - area.left + 1)
  const count = (column: number, by: number): void => {
    steps[column - area.left] = (steps[column - area.left] ?? 0) + by
  }
  let begun = 0
  let ended = 0
  while (ended < ends.length) {
    const top = Math.min(begins[begun]?.top ?? Infinity, ends[ended]?.bottom ?? Infinity)
    for (let rect = begins[begun]; rect?.top === top; rect = begins[begun]) {
      count(rect.left, 1)
      count(rect.right, -1)
      begun += 1
    }
    for (let rect = ends[ended]; rect?.bottom === top; rect = ends[ended]) {
      count(rect.left, -1)
      count(rect.right, 1)
      ended += 1
    }
    const bottom = Math.min(begins[begun]?.top ?? Infinity, ends[ended]?.bottom ?? Infinity)
    if (begun > ended) {
      paint(top, bottom, coveredColumns(steps, area.left))
    }
  }
}

const coveredColumns = (steps: Int32Array, left: number): number[] => {
  const spans: number[] = []
  let depth = 0
  for (let column = 0; column < steps.length; column++) {
    const next = depth + (steps[column] ?? 0)
    if (next > 0 !== depth > 0) {
      spans.push(left + column)
    }
    depth = next
  }
  return spans
}

/** Paints the pixels of `area` that are in any of the clip rectangles, each once, from top to bottom and left to right. */
export const eachSpan = (area: Rect, clip: readonly Rect[] | undefined, paint: PaintSpan): void =>
  eachBand(area, clip, (top, bottom, spans) => {
    for (let y = top; y < bottom; y++) {
      for (let i = 0; i < spans.length; i += 2) {
        paint(y, spans[i] ?? 0, spans[i + 1] ?? 0)
      }
    }
  })

/** Rectangles that cover what {@link eachSpan} paints: exactly, where they are few. */
export const regionOf = (area: Rect, clip: readonly Rect[] | undefined): readonly Rect[] => {
  const rects: Rect[] = []
  let all: Rect = { left: 0, top: 0, right: 0, bottom: 0 }
  eachBand(area, clip, (top, bottom, spans) => {
    for (let i = 0; i < spans.length; i += 2) {
      const rect = { left: spans[i] ?? 0, top, right: spans[i + 1] ?? 0, bottom }
      all = boundingBox(all, rect)
      if (rects.length <= MAX_REGION) {
        rects.push(rect)
      }
    }
  })
  return rects.length > MAX_REGION ? [all] : rects
}
