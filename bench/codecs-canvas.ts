import type { Image } from '../src/codecs/image.js'

/** Whole-number hash of a place, 32 bits: the same picture on every machine. */
export function hash(x: number, y: number, seed: number): number {
  let v = Math.imul(x, 73856093) ^ Math.imul(y, 19349663) ^ Math.imul(seed, 83492791)
  v = Math.imul(v ^ (v >>> 16), 0x85ebca6b)
  v = Math.imul(v ^ (v >>> 13), 0xc2b2ae35)
  return (v ^ (v >>> 16)) >>> 0
}

/** Red, green and blue in 0 to 255, held to that range. */
export function rgb(r: number, g: number, b: number): number {
  const byte = (v: number): number => (v < 0 ? 0 : v > 255 ? 255 : Math.round(v))
  return byte(b) | (byte(g) << 8) | (byte(r) << 16)
}

/** Between two colours, 0 to 1. */
export function mix(from: number, to: number, part: number): number {
  const at = (shift: number): number => {
    const low = (from >> shift) & 255
    return low + (((to >> shift) & 255) - low) * part
  }
  return rgb(at(16), at(8), at(0))
}

const WORDS = (
  'the of and to in is that it was for on are as with they at be this have from or one had by word but not what all ' +
  'were we when your can said there use an each which she do how their if will up other about out many then them ' +
  'these so some her would make like him into time has look two more write go see number no way could people my ' +
  'than first water been call who oil its now find long down day did get come made may part display channel server'
).split(' ')

/** A word of English, not evenly spread: the short ones come often. */
export function word(n: number, seed: number): string {
  const dice = hash(n, 17, seed)
  const range = dice & 1 ? 12 : WORDS.length
  return WORDS[(dice >>> 8) % range]!
}

/** Words of about `length` letters in all. */
export function sentence(length: number, seed: number): string {
  let text = ''
  for (let n = 0; text.length < length; n++) {
    text += `${text === '' ? '' : ' '}${word(n, seed)}`
  }
  return text.slice(0, length)
}

export const GLYPH_HEIGHT = 16

/** Coverage of a letter in an 8 by 16 cell, 0 to 255 in steps of 17: strokes with soft edges, another shape each. */
function drawGlyph(code: number): Uint8Array {
  const cell = new Uint8Array(8 * GLYPH_HEIGHT)
  if (code <= 32) {
    return cell
  }
  const tall = 'bdfhkltABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'.includes(String.fromCharCode(code))
  const [top, bottom] = [tall ? 2 : 5, 'gjpqy'.includes(String.fromCharCode(code)) ? 15 : 12]
  const stem = hash(code, 1, 7) % 5
  const bar = top + (hash(code, 2, 7) % (bottom - top))
  const round = hash(code, 3, 7) % 3 !== 0
  const slant = hash(code, 4, 7) % 4 === 0
  for (let y = top; y <= bottom; y++) {
    for (let x = 0; x < 7; x++) {
      const bowl = round ? 255 - Math.abs(Math.hypot(x - 3, (y - 8.7) * 0.8) - 2.8) * 255 : 0
      const stroke = slant ? 255 - Math.abs(x - 1 - ((bottom - y) * 5) / (bottom - top)) * 200 : 0
      const line = x === stem ? 255 : x === stem + 1 ? 85 : 0
      const cross = x > 0 && x < 6 ? (y === bar ? 238 : y === bar + 1 ? 51 : 0) : 0
      cell[y * 8 + x] = Math.round(Math.min(255, Math.max(0, bowl, stroke, line, cross)) / 17) * 17
    }
  }
  return cell
}

const glyphs = new Map<number, Uint8Array>()

function glyph(code: number): Uint8Array {
  let cell = glyphs.get(code)
  if (cell === undefined) {
    cell = drawGlyph(code)
    glyphs.set(code, cell)
  }
  return cell
}

export interface TextStyle {
  readonly ink: number
  /** Columns between letters; 8 is a terminal's, without it letters have widths of their own. */
  readonly advance?: number
  /** Whole factor of enlargement. */
  readonly scale?: number
  /** Without soft edges. */
  readonly hard?: boolean
}

/** A picture to draw on: words of x, r, g, b. */
export class Canvas {
  readonly width: number
  readonly height: number
  readonly words: Uint32Array

  constructor(width: number, height: number, paper = 0) {
    this.width = width
    this.height = height
    this.words = new Uint32Array(width * height).fill(paper)
  }

  set(x: number, y: number, colour: number): void {
    if (x >= 0 && y >= 0 && x < this.width && y < this.height) {
      this.words[y * this.width + x] = colour
    }
  }

  fill(x: number, y: number, width: number, height: number, colour: number): void {
    const [left, right] = [Math.max(0, x), Math.min(this.width, x + width)]
    for (let row = Math.max(0, y); row < Math.min(this.height, y + height); row++) {
      this.words.fill(colour, row * this.width + left, row * this.width + Math.max(left, right))
    }
  }

  frame(x: number, y: number, width: number, height: number, colour: number): void {
    this.fill(x, y, width, 1, colour)
    this.fill(x, y + height - 1, width, 1, colour)
    this.fill(x, y, 1, height, colour)
    this.fill(x + width - 1, y, 1, height, colour)
  }

  /** Every pixel of an area from a function of its place in the area. */
  shade(x: number, y: number, width: number, height: number, colour: (x: number, y: number) => number): void {
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        this.set(x + column, y + row, colour(column, row))
      }
    }
  }

  /** A filled circle with a soft edge. */
  disc(centreX: number, centreY: number, radius: number, colour: number): void {
    for (let y = -radius - 1; y <= radius + 1; y++) {
      for (let x = -radius - 1; x <= radius + 1; x++) {
        const cover = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(x, y)))
        this.#blend(centreX + x, centreY + y, colour, cover)
      }
    }
  }

  /** @returns the column behind the last letter */
  text(x: number, y: number, text: string, { ink, advance, scale = 1, hard = false }: TextStyle): number {
    let at = x
    for (let n = 0; n < text.length; n++) {
      const code = text.charCodeAt(n)
      const cell = glyph(code)
      for (let row = 0; row < GLYPH_HEIGHT * scale; row++) {
        for (let column = 0; column < 8 * scale; column++) {
          const cover = cell[Math.floor(row / scale) * 8 + Math.floor(column / scale)]!
          if (cover > 0) {
            this.#blend(at + column, y + row, ink, hard ? Math.round(cover / 255) : cover / 255)
          }
        }
      }
      at += scale * (advance ?? 6 + (hash(code, 9, 7) % 3))
    }
    return at
  }

  image(): Image {
    const { width, height, words } = this
    const pixels = new Uint8Array(words.buffer)
    return { format: 'rgb32', width, height, stride: width * 4, topDown: true, pixels }
  }

  #blend(x: number, y: number, colour: number, cover: number): void {
    if (cover > 0 && x >= 0 && y >= 0 && x < this.width && y < this.height) {
      const at = y * this.width + x
      this.words[at] = mix(this.words[at]!, colour, cover)
    }
  }
}

/** A rectangle of an image as an image of its own, packed. */
export function cropped(image: Image, x: number, y: number, width: number, height: number): Image {
  const pixels = new Uint8Array(width * height * 4)
  for (let row = 0; row < height; row++) {
    const from = (y + row) * image.stride + x * 4
    pixels.set(image.pixels.subarray(from, from + width * 4), row * width * 4)
  }
  return { ...image, width, height, stride: width * 4, pixels }
}
