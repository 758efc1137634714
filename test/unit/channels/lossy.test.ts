import test from 'ava'
import fc from 'fast-check'
import {
  adoptLossy,
  followItem,
  markExact,
  markLossy,
  moveLossy,
  newLossyState,
  REST_MS,
  restDelay,
  restedArea,
  type LossyState,
} from '../../../src/channels/display/lossy.js'
import { intersect, rectOf, type Rect } from '../../../src/core/region.js'

const SIDE = 48
const SCREEN = rectOf(0, 0, SIDE, SIDE)

/** One byte a pixel: 1 where it is lossy. */
const covered = ({ areas }: LossyState): Uint8Array => {
  const marks = new Uint8Array(SIDE * SIDE)
  for (const { rect } of areas) {
    fill(marks, rect, 1)
  }
  return marks
}

const fill = (marks: Uint8Array, rect: Rect, value: number): void => {
  const { left, top, right, bottom } = intersect(rect, SCREEN)
  for (let y = top; y < bottom; y++) {
    marks.fill(value, y * SIDE + left, y * SIDE + right)
  }
}

const rects = fc
  .tuple(
    fc.nat(SIDE - 2),
    fc.nat(SIDE - 2),
    fc.integer({ min: 1, max: SIDE }),
    fc.integer({ min: 1, max: SIDE }),
  )
  .map(([x, y, width, height]) => intersect(rectOf(x, y, width, height), SCREEN))

const steps = fc.oneof(
  fc.record({ kind: fc.constant('lossy' as const), rect: rects }),
  fc.record({ kind: fc.constant('exact' as const), rect: rects }),
  fc.record({
    kind: fc.constant('move' as const),
    rect: rects,
    dx: fc.integer({ min: -20, max: 20 }),
    dy: fc.integer({ min: -20, max: 20 }),
  }),
)

test('every pixel that may be lossy is in an area, however they are drawn and moved', (t) => {
  let precise = 0
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 60 }), (list) => {
      const state = newLossyState()
      const truth = new Uint8Array(SIDE * SIDE)
      for (const [at, step] of list.entries()) {
        if (step.kind === 'lossy') {
          markLossy(state, step.rect, at)
          fill(truth, step.rect, 1)
        } else if (step.kind === 'exact') {
          markExact(state, step.rect)
          fill(truth, step.rect, 0)
        } else {
          const { dx, dy } = step
          const shifted = { left: -dx, top: -dy, right: SIDE - dx, bottom: SIDE - dy }
          const from = intersect(intersect(step.rect, SCREEN), SCREEN)
          const source = intersect(
            { left: from.left - dx, top: from.top - dy, right: from.right - dx, bottom: from.bottom - dy },
            intersect(SCREEN, shifted),
          )
          const to = {
            left: source.left + dx,
            top: source.top + dy,
            right: source.right + dx,
            bottom: source.bottom + dy,
          }
          if (to.left >= to.right || to.top >= to.bottom) {
            continue
          }
          moveLossy(state, { to, dx, dy }, at)
          const before = truth.slice()
          for (let y = to.top; y < to.bottom; y++) {
            for (let x = to.left; x < to.right; x++) {
              truth[y * SIDE + x] = before[(y - dy) * SIDE + x - dx]!
            }
          }
        }
      }
      const known = covered(state)
      t.true(state.areas.length <= 64)
      t.true(truth.every((mark, at) => mark <= known[at]!))
      precise += truth.every((mark, at) => mark === known[at]) ? 1 : 0
    }),
    { numRuns: 200 },
  )
  t.true(precise > 100, 'areas are hardly ever what is lossy')
})

test('what was drawn last and has come to rest is first, and nothing is before its time', (t) => {
  const state = newLossyState()
  t.is(restDelay(state, 0), undefined)
  markLossy(state, rectOf(0, 0, 10, 10), 0)
  markLossy(state, rectOf(20, 20, 10, 10), 100)
  t.is(restedArea(state, REST_MS - 1), undefined)
  t.is(restDelay(state, 100), REST_MS - 100)
  t.deepEqual(restedArea(state, REST_MS), rectOf(0, 0, 10, 10))
  t.deepEqual(restedArea(state, REST_MS + 100), rectOf(20, 20, 10, 10))
  state.resumeMs = 900
  t.is(restedArea(state, 899), undefined)
  t.is(restDelay(state, 800), 100)
  t.deepEqual(restedArea(state, 900), rectOf(20, 20, 10, 10))
})

test('what is drawn again has not come to rest', (t) => {
  const state = newLossyState()
  markLossy(state, rectOf(0, 0, 10, 10), 0)
  markLossy(state, rectOf(0, 5, 10, 5), 300)
  t.deepEqual(restedArea(state, REST_MS), rectOf(0, 0, 10, 5))
  markExact(state, rectOf(0, 0, 10, 5))
  t.is(restedArea(state, REST_MS), undefined)
  t.is(restDelay(state, REST_MS), 300)
})

test('another surface is exact', (t) => {
  for (const kind of ['surfaceCreate', 'surfaceDestroy'] as const) {
    const state = newLossyState()
    markLossy(state, SCREEN, 0)
    followItem(state, { kind, width: 9, height: 9 }, 0)
    t.deepEqual(state.areas, [])
  }
})

test('a state from a clock that is ahead waits no longer than its own time', (t) => {
  const state = newLossyState()
  markLossy(state, SCREEN, 1e9)
  state.resumeMs = 1e9
  adoptLossy(state, 50)
  t.deepEqual(restedArea(state, 50 + REST_MS), SCREEN)
})
