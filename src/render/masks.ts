import type { Mask } from '../display/index.js'
import type { Rect } from '../core/region.js'
import type { PaintSpan } from './spans.js'

/** Paints only where the mask has bits (`protocol-display.md` section 9). */
export const throughMask = (mask: Mask | undefined, box: Rect, paint: PaintSpan): PaintSpan => {
  if (mask?.image.kind !== 'bitmap') {
    return paint
  }
  const { inverse, pos } = mask
  const { width, height, stride, topDown, data, format } = mask.image
  const lowFirst = format === 'plt1Le'
  const dx = pos.x - box.left
  const dy = pos.y - box.top
  return (y, left, right) => {
    const row = y + dy
    if (row < 0 || row >= height) {
      return
    }
    const at = (topDown ? row : height - 1 - row) * stride
    const end = Math.min(right, width - dx)
    let begun: number | undefined
    for (let x = Math.max(left, -dx); x < end; x++) {
      const column = x + dx
      const bits = data[at + (column >> 3)] ?? 0
      const bit = (bits >> (lowFirst ? column & 7 : 7 - (column & 7))) & 1
      const drawn = (bit === 1) !== inverse
      if (drawn) {
        begun ??= x
      } else if (begun !== undefined) {
        paint(y, begun, x)
        begun = undefined
      }
    }
    if (begun !== undefined) {
      paint(y, begun, end)
    }
  }
}
