import type { Image } from '../src/codecs/image.js'

/** Whole-number hash of a place, 32 bits: the same picture on every machine. */
const hash = (x: number, y: number, seed: number): number => {
  let v = Math.imul(x, 73856093) ^ Math.imul(y, 19349663) ^ Math.imul(seed, 83492791)
  v = Math.imul(v ^ (v >>> 16), 0x85ebca6b)
  v = Math.imul(v ^ (v >>> 13), 0xc2b2ae35)
  return (v ^ (v >>> 16)) >>> 0
}

const gray = (v: number): number => v | (v << 8) | (v << 16)

const rgb = (r: number, g: number, b: number): number => b | (g << 8) | (r << 16)

/** Coverage of one pixel of glyph number `glyph`, 0 to 255: strokes with soft edges in an 8 by 16 cell. */
const glyphCoverage = (glyph: number, x: number, y: number): number => {
  if (glyph === 0 || y < 3 || y > 12 || x > 6) {
    return 0
  }
  const stem = hash(glyph, 1, 7) % 5
  const bar = 4 + (hash(glyph, 2, 7) % 7)
  const bowl = Math.hypot(x - 3, (y - 8) * 0.8)
  const shape = Math.max(
    x === stem ? 255 : x === stem + 1 ? 96 : 0,
    y === bar ? 230 : y === bar + 1 ? 64 : 0,
    hash(glyph, 3, 7) % 2 === 0 ? Math.max(0, 255 - Math.abs(bowl - 3) * 255) : 0,
  )
  return Math.min(255, Math.round(shape))
}

const textColour = (x: number, y: number, ink: number, paper: number): number => {
  const line = y >> 4
  const column = x >> 3
  const indent = hash(0, line, 1) % 12
  const length = hash(1, line, 1) % 130
  const word = hash(column >> 1, line, 2) % 5 === 0
  const glyph = column < indent || column > indent + length || word ? 0 : 1 + (hash(column, line, 3) % 60)
  const coverage = glyphCoverage(glyph, x & 7, y & 15)
  return gray(Math.round(paper + ((ink - paper) * coverage) / 255))
}

const uiColour = (x: number, y: number): number => {
  if (y < 32) {
    return rgb(48 + y, 52 + y, 60 + y)
  }
  if (x < 220) {
    const row = Math.floor((y - 32) / 28)
    const inRow = (y - 32) % 28
    const back = row === 3 ? rgb(60, 120, 216) : rgb(245, 245, 247)
    const icon = x > 10 && x < 26 && inRow > 6 && inRow < 22
    if (icon) {
      return rgb((hash(row, 0, 5) & 127) + inRow * 4, hash(row, 1, 5) & 255, (x * 6) & 255)
    }
    return x > 36 && inRow > 5 && inRow < 21 ? textColour(x + row * 40, inRow - 5 + row * 16, 40, 245) : back
  }
  const [cardX, cardY] = [(x - 220) % 340, (y - 32) % 210]
  if (cardX < 16 || cardY < 16) {
    return rgb(230, 232, 236)
  }
  const edge = cardX === 16 || cardX === 339 || cardY === 16 || cardY === 209
  if (edge) {
    return rgb(190, 194, 200)
  }
  if (cardY > 170 && cardX > 220 && cardX < 320 && cardY < 198) {
    return rgb(66, 133, 244 - (cardY - 170) * 2)
  }
  return cardY > 40 && cardY < 160 && cardX > 30 ? textColour(x, y, 32, 255) : rgb(255, 255, 255)
}

/** Value noise, 0 to 1, that changes smoothly over `cell` pixels. */
const smoothNoise = (x: number, y: number, cell: number, seed: number): number => {
  const [gx, gy] = [Math.floor(x / cell), Math.floor(y / cell)]
  const [tx, ty] = [x / cell - gx, y / cell - gy]
  const [sx, sy] = [tx * tx * (3 - 2 * tx), ty * ty * (3 - 2 * ty)]
  const at = (i: number, j: number): number => hash(gx + i, gy + j, seed) / 2 ** 32
  const top = at(0, 0) * (1 - sx) + at(1, 0) * sx
  const bottom = at(0, 1) * (1 - sx) + at(1, 1) * sx
  return top * (1 - sy) + bottom * sy
}

/** Soft shapes, fine detail in places, grain of one brightness for all channels, none in the soft places. */
const photoColour = (x: number, y: number): number => {
  const busy = Math.max(0, smoothNoise(x, y, 120, 41) - 0.4)
  const detail = busy * (smoothNoise(x, y, 5, 42) - 0.5) * 120
  const grain = Math.round(busy * 5 * (hash(x, y, 43) / 2 ** 32 - 0.5))
  const channel = (seed: number): number => {
    const shape = smoothNoise(x, y, 300, seed) * 0.7 + smoothNoise(x, y, 60, seed + 1) * 0.3
    return Math.max(0, Math.min(255, Math.round(shape * 200 + 20 + detail) + grain))
  }
  return rgb(channel(11), channel(21), channel(31))
}

const COLOURS = {
  text: (x, y) => textColour(x, y, 0, 255),
  ui: uiColour,
  gradient: (x, y, width, height) =>
    rgb(
      Math.floor((x * 255) / width),
      Math.floor((y * 255) / height),
      Math.floor(((x + y) * 127) / (width + height)),
    ),
  noise: (x, y) => hash(x, y, 9) & 0xffffff,
  photo: photoColour,
} as const satisfies Record<string, (x: number, y: number, width: number, height: number) => number>

export type ImageClass = keyof typeof COLOURS

export const IMAGE_CLASSES = Object.keys(COLOURS) as ImageClass[]

/** A generated RGB32 picture; small ones are cut out of the middle of things, where there is something to see. */
export const benchImage = (name: ImageClass, width: number, height: number): Image => {
  const words = new Uint32Array(width * height)
  const [left, top] = width >= 640 ? [0, 0] : name === 'ui' ? [196, 12] : [290, 90]
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      words[y * width + x] = COLOURS[name](x + left, y + top, width + left, height + top)
    }
  }
  return {
    format: 'rgb32',
    width,
    height,
    stride: width * 4,
    topDown: true,
    pixels: new Uint8Array(words.buffer),
  }
}
