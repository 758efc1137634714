import { intersect, isEmpty, rectOf } from '../core/region.js'
import type { ConsoleInfo, WantedHead } from './source.js'

/** Limits of a layout (threat model L-heads). */
export interface LayoutLimits {
  readonly heads: number
  readonly 'head-side': number
  readonly 'image-pixels': number
}

/** Why a layout is refused. */
export interface LayoutProblem {
  readonly what: string
  readonly limit?: keyof LayoutLimits
}

/** Smallest head that a guest is asked for, pixels. */
const MIN_WIDTH = 320
const MIN_HEIGHT = 200

/**
 * Where an entry of a client's monitors config belongs. Clients number their windows by channel, or by head where all
 * heads are on one channel (`protocol-session.md` 3.7).
 */
export const headOfEntry = (
  entry: number,
  consoles: readonly ConsoleInfo[],
): Pick<WantedHead, 'console' | 'head'> => {
  const [first, second] = consoles
  return second === undefined && (first?.maxHeads ?? 1) > 1
    ? { console: first?.index ?? 0, head: entry }
    : { console: entry }
}

/**
 * Judges a layout that a client asks for: at most as many heads as allowed, one at least switched on, each within its
 * size limits, none at a negative place, none on top of another, all together within the pixel limit.
 *
 * @returns why it is refused, and by which limit if it is one; `undefined` when it is good
 */
export const layoutProblem = (
  heads: readonly WantedHead[],
  limits: LayoutLimits,
): LayoutProblem | undefined => {
  const on = heads.filter(({ width, height }) => width !== 0 || height !== 0)
  if (heads.length > limits.heads) {
    return { what: 'too many heads', limit: 'heads' }
  }
  if (on.length === 0) {
    return { what: 'no head is on' }
  }
  const side = limits['head-side']
  if (
    on.some(({ width, height }) => width < MIN_WIDTH || height < MIN_HEIGHT || width > side || height > side)
  ) {
    return { what: 'a head has an impossible size', limit: 'head-side' }
  }
  if (on.some(({ x, y }) => x < 0 || y < 0 || x > 0x7fff || y > 0x7fff)) {
    return { what: 'a head has an impossible place' }
  }
  if (on.reduce((sum, { width, height }) => sum + width * height, 0) > limits['image-pixels']) {
    return { what: 'the heads are too large together', limit: 'image-pixels' }
  }
  const places = on.map(({ x, y, width, height }) => rectOf(x, y, width, height))
  const overlap = places.some((a, i) => places.slice(i + 1).some((b) => !isEmpty(intersect(a, b))))
  return overlap ? { what: 'two heads overlap' } : undefined
}
