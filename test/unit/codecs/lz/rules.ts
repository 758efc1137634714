import type { PixelFormat } from '../../../../src/codecs/image.js'

type Bgra = readonly [number, number, number, number]

const noise = (x: number, y: number): Bgra => {
  let v = Math.imul(73856093, x) ^ Math.imul(19349663, y) ^ 0x9e3779b9
  v = Math.imul(v, 0x9e3779b1)
  v ^= v >>> 15
  return [v & 255, (v >>> 8) & 255, (v >>> 16) & 255, v >>> 24]
}

const WHITE: Bgra = [255, 255, 255, 255]
const SOLID: Bgra = [0x40, 0x80, 0xc0, 0x7f]
const TILES = [
  [0x10, 0x20, 0x30],
  [0xf0, 0xe0, 0xd0],
  [0x00, 0x80, 0xff],
] as const

const desk = (x: number, y: number): Bgra => {
  const m = x % 7
  switch (((x >> 3) + (y >> 2)) & 3) {
    case 1:
      return (7 * x + 13 * y) % 5 === 0 ? [0, 0, 0, 255] : WHITE
    case 2:
      return [3 * x, 5 * y, x + y, 9 * x]
    case 3:
      return [30 * m, 255 - 30 * m, m * m, m]
    default:
      return WHITE
  }
}

/** Colour of one pixel by the generator rules of codecs.md 9; values above 255 are cut when they are stored. */
const rulePixel = (rule: string, x: number, y: number, height: number): Bgra => {
  switch (rule) {
    case 'ramp':
      return [16 * x, 64 * y, 8 * x + 32 * y, 255 - ((16 * x) & 255)]
    case 'smooth':
      return [128 + 2 * x + y, x + 3 * y, (x * y) >> 2, x + y]
    case 'tiles': {
      const [b, g, r] = TILES[((x >> 2) + (y >> 1)) % 3]!
      return [b, g, r, (x >> 3) & 1 ? 255 : 0]
    }
    case 'noise':
      return noise(x, y)
    case 'desk':
      return desk(x, y)
    case 'bands':
      return y < 4 ? noise(x, y) : y >= height - 4 ? noise(x, y - (height - 4)) : SOLID
    case 'solid':
      return SOLID
    default:
      throw new Error(`no generator rule ${rule}`)
  }
}

export const LZ_RULES = ['solid', 'ramp', 'smooth', 'tiles', 'noise', 'desk', 'bands'] as const

/** Packed pixels of an image of one rule. */
export const rulePixels = (rule: string, format: PixelFormat, width: number, height: number): Uint8Array => {
  const rowBits = { plt1: width, plt4: width * 4 }[format.slice(0, 4)] ?? 0
  const unitBytes = { rgb16: 2, rgb24: 3, rgb32: 4, rgba: 4, xxxa: 4 }[format as string] ?? 1
  const stride = rowBits > 0 ? Math.ceil(rowBits / 8) : width * unitBytes
  const pixels = new Uint8Array(stride * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [b, g, r, a] = rulePixel(rule, x, y, height).map((value) => value & 255) as unknown as Bgra
      const at = y * stride + x * unitBytes
      switch (format) {
        case 'plt1-le':
        case 'plt1-be': {
          const bit = format === 'plt1-le' ? x & 7 : 7 - (x & 7)
          pixels[y * stride + (x >> 3)]! |= Number(b + g + r >= 384) << bit
          break
        }
        case 'plt4-le':
        case 'plt4-be': {
          const low = (format === 'plt4-le') === (x % 2 === 0)
          pixels[y * stride + (x >> 1)]! |= (b >> 4) << (low ? 0 : 4)
          break
        }
        case 'plt8':
          pixels[at] = (b ^ g) & 31
          break
        case 'a8':
          pixels[at] = a
          break
        case 'rgb16': {
          const value = ((r >> 3) << 10) | ((g >> 3) << 5) | (b >> 3)
          pixels.set([value & 255, value >> 8], at)
          break
        }
        case 'rgb24':
          pixels.set([b, g, r], at)
          break
        case 'rgb32':
          pixels.set([b, g, r, 0], at)
          break
        case 'rgba':
          pixels.set([b, g, r, a], at)
          break
        case 'xxxa':
          pixels.set([0, 0, 0, a], at)
          break
      }
    }
  }
  return pixels
}
