import test from 'ava'
import { rectOf } from '../../../src/core/region.js'
import type { Brush, Glyph, TextDrawable } from '../../../src/display/index.js'
import { bitmapOf, drawOn, hexOf, rowsOf, surfaceOf } from '../../helpers/small-pictures.js'

const KEY = { '.': 0, '#': 0xffffff, b: 0x0000ff }

const white: Brush = { kind: 'solid', color: 0xffffff }
const blue: Brush = { kind: 'solid', color: 0x0000ff }
const NOWHERE = rectOf(0, 0, 0, 0)

/** Rows from the top; the format has them from the bottom. */
const glyph = (x: number, y: number, width: number, rows: readonly (readonly number[])[]): Glyph => ({
  renderPos: { x: x + 3, y: y + 5 },
  origin: { x: -3, y: -5 },
  width,
  height: rows.length,
  data: Uint8Array.from(rows.toReversed().flat()),
})

const text = (bits: 1 | 4 | 8, glyphs: readonly Glyph[], more: Partial<TextDrawable> = {}) => ({
  kind: 'text' as const,
  bits,
  glyphs,
  backArea: NOWHERE,
  fore: white,
  back: blue,
  ...more,
})

const sheet = (width: number, height: number) =>
  surfaceOf(
    Array.from({ length: height }, () => '.'.repeat(width)),
    KEY,
  )

test('letters of 1 bit: bottom row first, leftmost pixel in the highest bit, rows of whole bytes', (t) => {
  const surface = sheet(14, 4)
  drawOn(
    surface,
    text(1, [
      glyph(1, 0, 10, [
        [0b1000_0000, 0b0100_0000],
        [0b1100_0000, 0],
        [0b1110_0000, 0],
      ]),
    ]),
  )
  t.deepEqual(rowsOf(surface, KEY), [
    '.#........#...'.slice(0, 14),
    '.##...........',
    '.###..........',
    '..............',
  ])
})

test('the background is filled first, inside the clip and the box alone', (t) => {
  const surface = sheet(6, 3)
  drawOn(
    surface,
    text(1, [glyph(2, 1, 2, [[0b1100_0000]])], {
      box: rectOf(1, 0, 5, 3),
      backArea: rectOf(0, 0, 5, 2),
      clip: [rectOf(0, 0, 6, 1), rectOf(0, 1, 3, 2)],
    }),
  )
  t.deepEqual(rowsOf(surface, KEY), ['.bbbb.', '.b#...', '......'])
})

test('letters of 4 bits use 16 steps, the first pixel in the high half; of 8 bits 256', (t) => {
  const four = sheet(3, 1)
  drawOn(four, text(4, [glyph(0, 0, 3, [[0xf8, 0x10]])]))
  t.deepEqual(hexOf(four), ['f0f0f0 808080 101010'])
  const eight = sheet(3, 1)
  drawOn(eight, text(8, [glyph(0, 0, 3, [[255, 128, 0]])]))
  t.deepEqual(hexOf(eight), ['ffffff 808080 000000'])
})

test('where letters overlap the stronger counts, not both', (t) => {
  const surface = sheet(2, 1)
  drawOn(surface, text(8, [glyph(0, 0, 2, [[100, 100]]), glyph(1, 0, 1, [[60]])]))
  t.deepEqual(hexOf(surface), ['646464 646464'])
})

test('letters may be painted with a pattern, and go on what has alpha', (t) => {
  const pattern: Brush = { kind: 'pattern', image: bitmapOf(2, [0x112233, 0x445566]), pos: { x: 1, y: 0 } }
  const surface = surfaceOf(['..'], { '.': 0x80000000 }, 'argb32')
  drawOn(surface, text(8, [glyph(0, 0, 2, [[255, 255]])], { fore: pattern }))
  t.deepEqual(hexOf(surface), ['ff445566 ff112233'])
  const half = surfaceOf(['.'], { '.': 0x80000000 }, 'argb32')
  drawOn(half, text(8, [glyph(0, 0, 1, [[128]])]))
  t.deepEqual(hexOf(half), ['c0808080'])
})

test('on 16 bits colours lose their low bits; on 8 bits letters are their own alpha', (t) => {
  const rgb = surfaceOf(['.'], KEY, 'rgb565')
  drawOn(rgb, text(8, [glyph(0, 0, 1, [[128]])]))
  t.deepEqual([...rgb.pixels], [0b10000_100000_10000])
  const alpha = surfaceOf(['..'], KEY, 'a8')
  drawOn(alpha, text(8, [glyph(0, 0, 2, [[200, 7]])]))
  t.deepEqual([...alpha.pixels], [200, 7])
})
