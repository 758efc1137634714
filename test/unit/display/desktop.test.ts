import test from 'ava'
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
  t.deepEqual(tabletPosition(heads, 1, 0, 500), { x: 16383, y: 16383 })
  t.deepEqual(tabletPosition(heads, 0, 5000, 5000), {
    x: Math.floor((999 * 32767) / 2000),
    y: Math.floor((499 * 32767) / 1000),
  })
  t.is(tabletPosition(heads, 2, 1, 1), undefined)
})
