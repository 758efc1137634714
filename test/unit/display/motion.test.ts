import test from 'ava'
import fc from 'fast-check'
import { area, rectOf, type Rect } from '../../../src/core/region.js'
import { bestRect } from '../../../src/display/best-rect.js'
import { findMove, type Move } from '../../../src/display/motion.js'
import { createPictureStore } from '../../../src/kernels/index.js'

interface Canvas {
  readonly width: number
  readonly height: number
  readonly pixels: Uint32Array
}

const canvas = (width: number, height: number, colour: (x: number, y: number) => number): Canvas => ({
  width,
  height,
  pixels: Uint32Array.from({ length: width * height }, (_, i) => colour(i % width, Math.floor(i / width))),
})

/** Lines of glyph-like marks on a plain ground, every line different, blank rows between. */
const textAt = (x: number, y: number): number => {
  const line = Math.floor(y / 16)
  const inLine = y % 16
  const glyph = Math.imul(Math.imul(line, 0x85ebca6b) ^ Math.floor(x / 8), 0xc2b2ae35) >>> 7
  const mark = Math.imul(Math.imul(glyph, 0x27d4eb2f) ^ (inLine * 8 + (x % 8)), 0x165667b1) >>> 28
  return inLine > 2 && inLine < 13 && Math.floor(x / 8) % 7 !== line % 7 && mark > 9 ? 0xd0d0d0 : 0x202020
}

const noiseAt = (x: number, y: number, seed = 0): number =>
  (Math.imul(x * 7919 + y * 104729 + seed * 31, 0x9e3779b1) >>> 8) & 0xffffff

const put = (
  to: Canvas,
  { left, top, right, bottom }: Rect,
  colour: (x: number, y: number) => number,
): void => {
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      to.pixels[y * to.width + x] = colour(x, y)
    }
  }
}

const copyOf = (from: Canvas): Canvas => ({ ...from, pixels: from.pixels.slice() })

const find = (before: Canvas, after: Canvas): Move | undefined => {
  const { width, height } = before
  const store = createPictureStore(width, height)!
  store.old.set(new Uint8Array(before.pixels.buffer))
  store.fresh.set(new Uint8Array(after.pixels.buffer))
  const window = rectOf(0, 0, width, height)
  return findMove(store, window, store.compare(window).equal.slice())
}

/** Pixels in which `after` differs from `before` once the move is done. */
const leftOver = (before: Canvas, after: Canvas, move: Move | undefined): number => {
  const moved = copyOf(before)
  if (move !== undefined) {
    put(moved, move.to, (x, y) => before.pixels[(y - move.dy) * before.width + x - move.dx]!)
  }
  return moved.pixels.reduce((count, pixel, i) => count + (pixel === after.pixels[i] ? 0 : 1), 0)
}

test('a terminal that scrolls up by a line is one move', (t) => {
  const before = canvas(800, 600, textAt)
  const after = canvas(800, 600, (x, y) => (y < 584 ? textAt(x, y + 16) : 0x202020))
  const move = find(before, after)
  t.is(move?.dx, 0)
  t.is(move?.dy, -16)
  t.true(leftOver(before, after, move) < leftOver(before, after, undefined) / 20)
})

test('what scrolls in a window is found to the pixel at its sides, beside things that stay', (t) => {
  const window = rectOf(77, 50, 430, 400)
  const before = canvas(640, 480, (x, y) => noiseAt(x, y))
  put(before, window, (x, y) => textAt(x, y))
  const after = copyOf(before)
  put(after, window, (x, y) => textAt(x, y + 40))
  const move = find(before, after)
  t.is(move?.dy, -40)
  t.true(move!.to.left >= 77 - 8 && move!.to.left <= 77 + 8, JSON.stringify(move))
  t.true(move!.to.right >= 507 - 8 && move!.to.right <= 507 + 8)
  t.true(leftOver(before, after, move) <= 430 * 48)
})

test('scrolling down is found, too, and with a scroll bar that changed beside it', (t) => {
  const before = canvas(512, 400, textAt)
  const after = canvas(512, 400, (x, y) => (y >= 33 ? textAt(x, y - 33) : 0xffffff))
  put(after, rectOf(500, 0, 12, 400), (x, y) => noiseAt(x, y))
  const move = find(before, after)
  t.is(move?.dy, 33)
  t.true(leftOver(before, after, move) <= 33 * 512 + 12 * 400 + 100)
})

