import type { Brush, Surface } from '../display/index.js'
import { openForCopy, type ImageRoom } from './image-reader.js'
import type { RowReader } from './scale.js'
import { colorPixel, fromWord } from './words.js'

/** A value from 0 to below `size` that repeats. */
export const wrap = (value: number, size: number): number => ((value % size) + size) % size

/** The pixel of a brush of one colour; `undefined` for a pattern. No brush paints as colour 0. */
export const brushPixel = (brush: Brush, { format }: Surface): number | undefined => {
  switch (brush.kind) {
    case 'none': {
      return 0
    }
    case 'solid': {
      return colorPixel(format, brush.color)
    }
    case 'pattern': {
      return undefined
    }
  }
}

/** Reads pixels of the target's format that a brush paints. */
export const readBrush = (brush: Brush, room: ImageRoom): RowReader => {
  if (brush.kind !== 'pattern') {
    const color = brushPixel(brush, room.target) ?? 0
    return (_y, _left, count, out) => {
      out.fill(color, 0, count)
    }
  }
  const image = openForCopy(brush.image, room)
  const { width, height } = image
  const pixel = fromWord(room.target.format)
  const { pos } = brush
  return (y, left, count, out) => {
    const row = wrap(y - pos.y, height)
    for (let i = 0, x = wrap(left - pos.x, width); i < count; i++, x = x + 1 === width ? 0 : x + 1) {
      out[i] = pixel(image.pixel(x, row))
    }
  }
}

/** As `read`, in pixels of the target's format. */
export const inFormat = (read: RowReader, { format }: Surface): RowReader => {
  if (format === 'xrgb32' || format === 'argb32') {
    return read
  }
  const pixel = fromWord(format)
  return (y, left, count, out) => {
    read(y, left, count, out)
    for (let i = 0; i < count; i++) {
      out[i] = pixel(out[i] ?? 0)
    }
  }
}
