import { boundingBox, intersect, isEmpty, rectOf, type Rect } from '../core/region.js'
import type { Brush, Glyph, TextDrawable } from '../display/index.js'
import { alphaTarget, over, scaleWord } from './blend.js'
import { readBrush, wrap } from './brushes.js'
import { openImage, withAlpha, type ImageRoom } from './image-reader.js'
import type { RowReader } from './scale.js'
import { eachSpan, regionOf } from './spans.js'
import { hasAlpha } from './words.js'

const glyphBox = ({ renderPos, origin, width, height }: Glyph): Rect =>
  rectOf(renderPos.x + origin.x, renderPos.y + origin.y, width, height)

/** Where a text draws: its letters, and what is behind them. */
const letterArea = ({ box, glyphs }: TextDrawable): Rect =>
  intersect(
    box,
    glyphs.map(glyphBox).reduce((all, each) => boundingBox(all, intersect(each, box)), rectOf(0, 0, 0, 0)),
  )

const backArea = ({ box, backArea: area }: TextDrawable): Rect => intersect(box, area)

/** How much of a pixel of a glyph is covered, 0 to 255 (`protocol-display.md` section 9). */
const coverage = (bits: 1 | 4 | 8, byte: number, x: number): number => {
  switch (bits) {
    case 1: {
      return ((byte >> (7 - (x & 7))) & 1) * 255
    }
    case 4: {
      return (x & 1) === 0 ? byte & 0xf0 : (byte & 15) << 4
    }
    case 8: {
      return byte
    }
  }
}

/** The letters as one mask for `area`, one byte a pixel; where they overlap the larger value counts. */
const letterMask = ({ bits, glyphs }: TextDrawable, area: Rect): Uint8Array => {
  const width = area.right - area.left
  const mask = new Uint8Array(width * (area.bottom - area.top))
  for (const glyph of glyphs) {
    const box = glyphBox(glyph)
    const { left, top, right, bottom } = intersect(box, area)
    const stride = Math.ceil((glyph.width * bits) / 8)
    for (let y = top; y < bottom; y++) {
      const from = (box.bottom - 1 - y) * stride
      const to = (y - area.top) * width - area.left
      for (let x = left; x < right; x++) {
        const column = x - box.left
        const byte = glyph.data[from + ((column * bits) >> 3)] ?? 0
        mask[to + x] = Math.max(mask[to + x] ?? 0, coverage(bits, byte, column))
      }
    }
  }
  return mask
}

const OPAQUE = 0xff00_0000

/** Words with alpha that a brush paints. */
const readPaint = (brush: Brush, room: ImageRoom): RowReader => {
  if (brush.kind !== 'pattern') {
    const word = (brush.kind === 'solid' ? brush.color : 0) | OPAQUE
    return (_y, _left, count, out) => {
      out.fill(word, 0, count)
    }
  }
  const image = withAlpha(openImage(brush.image, room))
  const { pos } = brush
  return (y, left, count, out) => {
    const row = wrap(y - pos.y, image.height)
    for (let i = 0; i < count; i++) {
      out[i] = image.pixel(wrap(left + i - pos.x, image.width), row)
    }
  }
}

const drawBack = (drawable: TextDrawable, room: ImageRoom): void => {
  const area = backArea(drawable)
  if (isEmpty(area)) {
    return
  }
  const { pixels, width } = room.target
  const read = readBrush(drawable.back, room)
  const row = new Uint32Array(area.right - area.left)
  eachSpan(area, drawable.clip, (y, left, right) => {
    read(y, left, right - left, row)
    pixels.set(row.subarray(0, right - left), y * width + left)
  })
}

/** The background, then the letters over it. */
export const drawText = (drawable: TextDrawable, room: ImageRoom): void => {
  const { target } = room
  const paint = readPaint(drawable.fore, room)
  drawBack(drawable, room)
  const area = letterArea(drawable)
  if (isEmpty(area)) {
    return
  }
  const mask = letterMask(drawable, area)
  const { read, write } = alphaTarget(target, hasAlpha(target.format))
  const words = new Uint32Array(area.right - area.left)
  eachSpan(area, drawable.clip, (y, left, right) => {
    paint(y, left, right - left, words)
    const row = (y - area.top) * words.length - area.left
    for (let x = left; x < right; x++) {
      const covered = mask[row + x] ?? 0
      if (covered > 0) {
        const at = y * target.width + x
        write(at, over(scaleWord(words[x - left] ?? 0, covered), read(at)))
      }
    }
  })
}

/** Rectangles that a text changes. */
export const textRegion = (drawable: TextDrawable): readonly Rect[] =>
  regionOf(boundingBox(letterArea(drawable), backArea(drawable)), drawable.clip)
