import fc from 'fast-check'
import { rectOf, type Rect } from '../../src/core/region.js'
import {
  packedRowBytes,
  type Bitmap,
  type BitmapFormat,
  type Brush,
  type Drawable,
  type Image,
  type Mask,
  type Surface,
  type SurfaceFormat,
} from '../../src/display/index.js'
import { ROP } from '../../src/protocol/index.js'

/** A colour over a rectangle of the primary surface. */
export const fill = (box: Rect, color: number, rop: number = ROP.put): Drawable => ({
  kind: 'fill',
  surface: 0,
  box,
  brush: { kind: 'solid', color },
  rop,
})

/** Pixels of the primary surface from another place on it. */
export const copyBits = (box: Rect, x: number, y: number): Drawable => ({
  kind: 'copyBits',
  surface: 0,
  box,
  sourcePos: { x, y },
})

/** Any rectangle with at least one pixel in (0, 0, width, height). */
export const rectIn = (width: number, height: number): fc.Arbitrary<Rect> =>
  fc
    .tuple(fc.nat(width - 1), fc.nat(height - 1), fc.nat(width - 1), fc.nat(height - 1))
    .map(([a, b, c, d]) => ({
      left: Math.min(a, c),
      top: Math.min(b, d),
      right: Math.max(a, c) + 1,
      bottom: Math.max(b, d) + 1,
    }))

const FORMATS: readonly BitmapFormat[] = [
  'plt1Le',
  'plt1Be',
  'plt4Le',
  'plt4Be',
  'plt8',
  'rgb16',
  'rgb24',
  'rgb32',
  'rgba',
  'a8',
]

/** Bytes without a pattern. */
export const noiseBytes = (count: number, seed: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => Math.imul(Math.imul(i + 1, 7919) + seed, 0x9e3779b1) >>> 13)

const bitmapOf = (
  format: BitmapFormat,
  width: number,
  height: number,
  padding: number,
  topDown: boolean,
  seed: number,
): Bitmap => {
  const stride = packedRowBytes(format, width) + padding
  const data = noiseBytes(stride * height, seed)
  if (format === 'rgba') {
    // Premultiplied: no colour above its alpha.
    for (let at = 0; at + 3 < data.length; at += 1) {
      const alpha = data[at - (at % 4) + 3]!
      data[at] = at % 4 === 3 ? alpha : Math.min(data[at]!, alpha)
    }
  }
  const entries = { plt1Le: 2, plt1Be: 2, plt4Le: 16, plt4Be: 16, plt8: 256 } as Partial<
    Record<BitmapFormat, number>
  >
  const count = entries[format]
  return {
    kind: 'bitmap',
    format,
    width,
    height,
    stride,
    topDown,
    data,
    ...(count && {
      palette: Uint32Array.from({ length: count }, (_, i) => Math.imul(i + seed, 0x01357931) & 0xffffff),
    }),
  }
}

const bitmaps = (formats: readonly BitmapFormat[], padded = true): fc.Arbitrary<Bitmap> =>
  fc
    .tuple(
      fc.constantFrom(...formats),
      fc.integer({ min: 1, max: 14 }),
      fc.integer({ min: 1, max: 14 }),
      fc.constantFrom(0, 0, 3, 4),
      fc.boolean(),
      fc.nat(1000),
    )
    .map(([format, width, height, padding, topDown, seed]) =>
      bitmapOf(format, width, height, padded && format !== 'rgba' ? padding : 0, topDown, seed),
    )

interface Sizes {
  readonly width: number
  readonly height: number
}

/** What random drawings may name: a surface by its id. */
export type SurfaceSizes = ReadonlyMap<number, Sizes>

const images = (surfaces: SurfaceSizes): fc.Arbitrary<{ readonly image: Image; readonly size: Sizes }> =>
  fc.oneof(
    { weight: 3, arbitrary: bitmaps(FORMATS).map((image) => ({ image, size: image })) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(...surfaces)
        .map(([surface, size]) => ({ image: { kind: 'surface' as const, surface }, size })),
    },
  )

const points = fc.record({ x: fc.integer({ min: -20, max: 20 }), y: fc.integer({ min: -20, max: 20 }) })

const colors = fc.oneof(fc.nat(0xffffff), fc.nat(0xffffffff), fc.constantFrom(0, 0xffffff, 0xff0000))

