import test from 'ava'
import fc from 'fast-check'
import { SidecarError } from '../../src/core/errors.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { rectOf, type Rect } from '../../src/core/region.js'
import {
  DisplayModel,
  type Bitmap,
  type Drawable,
  type Glyph,
  type Image,
  type PathSegment,
  type SurfaceFormat,
  type SurfaceSpec,
} from '../../src/display/index.js'
import { createPictureStore } from '../../src/kernels/index.js'
import { ROP } from '../../src/protocol/index.js'
import { Canvas } from '../../src/render/index.js'
import { drawables, noiseSurface } from '../helpers/drawables.js'

const limits = { ...DEFAULT_LIMITS, 'surface-bytes': 4096, surfaces: 16, 'stroke-pixels': 100_000 }

const rig = () => {
  const model = new DisplayModel(createPictureStore, limits, new Canvas(limits))
  model.consolesChanged([{ index: 0, label: 'a', head: 0 }])
  model.surfaceCreate(0, { id: 0, format: 'xrgb32', width: 64, height: 48 })
  model.surfaceCreate(0, { id: 2, format: 'argb32', width: 10, height: 10 })
  let released = 0
  return {
    model,
    draw: (drawable: Drawable) => model.draw(0, drawable, { release: () => void (released += 1) }),
    whole: () => model.readArea(0, 0, rectOf(0, 0, 64, 48)).data,
    released: () => released,
  }
}

const BOX = rectOf(0, 0, 8, 8)

const bitmap: Bitmap = {
  kind: 'bitmap',
  format: 'rgb32',
  width: 8,
  height: 8,
  stride: 32,
  topDown: true,
  data: new Uint8Array(256).fill(99),
}

const copy = (image: Image, more: Partial<Extract<Drawable, { kind: 'copy' | 'blend' }>> = {}): Drawable => ({
  kind: 'copy',
  surface: 0,
  box: BOX,
  image,
  sourceArea: BOX,
  rop: ROP.put,
  scale: 'nearest',
  ...more,
})

const fill = (more: Partial<Extract<Drawable, { kind: 'fill' }>> = {}): Drawable => ({
  kind: 'fill',
  surface: 0,
  box: BOX,
  brush: { kind: 'solid', color: 0x123456 },
  rop: ROP.put,
  ...more,
})

const mask = (more: Partial<Bitmap> = {}): Bitmap => ({
  kind: 'bitmap',
  format: 'plt1Be',
  width: 8,
  height: 8,
  stride: 1,
  topDown: true,
  data: new Uint8Array(8),
  ...more,
})

const segment = (points: readonly number[], more: Partial<PathSegment> = {}): PathSegment => ({
  begin: true,
  end: true,
  close: false,
  bezier: false,
  points: Int32Array.from(points),
  ...more,
})

const stroke = (path: readonly PathSegment[], dashes?: readonly number[]): Drawable => ({
  kind: 'stroke',
  surface: 0,
  box: BOX,
  path,
  startWithGap: false,
  brush: { kind: 'none' },
  foreMode: ROP.put,
  ...(dashes && { dashes: Int32Array.from(dashes) }),
})

const glyph = (more: Partial<Glyph> = {}): Glyph => ({
  renderPos: { x: 0, y: 0 },
  origin: { x: 0, y: 0 },
  width: 8,
  height: 1,
  data: Uint8Array.of(255),
  ...more,
})

const text = (glyphs: readonly Glyph[]): Drawable => ({
  kind: 'text',
  surface: 0,
  box: BOX,
  bits: 1,
  glyphs,
  backArea: rectOf(0, 0, 0, 0),
  fore: { kind: 'solid', color: 1 },
  back: { kind: 'none' },
})

const side = (value: number): Rect => ({ left: 0, top: 0, right: value, bottom: 8 })

