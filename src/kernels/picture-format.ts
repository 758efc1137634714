import type { Rect } from '../core/region.js'

/** Pixels of a strip, the unit in which pictures are compared. */
export const STRIP = 64

/** Pixels of a probe. */
export const PROBE = 32

/** A probe that was found: its number, and where its first pixel is, from the corner of the window. */
export interface ProbeFind {
  readonly number: number
  readonly x: number
  readonly y: number
}

/** Strips of a window, row by row. */
export interface Strips {
  /** 1 equal, 0 different; a view that the next call overwrites. */
  readonly equal: Uint8Array
  readonly different: number
}

/** More probes than this are not looked for. */
export const MAX_PROBES = 256

/**
 * Two pictures of one size in memory of their own: `old`, which is what was last taken, and `fresh`, into which new pixels are
 * copied; and what tells the difference (`performance-notes.md` section 3). Rows are packed, 4 bytes a pixel, the last of which
 * is never looked at. The memory is shared, so that other threads can read `old`.
 *
 * Windows are rectangles inside the pictures; what is outside is a RangeError.
 */
export interface PictureStore {
  /** Pixels. */
  readonly width: number
  readonly height: number
  readonly old: Uint8Array
  readonly fresh: Uint8Array
  /**
   * Makes the pictures another size in the same memory, with any pixels.
   *
   * @returns whether they fit, and are not so small that they should have a memory of their own
   */
  reshape(width: number, height: number): boolean
  /**
   * Compares the fresh pixels of a window with the old ones displaced by (`dx`, `dy`): pixel (x, y) against (x - dx, y - dy),
   * which is different where it is outside the window.
   */
  compare(window: Rect, dx?: number, dy?: number): Strips
  /** The fresh pixels of a window become the old ones. */
  take(window: Rect): void
  /** Moves old pixels to `to`, from (`dx`, `dy`) further left and up, which must be inside the picture. */
  move(to: Rect, dx: number, dy: number): void
  /**
   * A hash for the strip of each row of a window that begins `x` pixels from its left edge; 0 for one of a single colour.
   *
   * @returns a view that the next call overwrites
   */
  stripHashes(picture: 'old' | 'fresh', window: Rect, x: number): Uint32Array
  /**
   * Looks in every `step`th row of the old picture for runs of {@link PROBE} pixels of the fresh one that begin at `points` (from
   * the corner of the window); those with fewer than `turns` changes of colour are left out, as they could be anywhere.
   *
   * @param points each with {@link PROBE} pixels to its right; only the first {@link MAX_PROBES} are looked for
   * @returns finds, whose number is the index of the point; a hash may lie, so they have to be verified
   */
  search(
    window: Rect,
    points: readonly { readonly x: number; readonly y: number }[],
    step: number,
    turns: number,
  ): ProbeFind[]
}
