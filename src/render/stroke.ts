import { SidecarError } from '../core/errors.js'
import { intersect, rectOf, type Rect } from '../core/region.js'
import { pixelMask } from './words.js'
import { ropTable, type StrokeDrawable } from '../display/index.js'
import { readBrush } from './brushes.js'
import { combine } from './combine.js'
import type { ImageRoom } from './image-reader.js'
import { eachLine, type PathLine } from './path.js'
import { eachSpan } from './spans.js'

/** Says of a distance from where a run of lines began, in pixels, whether a dash is there. */
type DashAt = (distance: number) => boolean

const FIXED_ONE = 16

const dashesOf = ({ dashes, startWithGap }: StrokeDrawable): DashAt => {
  if (dashes === undefined) {
    return () => true
  }
  const once = Array.from(dashes, (length) => Math.max(1, Math.round(length / FIXED_ONE)))
  const lengths = once.length % 2 === 0 ? once : [...once, ...once]
  const ends: number[] = []
  for (const length of lengths) {
    ends.push((ends.at(-1) ?? 0) + length)
  }
  const total = ends.at(-1) ?? 1
  return (distance) => {
    const at = distance % total
    const index = ends.findIndex((end) => at < end)
    return (index % 2 === 0) !== startWithGap
  }
}

/** Steps of a line along its longer side from which to which it may be inside an interval of that side. */
const stepsInside = (from: number, forward: boolean, length: number, low: number, high: number) => {
  const first = forward ? low - from : from - (high - 1)
  const last = forward ? high - from : from - (low - 1)
  return { first: Math.max(0, first), last: Math.min(length, last) }
}

/** Where the pixels of a path are: numbers of pixels in the area, row by row. */
class StrokePixels {
  readonly found: number[] = []
  readonly #area: Rect
  readonly #dashAt: DashAt
  readonly #most: number
  #steps = 0
  #distance = 0

  constructor(area: Rect, dashAt: DashAt, most: number) {
    this.#area = area
    this.#dashAt = dashAt
    this.#most = most
  }

  /** @throws SidecarError SIDECAR_GUEST when the path takes more than `limit-stroke-pixels` steps */
  add({ from, to, begins }: PathLine): void {
    const { left, top, right, bottom } = this.#area
    const dx = Math.abs(to.x - from.x)
    const dy = Math.abs(to.y - from.y)
    const length = Math.max(dx, dy)
    const across = Math.min(dx, dy)
    const signX = to.x < from.x ? -1 : 1
    const signY = to.y < from.y ? -1 : 1
    const flat = dx >= dy
    this.#distance = begins ? 0 : this.#distance
    const { first, last } = flat
      ? stepsInside(from.x, signX > 0, length, left, right)
      : stepsInside(from.y, signY > 0, length, top, bottom)
    this.#steps += 1 + Math.max(0, last - first)
    if (this.#steps > this.#most) {
      throw new SidecarError('SIDECAR_GUEST', 'a path has too many pixels', { max: this.#most })
    }
    for (let i = first; i < last; i++) {
      const j = Math.floor((2 * i * across + length) / (2 * length))
      const x = from.x + signX * (flat ? i : j)
      const y = from.y + signY * (flat ? j : i)
      if (x >= left && x < right && y >= top && y < bottom && this.#dashAt(this.#distance + i)) {
        this.found.push((y - top) * (right - left) + (x - left))
      }
    }
    this.#distance += length
  }
}

/**
 * Lines of one pixel; the last point of each run is left out. Where lines cross, a pixel is drawn as often.
 *
 * @param most pixels, `limit-stroke-pixels`
 * @throws SidecarError SIDECAR_GUEST when there are more, with nothing drawn
 */
export const drawStroke = (drawable: StrokeDrawable, room: ImageRoom, most: number): void => {
  const { target } = room
  const { pixels, width, format } = target
  const area = intersect(drawable.box, rectOf(0, 0, width, target.height))
  const stroke = new StrokePixels(area, dashesOf(drawable), most)
  eachLine(drawable.path, (line) => stroke.add(line))
  const found = Float64Array.from(stroke.found).sort()
  const table = ropTable(drawable.foreMode, 'brush onto destination')
  const paint = readBrush(drawable.brush, room)
  const all = pixelMask(format)
  const one = new Uint32Array(1)
  const columns = area.right - area.left
  let next = 0
  eachSpan(area, drawable.clip, (y, left, right) => {
    const row = (y - area.top) * columns - area.left
    while ((found[next] ?? Infinity) < row + left) {
      next += 1
    }
    for (let place = found[next]; place !== undefined && place < row + right; place = found[next]) {
      const x = place - row
      paint(y, x, 1, one)
      const at = y * width + x
      pixels[at] = combine(table, one[0] ?? 0, pixels[at] ?? 0) & all
      next += 1
    }
  })
}
