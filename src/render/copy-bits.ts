import { intersect, isEmpty, rectOf, shift, type Rect } from '../core/region.js'
import type { CopyBitsDrawable, Surface } from '../display/index.js'
import { eachSpan } from './spans.js'

/** The part of a move whose source is on the surface. */
export const movedArea = ({ box, sourcePos }: CopyBitsDrawable, { width, height }: Surface): Rect => {
  const whole = rectOf(0, 0, width, height)
  const dx = box.left - sourcePos.x
  const dy = box.top - sourcePos.y
  return intersect(intersect(box, whole), shift(whole, dx, dy))
}

/** HOT PATH: rows are copied in the order in which none is read after it was written. */
export const drawCopyBits = (drawable: CopyBitsDrawable, target: Surface): void => {
  const { box, sourcePos, clip } = drawable
  const { pixels, width } = target
  const area = movedArea(drawable, target)
  const dx = box.left - sourcePos.x
  const dy = box.top - sourcePos.y
  if (isEmpty(area) || (dx === 0 && dy === 0)) {
    return
  }
  if (clip === undefined || clip.length === 1) {
    moveRows(target, clip?.[0] === undefined ? area : intersect(area, clip[0]), dx, dy)
    return
  }
  const before = pixels.slice()
  eachSpan(area, clip, (y, left, right) => {
    const from = (y - dy) * width - dx
    pixels.set(before.subarray(from + left, from + right), y * width + left)
  })
}

const moveRows = ({ pixels, width }: Surface, to: Rect, dx: number, dy: number): void => {
  const rows = to.bottom - to.top
  for (let i = 0; i < rows && to.left < to.right; i++) {
    const y = dy > 0 ? to.bottom - 1 - i : to.top + i
    const from = (y - dy) * width - dx
    pixels.copyWithin(y * width + to.left, from + to.left, from + to.right)
  }
}
