import {
  addToRegion,
  area,
  intersect,
  isEmpty,
  regionArea,
  shift,
  subtract,
  type Rect,
} from '../../core/region.js'
import type { Change, Move } from '../../display/index.js'

/** More rectangles than this in one damage item are merged into one that covers them. */
const MAX_RECTS = 64

/** The primary surface of a display channel. */
export const PRIMARY_SURFACE = 0

/**
 * Something to send, in order. The pixels of damage are picked when it is sent, so a slow client gets the newest ones.
 */
export type OutboxItem =
  | { readonly kind: 'surfaceCreate'; readonly width: number; readonly height: number }
  | { readonly kind: 'surfaceDestroy' }
  | { readonly kind: 'damage'; rects: Rect[] }
  /** Pixels that only moved; comes before the damage that waits, whose pixels are newer. */
  | { readonly kind: 'copyBits'; readonly move: Move }
  /** The whole of a new surface, in one message where that can be: some clients take the first for the whole. */
  | { readonly kind: 'picture' }
  | { readonly kind: 'monitorsConfig'; readonly width: number; readonly height: number }
  | { readonly kind: 'mark' }

/** A rectangle that was taken out of the items, in this order, and is sent when its turn comes. */
export type TakenPiece = ImagePiece | FillPiece

/** Its image is being coded. */
export interface ImagePiece {
  readonly kind: 'image'
  readonly box: Rect
  /** The whole picture, or a large part of it: coded in bands where that is faster. */
  readonly whole: boolean
  /** It failed before, so it goes without a codec. */
  readonly raw: boolean
}

/** All of one colour. */
export interface FillPiece {
  readonly kind: 'fill'
  readonly box: Rect
  /** 0x00RRGGBB. */
  readonly color: number
}

/** What a display channel has to send, in order, and the surface that the client will have once all are sent; plain. */
export interface Outbox {
  items: OutboxItem[]
  /** On their way, in the order in which they go out: before all items. */
  taken: TakenPiece[]
  /** Surface as of the last item; `undefined`: none. */
  surface: { width: number; height: number } | undefined
  /** Surface that the client has now. */
  sent: { width: number; height: number } | undefined
}

export const newOutbox = (): Outbox => ({ items: [], taken: [], surface: undefined, sent: undefined })

/** A frame of another size, or none: everything about the old surface that was not sent yet is dropped. */
export const replaceSurface = (
  outbox: Outbox,
  surface: { readonly width: number; readonly height: number } | undefined,
): void => {
  outbox.items = outbox.sent === undefined ? [] : [{ kind: 'surfaceDestroy' }]
  outbox.surface = undefined
  if (surface === undefined) {
    return
  }
  const { width, height } = surface
  outbox.surface = { width, height }
  outbox.items.push(
    { kind: 'surfaceCreate', width, height },
    { kind: 'picture' },
    { kind: 'monitorsConfig', width, height },
    { kind: 'mark' },
  )
}

/**
 * Adds damage of the primary surface, merged into what waits already.
 *
 * @returns whether it was merged into damage that had not been sent
 */
export const addDamage = (outbox: Outbox, rects: readonly Rect[]): boolean => {
  if (outbox.surface === undefined) {
    return false
  }
  const waiting = outbox.items.findLast((item) => item.kind === 'damage')
  const target = waiting ?? { kind: 'damage' as const, rects: [] }
  if (waiting === undefined) {
    outbox.items.push(target)
  }
  for (const rect of rects) {
    addToRegion(target.rects, rect, MAX_RECTS)
  }
  return waiting !== undefined
}

/** Moves that wait at most; where there are more, what they moved is damage. */
const MAX_MOVES = 4

/** A move whose source is damaged to this part is not worth its message. */
const MAX_DAMAGED_SHARE = 0.5

/** Two moves that wait become one when no more than this part of it has to be sent anew for that. */
const MAX_MERGE_SHARE = 0.25

/**
 * Adds a change of the primary surface behind what waits already. Damage is sent with the newest pixels, so moves go before all
 * damage that waits, and what they move of damaged pixels is damage at its new place.
 *
 * @param inFlight rectangles that are being coded now, with pixels from before or after the change
 * @returns whether damage was merged into damage that had not been sent
 */
export const addChange = (outbox: Outbox, { moves, rects }: Change, inFlight: readonly Rect[]): boolean => {
  const pictureWaits = outbox.items.some((item) => item.kind === 'picture')
  for (const move of moves) {
    if (pictureWaits || !addMove(outbox, move, inFlight)) {
      addDamage(outbox, [move.to])
    }
  }
  return rects.length > 0 && addDamage(outbox, rects)
}

/** @returns whether the move is worth it; else nothing was done */
const addMove = (outbox: Outbox, move: Move, inFlight: readonly Rect[]): boolean => {
  if (outbox.surface === undefined) {
    return false
  }
  const { to, dx, dy } = move
  const damage = outbox.items.find((item) => item.kind === 'damage')
  const old = damage?.rects ?? []
  const stale = [...old, ...inFlight]
    .map((rect) => intersect(shift(rect, dx, dy), to))
    .filter((r) => !isEmpty(r))
  if (regionArea(stale) > MAX_DAMAGED_SHARE * area(to)) {
    return false
  }
  const kept = old.flatMap((rect) => subtract(rect, to))
  outbox.items = outbox.items.filter((item) => item !== damage)
  pushMove(outbox, move)
  addDamage(outbox, [...kept, ...stale])
  return true
}

/** Puts a move at the end, as one with the move before it where that can be. No damage waits. */
const pushMove = (outbox: Outbox, move: Move): void => {
  const before = outbox.items.at(-1)
  if (before?.kind === 'copyBits') {
    const merged = mergeMoves(before.move, move)
    if (merged !== undefined) {
      outbox.items[outbox.items.length - 1] = { kind: 'copyBits', move: merged.move }
      addDamage(outbox, merged.left)
      return
    }
  }
  outbox.items.push({ kind: 'copyBits', move })
  const waiting = outbox.items.flatMap((item) => (item.kind === 'copyBits' ? [item.move.to] : []))
  if (waiting.length > MAX_MOVES) {
    outbox.items = outbox.items.filter((item) => item.kind !== 'copyBits')
    addDamage(outbox, waiting)
  }
}

/** One move for two, and what of both it leaves wrong. */
const mergeMoves = (
  first: Move,
  second: Move,
): { readonly move: Move; readonly left: readonly Rect[] } | undefined => {
  const to = intersect(second.to, shift(first.to, second.dx, second.dy))
  if (isEmpty(to)) {
    return undefined
  }
  const left = [...subtract(second.to, to), ...subtract(first.to, second.to)]
  return regionArea(left) > MAX_MERGE_SHARE * area(to)
    ? undefined
    : { move: { to, dx: first.dx + second.dx, dy: first.dy + second.dy }, left }
}

/**
 * Cuts the next piece of at most `maxPixels` off a damage item, topmost first, full width of its rectangle.
 *
 * @returns `undefined` when nothing is left
 */
export const takePiece = (rects: Rect[], maxPixels: number): Rect | undefined => {
  const rect = rects.shift()
  if (rect === undefined) {
    return undefined
  }
  const width = rect.right - rect.left
  const rows = Math.max(1, Math.floor(maxPixels / width))
  const bottom = Math.min(rect.bottom, rect.top + rows)
  if (bottom < rect.bottom) {
    rects.unshift({ ...rect, top: bottom })
  }
  return { ...rect, bottom }
}
