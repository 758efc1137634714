import type { Rect } from '../../src/core/region.js'
import type {
  AlphaBlendDrawable,
  Bitmap,
  Brush,
  Drawable,
  Image,
  Mask,
  Point,
  ScaleMode,
  Surface,
  SurfaceFormat,
} from '../../src/display/index.js'
import { ROP } from '../../src/protocol/index.js'

/** Alpha, red, green, blue, 0 to 255. */
type Argb = readonly [number, number, number, number]

const BYTES: Readonly<Record<SurfaceFormat, number>> = { a8: 1, rgb555: 2, rgb565: 2, xrgb32: 4, argb32: 4 }
const bitsOf = (format: SurfaceFormat): number => BYTES[format] * 8

const split = (word: number): Argb => [
  Math.floor(word / 2 ** 24) % 256,
  Math.floor(word / 2 ** 16) % 256,
  Math.floor(word / 2 ** 8) % 256,
  word % 256,
]
const join = ([a, r, g, b]: Argb): number => ((a * 256 + r) * 256 + g) * 256 + b

const wide = (value: number, bits: number): number =>
  Math.floor((value * (2 ** bits + 1) * 2 ** (8 - bits)) / 2 ** bits)

const fromSurface = (format: SurfaceFormat, v: number): Argb => {
  switch (format) {
    case 'a8':
      return [v, 0, 0, 0]
    case 'rgb555':
      return [0, wide(Math.floor(v / 1024) % 32, 5), wide(Math.floor(v / 32) % 32, 5), wide(v % 32, 5)]
    case 'rgb565':
      return [0, wide(Math.floor(v / 2048) % 32, 5), wide(Math.floor(v / 32) % 64, 6), wide(v % 32, 5)]
    default:
      return split(v)
  }
}

const toSurface = (format: SurfaceFormat, [a, r, g, b]: Argb): number => {
  switch (format) {
    case 'a8':
      return a
    case 'rgb555':
      return Math.floor(r / 8) * 1024 + Math.floor(g / 8) * 32 + Math.floor(b / 8)
    case 'rgb565':
      return Math.floor(r / 8) * 2048 + Math.floor(g / 4) * 32 + Math.floor(b / 8)
    default:
      return join([a, r, g, b])
  }
}

interface Picture {
  readonly width: number
  readonly height: number
  readonly alpha: boolean
  at(x: number, y: number): Argb
}

/** The bit `n` of a row, counted from the low or the high end of its bytes. */
const bitsAt = (row: Uint8Array, n: number, size: number, lowFirst: boolean): number => {
  let value = 0
  for (let i = 0; i < size; i++) {
    const place = n * size + i
    const inByte = lowFirst ? place % 8 : 7 - (place % 8)
    const bit = Math.floor(row[Math.floor(place / 8)]! / 2 ** inByte) % 2
    value += bit * 2 ** (lowFirst ? i : size - 1 - i)
  }
  return value
}

const bitmapAt = (bitmap: Bitmap, x: number, y: number): Argb => {
  const first = (bitmap.topDown ? y : bitmap.height - 1 - y) * bitmap.stride
  const row = bitmap.data.subarray(first, first + bitmap.stride)
  const color = (index: number): Argb => split(bitmap.palette?.[index] ?? 0)
  switch (bitmap.format) {
    case 'plt1Le':
      return color(bitsAt(row, x, 1, true))
    case 'plt1Be':
      return color(bitsAt(row, x, 1, false))
    case 'plt4Le':
      return color(bitsAt(row, x, 4, true))
    case 'plt4Be':
      return color(bitsAt(row, x, 4, false))
    case 'plt8':
      return color(row[x]!)
    case 'rgb16':
      return fromSurface('rgb555', row[2 * x]! + 256 * (row[2 * x + 1]! % 128))
    case 'rgb24':
      return [0, row[3 * x + 2]!, row[3 * x + 1]!, row[3 * x]!]
    case 'rgb32':
    case 'rgba':
      return [row[4 * x + 3]!, row[4 * x + 2]!, row[4 * x + 1]!, row[4 * x]!]
    case 'a8':
      return [row[x]!, 0, 0, 0]
  }
}

const pictureOf = (image: Image, surfaces: ReadonlyMap<number, Surface>): Picture => {
  if (image.kind === 'bitmap') {
    const alpha = image.format === 'rgba' || image.format === 'a8'
    return { width: image.width, height: image.height, alpha, at: (x, y) => bitmapAt(image, x, y) }
  }
  const { format, width, height, pixels } = surfaces.get(image.surface)!
  const before = [...pixels]
  const alpha = format === 'argb32' || format === 'a8'
  return { width, height, alpha, at: (x, y) => fromSurface(format, before[y * width + x]!) }
}

