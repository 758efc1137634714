/** Formats of bitmaps, by the names of `BITMAP_FORMAT` (`protocol-display.md` section 4). */
export type BitmapFormat =
  | 'plt1Le'
  | 'plt1Be'
  | 'plt4Le'
  | 'plt4Be'
  | 'plt8'
  /** x1r5g5b5. */
  | 'rgb16'
  | 'rgb24'
  | 'rgb32'
  /** Alpha in the highest byte, colours multiplied by it. */
  | 'rgba'
  | 'a8'

/** Bits of a pixel. */
export const BITS_PER_PIXEL: Readonly<Record<BitmapFormat, number>> = {
  plt1Le: 1,
  plt1Be: 1,
  plt4Le: 4,
  plt4Be: 4,
  plt8: 8,
  rgb16: 16,
  rgb24: 24,
  rgb32: 32,
  rgba: 32,
  a8: 8,
}

/** Bytes of a row without padding. */
export const packedRowBytes = (format: BitmapFormat, width: number): number =>
  Math.ceil((width * BITS_PER_PIXEL[format]) / 8)

/** Pixels that came with a drawing. They may change while they are read, their sizes may not. */
export interface Bitmap {
  readonly kind: 'bitmap'
  readonly format: BitmapFormat
  /** Pixels. */
  readonly width: number
  readonly height: number
  /** Bytes from row to row; at least {@link packedRowBytes}. */
  readonly stride: number
  readonly topDown: boolean
  /** `stride * height` bytes. */
  readonly data: Uint8Array
  /** 0x00RRGGBB each; entries that are missing are black. Formats `plt…` need one, masks do not. */
  readonly palette?: Uint32Array
}

/** The present pixels of another surface of the console, or of the same one before the drawing. */
export interface SurfaceImage {
  readonly kind: 'surface'
  readonly surface: number
}

export type Image = Bitmap | SurfaceImage
