import type { Bitmap, Drawable, Surface, SurfaceFormat } from '../../src/display/index.js'
import { rectOf } from '../../src/core/region.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { checkDrawable, newSurface } from '../../src/display/index.js'
import { Canvas } from '../../src/render/index.js'

/** Rows of signs as a surface: each sign is a pixel by `key`. */
export const surfaceOf = (
  rows: readonly string[],
  key: Readonly<Record<string, number>>,
  format: SurfaceFormat = 'xrgb32',
): Surface => {
  const surface = newSurface(format, rows[0]!.length, rows.length)
  surface.pixels.set(rows.flatMap((row) => Array.from(row, (sign) => key[sign]!)))
  return surface
}

/** The same the other way; pixels without a sign are `?`. */
export const rowsOf = ({ width, pixels }: Surface, key: Readonly<Record<string, number>>): string[] => {
  const signs = new Map(Object.entries(key).map(([sign, pixel]) => [pixel, sign]))
  const all = Array.from(pixels, (pixel) => signs.get(pixel) ?? '?').join('')
  return Array.from({ length: pixels.length / width }, (_, y) => all.slice(y * width, (y + 1) * width))
}

/** Pixels in hexadecimal, row by row. */
export const hexOf = ({ width, pixels }: Surface): string[] =>
  Array.from({ length: pixels.length / width }, (_, y) =>
    Array.from(pixels.subarray(y * width, (y + 1) * width), (pixel) =>
      pixel.toString(16).padStart(6, '0'),
    ).join(' '),
  )

/** A bitmap of 32 bits a pixel. */
export const bitmapOf = (
  width: number,
  words: readonly number[],
  format: 'rgb32' | 'rgba' = 'rgb32',
): Bitmap => ({
  kind: 'bitmap',
  format,
  width,
  height: words.length / width,
  stride: width * 4,
  topDown: true,
  data: new Uint8Array(Uint32Array.from(words).buffer),
})

/** Leaves out from each member of a union. */
type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

/** Draws on one surface, number 0, all over unless said otherwise. */
export const drawOn = (
  surface: Surface,
  drawable: Without<Drawable, 'surface' | 'box'> & Partial<Pick<Drawable, 'box'>>,
  others: ReadonlyMap<number, Surface> = new Map(),
): Surface => {
  const whole = { surface: 0, box: rectOf(0, 0, surface.width, surface.height), ...drawable } as Drawable
  const surfaces = (id: number): Surface | undefined => (id === 0 ? surface : others.get(id))
  const target = checkDrawable(whole, { limits: DEFAULT_LIMITS, surfaces })
  new Canvas(DEFAULT_LIMITS).draw(target, whole, surfaces)
  return surface
}