const inRect = ({ left, top, right, bottom }: Rect, x: number, y: number): boolean =>
  x >= left && x < right && y >= top && y < bottom

const maskAllows = (mask: Mask | undefined, box: Rect, x: number, y: number): boolean => {
  if (mask === undefined) {
    return true
  }
  const image = mask.image as Bitmap
  const [mx, my] = [x - box.left + mask.pos.x, y - box.top + mask.pos.y]
  if (!inRect({ left: 0, top: 0, right: image.width, bottom: image.height }, mx, my)) {
    return false
  }
  const palette = Uint32Array.of(0, 1)
  return (bitmapAt({ ...image, palette }, mx, my)[3] === 1) !== mask.inverse
}

/** One bit of a result, straight from the table of the rules. */
const ropBit = (rop: number, s: number, d: number, invertS: number, invertD: number): number => {
  const has = (bit: number): boolean => Math.floor(rop / bit) % 2 === 1
  const source = has(invertS) ? 1 - s : s
  const dest = has(invertD) ? 1 - d : d
  const res = (bit: number): number => (has(ROP.inversRes) ? 1 - bit : bit)
  if (has(ROP.put)) {
    return res(source)
  }
  if (has(ROP.or)) {
    return res(Math.max(source, dest))
  }
  if (has(ROP.and)) {
    return res(Math.min(source, dest))
  }
  if (has(ROP.xor)) {
    return res(source === dest ? 0 : 1)
  }
  if (has(ROP.blackness)) {
    return 0
  }
  if (has(ROP.whiteness)) {
    return 1
  }
  return has(ROP.invers) ? 1 - d : s
}

const bitwise = (bits: number, of: (bit: (value: number) => number) => number): number => {
  let result = 0
  for (let i = 0; i < bits; i++) {
    result += of((value) => Math.floor(value / 2 ** i) % 2) * 2 ** i
  }
  return result
}

const modulo = (a: number, b: number): number => ((a % b) + b) % b

/** What a source shows at a pixel of the box; nearest where it is scaled. */
const sampler = (picture: Picture, area: Rect, box: Rect, scale: ScaleMode) => {
  const [sw, sh] = [area.right - area.left, area.bottom - area.top]
  const [bw, bh] = [box.right - box.left, box.bottom - box.top]
  if ((sw !== bw || sh !== bh) && scale !== 'nearest') {
    throw new Error('the oracle does not interpolate')
  }
  return (x: number, y: number): Argb =>
    picture.at(
      area.left + Math.floor(((2 * (x - box.left) + 1) * sw) / (2 * bw)),
      area.top + Math.floor(((2 * (y - box.top) + 1) * sh) / (2 * bh)),
    )
}

const mul = (a: number, b: number): number => Math.round((a * b) / 255)