const brushes = (surfaces: SurfaceSizes): fc.Arbitrary<Brush> =>
  fc.oneof(
    fc.constant({ kind: 'none' as const }),
    fc.record({ kind: fc.constant('solid' as const), color: colors }),
    fc.record({
      kind: fc.constant('pattern' as const),
      image: images(surfaces).map(({ image }) => image),
      pos: points,
    }),
  )

const masks: fc.Arbitrary<Mask | undefined> = fc.option(
  fc.record({ image: bitmaps(['plt1Le', 'plt1Be']), pos: points, inverse: fc.boolean() }),
  { nil: undefined, freq: 2 },
)

const rops = fc.oneof(fc.nat(0x7ff), fc.constantFrom(8, 16, 32, 64, 128, 256, 512, 9, 12, 72, 68))

/** Drawings that the slow oracle knows, on any of the surfaces. */
export const drawables = (
  surfaces: SurfaceSizes,
  only?: readonly Drawable['kind'][],
): fc.Arbitrary<Drawable> =>
  fc
    .constantFrom(...surfaces)
    .chain(([surface, { width, height }]) =>
      fc.record({
        surface: fc.constant(surface),
        box: rectIn(width, height),
        clip: fc.option(fc.array(rectIn(width + 4, height + 4), { maxLength: 4 }), { nil: undefined }),
        image: images(surfaces),
        corner: fc.tuple(fc.nat(1000), fc.nat(1000)),
        scaled: fc.boolean(),
        brush: brushes(surfaces),
        mask: masks,
        rop: rops,
        rop3: fc.nat(255),
        alpha: fc.constantFrom(0, 255, 128, 37),
        flags: fc.tuple(fc.boolean(), fc.boolean()),
        color: colors,
        sourcePos: points,
        kind: fc.constantFrom(
          ...(only ??
            ([
              'fill',
              'opaque',
              'copy',
              'blend',
              'blackness',
              'whiteness',
              'invers',
              'rop3',
              'transparent',
              'alphaBlend',
              'copyBits',
            ] as const)),
        ),
      }),
    )
    .map((all): Drawable => {
      const { surface, clip, image, corner, rop, alpha, flags } = all
      const { size } = image
      const width = Math.min(size.width, all.box.right - all.box.left)
      const height = Math.min(size.height, all.box.bottom - all.box.top)
      const box = all.scaled ? all.box : rectOf(all.box.left, all.box.top, width, height)
      const left = corner[0] % (size.width - width + 1)
      const top = corner[1] % (size.height - height + 1)
      const base = { surface, box, ...(clip && { clip }) }
      const masked = { ...base, ...(all.mask && { mask: all.mask }) }
      const sourced = { image: image.image, sourceArea: rectOf(left, top, width, height) }
      const scale = 'nearest' as const
      switch (all.kind) {
        case 'fill':
          return { kind: 'fill', ...masked, brush: all.brush, rop }
        case 'opaque':
          return { kind: 'opaque', ...masked, ...sourced, brush: all.brush, rop, scale }
        case 'copy':
        case 'blend':
          return { kind: all.kind, ...masked, ...sourced, rop, scale }
        case 'blackness':
        case 'whiteness':
        case 'invers':
          return { kind: all.kind, ...masked }
        case 'rop3':
          return { kind: 'rop3', ...masked, ...sourced, brush: all.brush, rop3: all.rop3, scale }
        case 'transparent':
          return { kind: 'transparent', ...base, ...sourced, trueColor: all.color }
        case 'alphaBlend':
          return {
            kind: 'alphaBlend',
            ...base,
            ...sourced,
            alpha,
            destHasAlpha: flags[0],
            sourceHasAlpha: flags[1],
          }
        default:
          return { kind: 'copyBits', ...base, sourcePos: all.sourcePos }
      }
    })

/** A surface of noise. */
export const noiseSurface = (format: SurfaceFormat, width: number, height: number, seed: number): Surface => {
  const bytes = noiseBytes(width * height * 4, seed)
  const count = width * height
  switch (format) {
    case 'a8':
      return { format, width, height, pixels: new Uint8Array(bytes.buffer, 0, count) }
    case 'rgb555':
    case 'rgb565':
      return { format, width, height, pixels: new Uint16Array(bytes.buffer, 0, count) }
    default:
      return { format, width, height, pixels: new Uint32Array(bytes.buffer, 0, count) }
  }
}

/** A second surface with the same pixels. */
export const copyOfSurface = (surface: Surface): Surface => ({ ...surface, pixels: surface.pixels.slice() })
