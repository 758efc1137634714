import { area, type Rect } from '../core/region.js'
import type { ScaleMode } from '../display/index.js'
import type { ImageReader } from './image-reader.js'
import type { Word } from './words.js'

/** Words of an image for `count` pixels of row `y` of the target from `left` on. */
export type RowReader = (y: number, left: number, count: number, out: Uint32Array) => void

/** Weights of a bilinear filter go from 0 to so much. */
const WEIGHT = 256

const PAIR = 0x00ff_00ff
const HALVES = 0x0080_0080

/** HOT PATH: every other channel of two words, the second with a weight of `by`, the first with the rest. */
const mixPairs = (a: number, b: number, by: number): number =>
  ((Math.imul(a, WEIGHT - by) + Math.imul(b, by) + HALVES) >>> 8) & PAIR

const mix = (a: Word, b: Word, by: number): Word =>
  mixPairs(a & PAIR, b & PAIR, by) | (mixPairs((a >>> 8) & PAIR, (b >>> 8) & PAIR, by) << 8)

/** The word at a place between pixel centres; what is beside the image is transparent (`protocol-display.md` section 9). */
export const bilinearAt = (pixel: (x: number, y: number) => Word, u: number, v: number): Word => {
  const x = Math.floor(u - 0.5)
  const y = Math.floor(v - 0.5)
  const fx = Math.floor((u - 0.5 - x) * WEIGHT)
  const fy = Math.floor((v - 0.5 - y) * WEIGHT)
  return mix(mix(pixel(x, y), pixel(x + 1, y), fx), mix(pixel(x, y + 1), pixel(x + 1, y + 1), fx), fy)
}

/** The same as `pixel`, and transparent beside the image. */
export const orNothing =
  ({ pixel, width, height }: ImageReader) =>
  (x: number, y: number): Word =>
    x >= 0 && y >= 0 && x < width && y < height ? pixel(x, y) : 0

const sameSize = (a: Rect, b: Rect): boolean =>
  a.right - a.left === b.right - b.left && a.bottom - a.top === b.bottom - b.top

/** Reads an image so that `sourceArea` covers `box`. Takes a bounded number of steps for each pixel of the target. */
export const readScaled = (image: ImageReader, sourceArea: Rect, box: Rect, scale: ScaleMode): RowReader => {
  const { left, top } = sourceArea
  if (area(box) === 0 || sameSize(sourceArea, box)) {
    return (y, x, count, out) => {
      image.row(left + x - box.left, top + y - box.top, count, out, 0)
    }
  }
  const [width, height] = [sourceArea.right - left, sourceArea.bottom - top]
  const [boxWidth, boxHeight] = [box.right - box.left, box.bottom - box.top]
  // From the middle of a pixel; a quotient of whole numbers is never rounded up to the next one.
  const atX = (x: number): number => left + ((2 * (x - box.left) + 1) * width) / (2 * boxWidth)
  const atY = (y: number): number => top + ((2 * (y - box.top) + 1) * height) / (2 * boxHeight)
  if (scale === 'nearest') {
    return (y, x, count, out) => {
      const row = Math.floor(atY(y))
      for (let i = 0; i < count; i++) {
        out[i] = image.pixel(Math.floor(atX(x + i)), row)
      }
    }
  }
  const pixel = orNothing(image)
  return (y, x, count, out) => {
    const v = atY(y)
    for (let i = 0; i < count; i++) {
      out[i] = bilinearAt(pixel, atX(x + i), v)
    }
  }
}
