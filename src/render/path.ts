import type { PathSegment, Point } from '../display/index.js'

/** A line of a path in pixels; its last point is not drawn. `begins`: dashes begin anew. */
export interface PathLine {
  readonly from: Point
  readonly to: Point
  readonly begins: boolean
}

/** A curve is a line when its control points are so near, 28.4 fixed point: half a pixel. */
const FLAT = 8

type Points = readonly [Point, Point, Point, Point]

const middle = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 })

const bend = (a: Point, b: Point, c: Point): number =>
  Math.max(Math.abs(a.x - 2 * b.x + c.x), Math.abs(a.y - 2 * b.y + c.y))

/** Both halves of a cubic curve. */
const halves = ([a, b, c, d]: Points): readonly [Points, Points] => {
  const ab = middle(a, b)
  const bc = middle(b, c)
  const cd = middle(c, d)
  const abc = middle(ab, bc)
  const bcd = middle(bc, cd)
  const half = middle(abc, bcd)
  return [
    [a, ab, abc, half],
    [half, bcd, cd, d],
  ]
}

/** The lines of a curve by their ends; each halving makes it four times as straight, so there are few. */
const flatten = (curve: Points, add: (to: Point) => void): void => {
  const waiting = [curve]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [a, b, c, d] = next
    if (bend(a, b, c) <= FLAT && bend(b, c, d) <= FLAT) {
      add(d)
    } else {
      const [first, second] = halves(next)
      waiting.push(second, first)
    }
  }
}

/** From 28.4 fixed point to the nearest pixel. */
const toPixel = ({ x, y }: Point): Point => ({ x: Math.floor((x + 8) / 16), y: Math.floor((y + 8) / 16) })

/** Hands the lines of a path to `add`, one after the other (`protocol-display.md` section 9). */
export const eachLine = (path: readonly PathSegment[], add: (line: PathLine) => void): void => {
  let start: Point | undefined
  let here: Point = { x: 0, y: 0 }
  let begins = true
  const lineTo = (to: Point): void => {
    add({ from: toPixel(here), to: toPixel(to), begins })
    begins = false
    here = to
  }
  for (const { begin, end, close, bezier, points } of path) {
    const all = Array.from({ length: points.length >> 1 }, (_, i) => ({
      x: points[2 * i] ?? 0,
      y: points[2 * i + 1] ?? 0,
    }))
    const fresh = begin || start === undefined
    const first = fresh ? all.shift() : undefined
    if (first !== undefined) {
      here = first
      start = first
      begins = true
    }
    if (bezier) {
      for (let i = 0; i + 2 < all.length; i += 3) {
        const [b, c, d] = all.slice(i, i + 3)
        if (b !== undefined && c !== undefined && d !== undefined) {
          flatten([here, b, c, d], lineTo)
        }
      }
    } else {
      all.forEach(lineTo)
    }
    if (close && start !== undefined) {
      lineTo(start)
    }
    if (end) {
      start = undefined
    }
  }
}
