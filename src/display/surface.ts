import type { Rect } from '../core/region.js'

/** Pixel formats of surfaces; 1_A is refused, as nothing could be sent of it (`protocol-display.md` sections 4 and 10). */
export type SurfaceFormat = 'a8' | 'rgb555' | 'rgb565' | 'xrgb32' | 'argb32'

export const SURFACE_FORMATS: readonly SurfaceFormat[] = ['a8', 'rgb555', 'rgb565', 'xrgb32', 'argb32']

/** Pixels as numbers of the format's depth: 8, 16 or 32 bits each. */
export type PixelArray = Uint8Array | Uint16Array | Uint32Array

/** A picture that drawings go into: rows packed, top row first, one element a pixel. */
export interface Surface {
  readonly format: SurfaceFormat
  /** Pixels. */
  readonly width: number
  readonly height: number
  readonly pixels: PixelArray
}

/** Bytes of a pixel. */
export const bytesPerPixel = (format: SurfaceFormat): 1 | 2 | 4 => {
  switch (format) {
    case 'a8': {
      return 1
    }
    case 'rgb555':
    case 'rgb565': {
      return 2
    }
    case 'xrgb32':
    case 'argb32': {
      return 4
    }
  }
}

/** The primary surface of every console (`protocol-display.md` section 10). */
export const PRIMARY_SURFACE_ID = 0

/** What a source says of a new surface. */
export interface SurfaceSpec {
  readonly id: number
  readonly format: SurfaceFormat
  /** Pixels, 1 to `limit-image-side`. */
  readonly width: number
  readonly height: number
  /** What it shows at first, in its own format; black or transparent when left out. */
  readonly content?: SurfaceContent
}

/** Rows of pixels in the format of a surface, little-endian. */
export interface SurfaceContent {
  readonly data: Uint8Array
  /** Bytes from row to row. */
  readonly stride: number
  readonly topDown: boolean
}

/** Pixels that were read back: `stride * height` bytes in the format of the surface, top row first. */
export interface SurfaceArea {
  readonly format: SurfaceFormat
  readonly width: number
  readonly height: number
  readonly stride: number
  readonly data: Uint8Array
}

/** An empty array for so many pixels, of zeros. */
const newPixels = (format: SurfaceFormat, count: number): PixelArray => {
  switch (bytesPerPixel(format)) {
    case 1: {
      return new Uint8Array(count)
    }
    case 2: {
      return new Uint16Array(count)
    }
    case 4: {
      return new Uint32Array(count)
    }
  }
}

export const newSurface = (format: SurfaceFormat, width: number, height: number): Surface => ({
  format,
  width,
  height,
  pixels: newPixels(format, width * height),
})

/** The memory of a surface as bytes. */
const bytesOf = ({ pixels }: Surface): Uint8Array =>
  new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength)

/** Puts what a source says the surface shows into it; the sizes were checked. */
export const fillSurface = (surface: Surface, { data, stride, topDown }: SurfaceContent): void => {
  const { width, height, format } = surface
  const rowBytes = width * bytesPerPixel(format)
  const bytes = bytesOf(surface)
  for (let y = 0; y < height; y++) {
    const from = (topDown ? y : height - 1 - y) * stride
    bytes.set(data.subarray(from, from + rowBytes), y * rowBytes)
  }
}

/** A copy of a rectangle inside the surface. */
export const copyArea = (surface: Surface, { left, top, right, bottom }: Rect): SurfaceArea => {
  const { format } = surface
  const size = bytesPerPixel(format)
  const width = right - left
  const height = bottom - top
  const bytes = bytesOf(surface)
  const data = new Uint8Array(width * height * size)
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * surface.width + left) * size
    data.set(bytes.subarray(from, from + width * size), y * width * size)
  }
  return { format, width, height, stride: width * size, data }
}
