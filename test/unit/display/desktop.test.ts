import test from 'ava'
import fc from 'fast-check'
import { placeHeads, tabletPosition } from '../../../src/display/index.js'

const sized = (console: number, width: number, height: number) => ({ console, width, height })
const wanted = (console: number, width: number, x: number, y: number) => ({
  ...{ console, width, height: width, x, y, widthMm: 0, heightMm: 0 },
})

test('heads stand side by side unless a client placed them', (t) => {
  t.deepEqual(
    placeHeads([sized(0, 800, 600), sized(1, 640, 480)], []).map(({ x, y }) => [x, y]),
    [
      [0, 0],
      [800, 0],
    ],
  )
  t.deepEqual(
    placeHeads(
      [sized(0, 800, 600), sized(1, 640, 480)],
      [wanted(0, 800, 640, 0), wanted(1, 640, 0, 100)],
    ).map(({ x, y }) => [x, y]),
    [
      [640, 0],
      [0, 100],
    ],
  )
})

test('a tablet over the whole desktop: corners, clamping, and a head that is off', (t) => {
  const heads = placeHeads([sized(0, 1000, 500), sized(1, 1000, 1000)], [])
  t.deepEqual(tabletPosition(heads, 0, 0, 0), { x: 0, y: 0 })
  t.deepEqual(tabletPosition(heads, 0, -7, -7), { x: 0, y: 0 })
  t.deepEqual(tabletPosition(heads, 1, 5000, 5000), { x: 32767, y: 32767 })
  t.deepEqual(tabletPosition(heads, 0, 5000, 5000), tabletPosition(heads, 0, 999, 499))
  t.is(tabletPosition(heads, 2, 1, 1), undefined)
})

test('the desktop begins where its first head does', (t) => {
  const heads = placeHeads(
    [sized(1, 100, 100), sized(2, 100, 100)],
    [wanted(1, 100, 800, 50), wanted(2, 100, 900, 50)],
  )
  t.deepEqual(tabletPosition(heads, 1, 0, 0), { x: 0, y: 0 })
  t.deepEqual(tabletPosition(heads, 2, 99, 99), { x: 32767, y: 32767 })
})

test('a guest works out the very pixel, however it scales a tablet', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 16384 }),
      fc.integer({ min: 1, max: 16384 }),
      fc.nat(16383),
      fc.boolean(),
      (first, second, at, onSecond) => {
        const heads = placeHeads([sized(0, first, 10), sized(1, second, 10)], [])
        const x = at % (onSecond ? second : first)
        const value = tabletPosition(heads, onSecond ? 1 : 0, x, 0)!.x
        const pixel = x + (onSecond ? first : 0)
        const whole = first + second
        t.is(Math.floor((value * whole) / 32768), pixel)
        t.is(Math.floor((value * (whole - 1)) / 32767), pixel)
      },
    ),
  )
})
