import test from 'ava'
import { rectOf } from '../../../src/core/region.js'
import type {
  CompositeDrawable,
  CompositeOperator,
  CompositeSource,
  Image,
} from '../../../src/display/index.js'
import { bitmapOf, drawOn, hexOf, surfaceOf } from '../../helpers/small-pictures.js'

const from = (image: Image, more: Partial<CompositeSource> = {}): CompositeSource => ({
  image,
  origin: { x: 0, y: 0 },
  filter: 'nearest',
  repeat: 'none',
  opaque: false,
  ...more,
})

const compose = (
  operator: CompositeOperator,
  source: CompositeSource,
  more: Partial<CompositeDrawable> = {},
) => ({
  kind: 'composite' as const,
  operator,
  source,
  componentAlpha: false,
  destOpaque: false,
  ...more,
})

/** Half red, premultiplied, onto half blue. */
const SOURCE = 0x80800000
const DEST = 0x80000080

const result = (operator: CompositeOperator): string => {
  const surface = surfaceOf(['d'], { d: DEST }, 'argb32')
  return hexOf(drawOn(surface, compose(operator, from(bitmapOf(1, [SOURCE], 'rgba')))))[0]!
}

const PORTER_DUFF: readonly (readonly [CompositeOperator, string])[] = [
  ['clear', '000000'],
  ['src', '80800000'],
  ['dst', '80000080'],
  ['over', 'c0800040'],
  ['overReverse', 'c0400080'],
  ['in', '40400000'],
  ['inReverse', '40000040'],
  ['out', '40400000'],
  ['outReverse', '40000040'],
  ['atop', '80400040'],
  ['atopReverse', '80400040'],
  ['xor', '80400040'],
  ['add', 'ff800080'],
  ['saturate', 'ff7f0080'],
]

for (const [operator, expected] of PORTER_DUFF) {
  test(`${operator} of half red and half blue`, (t) => {
    t.is(result(operator), expected)
  })
}

/** On opaque pixels blend modes are their plain formulas: grey 0xc0 onto grey 0x40. */
const BLENDS: readonly (readonly [CompositeOperator, number])[] = [
  ['multiply', 0x30],
  ['screen', 0xd0],
  ['overlay', 0x60],
  ['darken', 0x40],
  ['lighten', 0xc0],
  ['colorDodge', 0xff],
  ['colorBurn', 0x02],
  ['hardLight', 0xa0],
  ['softLight', 0x60],
  ['difference', 0x80],
  ['exclusion', 0x9f],
]

for (const [operator, expected] of BLENDS) {
  test(`${operator} of two greys`, (t) => {
    const surface = surfaceOf(['d'], { d: 0x404040 })
    drawOn(surface, compose(operator, from(bitmapOf(1, [0xc0c0c0]))))
    const grey = surface.pixels[0]! & 0xff
    t.true(Math.abs(grey - expected) <= 1, `${grey.toString(16)} for ${expected.toString(16)}`)
    t.is(surface.pixels[0], grey * 0x010101)
  })
}

test('hue, saturation, colour and luminosity mix the colours that they are named after', (t) => {
  const mixed = (operator: CompositeOperator): string =>
    hexOf(drawOn(surfaceOf(['d'], { d: 0x808080 }), compose(operator, from(bitmapOf(1, [0xff0000])))))[0]!
  t.is(mixed('hslHue'), '808080', 'grey has no saturation that a hue could take')
  t.is(mixed('hslSaturation'), '808080', 'grey has no hue')
  t.is(mixed('hslLuminosity'), '4d4d4d', 'as light as red')
  const color = drawOn(surfaceOf(['d'], { d: 0x808080 }), compose('hslColor', from(bitmapOf(1, [0xff0000]))))
    .pixels[0]!
  const [r, g, b] = [color >> 16, (color >> 8) & 255, color & 255] as const
  t.true(r > 200 && g === b && g < 80)
  t.true(Math.abs(0.3 * r + 0.59 * g + 0.11 * b - 128) < 2, 'as light as before')
})

