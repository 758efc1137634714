import { area, contains, intersect, isEmpty, regionArea, subtract, type Rect } from '../../core/region.js'
import type { Drawing } from '../../display/index.js'
import {
  addChange,
  addDamage,
  isDrawing,
  waitingDamage,
  withdrawDamage,
  type Outbox,
  type PaintItem,
} from './outbox.js'

/** What a drawing has to look out for. */
export interface DrawingState {
  /** Rectangles that are being coded now, with pixels from before or after the drawing. */
  readonly inFlight: readonly Rect[]
  /** Are the client's pixels of a rectangle those of the picture, as far as they were sent? Not where they are lossy. */
  readonly isExact: (rect: Rect) => boolean
  /** Does the client paint with raster operations that look at what is there? */
  readonly paintsOnto: boolean
}

/** Drawings that wait at most; where there are more, what they drew is damage: one that is slow gets fewer, newer pictures. */
const MAX_DRAWINGS = 32

/** A drawing that is damaged to this part is not worth its message. */
const MAX_DAMAGED_SHARE = 0.5

/**
 * Adds a drawing of the guest, which is in the picture already: for the client to do the same, where it has the pixels for it,
 * else as damage. Damage is sent with the newest pixels, so drawings go before all damage that waits.
 */
export const addDrawing = (outbox: Outbox, drawing: Drawing, state: DrawingState): void => {
  if (drawing.kind === 'move') {
    addChange(outbox, { moves: [drawing.move], rects: [] }, state.inFlight)
    return
  }
  const pictureWaits = outbox.items.some((item) => item.kind === 'picture')
  const { operator, color } = drawing
  for (const box of drawing.rects) {
    if (outbox.surface === undefined) {
      return
    }
    const item: PaintItem = { kind: 'paint', box, operator, color }
    if (pictureWaits || !(operator === 'put' ? addCover(outbox, item) : addPaint(outbox, item, state))) {
      addDamage(outbox, [box])
    }
  }
}

/** A colour that covers all: what waits below it is not sent. */
const addCover = (outbox: Outbox, item: PaintItem): true => {
  const damage = withdrawDamage(outbox)
  for (let last = outbox.items.at(-1); isCovered(last, item.box); last = outbox.items.at(-1)) {
    outbox.items.pop()
  }
  push(outbox, item)
  addBehind(
    outbox,
    damage.flatMap((rect) => subtract(rect, item.box)),
  )
  return true
}

/** Is an item one that paints only where `box` is? */
const isCovered = (item: Outbox['items'][number] | undefined, box: Rect): boolean =>
  item?.kind === 'paint' && contains(box, item.box)

/**
 * A colour that is combined with what is there. Pixels in flight may have it already, so they are sent once more.
 *
 * @returns whether it is worth it; else nothing was done
 */
const addPaint = (outbox: Outbox, item: PaintItem, state: DrawingState): boolean => {
  const { box } = item
  const inBox = (rect: Rect): Rect => intersect(rect, box)
  const again = state.inFlight.map(inBox).filter((rect) => !isEmpty(rect))
  const damaged = waitingDamage(outbox).map(inBox)
  const stale = regionArea(again) + regionArea(damaged)
  if (!state.paintsOnto || !state.isExact(box) || stale > MAX_DAMAGED_SHARE * area(box)) {
    return false
  }
  const damage = withdrawDamage(outbox)
  push(outbox, item)
  addBehind(outbox, [...damage, ...again])
  return true
}

/** Adds damage, if there is any. */
const addBehind = (outbox: Outbox, rects: readonly Rect[]): void => {
  if (rects.length > 0) {
    addDamage(outbox, rects)
  }
}

/** Puts a drawing at the end. No damage waits. */
const push = (outbox: Outbox, item: PaintItem): void => {
  outbox.items.push(item)
  const waiting = outbox.items.flatMap((each) =>
    each.kind === 'paint' ? [each.box] : each.kind === 'copyBits' ? [each.move.to] : [],
  )
  if (waiting.length > MAX_DRAWINGS) {
    outbox.items = outbox.items.filter((each) => !isDrawing(each))
    addDamage(outbox, waiting)
  }
}
