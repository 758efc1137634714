import { readFileSync } from 'node:fs'
import { decodePng } from './picture-png.js'

/** Where two pictures first differ. */
export interface Difference {
  readonly x: number
  readonly y: number
  readonly left: string
  readonly right: string
  /** Number of differing pixels in all. */
  readonly pixels: number
}

export interface Point {
  readonly x: number
  readonly y: number
}

/** Pixels as people see them: 3 bytes red, green, blue each, rows without padding. */
export class Picture {
  readonly width: number
  readonly height: number
  readonly rgb: Uint8Array

  constructor(width: number, height: number, rgb: Uint8Array) {
    if (rgb.length !== width * height * 3) {
      throw new Error(`picture of ${width}x${height} with ${rgb.length} bytes`)
    }
    this.width = width
    this.height = height
    this.rgb = rgb
  }

  /** From rows of blue, green, red, unused: what a SPICE surface of format 32 and a QEMU x8r8g8b8 surface hold. */
  static fromBgrx(width: number, height: number, stride: number, bytes: Uint8Array): Picture {
    const rgb = new Uint8Array(width * height * 3)
    for (let y = 0, to = 0; y < height; y++) {
      for (let x = 0, from = y * stride; x < width; x++, from += 4, to += 3) {
        rgb[to] = bytes[from + 2]!
        rgb[to + 1] = bytes[from + 1]!
        rgb[to + 2] = bytes[from]!
      }
    }
    return new Picture(width, height, rgb)
  }

  equals(other: Picture): boolean {
    return (
      this.width === other.width && this.height === other.height && Buffer.compare(this.rgb, other.rgb) === 0
    )
  }

  /** Undefined when equal. Pictures of different size differ at 0,0 with their sizes as the values. */
  firstDifference(other: Picture): Difference | undefined {
    if (this.width !== other.width || this.height !== other.height) {
      const pixels = Math.max(this.width * this.height, other.width * other.height)
      return { x: 0, y: 0, left: this.size, right: other.size, pixels }
    }
    let first = -1
    let pixels = 0
    for (let at = 0; at < this.rgb.length; at += 3) {
      if (
        this.rgb[at] !== other.rgb[at] ||
        this.rgb[at + 1] !== other.rgb[at + 1] ||
        this.rgb[at + 2] !== other.rgb[at + 2]
      ) {
        pixels++
        first = first < 0 ? at / 3 : first
      }
    }
    if (first < 0) {
      return undefined
    }
    const x = first % this.width
    const y = Math.floor(first / this.width)
    return { x, y, left: this.pixel(x, y), right: other.pixel(x, y), pixels }
  }

  get size(): string {
    return `${this.width}x${this.height}`
  }

  /** `rrggbb` in hexadecimal. */
  pixel(x: number, y: number): string {
    const at = (y * this.width + x) * 3
    return Buffer.from(this.rgb.subarray(at, at + 3)).toString('hex')
  }

  crop(x: number, y: number, width: number, height: number): Picture {
    if (x < 0 || y < 0 || x + width > this.width || y + height > this.height) {
      throw new Error(`crop ${width}x${height}+${x}+${y} of a picture of ${this.size}`)
    }
    const rgb = new Uint8Array(width * height * 3)
    for (let row = 0; row < height; row++) {
      const from = ((y + row) * this.width + x) * 3
      rgb.set(this.rgb.subarray(from, from + width * 3), row * width * 3)
    }
    return new Picture(width, height, rgb)
  }

  /** Where `part` lies inside this picture, pixel for pixel. Compares whole rows as bytes, so it is quick. */
  find(part: Picture): Point | undefined {
    const rows = Buffer.from(this.rgb.buffer, this.rgb.byteOffset, this.rgb.length)
    const probe = part.busiestRow()
    const needle = Buffer.from(part.rgb.subarray(probe * part.width * 3, (probe + 1) * part.width * 3))
    for (let from = rows.indexOf(needle); from >= 0; from = rows.indexOf(needle, from + 1)) {
      const pixel = from / 3
      const x = pixel % this.width
      const y = Math.floor(pixel / this.width) - probe
      const fits =
        Number.isInteger(pixel) && y >= 0 && x + part.width <= this.width && y + part.height <= this.height
      if (fits && this.crop(x, y, part.width, part.height).equals(part)) {
        return { x, y }
      }
    }
    return undefined
  }

  /** Number of different colours, up to 4096: a picture of one colour proves nothing. */
  colours(): number {
    const seen = new Set<number>()
    for (let at = 0; at < this.rgb.length && seen.size < 4096; at += 3) {
      seen.add((this.rgb[at]! << 16) | (this.rgb[at + 1]! << 8) | this.rgb[at + 2]!)
    }
    return seen.size
  }

  /** The row with most changes of colour, so that a search does not stop at every blank row. */
  busiestRow(): number {
    let best = 0
    let most = -1
    for (let y = 0; y < this.height; y++) {
      let changes = 0
      for (let at = y * this.width * 3 + 3; at < (y + 1) * this.width * 3; at++) {
        changes += this.rgb[at] === this.rgb[at - 3] ? 0 : 1
      }
      if (changes > most) {
        most = changes
        best = y
      }
    }
    return best
  }
}

/**
 * Reads binary PPM (`P6`). Some writers pad rows to 4 bytes without saying so: QEMU's screendump does, so rows of the
 * file length are accepted too.
 */
export function parsePpm(bytes: Uint8Array): Picture {
  const head = Buffer.from(bytes.subarray(0, 256)).toString('latin1')
  const match = /^P6\s(?:#[^\n]*\n|\s)*(\d+)\s+(?:#[^\n]*\n|\s)*(\d+)\s+(?:#[^\n]*\n|\s)*255\s/.exec(head)
  if (match === null) {
    throw new Error('not a binary PPM of 8 bits')
  }
  const width = Number(match[1])
  const height = Number(match[2])
  const body = bytes.subarray(match[0].length)
  const row = width * 3
  const stride = body.length === row * height ? row : body.length / height
  if (!Number.isInteger(stride) || stride < row || stride > row + 3) {
    throw new Error(`PPM of ${width}x${height} with ${body.length} bytes`)
  }
  const rgb = new Uint8Array(row * height)
  for (let y = 0; y < height; y++) {
    rgb.set(body.subarray(y * stride, y * stride + row), y * row)
  }
  return new Picture(width, height, rgb)
}

/** Reads a PPM or PNG file. */
export function readPicture(path: string): Picture {
  const bytes = readFileSync(path)
  if (bytes[0] === 0x89) {
    const { width, height, rgb } = decodePng(bytes)
    return new Picture(width, height, rgb)
  }
  return parsePpm(bytes)
}