test('a target without alpha counts as opaque, and its unused byte is cleared', (t) => {
  const surface = surfaceOf(['d'], { d: 0x12000080 })
  drawOn(surface, compose('over', from(bitmapOf(1, [SOURCE], 'rgba'))))
  t.deepEqual(hexOf(surface), ['800040'])
  const opaque = surfaceOf(['d'], { d: 0x12000080 }, 'argb32')
  drawOn(opaque, compose('over', from(bitmapOf(1, [SOURCE], 'rgba')), { destOpaque: true }))
  t.deepEqual(hexOf(opaque), ['800040'])
})

test('a source that counts as opaque covers all', (t) => {
  const surface = surfaceOf(['d'], { d: DEST }, 'argb32')
  drawOn(surface, compose('over', from(bitmapOf(1, [SOURCE], 'rgba'), { opaque: true })))
  t.deepEqual(hexOf(surface), ['ff800000'])
})

test('a mask lets its alpha through; with alphas of their own each colour by itself', (t) => {
  const mask = from({
    kind: 'bitmap',
    format: 'a8',
    width: 2,
    height: 1,
    stride: 2,
    topDown: true,
    data: Uint8Array.of(255, 128),
  })
  const surface = surfaceOf(['dd'], { d: 0 })
  drawOn(surface, compose('over', from(bitmapOf(2, [0x204060, 0x204060])), { mask }))
  t.deepEqual(hexOf(surface), ['204060 102030'])
  const colours = from(bitmapOf(1, [0xff_ff_00_80], 'rgba'))
  const component = surfaceOf(['d'], { d: 0x101010 })
  drawOn(component, compose('over', from(bitmapOf(1, [0x204060])), { mask: colours, componentAlpha: true }))
  t.deepEqual(hexOf(component), ['201038'])
})

test('beside an image there is nothing, itself again, its edge, or its mirror', (t) => {
  const row = (repeat: CompositeSource['repeat']): string => {
    const surface = surfaceOf(['.......'], { '.': 9 })
    const source = from(bitmapOf(2, [0xaaaaaa, 0xbbbbbb]), { repeat, origin: { x: -2, y: 0 } })
    return hexOf(drawOn(surface, compose('src', source)))[0]!
      .replaceAll(/(.)\1{5}/g, '$1')
      .replaceAll(' ', '')
  }
  t.is(row('none'), '00ab000')
  t.is(row('normal'), 'abababa')
  t.is(row('pad'), 'aaabbbb')
  t.is(row('reflect'), 'baabbaa')
})

test('an image is turned, stretched and moved by its transform, from the middles of pixels', (t) => {
  const one = 65_536
  const pixels = bitmapOf(2, [0x111111, 0x222222, 0x333333, 0x444444])
  const drawn = (transform: CompositeSource['transform'], filter: CompositeSource['filter'] = 'nearest') =>
    hexOf(
      drawOn(
        surfaceOf(['..', '..'], { '.': 0 }),
        compose('src', from(pixels, { ...(transform && { transform }), filter })),
      ),
    )
  t.deepEqual(drawn([one, 0, 0, 0, one, 0]), ['111111 222222', '333333 444444'])
  t.deepEqual(drawn([one, 0, 0, 0, one, 0], 'bilinear'), ['111111 222222', '333333 444444'])
  t.deepEqual(drawn([0, one, 0, -one, 0, 2 * one]), ['333333 111111', '444444 222222'])
  t.deepEqual(drawn([one / 2, 0, 0, 0, one / 2, 0]), ['111111 111111', '111111 111111'])
  t.deepEqual(drawn([one, 0, one, 0, one, 0]), ['222222 000000', '444444 000000'])
  t.deepEqual(drawn([one, 0, one / 2, 0, one, 0], 'bilinear'), ['1a1a1a 111111', '3c3c3c 222222'])
  t.deepEqual(drawn([0, 0, 0, 0, 0, 0]), ['111111 111111', '111111 111111'])
})

test('the corner of the box is at the origin of the image, and only the clip is drawn', (t) => {
  const surface = surfaceOf(['....', '....'], { '.': 0 })
  const source = from(bitmapOf(3, [1, 2, 3, 4, 5, 6]), { origin: { x: 1, y: 0 } })
  drawOn(
    surface,
    compose('src', source, {
      box: rectOf(1, 0, 2, 2),
      clip: [rectOf(0, 1, 4, 1), rectOf(2, 0, 1, 2)],
    }),
  )
  t.deepEqual(hexOf(surface), ['000000 000000 000003 000000', '000000 000005 000006 000000'])
})
