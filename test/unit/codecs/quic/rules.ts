import type { QuicFormat } from '../../../../src/codecs/quic/quic-format.js'

type Bgra = readonly [number, number, number, number]

const noise = (x: number, y: number): Bgra => {
  let v = Math.imul(73856093, x) ^ Math.imul(19349663, y) ^ 0x9e3779b9
  v = Math.imul(v, 0x9e3779b1)
  v ^= v >>> 15
  return [v & 255, (v >>> 8) & 255, (v >>> 16) & 255, v >>> 24]
}

const TILES = [
  [0x10, 0x20, 0x30],
  [0xf0, 0xe0, 0xd0],
  [0x00, 0x80, 0xff],
] as const

const desk = (x: number, y: number): Bgra => {
  const m = x % 7
  switch (((x >> 3) + (y >> 2)) & 3) {
    case 1:
      return (7 * x + 13 * y) % 5 === 0 ? [0, 0, 0, 255] : [255, 255, 255, 255]
    case 2:
      return [3 * x, 5 * y, x + y, 9 * x]
    case 3:
      return [30 * m, 255 - 30 * m, m * m, m]
    default:
      return [255, 255, 255, 255]
  }
}

const SOLID: Bgra = [0x40, 0x80, 0xc0, 0x7f]

/** Colour of one pixel by the generator rules of codecs.md 9; values above 255 are cut when they are stored. */
const RULES = {
  solid: () => SOLID,
  ramp: (x, y) => [16 * x, 64 * y, 8 * x + 32 * y, 255 - ((16 * x) & 255)],
  smooth: (x, y) => [128 + 2 * x + y, x + 3 * y, (x * y) >> 2, x + y],
  gray: (x, y) => [5 * x + 3 * y, 5 * x + 3 * y, 5 * x + 3 * y, 5 * x + 3 * y],
  tiles: (x, y) => [...TILES[((x >> 2) + (y >> 1)) % 3]!, (x >> 3) & 1 ? 255 : 0],
  noise,
  desk,
  bands: (x, y, height) => (y < 4 ? noise(x, y) : y >= height - 4 ? noise(x, y - (height - 4)) : SOLID),
} as const satisfies Record<string, (x: number, y: number, height: number) => Bgra>

export type QuicRule = keyof typeof RULES

export const QUIC_RULES = Object.keys(RULES) as readonly QuicRule[]

const put = (format: QuicFormat, [b, g, r, a]: Bgra): readonly number[] => {
  switch (format) {
    case 'gray':
      return [g]
    case 'rgb16': {
      const value = (((r & 255) >> 3) << 10) | (((g & 255) >> 3) << 5) | ((b & 255) >> 3)
      return [value & 255, value >> 8]
    }
    case 'rgb24':
      return [b, g, r]
    case 'rgb32':
      return [b, g, r, 0]
    case 'rgba':
      return [b, g, r, a]
  }
}

/** Packed pixels of an image of one rule. */
export const rulePixels = (rule: QuicRule, format: QuicFormat, width: number, height: number): Uint8Array => {
  const colourAt = RULES[rule]
  const bytes: number[] = []
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      bytes.push(...put(format, colourAt(x, y, height)))
    }
  }
  return Uint8Array.from(bytes)
}