/** The slowest way to draw: each pixel by itself, by the rules of `protocol-display.md` section 9; no lines, text, composites. */
export const drawNaively = (drawable: Drawable, surfaces: ReadonlyMap<number, Surface>): void => {
  const target = surfaces.get(drawable.surface)!
  const { format, width, pixels } = target
  const { box, clip } = drawable
  const mask = 'mask' in drawable && drawable.kind !== 'composite' ? drawable.mask : undefined
  const bits = bitsOf(format)
  const pixelOf = (picture: Picture, argb: Argb): number =>
    toSurface(format, format === 'a8' && !picture.alpha ? [255, 0, 0, 0] : argb)
  const brushAt = (brush: Brush): ((x: number, y: number) => number) => {
    if (brush.kind === 'none') {
      return () => 0
    }
    if (brush.kind === 'solid') {
      const pixel = format === 'a8' ? brush.color % 256 : toSurface(format, split(brush.color))
      return () => pixel
    }
    const picture = pictureOf(brush.image, surfaces)
    const { pos } = brush
    return (x, y) =>
      pixelOf(picture, picture.at(modulo(x - pos.x, picture.width), modulo(y - pos.y, picture.height)))
  }
  const sourceAt = (d: {
    image: Image
    sourceArea: Rect
    scale: ScaleMode
  }): ((x: number, y: number) => number) => {
    const picture = pictureOf(d.image, surfaces)
    const at = sampler(picture, d.sourceArea, box, d.scale)
    return (x, y) => pixelOf(picture, at(x, y))
  }
  const before = [...pixels]
  const dest = (x: number, y: number): number => before[y * width + x]!
  const compute = ((): ((x: number, y: number) => number | undefined) => {
    switch (drawable.kind) {
      case 'fill': {
        const brush = brushAt(drawable.brush)
        return (x, y) =>
          bitwise(bits, (bit) =>
            ropBit(drawable.rop, bit(brush(x, y)), bit(dest(x, y)), ROP.inversBrush, ROP.inversDest),
          )
      }
      case 'copy':
      case 'blend': {
        const source = sourceAt(drawable)
        return (x, y) =>
          bitwise(bits, (bit) =>
            ropBit(drawable.rop, bit(source(x, y)), bit(dest(x, y)), ROP.inversSrc, ROP.inversDest),
          )
      }
      case 'opaque': {
        const source = sourceAt(drawable)
        const brush = brushAt(drawable.brush)
        return (x, y) =>
          bitwise(bits, (bit) =>
            ropBit(drawable.rop, bit(brush(x, y)), bit(source(x, y)), ROP.inversBrush, ROP.inversSrc),
          )
      }
      case 'blackness':
        return () => 0
      case 'whiteness':
        return () => 2 ** bits - 1
      case 'invers':
        return (x, y) => 2 ** bits - 1 - dest(x, y)
      case 'rop3': {
        const source = sourceAt(drawable)
        const brush = brushAt(drawable.brush)
        return (x, y) =>
          bitwise(bits, (bit) => {
            const index = bit(brush(x, y)) * 4 + bit(source(x, y)) * 2 + bit(dest(x, y))
            return Math.floor(drawable.rop3 / 2 ** index) % 2
          })
      }
      case 'transparent': {
        const picture = pictureOf(drawable.image, surfaces)
        const at = sampler(picture, drawable.sourceArea, box, 'nearest')
        const key = split(drawable.trueColor)
        const is16 = bits === 16
        return (x, y) => {
          const argb = at(x, y)
          const same = is16
            ? toSurface(format, argb) === toSurface(format, key)
            : argb.slice(1).join() === key.slice(1).join()
          return same ? undefined : toSurface(format, argb)
        }
      }
      case 'alphaBlend':
        return blended(drawable, target, surfaces, dest)
      case 'copyBits': {
        const { sourcePos } = drawable
        return (x, y) => {
          const from: Point = { x: x - box.left + sourcePos.x, y: y - box.top + sourcePos.y }
          const inside = from.x >= 0 && from.y >= 0 && from.x < width && from.y < target.height
          return inside ? dest(from.x, from.y) : undefined
        }
      }
      default:
        throw new Error(`the oracle does not draw ${drawable.kind}`)
    }
  })()
  for (let y = box.top; y < box.bottom; y++) {
    for (let x = box.left; x < box.right; x++) {
      const clipped = clip !== undefined && !clip.some((rect) => inRect(rect, x, y))
      const value = clipped || !maskAllows(mask, box, x, y) ? undefined : compute(x, y)
      if (value !== undefined) {
        pixels[y * width + x] = value
      }
    }
  }
}

const blended = (
  drawable: AlphaBlendDrawable,
  { format, width }: Surface,
  surfaces: ReadonlyMap<number, Surface>,
  dest: (x: number, y: number) => number,
): ((x: number, y: number) => number | undefined) => {
  if (drawable.alpha === 0 || width === 0) {
    return () => undefined
  }
  const picture = pictureOf(drawable.image, surfaces)
  const { image } = drawable
  const padIsAlpha =
    image.kind === 'surface' && surfaces.get(image.surface)!.format === 'xrgb32' && drawable.sourceHasAlpha
  const at = sampler(picture, drawable.sourceArea, drawable.box, 'nearest')
  const own = format === 'argb32' || format === 'a8'
  const kept = own || drawable.destHasAlpha
  return (x, y) => {
    const [a, r, g, b] = at(x, y)
    const source = [picture.alpha || padIsAlpha ? a : 255, r, g, b].map((c) => mul(c, drawable.alpha))
    const below = fromSurface(format, dest(x, y)).map((c, i) => (i === 0 && !kept ? 255 : c))
    const sum = source.map((c, i) => Math.min(255, c + mul(below[i]!, 255 - source[0]!))) as unknown as Argb
    return toSurface(format, kept ? sum : [0, sum[1], sum[2], sum[3]])
  }
}
