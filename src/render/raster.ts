import { rectOf, intersect } from '../core/region.js'
import {
  readsDest,
  ROP_TABLE,
  ropTable,
  type CopyDrawable,
  type DrawableBase,
  type FillDrawable,
  type Mask,
  type OpaqueDrawable,
  type PlainDrawable,
  type Rop3Drawable,
  type RopTable,
  type Surface,
  type TransparentDrawable,
} from '../display/index.js'
import { brushPixel, inFormat, readBrush } from './brushes.js'
import { combine, combine3, combineRow } from './combine.js'
import { openForCopy, openImage, type ImageRoom } from './image-reader.js'
import { throughMask } from './masks.js'
import { readScaled, type RowReader } from './scale.js'
import { eachSpan, type PaintSpan } from './spans.js'
import { fromWord, pixelMask } from './words.js'

type Masked = DrawableBase & { readonly mask?: Mask }

/** Paints what of the box is on the surface, in the clip and in the mask. */
export const eachDrawn = (target: Surface, drawable: Masked, paint: PaintSpan): void => {
  const { box, clip, mask } = drawable
  const area = intersect(box, rectOf(0, 0, target.width, target.height))
  eachSpan(area, clip, throughMask(mask, box, paint))
}

/** A row of words to work with, as wide as the box. */
const newRow = ({ box }: DrawableBase): Uint32Array => new Uint32Array(box.right - box.left)

/** Combines what `read` gives with the target. */
const drawRows = (target: Surface, drawable: Masked, read: RowReader, table: RopTable): void => {
  const { pixels, width } = target
  const source = newRow(drawable)
  eachDrawn(target, drawable, (y, left, right) => {
    read(y, left, right - left, source)
    combineRow(pixels, y * width + left, source, right - left, table)
  })
}

/** Paints one pixel all over. */
const drawPixel = (target: Surface, drawable: Masked, pixel: number): void => {
  const { pixels, width } = target
  eachDrawn(target, drawable, (y, left, right) => {
    pixels.fill(pixel, y * width + left, y * width + right)
  })
}

export const drawFill = (drawable: FillDrawable, room: ImageRoom): void => {
  const { target } = room
  const table = ropTable(drawable.rop, 'brush onto destination')
  const pixel = brushPixel(drawable.brush, target)
  if (pixel !== undefined && !readsDest(table)) {
    drawPixel(target, drawable, combine(table, pixel, 0) & pixelMask(target.format))
    return
  }
  drawRows(target, drawable, readBrush(drawable.brush, room), table)
}

const PLAIN_TABLES = {
  blackness: ROP_TABLE.black,
  whiteness: ROP_TABLE.white,
  invers: ROP_TABLE.invert,
} as const

export const drawPlain = (drawable: PlainDrawable, { target }: ImageRoom): void =>
  drawRows(target, drawable, () => undefined, PLAIN_TABLES[drawable.kind])

type Sourced = CopyDrawable | OpaqueDrawable | Rop3Drawable

/** The source as pixels of the target's format. */
const readSource = ({ image, sourceArea, box, scale }: Sourced, room: ImageRoom): RowReader =>
  inFormat(readScaled(openForCopy(image, room), sourceArea, box, scale), room.target)

export const drawCopy = (drawable: CopyDrawable, room: ImageRoom): void =>
  drawRows(
    room.target,
    drawable,
    readSource(drawable, room),
    ropTable(drawable.rop, 'image onto destination'),
  )

/** The image is put, then the brush is combined with it; the destination does not count. */
export const drawOpaque = (drawable: OpaqueDrawable, room: ImageRoom): void => {
  const table = ropTable(drawable.rop, 'brush onto image')
  const readImage = readSource(drawable, room)
  const readPaint = readBrush(drawable.brush, room)
  const paint = newRow(drawable)
  const read: RowReader = (y, left, count, out) => {
    readImage(y, left, count, out)
    readPaint(y, left, count, paint)
    combineRow(out, 0, paint, count, table)
  }
  drawRows(room.target, drawable, read, ROP_TABLE.put)
}

export const drawRop3 = (drawable: Rop3Drawable, room: ImageRoom): void => {
  const { pixels, width } = room.target
  const { rop3 } = drawable
  const readImage = readSource(drawable, room)
  const readPaint = readBrush(drawable.brush, room)
  const source = newRow(drawable)
  const paint = newRow(drawable)
  eachDrawn(room.target, drawable, (y, left, right) => {
    const at = y * width + left
    readImage(y, left, right - left, source)
    readPaint(y, left, right - left, paint)
    for (let i = 0; i < right - left; i++) {
      pixels[at + i] = combine3(rop3, paint[i] ?? 0, source[i] ?? 0, pixels[at + i] ?? 0)
    }
  })
}

const RGB = 0x00ff_ffff

/** The unused byte of 32-bit pixels is not compared; pixels of fewer bits are, as a whole. */
export const drawTransparent = (drawable: TransparentDrawable, room: ImageRoom): void => {
  const { target } = room
  const { pixels, width, format } = target
  const { image, sourceArea, box, trueColor } = drawable
  const read = readScaled(openImage(image, room), sourceArea, box, 'nearest')
  const toPixel = fromWord(format)
  const compared = format === 'rgb555' || format === 'rgb565' ? toPixel : (word: number) => word & RGB
  const omitted = compared(trueColor)
  const source = newRow(drawable)
  eachDrawn(target, drawable, (y, left, right) => {
    read(y, left, right - left, source)
    for (let i = 0; i < right - left; i++) {
      const word = source[i] ?? 0
      if (compared(word) !== omitted) {
        pixels[y * width + left + i] = toPixel(word)
      }
    }
  })
}
