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
import type { Change, FillOperator, Move, SurfaceHead } from '../../display/index.js'
import type { FrameSetting } from './streams/frame-setting.js'
import type { VideoName } from './streams/video-codec.js'
import { TILE } from './tile-grid.js'

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
  | PaintItem
  /** The whole of a new surface, in one message where that can be: some clients take the first for the whole. */
  | { readonly kind: 'picture' }
  | MonitorsItem
  | StreamItem
  | { readonly kind: 'mark' }

/** A colour that the guest paints on what is there; comes before the damage that waits, too. */
export interface PaintItem {
  readonly kind: 'paint'
  readonly box: Rect
  readonly operator: FillOperator
  /** 0x00RRGGBB. */
  readonly color: number
}

/** A video stream begins, by its unique id, or ends, by the client's; before all that was damaged since. */
export type StreamItem =
  | { readonly kind: 'streamCreate'; readonly stream: number }
  | { readonly kind: 'streamDestroy'; readonly id: number }

/** The heads on the primary surface. */
export interface MonitorsItem {
  readonly kind: 'monitorsConfig'
  readonly heads: readonly SurfaceHead[]
  /** Heads that there may be. */
  readonly maxAllowed: number
}

/** A rectangle that was taken out of the items, in this order, and is sent when its turn comes. */
export type TakenPiece = ImagePiece | PalettePiece | FillPiece | CachedPiece | FramePiece

/** Its image is being coded. */
export interface ImagePiece {
  readonly kind: 'image'
  readonly box: Rect
  /** The whole picture, or a large part of it: coded in bands where that is faster. */
  readonly whole: boolean
  /** It failed before, so it goes without a codec. */
  readonly raw: boolean
  /** What was in it when it was handed in, for the client's cache. */
  readonly tiles?: PieceTiles | undefined
  /** It makes an area exact that is lossy at the client. */
  readonly lossless?: boolean
}

/** It has few colours, so it is coded when its turn comes, with the palettes that the client has then. */
export interface PalettePiece extends Pick<ImagePiece, 'box' | 'tiles' | 'lossless'> {
  readonly kind: 'palette'
}

/** Hashes of the tiles that a piece touches, cut at its edges. */
export interface PieceTiles {
  readonly hashes: BigUint64Array
  /** `DisplayModel.versionOf` the pixels that were hashed. */
  readonly version: number
}

/** The client has it in its pixmap cache. */
export interface CachedPiece {
  readonly kind: 'cached'
  readonly box: Rect
  /** The image that it is a part of, and where it begins there. */
  readonly id: bigint
  readonly width: number
  readonly height: number
  readonly x: number
  readonly y: number
}

