import { area, intersect, type Rect } from '../../core/region.js'

/** A rectangle that was handed on to be sent, and when. */
export interface RecentPiece {
  readonly box: Rect
  readonly atMs: number
}

/** What is drawn this often within {@link HEAT_MS} is a video or an animation: none of its frames comes back. */
const HOT_TIMES = 3
const HEAT_MS = 1000

/** Pieces that are remembered: some frames of a large screen in pieces. */
const MAX_RECENT = 256

const isRecent = ({ atMs }: RecentPiece, nowMs: number): boolean => atMs <= nowMs && nowMs - atMs < HEAT_MS

/** Do the pixels of a rectangle change so often that looking for them, and keeping them, is of no use? */
export const isHot = (recent: readonly RecentPiece[], box: Rect, nowMs: number): boolean => {
  let pixels = 0
  for (const piece of recent) {
    pixels += isRecent(piece, nowMs) ? area(intersect(piece.box, box)) : 0
  }
  return pixels >= HOT_TIMES * area(box)
}

/** @param recent newest last */
export const noteHeat = (recent: RecentPiece[], box: Rect, nowMs: number): void => {
  const kept = recent.filter((piece) => isRecent(piece, nowMs)).slice(1 - MAX_RECENT)
  recent.splice(0, recent.length, ...kept, { box, atMs: nowMs })
}
