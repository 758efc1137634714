import test from 'ava'
import { rectOf } from '../../../src/core/region.js'
import type { PathSegment, StrokeDrawable } from '../../../src/display/index.js'
import { ROP } from '../../../src/protocol/index.js'
import { drawOn, rowsOf, surfaceOf } from '../../helpers/small-pictures.js'

const KEY = { '.': 0, '#': 0xff }

const sheet = (width: number, height: number) =>
  surfaceOf(
    Array.from({ length: height }, () => '.'.repeat(width)),
    KEY,
  )

/** A run of lines through points in pixels. */
const run = (
  points: readonly (readonly [number, number])[],
  more: Partial<PathSegment> = {},
): PathSegment => ({
  begin: true,
  end: true,
  close: false,
  bezier: false,
  points: Int32Array.from(points.flat(), (value) => value * 16),
  ...more,
})

const stroke = (
  path: readonly PathSegment[],
  more: Partial<Pick<StrokeDrawable, 'dashes' | 'startWithGap' | 'foreMode' | 'clip'>> = {},
) => ({
  kind: 'stroke' as const,
  path,
  startWithGap: false,
  brush: { kind: 'solid' as const, color: 0xff },
  foreMode: ROP.put,
  ...more,
})

test('lines in all directions, without their last points', (t) => {
  const surface = sheet(9, 7)
  drawOn(
    surface,
    stroke([
      run([
        [0, 0],
        [4, 0],
      ]),
      run([
        [8, 0],
        [8, 3],
      ]),
      run([
        [7, 6],
        [3, 6],
      ]),
      run([
        [0, 6],
        [0, 3],
      ]),
    ]),
  )
  t.deepEqual(rowsOf(surface, KEY), [
    '####....#',
    '........#',
    '........#',
    '.........',
    '#........',
    '#........',
    '#...####.',
  ])
})

test('slanted lines step where they pass the middle of a pixel', (t) => {
  const surface = sheet(9, 5)
  drawOn(
    surface,
    stroke([
      run([
        [0, 0],
        [8, 4],
      ]),
      run([
        [4, 0],
        [0, 4],
      ]),
    ]),
  )
  t.deepEqual(rowsOf(surface, KEY), ['#...#....', '.###.....', '..###....', '.#...##..', '.......#.'])
})

test('points are rounded to the nearest pixel, and a run goes on where it ended', (t) => {
  const surface = sheet(8, 4)
  const first: PathSegment = { ...run([]), end: false, points: Int32Array.of(7, 8, 3 * 16 - 9, 8) }
  const second: PathSegment = { ...run([[2, 3]]), begin: false }
  drawOn(surface, stroke([first, second]))
  t.deepEqual(rowsOf(surface, KEY), ['........', '###.....', '..#.....', '........'])
})

test('a closed run comes back to where it began', (t) => {
  const surface = sheet(5, 5)
  drawOn(
    surface,
    stroke([
      run(
        [
          [1, 1],
          [3, 1],
          [3, 3],
          [1, 3],
        ],
        { close: true },
      ),
    ]),
  )
  t.deepEqual(rowsOf(surface, KEY), ['.....', '.###.', '.#.#.', '.###.', '.....'])
})

test('dashes go on around corners and begin anew with each run', (t) => {
  const surface = sheet(8, 5)
  const dashes = Int32Array.of(3 * 16, 2 * 16)
  drawOn(
    surface,
    stroke(
      [
        run([
          [0, 0],
          [7, 0],
          [7, 4],
        ]),
        run([
          [0, 4],
          [6, 4],
        ]),
      ],
      { dashes },
    ),
  )
  t.deepEqual(rowsOf(surface, KEY), ['###..###', '........', '........', '.......#', '###..#..'])
})

test('dashes that start with a gap, and an odd number of lengths, which take turns', (t) => {
  const gap = sheet(12, 1)
  drawOn(
    gap,
    stroke(
      [
        run([
          [0, 0],
          [12, 0],
        ]),
      ],
      { dashes: Int32Array.of(32, 48), startWithGap: true },
    ),
  )
  t.deepEqual(rowsOf(gap, KEY), ['..###..###..'])
  const odd = sheet(12, 1)
  drawOn(
    odd,
    stroke(
      [
        run([
          [0, 0],
          [12, 0],
        ]),
      ],
      { dashes: Int32Array.of(32) },
    ),
  )
  t.deepEqual(rowsOf(odd, KEY), ['##..##..##..'])
})

/** From (0, 8) to (16, 8), drawn to two points at y = -2: its top is at (8, 0.5). */
const ARCH = [
  '.................',
  '....#########....',
  '...#.........##..',
  '..#...........#..',
  '..#............#.',
  '.#.............#.',
  '.#.............#.',
  '#...............#',
  '#................',
]

test('a curve that is straight is a line, and one that is not is made of short ones', (t) => {
  const straight = sheet(10, 3)
  drawOn(
    straight,
    stroke([
      run(
        [
          [0, 1],
          [3, 1],
          [6, 1],
          [9, 1],
        ],
        { bezier: true },
      ),
    ]),
  )
  t.deepEqual(rowsOf(straight, KEY), ['..........', '#########.', '..........'])
  const arch = sheet(17, 9)
  drawOn(
    arch,
    stroke([
      run(
        [
          [0, 8],
          [0, -2],
          [16, -2],
          [16, 8],
        ],
        { bezier: true },
      ),
    ]),
  )
  t.deepEqual(rowsOf(arch, KEY), ARCH)
})

test('lines are cut at the box and the clip, however far they go, and crossings count twice', (t) => {
  const surface = sheet(6, 4)
  const far = 4_000_000
  drawOn(
    surface,
    stroke(
      [
        run([
          [-far, 1],
          [far, 1],
        ]),
        run([
          [2, -far],
          [2, far],
        ]),
      ],
      {
        foreMode: ROP.xor,
        clip: [rectOf(0, 0, 4, 4), rectOf(2, 1, 3, 1)],
      },
    ),
  )
  t.deepEqual(rowsOf(surface, KEY), ['..#...', '##.##.', '..#...', '..#...'])
})