/** A frame of a video stream is being coded. */
export interface FramePiece {
  readonly kind: 'frame'
  /** Unique id of the stream. */
  readonly stream: number
  readonly box: Rect
  readonly codec: VideoName
  readonly setting: FrameSetting
  /** It stands for itself. */
  readonly keyFrame: boolean
  /** Time of the picture, ms. */
  readonly ptsMs: number
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

/** A frame of another size, or none: everything about the old surface that was not sent yet is dropped, but for ends of streams. */
export const replaceSurface = (
  outbox: Outbox,
  surface: { readonly width: number; readonly height: number } | undefined,
  monitors: MonitorsItem,
): void => {
  const ended = outbox.items.filter(({ kind }) => kind === 'streamDestroy')
  outbox.items = outbox.sent === undefined ? ended : [...ended, { kind: 'surfaceDestroy' }]
  outbox.surface = undefined
  if (surface === undefined) {
    return
  }
  const { width, height } = surface
  outbox.surface = { width, height }
  outbox.items.push({ kind: 'surfaceCreate', width, height }, { kind: 'picture' }, monitors, { kind: 'mark' })
}

/** Other heads on the surface: they take the place of those that wait, else they go after all that waits. */
export const replaceHeads = (outbox: Outbox, monitors: MonitorsItem): void => {
  if (outbox.surface === undefined) {
    return
  }
  const waiting = outbox.items.findIndex(({ kind }) => kind === 'monitorsConfig')
  if (waiting < 0) {
    outbox.items.push(monitors)
  } else {
    outbox.items[waiting] = monitors
  }
}

/** Does the client change pixels by itself, knowing those that it has? */
export const isDrawing = (item: OutboxItem): boolean => item.kind === 'copyBits' || item.kind === 'paint'

/** Takes out all damage that waits. What it is added again behind, it can follow: its pixels are the newest. */
export const withdrawDamage = (outbox: Outbox): Rect[] => {
  const rects = waitingDamage(outbox)
  outbox.items = outbox.items.filter((item) => item.kind !== 'damage')
  return rects
}

/** All damage that waits. */
export const waitingDamage = ({ items }: Outbox): Rect[] =>
  items.flatMap((item) => (item.kind === 'damage' ? item.rects : []))

/**
 * Adds damage of the primary surface, merged into what waits already.
 *
 * @returns whether it was merged into damage that had not been sent
 */
export const addDamage = (outbox: Outbox, rects: readonly Rect[]): boolean => {
  if (outbox.surface === undefined) {
    return false
  }
  // Not into damage that goes before a drawing: the pixels would be newer than the drawing.
  const last = outbox.items.findLast((item) => item.kind === 'damage' || isDrawing(item))
  const waiting = last?.kind === 'damage' ? last : undefined
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

/** A move whose source is damaged to this part is not worth its message, unless it saves so many pixels all the same. */
const MAX_DAMAGED_SHARE = 0.5
const MIN_SAVED_PIXELS = 8192

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
  const old = waitingDamage(outbox)
  const stale = [...old, ...inFlight]
    .map((rect) => intersect(shift(rect, dx, dy), to))
    .filter((r) => !isEmpty(r))
  const staleArea = regionArea(stale)
  if (staleArea > MAX_DAMAGED_SHARE * area(to) && area(to) - staleArea < MIN_SAVED_PIXELS) {
    return false
  }
  const kept = old.flatMap((rect) => subtract(rect, to))
  withdrawDamage(outbox)
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

/** What a key press changes: as much as a few letters, pixels. */
const SMALL_PIXELS = 4096

export const isSmall = (rect: Rect): boolean => area(rect) <= SMALL_PIXELS

/**
 * Cuts the next piece of at most `maxPixels` off a damage item: small rectangles first, which may answer input, then topmost first,
 * full width of its rectangle where that makes it as high as a tile. Large ones are cut between the tiles of the pixmap cache, so that
 * each tile is in one piece.
 *
 * @returns `undefined` when nothing is left
 */
export const takePiece = (rects: Rect[], maxPixels: number): Rect | undefined => {
  const [rect] = rects.splice(Math.max(0, rects.findIndex(isSmall)), 1)
  if (rect === undefined) {
    return undefined
  }
  const band = Math.min(rect.bottom, (Math.floor(rect.top / TILE) + 1) * TILE)
  const bandWidth = Math.floor(maxPixels / (band - rect.top))
  const rows = Math.max(1, Math.floor(maxPixels / (rect.right - rect.left)))
  const isNarrow = rows < band - rect.top && bandWidth >= TILE
  const bottom = isNarrow ? band : cutAt(rect.top, rect.bottom, rows)
  const right = isNarrow ? cutAt(rect.left, rect.right, bandWidth) : rect.right
  if (bottom < rect.bottom) {
    rects.unshift({ ...rect, top: bottom })
  }
  if (right < rect.right) {
    rects.unshift({ ...rect, left: right, bottom })
  }
  return { ...rect, right, bottom }
}

/** The end of at most `most` from `from` on: between two tiles, where there is one. */
const cutAt = (from: number, to: number, most: number): number => {
  const between = Math.floor((from + most) / TILE) * TILE
  return to - from <= most ? to : between > from ? between : from + most
}