const REFUSED: readonly (readonly [string, Drawable])[] = [
  ['N-QXL-03: a drawing on an unknown surface', fill({ surface: 1 })],
  ['N-QXL-03: a drawing on a surface that is no number', fill({ surface: Number.NaN })],
  ['N-QXL-03: a drawing on surface -1', fill({ surface: -1 })],
  ['N-QXL-03: a drawing on surface 2^32', fill({ surface: 2 ** 32 })],
  ['a box one column too wide', fill({ box: side(65) })],
  ['a box of no size that is a number', fill({ box: side(Number.NaN) })],
  ['an endless box', fill({ box: side(Number.POSITIVE_INFINITY) })],
  ['a box between pixels', fill({ box: side(1.5) })],
  ['a box that is upside down', fill({ box: rectOf(4, 4, -2, 2) })],
  ['a box left of its surface', fill({ box: rectOf(-1, 0, 4, 4) })],
  ['a box of 32768 columns', fill({ box: side(32_768) })],
  ['N-QXL-03: a clip of one rectangle too many', fill({ clip: new Array<Rect>(65_537).fill(BOX) })],
  ['a clip rectangle that is no numbers', fill({ clip: [BOX, side(Number.NaN)] })],
  ['a colour beyond 32 bits', fill({ brush: { kind: 'solid', color: 2 ** 32 } })],
  ['a raster operation beyond 16 bits', fill({ rop: 0x10000 })],
  [
    'N-QXL-03: a pattern that is a surface that does not exist',
    fill({ brush: { kind: 'pattern', image: { kind: 'surface', surface: 9 }, pos: { x: 0, y: 0 } } }),
  ],
  [
    'a pattern at no place',
    fill({ brush: { kind: 'pattern', image: bitmap, pos: { x: Number.NaN, y: 0 } } }),
  ],
  ['a mask of 32 bits', fill({ mask: { image: bitmap, pos: { x: 0, y: 0 }, inverse: false } })],
  [
    'a mask that is a surface',
    fill({ mask: { image: { kind: 'surface', surface: 2 }, pos: { x: 0, y: 0 }, inverse: false } }),
  ],
  [
    'a mask with too few bytes',
    fill({ mask: { image: mask({ data: new Uint8Array(7) }), pos: { x: 0, y: 0 }, inverse: false } }),
  ],
  ['an image that is a surface that does not exist', copy({ kind: 'surface', surface: 7 })],
  [
    'L-image: an image that is too wide',
    copy({ ...bitmap, width: limits['image-side'] + 1, stride: 2 ** 20 }),
  ],
  [
    'L-image: an image of too many pixels',
    copy({ ...bitmap, width: 16_384, height: 16_384, stride: 65_536 }),
  ],
  ['an image without columns', copy({ ...bitmap, width: 0 })],
  ['an image of half a row', copy({ ...bitmap, height: 0.5 })],
  ['an image whose stride is shorter than a row', copy({ ...bitmap, stride: 31 })],
  ['an image whose stride is no number', copy({ ...bitmap, stride: Number.NaN })],
  ['an image with too few bytes', copy({ ...bitmap, data: new Uint8Array(255) })],
  ['an image whose stride and height wrap 32 bits', copy({ ...bitmap, stride: 0x4000_0000 })],
  ['N-QXL-03: an image of 8 bits without a palette', copy({ ...bitmap, format: 'plt8' })],
  ['N-QXL-03: a palette of 257 colours', copy({ ...bitmap, format: 'plt8', palette: new Uint32Array(257) })],
  ['a source area beside its image', copy(bitmap, { sourceArea: rectOf(1, 0, 8, 8) })],
  ['a source area of nothing', copy(bitmap, { sourceArea: rectOf(1, 1, 0, 4) })],
  [
    'a source area beside its surface',
    copy({ kind: 'surface', surface: 2 }, { sourceArea: rectOf(0, 0, 11, 4) }),
  ],
  ['L-path: a path of too many segments', stroke(new Array<PathSegment>(16_385).fill(segment([0, 0])))],
  ['L-path: a path of too many points', stroke([segment(new Array<number>(2 * 65_537).fill(0))])],
  [
    'L-path: many segments of too many points',
    stroke(new Array<PathSegment>(3).fill(segment(new Array<number>(2 * 30_000).fill(0)))),
  ],
  ['half a point', stroke([segment([0, 0, 16])])],
  ['a curve that lacks a point', stroke([segment([0, 0, 1, 1, 2, 2], { bezier: true })])],
  ['a curve without a point to begin at', stroke([segment([], { bezier: true })])],
  ['a path that goes too far', stroke([segment([0, 0, 2 ** 31 - 1, 0])])],
  [
    'L-path: lines of more pixels than there may be',
    stroke([segment(Array.from({ length: 131_072 }, (_, i) => (i % 4 === 2 ? 60_000_000 : 0)))]),
  ],
  ['dashes of no length', stroke([segment([0, 0, 99, 99])], [16, 0])],
  ['no dashes', stroke([segment([0, 0, 99, 99])], [])],
  ['256 dashes', stroke([segment([0, 0, 99, 99])], new Array<number>(256).fill(1))],
  ['L-text: no letters', text([])],
  ['L-text: too many letters', text(new Array<Glyph>(4097).fill(glyph()))],
  ['L-text: a letter that is too wide', text([glyph({ width: 16_385, data: new Uint8Array(4000) })])],
  [
    'L-text: letters of too many pixels',
    text(new Array<Glyph>(5).fill(glyph({ width: 1024, height: 1024, data: new Uint8Array(131_072) }))),
  ],
  ['a letter with too few bytes', text([glyph({ height: 2 })])],
  ['a letter at no place', text([glyph({ renderPos: { x: 0.5, y: 0 } })])],
  ['a letter without end', text([glyph({ width: Number.POSITIVE_INFINITY })])],
]

