import type { Bitmap, Image, Surface } from '../display/index.js'
import { hasAlpha, toWord, wordOf555, type Word } from './words.js'

/** An image whose pixels can be asked for, as words. */
export interface ImageReader {
  /** Pixels. */
  readonly width: number
  readonly height: number
  /** The highest byte of its words is alpha; else it means nothing. */
  readonly alpha: boolean
  /** A pixel inside the image. */
  readonly pixel: (x: number, y: number) => Word
  /** `count` pixels of a row from `x` on, all inside the image, to `out` from `at` on. */
  readonly row: (x: number, y: number, count: number, out: Uint32Array, at: number) => void
}

const OPAQUE = 0xff00_0000

type PixelOf = (at: number, x: number) => Word

/** How a pixel is taken out of the row that begins at byte `at`. */
const bitmapPixel = ({ format, data, palette }: Bitmap): PixelOf => {
  const byte = (at: number): number => data[at] ?? 0
  const color = (index: number): Word => palette?.[index] ?? 0
  switch (format) {
    case 'plt1Le': {
      return (at, x) => color((byte(at + (x >> 3)) >> (x & 7)) & 1)
    }
    case 'plt1Be': {
      return (at, x) => color((byte(at + (x >> 3)) >> (7 - (x & 7))) & 1)
    }
    case 'plt4Le': {
      return (at, x) => color((byte(at + (x >> 1)) >> ((x & 1) * 4)) & 15)
    }
    case 'plt4Be': {
      return (at, x) => color((byte(at + (x >> 1)) >> (4 - (x & 1) * 4)) & 15)
    }
    case 'plt8': {
      return (at, x) => color(byte(at + x))
    }
    case 'rgb16': {
      return (at, x) => wordOf555(byte(at + x * 2) | (byte(at + x * 2 + 1) << 8))
    }
    case 'rgb24': {
      return (at, x) => byte(at + x * 3) | (byte(at + x * 3 + 1) << 8) | (byte(at + x * 3 + 2) << 16)
    }
    case 'rgb32':
    case 'rgba': {
      return (at, x) =>
        byte(at + x * 4) |
        (byte(at + x * 4 + 1) << 8) |
        (byte(at + x * 4 + 2) << 16) |
        (byte(at + x * 4 + 3) << 24)
    }
    case 'a8': {
      return (at, x) => byte(at + x) << 24
    }
  }
}

const readBitmap = (bitmap: Bitmap): ImageReader => {
  const { format, width, height, stride, topDown, data } = bitmap
  const pixelOf = bitmapPixel(bitmap)
  const rowAt = (y: number): number => (topDown ? y : height - 1 - y) * stride
  const aligned = data.byteOffset % 4 === 0 && stride % 4 === 0 && (format === 'rgb32' || format === 'rgba')
  const words = aligned ? new Uint32Array(data.buffer, data.byteOffset, data.length >> 2) : undefined
  return {
    width,
    height,
    alpha: format === 'rgba' || format === 'a8',
    pixel: (x, y) => pixelOf(rowAt(y), x),
    row: (x, y, count, out, at) => {
      const from = rowAt(y)
      if (words !== undefined) {
        const word = from / 4 + x
        out.set(words.subarray(word, word + count), at)
        return
      }
      for (let i = 0; i < count; i++) {
        out[at + i] = pixelOf(from, x + i)
      }
    },
  }
}

const readSurface = ({ format, width, height, pixels }: Surface): ImageReader => {
  const word = toWord(format)
  return {
    width,
    height,
    alpha: hasAlpha(format),
    pixel: (x, y) => word(pixels[y * width + x] ?? 0),
    row: (x, y, count, out, at) => {
      const from = y * width + x
      if (pixels instanceof Uint32Array) {
        out.set(pixels.subarray(from, from + count), at)
        return
      }
      for (let i = 0; i < count; i++) {
        out[at + i] = word(pixels[from + i] ?? 0)
      }
    },
  }
}

/** What images of a drawing are opened with. */
export interface ImageRoom {
  readonly target: Surface
  readonly surfaces: (id: number) => Surface | undefined
}

/** Opens an image of a drawing; one that is the target itself is read as it is before the drawing. */
export const openImage = (image: Image, { target, surfaces }: ImageRoom): ImageReader => {
  if (image.kind === 'bitmap') {
    return readBitmap(image)
  }
  const surface = surfaces(image.surface)
  if (surface === undefined) {
    throw new RangeError('a surface that was not checked')
  }
  return readSurface(surface === target ? { ...surface, pixels: surface.pixels.slice() } : surface)
}

/** As words whose alpha is right: 255 for images without. */
export const withAlpha = (reader: ImageReader): ImageReader =>
  reader.alpha
    ? reader
    : {
        ...reader,
        alpha: true,
        pixel: (x, y) => reader.pixel(x, y) | OPAQUE,
        row: (x, y, count, out, at) => {
          reader.row(x, y, count, out, at)
          for (let i = at; i < at + count; i++) {
            out[i] = (out[i] ?? 0) | OPAQUE
          }
        },
      }

/** Opens an image whose pixels are copied to the target: one without alpha covers an 8-bit target wholly. */
export const openForCopy = (image: Image, room: ImageRoom): ImageReader =>
  room.target.format === 'a8' ? withAlpha(openImage(image, room)) : openImage(image, room)
