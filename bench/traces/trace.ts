import { boundingBox, contains, isEmpty, rectOf, type Rect } from '../../src/core/region.js'
import type { Canvas } from '../codecs-canvas.js'

/** Prepared pixels, one word 0x00RRGGBB each, rows packed. */
export interface TraceImage {
  readonly width: number
  readonly height: number
  readonly words: Uint32Array
}

/** A part of a prepared image that goes to a place of the screen. */
export interface Put {
  /** Index of the image. */
  readonly image: number
  readonly fromX: number
  readonly fromY: number
  readonly to: Rect
}

/** What a guest does at one time: all puts, then one report of the rectangles. */
export interface TraceFrame {
  /** Milliseconds since the first frame. */
  readonly atMs: number
  readonly puts: readonly Put[]
  /** Rectangles that the guest says it has changed: all of what it did, or more. */
  readonly damage: readonly Rect[]
}

/**
 * What a desktop does, without the desktop: whoever plays it copies rectangles and does nothing else, so that its work is
 * fixed. The first frame draws the whole screen.
 */
export interface Trace {
  readonly name: string
  readonly width: number
  readonly height: number
  readonly images: readonly TraceImage[]
  readonly frames: readonly TraceFrame[]
}

/** Size of the desktop of a trace, and how many steps each of its parts has. */
export interface TraceSize {
  readonly width: number
  readonly height: number
  /** Steps of the liveliest part; the others have fewer. */
  readonly steps: number
}

/** What a part of the desktop does, in its own order of time. */
export type Track = readonly TraceFrame[]

/** Puts a trace together out of images and what is done with them. */
export class TraceBuilder {
  readonly #images: TraceImage[] = []
  readonly #size: TraceSize

  constructor(size: TraceSize) {
    this.#size = size
  }

  /** @returns its index */
  image({ width, height, words }: TraceImage): number {
    return this.#images.push({ width, height, words: words.slice() }) - 1
  }

  /** The part of a canvas that goes to a place where `left`, `top` is the canvas. */
  cut(canvas: Canvas, part: Rect, left: number, top: number): Put {
    const width = part.right - part.left
    const words = new Uint32Array(width * (part.bottom - part.top))
    for (let y = part.top; y < part.bottom; y++) {
      const from = y * canvas.width + part.left
      words.set(canvas.words.subarray(from, from + width), (y - part.top) * width)
    }
    const height = part.bottom - part.top
    const image = this.#images.push({ width, height, words }) - 1
    return { image, fromX: 0, fromY: 0, to: rectOf(left + part.left, top + part.top, width, height) }
  }

  /** @param tracks frames of the same time become one, in the order of the tracks */
  finish(name: string, desktop: Canvas, tracks: readonly Track[]): Trace {
    const { width, height } = this.#size
    const whole = rectOf(0, 0, width, height)
    const first = { atMs: 0, puts: [this.cut(desktop, whole, 0, 0)], damage: [whole] }
    const byTime = new Map<number, TraceFrame>([[0, first]])
    for (const frame of tracks.flat()) {
      const at = Math.round(frame.atMs)
      const before = byTime.get(at)
      byTime.set(at, {
        atMs: at,
        puts: [...(before?.puts ?? []), ...frame.puts],
        damage: [...(before?.damage ?? []), ...frame.damage],
      })
    }
    const frames = [...byTime.values()].sort((a, b) => a.atMs - b.atMs)
    const trace = { name, width, height, images: this.#images, frames }
    checkTrace(trace)
    return trace
  }
}

/** @throws RangeError for what lies outside of the screen or of an image, or goes back in time */
export const checkTrace = ({ width, height, images, frames }: Trace): void => {
  const screen = rectOf(0, 0, width, height)
  const hold = (holds: boolean, what: string): void => {
    if (!holds) {
      throw new RangeError(`trace: ${what}`)
    }
  }
  let beforeMs = 0
  for (const { atMs, puts, damage } of frames) {
    hold(Number.isSafeInteger(atMs) && atMs >= beforeMs, 'a frame goes back in time')
    beforeMs = atMs
    for (const { image, fromX, fromY, to } of puts) {
      const from = images[image]
      hold(!isEmpty(to) && contains(screen, to), 'a put lies outside of the screen')
      hold(
        from !== undefined &&
          fromX >= 0 &&
          fromY >= 0 &&
          fromX + to.right - to.left <= from.width &&
          fromY + to.bottom - to.top <= from.height,
        'a put takes what its image does not have',
      )
    }
    hold(
      damage.every((rect) => !isEmpty(rect) && contains(screen, rect)),
      'damage lies outside of the screen',
    )
  }
}

/** A screen that traces are played on, as a display source sees one. */
export class TraceScreen {
  readonly width: number
  readonly height: number
  /** Bytes from row to row. */
  readonly stride: number
  /** 4 bytes a pixel: blue, green, red, 0. */
  readonly pixels: Uint8Array
  readonly #words: Uint32Array

  constructor({ width, height }: { readonly width: number; readonly height: number }) {
    this.width = width
    this.height = height
    this.stride = width * 4
    this.#words = new Uint32Array(width * height)
    this.pixels = new Uint8Array(this.#words.buffer)
  }

  draw({ images }: Trace, { puts }: TraceFrame): void {
    for (const { image, fromX, fromY, to } of puts) {
      const from = images[image]
      const width = to.right - to.left
      for (let y = to.top, row = fromY; from !== undefined && y < to.bottom; y++, row++) {
        const at = row * from.width + fromX
        this.#words.set(from.words.subarray(at, at + width), y * this.width + to.left)
      }
    }
  }
}

/** Words that all puts copy, the size of the work. */
export const copiedPixels = ({ frames }: Trace): number =>
  frames
    .flatMap(({ puts }) => puts)
    .reduce((sum, { to }) => sum + (to.right - to.left) * (to.bottom - to.top), 0)

/** One rectangle around all. */
export const around = (rects: readonly Rect[]): Rect =>
  rects.reduce((box, rect) => boundingBox(box, rect), rectOf(0, 0, 0, 0))
