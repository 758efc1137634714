import type { WantedHead } from './source.js'

/** A head that is on, with its place on the desktop of the guest; pixels. */
export interface PlacedHead {
  readonly console: number
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/**
 * The heads on the desktop that the guest spreads over them: at the places that a client asked for where those are
 * known, else side by side.
 */
export const placeHeads = (
  heads: readonly { readonly console: number; readonly width: number; readonly height: number }[],
  wanted: readonly WantedHead[],
): readonly PlacedHead[] => {
  let nextX = 0
  return heads.map(({ console, width, height }) => {
    const asked = wanted.find((head) => head.console === console && head.width > 0)
    const head = { console, width, height, x: asked?.x ?? nextX, y: asked?.y ?? 0 }
    nextX = head.x + width
    return head
  })
}

/** Largest value of an absolute axis at QEMU. */
const MAX_ABS = 32767

/**
 * The value from which a guest works out just this pixel, whether it takes the range of values for the first to the last
 * pixel or for the whole width, and rounds down; up to 32768 pixels there always is one.
 */
const axisValue = (pixel: number, pixels: number): number =>
  pixels < 2 ? 0 : Math.min(MAX_ABS, Math.ceil((pixel * MAX_ABS) / (pixels - 1)))

/**
 * Where a pixel of one head is on a tablet that covers the whole desktop (`qemu-integration.md` section 3), which begins
 * where the first head does.
 *
 * @returns values of 0 to 32767, or `undefined` when the head is not on
 */
export const tabletPosition = (
  heads: readonly PlacedHead[],
  console: number,
  x: number,
  y: number,
): { readonly x: number; readonly y: number } | undefined => {
  const head = heads.find((candidate) => candidate.console === console)
  if (head === undefined) {
    return undefined
  }
  const left = Math.min(...heads.map((each) => each.x))
  const top = Math.min(...heads.map((each) => each.y))
  const right = Math.max(...heads.map((each) => each.x + each.width))
  const bottom = Math.max(...heads.map((each) => each.y + each.height))
  const inX = head.x - left + Math.max(0, Math.min(head.width - 1, x))
  const inY = head.y - top + Math.max(0, Math.min(head.height - 1, y))
  return { x: axisValue(inX, right - left), y: axisValue(inY, bottom - top) }
}
