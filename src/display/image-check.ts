import type { Limits } from '../core/limits.js'
import { checkSize, checkWhole, MAX_I32, MAX_U32, refuse } from './guest-check.js'
import { packedRowBytes, type Bitmap, type Image } from './image.js'
import type { Surface } from './surface.js'

/** Limits that drawings are held to. */
export type DrawingLimits = Pick<
  Limits,
  | 'image-side'
  | 'image-pixels'
  | 'surfaces'
  | 'surface-bytes'
  | 'path-segments'
  | 'path-points'
  | 'clip-rects'
  | 'stroke-pixels'
  | 'text-glyphs'
  | 'text-pixels'
>

/** What drawings are checked against. */
export interface DrawingRoom {
  readonly limits: DrawingLimits
  readonly surfaces: (id: number) => Surface | undefined
}

export interface ImageSize {
  readonly width: number
  readonly height: number
}

/** Entries of a palette (`qxl-device.md` section 16). */
const MAX_PALETTE_ENTRIES = 256

const NEEDS_PALETTE: readonly Bitmap['format'][] = ['plt1Le', 'plt1Be', 'plt4Le', 'plt4Be', 'plt8']

/**
 * The surface of an id.
 *
 * @throws SidecarError SIDECAR_GUEST when there is none
 */
export const checkedSurface = (id: number, { surfaces }: DrawingRoom, what: string): Surface => {
  checkWhole(id, 0, MAX_U32, what)
  return surfaces(id) ?? refuse(`${what} does not exist`, { surface: id })
}

const checkBitmap = (bitmap: Bitmap, limits: DrawingLimits, what: string): void => {
  const { format, width, height, stride, data, palette } = bitmap
  checkSize(width, height, limits, what)
  checkWhole(stride, packedRowBytes(format, width), MAX_I32, `stride of ${what}`)
  if (stride * height > data.length) {
    refuse(`${what} has too few bytes`, { stride, height, bytes: data.length })
  }
  if (palette !== undefined && palette.length > MAX_PALETTE_ENTRIES) {
    refuse(`${what} has too large a palette`, { entries: palette.length })
  }
}

/**
 * An image that is drawn.
 *
 * @throws SidecarError SIDECAR_GUEST
 */
export const checkImage = (image: Image, room: DrawingRoom, what: string): ImageSize => {
  if (image.kind === 'surface') {
    return checkedSurface(image.surface, room, what)
  }
  checkBitmap(image, room.limits, what)
  if (image.palette === undefined && NEEDS_PALETTE.includes(image.format)) {
    refuse(`${what} lacks its palette`, { format: image.format })
  }
  return image
}

/**
 * An image of 1 bit a pixel, whose palette does not matter. No surface has that format.
 *
 * @throws SidecarError SIDECAR_GUEST
 */
export const checkMaskImage = (image: Image, room: DrawingRoom): void => {
  if (image.kind === 'surface' || (image.format !== 'plt1Le' && image.format !== 'plt1Be')) {
    return refuse('a mask is not an image of 1 bit', { kind: image.kind })
  }
  checkBitmap(image, room.limits, 'a mask')
}
