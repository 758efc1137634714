import type { Image } from '../image.js'
import type { GlzType } from './glz-format.js'

/** How pixels moved since an earlier image of the same size: what is at (x, y) now was at (x - dx, y - dy). */
export interface GlzMotion {
  readonly dx: number
  readonly dy: number
}

/** One image on its way through a coder. */
export interface GlzTask {
  readonly image: Image
  readonly type: GlzType
  /** Place of the image in the order of the dictionary, from 0 on. */
  readonly sequence: number
  /** First image that may be referred to; `sequence` itself when there is none. */
  readonly first: number
  readonly motion: GlzMotion | undefined
}

/** Images that a coder can tell apart at most; a window of more loses its oldest. */
export const GLZ_MAX_IMAGES = 8192

/** Keeps pixels of earlier images and makes the bodies of new ones from them; knows nothing of ids and channels. */
export interface GlzCoder {
  /**
   * Memory where the caller may put the packed pixels of the image to code next, so that they need no copy; ask anew for
   * every image.
   */
  readonly staging: Uint8Array | undefined
  /**
   * Appends the body of an image to `out` from `at` on, and keeps its pixels.
   *
   * @returns end of the body, or -1 when it does not fit; the image then does not exist, its sequence number is free
   */
  code(task: GlzTask, out: Uint8Array, at: number): number
  /** Sequence numbers of the earlier images that the image coded last refers to, in no order; some may come twice. */
  referred(): Iterable<number>
  /** Gives all memory back; nothing may be called after it. */
  close(): void
}
