import { addToRegion, rectOf, type Rect } from '../../core/region.js'

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
  /** The whole of a new surface, in one message where that can be: some clients take the first for the whole. */
  | { readonly kind: 'picture'; readonly progress: PictureProgress }
  | { readonly kind: 'monitorsConfig'; readonly width: number; readonly height: number }
  | { readonly kind: 'mark' }

/** How far a picture is coded. */
export interface PictureProgress {
  /** Rows sent, from the top. */
  sent: number
  /** Rows coded, those sent included. */
  rows: number
  /** Coded bands that were not sent; empty when the picture goes raw. */
  bands: Uint8Array[]
}

/** Ordered items of one display channel, and the surface that the client will have once all are sent; plain. */
export interface Outbox {
  items: OutboxItem[]
  /** Surface as of the last item; `undefined`: none. */
  surface: { width: number; height: number } | undefined
  /** Surface that the client has now. */
  sent: { width: number; height: number } | undefined
}

export const newOutbox = (): Outbox => ({ items: [], surface: undefined, sent: undefined })

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
    { kind: 'picture', progress: { sent: 0, rows: 0, bands: [] } },
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

/** All of the present surface has to be sent again. */
export const damageAll = (outbox: Outbox): void => {
  const { surface } = outbox
  if (surface !== undefined) {
    addDamage(outbox, [rectOf(0, 0, surface.width, surface.height)])
  }
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
