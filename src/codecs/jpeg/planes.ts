import type { Component, Frame } from './jpeg-format.js'

/** How samples are to be understood. */
export type ColourSpace = 'gray' | 'ycc' | 'rgb'

/** Narrower planes than this are widened by repetition, as the field's libraries do. */
const MIN_SMOOTH_WIDTH = 3

/** Twice as wide: each new sample is three parts of the nearest old one and one of the next. */
const widen = (row: Uint8ClampedArray, width: number, out: Uint8ClampedArray): void => {
  for (let x = 0; x < width; x++) {
    const near = 3 * (row[x] ?? 0)
    out[2 * x] = (near + (row[Math.max(0, x - 1)] ?? 0) + 1) >> 2
    out[2 * x + 1] = (near + (row[Math.min(width - 1, x + 1)] ?? 0) + 2) >> 2
  }
}

/** The same in both directions: `next` is the row next to `row` on the side of the new row. */
const widenBetween = (
  row: Uint8ClampedArray,
  next: Uint8ClampedArray,
  width: number,
  out: Uint8ClampedArray,
): void => {
  const sum = (x: number): number => 3 * (row[x] ?? 0) + (next[x] ?? 0)
  let [before, here] = [sum(0), sum(0)]
  for (let x = 0; x < width; x++) {
    const after = sum(Math.min(width - 1, x + 1))
    out[2 * x] = (3 * here + before + 8) >> 4
    out[2 * x + 1] = (3 * here + after + 7) >> 4
    before = here
    here = after
  }
}

/** Gives the rows of one component at the size of the image. */
class PlaneRows {
  readonly #component: Component
  readonly #plane: Uint8ClampedArray
  readonly #wide: Uint8ClampedArray
  /** Pixels for each sample. */
  readonly #across: number
  readonly #down: number

  constructor(frame: Frame, component: Component, plane: Uint8ClampedArray) {
    this.#component = component
    this.#plane = plane
    this.#across = frame.maxAcross / component.across
    this.#down = frame.maxDown / component.down
    this.#wide = new Uint8ClampedArray(this.#across === 1 ? 0 : component.width * this.#across)
  }

  /** Valid until the next call. */
  row(y: number): Uint8ClampedArray {
    const { width } = this.#component
    const at = Math.floor(y / this.#down)
    const here = this.#sampleRow(at)
    if (this.#across === 1) {
      return here
    }
    const smooth = this.#across === 2 && width >= MIN_SMOOTH_WIDTH
    if (smooth && this.#down === 1) {
      widen(here, width, this.#wide)
    } else if (smooth && this.#down === 2) {
      widenBetween(here, this.#sampleRow(y % 2 === 0 ? at - 1 : at + 1), width, this.#wide)
    } else {
      for (let x = 0; x < width; x++) {
        this.#wide.fill(here[x] ?? 0, x * this.#across, (x + 1) * this.#across)
      }
    }
    return this.#wide
  }

  #sampleRow(row: number): Uint8ClampedArray {
    const { stride, width, height } = this.#component
    const at = Math.max(0, Math.min(height - 1, row)) * stride
    return this.#plane.subarray(at, at + width)
  }
}

const putGray = (gray: Uint8ClampedArray, out: Uint8ClampedArray, at: number, width: number): void => {
  for (let x = 0, to = at; x < width; x++, to += 4) {
    const value = gray[x] ?? 0
    out[to] = value
    out[to + 1] = value
    out[to + 2] = value
  }
}

type Three = readonly [Uint8ClampedArray, Uint8ClampedArray, Uint8ClampedArray]

const putRgb = ([red, green, blue]: Three, out: Uint8ClampedArray, at: number, width: number): void => {
  for (let x = 0, to = at; x < width; x++, to += 4) {
    out[to] = blue[x] ?? 0
    out[to + 1] = green[x] ?? 0
    out[to + 2] = red[x] ?? 0
  }
}

/** By the formulas of JFIF, with 16 bits behind the point. */
const putYcc = ([luma, blue, red]: Three, out: Uint8ClampedArray, at: number, width: number): void => {
  for (let x = 0, to = at; x < width; x++, to += 4) {
    const y = luma[x] ?? 0
    const cb = (blue[x] ?? 0) - 128
    const cr = (red[x] ?? 0) - 128
    out[to] = y + ((116130 * cb + 32768) >> 16)
    out[to + 1] = y + ((-22554 * cb - 46802 * cr + 32768) >> 16)
    out[to + 2] = y + ((91881 * cr + 32768) >> 16)
  }
}

/** Puts the planes together to packed pixels, blue first, the fourth byte 0. */
export const joinPlanes = (
  frame: Frame,
  planes: readonly Uint8ClampedArray[],
  space: ColourSpace,
): Uint8Array => {
  const { width, height, components } = frame
  const pixels = new Uint8Array(width * height * 4)
  const out = new Uint8ClampedArray(pixels.buffer)
  const rows = components.map(
    (component, index) => new PlaneRows(frame, component, planes[index] ?? new Uint8ClampedArray(0)),
  )
  const [first, second, third] = rows
  for (let y = 0; y < height && first !== undefined; y++) {
    const at = y * width * 4
    if (second === undefined || third === undefined) {
      putGray(first.row(y), out, at, width)
    } else {
      const three: Three = [first.row(y), second.row(y), third.row(y)]
      ;(space === 'rgb' ? putRgb : putYcc)(three, out, at, width)
    }
  }
  return pixels
}
