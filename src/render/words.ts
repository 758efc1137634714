import type { SurfaceFormat } from '../display/index.js'

/**
 * Pixels of all formats meet as words of 32 bits: alpha, red, green, blue from the highest byte on. Formats without alpha leave
 * that byte as it is in memory, or 0.
 */
export type Word = number

const expand5 = (v: number): number => (v << 3) | (v >> 2)
const expand6 = (v: number): number => (v << 2) | (v >> 4)

export const wordOf555 = (v: number): Word =>
  (expand5((v >> 10) & 31) << 16) | (expand5((v >> 5) & 31) << 8) | expand5(v & 31)

export const wordOf565 = (v: number): Word =>
  (expand5((v >> 11) & 31) << 16) | (expand6((v >> 5) & 63) << 8) | expand5(v & 31)

/** Colours lose their low bits (`protocol-display.md` section 9). */
const word555 = (w: Word): number => ((w >> 9) & 0x7c00) | ((w >> 6) & 0x3e0) | ((w >> 3) & 0x1f)
const word565 = (w: Word): number => ((w >> 8) & 0xf800) | ((w >> 5) & 0x7e0) | ((w >> 3) & 0x1f)

/** The word of a pixel of a surface. */
export const toWord = (format: SurfaceFormat): ((pixel: number) => Word) => {
  switch (format) {
    case 'a8': {
      return (pixel) => pixel << 24
    }
    case 'rgb555': {
      return wordOf555
    }
    case 'rgb565': {
      return wordOf565
    }
    case 'xrgb32':
    case 'argb32': {
      return (pixel) => pixel
    }
  }
}

/** The pixel of a surface nearest to a word. */
export const fromWord = (format: SurfaceFormat): ((word: Word) => number) => {
  switch (format) {
    case 'a8': {
      return (word) => word >>> 24
    }
    case 'rgb555': {
      return word555
    }
    case 'rgb565': {
      return word565
    }
    case 'xrgb32':
    case 'argb32': {
      return (word) => word
    }
  }
}

/** The pixel that a brush of one colour paints: on an 8-bit surface the low byte is the pixel. */
export const colorPixel = (format: SurfaceFormat, color: Word): number =>
  format === 'a8' ? color & 0xff : fromWord(format)(color)

/** All bits of a pixel. */
export const pixelMask = (format: SurfaceFormat): number => {
  switch (format) {
    case 'a8': {
      return 0xff
    }
    case 'rgb555':
    case 'rgb565': {
      return 0xffff
    }
    case 'xrgb32':
    case 'argb32': {
      return 0xffff_ffff
    }
  }
}

/** Does the format keep an alpha of its own? */
export const hasAlpha = (format: SurfaceFormat): boolean => format === 'argb32' || format === 'a8'