for (const [name, drawable] of REFUSED) {
  test(`${name.startsWith('N-') || name.startsWith('L-') ? name : `N-QXL-03: ${name}`} is refused, and nothing is drawn`, (t) => {
    const { draw, whole, released } = rig()
    draw(fill({ box: rectOf(0, 0, 64, 48), brush: { kind: 'solid', color: 0x445566 } }))
    const before = whole()
    t.throws(() => draw(drawable), { instanceOf: SidecarError, code: 'SIDECAR_GUEST' })
    t.deepEqual(whole(), before)
    t.is(released(), 2)
    draw(fill())
    t.notDeepEqual(whole(), before, 'the next drawing goes on')
  })
}

const spec = (more: Partial<SurfaceSpec> = {}): SurfaceSpec => ({
  id: 3,
  format: 'xrgb32',
  width: 4,
  height: 4,
  ...more,
})

const content = (stride: number, bytes: number) => ({ data: new Uint8Array(bytes), stride, topDown: true })

const SURFACES: readonly (readonly [string, SurfaceSpec])[] = [
  ['that exists', spec({ id: 2 })],
  ['that exists as the primary one', spec({ id: 0 })],
  ['of an id beyond the limit', spec({ id: 16 })],
  ['of an id that is no number', spec({ id: Number.NaN })],
  ['of no width', spec({ width: 0 })],
  ['of a height that is no number', spec({ height: Number.NaN })],
  ['of a side beyond the limit', spec({ width: 16_385, height: 1 })],
  ['of too many pixels', spec({ width: 16_384, height: 16_384 })],
  ['of a format that is none', spec({ format: 'a1' as SurfaceFormat })],
  ['of a stride that is too small', spec({ content: content(15, 64) })],
  ['of a stride that is negative', spec({ content: content(-16, 64) })],
  ['of too few bytes', spec({ content: content(16, 63) })],
  ['of more memory than all may have', spec({ width: 32, height: 32 })],
]

for (const [name, surface] of SURFACES) {
  test(`N-QXL-02: a surface ${name} is refused, and rendering goes on`, (t) => {
    const { model, draw } = rig()
    t.throws(() => model.surfaceCreate(0, surface), { instanceOf: SidecarError, code: 'SIDECAR_GUEST' })
    draw(fill())
    t.is(model.readArea(0, 0, rectOf(0, 0, 1, 1)).data[0], 0x56)
  })
}

