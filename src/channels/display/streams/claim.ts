import { intersect, isEmpty, subtract, type Rect } from '../../../core/region.js'
import type { Outbox } from '../outbox.js'

/**
 * Takes what lies in a box out of the damage that waits.
 *
 * @returns whether there was any
 */
export const cutDamage = (outbox: Outbox, box: Rect): boolean => {
  let found = false
  for (const item of outbox.items) {
    if (item.kind === 'damage' && item.rects.some((rect) => !isEmpty(intersect(rect, box)))) {
      item.rects = item.rects.flatMap((rect) => subtract(rect, box))
      found = true
    }
  }
  if (found) {
    outbox.items = outbox.items.filter((item) => item.kind !== 'damage' || item.rects.length > 0)
  }
  return found
}
