import type { Image } from '../image.js'
import type { LzPassKind, LzType } from './lz-format.js'

/** Bits of a unit that take part in comparisons (codecs.md 2.4, `same`). */
export const UNIT_MASK: Readonly<Record<LzPassKind, number>> = {
  plt: 0xff,
  rgb16: 0x7fff,
  rgb: 0xffffff,
  alpha: 0xff,
}

/**
 * Copies the units of one pass out of `image`, whatever its stride, one number each: a palette or alpha byte, a u16, or
 * b | g << 8 | r << 16.
 *
 * @param units at least as long as the image has units
 */
export const loadUnits = (image: Image, type: LzType, kind: LzPassKind, units: Int32Array): void => {
  const { pixels, stride, height } = image
  const step = type.unitBytes
  const perRow = Math.ceil(image.width / type.unitPixels)
  let to = 0
  for (let row = 0; row < height; row++) {
    let at = row * stride
    for (let unit = 0; unit < perRow; unit++, at += step) {
      switch (kind) {
        case 'plt':
          units[to++] = pixels[at] ?? 0
          break
        case 'alpha':
          units[to++] = pixels[at + 3] ?? 0
          break
        case 'rgb16':
          units[to++] = (pixels[at] ?? 0) | ((pixels[at + 1] ?? 0) << 8)
          break
        case 'rgb':
          units[to++] = (pixels[at] ?? 0) | ((pixels[at + 1] ?? 0) << 8) | ((pixels[at + 2] ?? 0) << 16)
          break
      }
    }
  }
}

/** Hash of the three units at `at` (codecs.md 2.4): below 8192. */
export const hashUnits = (units: Int32Array, at: number, kind: LzPassKind): number => {
  let hash = 5381
  for (let unit = at; unit < at + 3; unit++) {
    const value = units[unit] ?? 0
    switch (kind) {
      case 'plt':
      case 'alpha':
        hash = Math.imul(hash, 33) ^ value
        break
      case 'rgb16':
        hash = Math.imul(hash, 33) ^ (value & 255)
        hash = Math.imul(hash, 33) ^ ((value >> 8) & 0x7f)
        break
      case 'rgb':
        hash = Math.imul(hash, 33) ^ (value >> 16)
        hash = Math.imul(hash, 33) ^ ((value >> 8) & 255)
        hash = Math.imul(hash, 33) ^ (value & 255)
        break
    }
  }
  return hash & 8191
}