test('N-QXL-02: destroying what is not there, and using what was destroyed, is refused', (t) => {
  const { model, draw } = rig()
  const refused = { instanceOf: SidecarError, code: 'SIDECAR_GUEST' } as const
  t.throws(() => model.surfaceDestroy(0, 5), refused)
  t.throws(() => model.surfaceDestroy(0, Number.NaN), refused)
  model.surfaceDestroy(0, 2)
  t.throws(() => model.surfaceDestroy(0, 2), refused)
  t.throws(() => draw(copy({ kind: 'surface', surface: 2 })), refused)
  model.surfaceDestroy(0, 0)
  t.throws(() => draw(fill()), refused)
  t.throws(() => model.surfaceCreate(7, spec()), refused, 'a console that does not exist')
})

test('L-surf: memory and numbers of surfaces come back when they are destroyed', (t) => {
  const { model } = rig()
  const large = spec({ width: 30, height: 30 })
  for (let turn = 0; turn < 20; turn++) {
    model.surfaceCreate(0, large)
    t.throws(() => model.surfaceCreate(0, { ...large, id: 4 }), { code: 'SIDECAR_GUEST' })
    model.surfaceDestroy(0, 3)
  }
})

test('N-QXL-02: areas outside of their surface are not read', (t) => {
  const { model } = rig()
  for (const rect of [rectOf(0, 0, 65, 1), rectOf(-1, 0, 2, 1), rectOf(4, 4, -1, 1), side(Number.NaN)]) {
    t.throws(() => model.readArea(0, 0, rect), { code: 'SIDECAR_GUEST' })
  }
  t.throws(() => model.readArea(0, 9, BOX), { code: 'SIDECAR_GUEST' })
})

test('N-QXL-03: a surface that is source, pattern and target at once is drawn from what it was', (t) => {
  const { draw } = rig()
  const self: Image = { kind: 'surface', surface: 0 }
  t.notThrows(() =>
    draw({
      kind: 'rop3',
      surface: 0,
      box: BOX,
      image: self,
      sourceArea: rectOf(4, 4, 8, 8),
      brush: { kind: 'pattern', image: self, pos: { x: -(2 ** 31), y: 2 ** 31 - 1 } },
      rop3: 0x96,
      scale: 'nearest',
    }),
  )
})

test('N-QXL-03: clips of as many rectangles as may be, all over each other, take steps in proportion', (t) => {
  const { draw, model } = rig()
  const clip = Array.from({ length: 65_536 }, (_, i) => rectOf(i % 60, i % 44, 1 + (i % 3), 1 + (i % 5)))
  draw(fill({ box: rectOf(0, 0, 64, 48), clip, rop: ROP.xor }))
  t.is(model.readArea(0, 0, rectOf(5, 5, 1, 1)).data[0], 0x56, 'each pixel once')
})

const ODD = [
  Number.NaN,
  -1,
  0,
  1,
  0.5,
  65,
  32_768,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 31),
  Number.POSITIVE_INFINITY,
]

/** The same with one number somewhere inside replaced. */
const spoiled = (value: unknown, pick: number, by: number): unknown => {
  const places: { readonly on: Record<string, unknown>; readonly key: string }[] = []
  const copied = structuredClone(value)
  const visit = (on: unknown): void => {
    if (typeof on !== 'object' || on === null || ArrayBuffer.isView(on)) {
      return
    }
    for (const [key, inner] of Object.entries(on)) {
      if (typeof inner === 'number') {
        places.push({ on: on as Record<string, unknown>, key })
      }
      visit(inner)
    }
  }
  visit(copied)
  const place = places[pick % places.length]
  if (place !== undefined) {
    place.on[place.key] = by
  }
  return copied
}

test('N-QXL-03: whatever number of a drawing is nonsense, it is drawn or refused, and nothing else', (t) => {
  const sizes = new Map([
    [0, noiseSurface('xrgb32', 64, 48, 1)],
    [2, noiseSurface('argb32', 10, 10, 1)],
  ])
  let refused = 0
  const { draw } = rig()
  fc.assert(
    fc.property(drawables(sizes), fc.nat(200), fc.constantFrom(...ODD), (drawable, pick, by) => {
      try {
        draw(spoiled(drawable, pick, by) as Drawable)
      } catch (error) {
        t.true(error instanceof SidecarError && error.code === 'SIDECAR_GUEST', String(error))
        refused += 1
      }
    }),
    { numRuns: 1000 },
  )
  t.true(refused > 100)
})