for (const [dx, dy] of [
  [13, 7],
  [-50, 0],
  [-21, 90],
  [3, -1],
] as const) {
  test(`a window that was dragged by ${dx}, ${dy}`, (t) => {
    const ground = canvas(640, 480, (x, y) => 0x305070 + ((x + y) >> 4))
    const before = copyOf(ground)
    put(before, rectOf(150, 120, 300, 200), (x, y) => textAt(x - 150, y - 120))
    const after = copyOf(ground)
    put(after, rectOf(150 + dx, 120 + dy, 300, 200), (x, y) => textAt(x - 150 - dx, y - 120 - dy))
    const move = find(before, after)
    t.is(move?.dx, dx)
    t.is(move?.dy, dy)
    t.true(leftOver(before, after, move) < leftOver(before, after, undefined))
    const uncovered = 300 * 200 - (300 - Math.abs(dx)) * (200 - Math.abs(dy))
    t.true(leftOver(before, after, move) <= uncovered + 64 * 200, String(leftOver(before, after, move)))
  })
}

test('a dragged window is found in damage that is just its two places', (t) => {
  // As many columns as the distance of evenly spread probes: all would lie at the left edge, in what was uncovered.
  const before = canvas(407, 303, (x, y) => (x < 400 && y < 300 ? textAt(x, y) : 0x305070))
  const after = canvas(407, 303, (x, y) => (x >= 7 && y >= 3 ? textAt(x - 7, y - 3) : 0x305070))
  t.deepEqual(find(before, after), { to: rectOf(7, 3, 400, 300), dx: 7, dy: 3 })
})

test('nothing is found where nothing moved', (t) => {
  const picture = canvas(640, 480, textAt)
  t.is(find(picture, picture), undefined)
  t.is(
    find(
      picture,
      canvas(640, 480, (x, y) => noiseAt(x, y)),
    ),
    undefined,
  )
  t.is(
    find(
      canvas(640, 480, (x, y) => noiseAt(x, y, 1)),
      canvas(640, 480, (x, y) => noiseAt(x, y, 2)),
    ),
    undefined,
  )
  t.is(
    find(
      canvas(300, 300, () => 0),
      canvas(300, 300, () => 0xffffff),
    ),
    undefined,
  )
  t.is(
    find(
      canvas(40, 40, (x, y) => noiseAt(x, y)),
      canvas(40, 40, (x, y) => noiseAt(x, y + 3)),
    ),
    undefined,
    'smaller than a strip',
  )
})

test('whatever moved, a move stays inside the picture and makes it better by what it costs', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 64, max: 400 }),
      fc.integer({ min: 8, max: 300 }),
      fc.integer({ min: -399, max: 399 }),
      fc.integer({ min: -299, max: 299 }),
      fc.boolean(),
      fc.integer({ min: 0, max: 300 }),
      (width, height, dx, dy, text, hole) => {
        const colour = text ? textAt : noiseAt
        const before = canvas(width, height, (x, y) => colour(x + 1000, y + 1000))
        const after = canvas(width, height, (x, y) =>
          x < hole && y < hole ? noiseAt(x, y, 7) : colour(x + 1000 - dx, y + 1000 - dy),
        )
        const move = find(before, after)
        if (move !== undefined) {
          const { left, top, right, bottom } = move.to
          t.true(left >= 0 && top >= 0 && right <= width && bottom <= height && area(move.to) > 0)
          t.true(left - move.dx >= 0 && right - move.dx <= width)
          t.true(top - move.dy >= 0 && bottom - move.dy <= height)
          t.true(leftOver(before, after, move) < leftOver(before, after, undefined))
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('the best rectangle of a grid is the best of all', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 25, maxLength: 25 }),
      (columns, rows, numbers) => {
        const values = Int32Array.from(numbers.slice(0, columns * rows))
        const sumOf = ({ left, top, right, bottom }: Rect): number => {
          let sum = 0
          for (let y = top; y < bottom; y++) {
            for (let x = left; x < right; x++) {
              sum += values[y * columns + x]!
            }
          }
          return sum
        }
        let most = 0
        for (let left = 0; left < columns; left++) {
          for (let right = left + 1; right <= columns; right++) {
            for (let top = 0; top < rows; top++) {
              for (let bottom = top + 1; bottom <= rows; bottom++) {
                most = Math.max(most, sumOf({ left, top, right, bottom }))
              }
            }
          }
        }
        const best = bestRect(values, columns, rows)
        t.is(best?.sum ?? 0, most)
        t.is(best === undefined ? 0 : sumOf(best.cells), most)
      },
    ),
  )
})
