import type { Rect } from '../core/region.js'

/** Guest memory that a drawing command still refers to; released once, when no client needs it any more. */
export interface Lease {
  release(): void
}

/**
 * A drawing command on a surface. Pixel sources have none; a source of drawing commands adds its kinds here, and the
 * display channel sends each one in order.
 */
export type Drawable =
  | {
      readonly kind: 'copy'
      readonly surface: number
      readonly box: Rect
      /** Pixels of the box, 4 bytes each, blue, green, red, unused; `stride` bytes a row. */
      readonly pixels: Uint8Array
      readonly stride: number
    }
  | { readonly kind: 'fill'; readonly surface: number; readonly box: Rect; readonly colour: number }
  | {
      readonly kind: 'copyBits'
      readonly surface: number
      readonly box: Rect
      readonly sourceX: number
      readonly sourceY: number
    }
