import test from 'ava'
import { addDrawing, type DrawingState } from '../../../src/channels/display/drawings.js'
import { addChange, addDamage, newOutbox, type Outbox } from '../../../src/channels/display/outbox.js'
import { rectOf, type Rect } from '../../../src/core/region.js'
import type { Drawing, FillOperator } from '../../../src/display/index.js'

const QUIET: DrawingState = { inFlight: [], isExact: () => true, paintsOnto: true }

const outboxOf = (damage: readonly Rect[] = []): Outbox => {
  const outbox = { ...newOutbox(), surface: { width: 100, height: 100 } }
  addDamage(outbox, damage)
  return outbox
}

const fill = (box: Rect, operator: FillOperator = 'put', color = 1): Drawing => ({
  kind: 'fill',
  rects: [box],
  operator,
  color,
})

const paint = (box: Rect, operator: FillOperator = 'put', color = 1) => ({
  kind: 'paint',
  box,
  operator,
  color,
})

test('a colour goes before the damage that waits, which is not sent where the colour covers it', (t) => {
  const outbox = outboxOf([rectOf(0, 0, 10, 10)])
  addDrawing(outbox, fill(rectOf(0, 0, 10, 6)), QUIET)
  t.deepEqual(outbox.items, [paint(rectOf(0, 0, 10, 6)), { kind: 'damage', rects: [rectOf(0, 6, 10, 4)] }])
})

test('a colour drops those that it covers, but none that a move took along', (t) => {
  const outbox = outboxOf()
  addDrawing(outbox, fill(rectOf(0, 0, 5, 5), 'put', 1), QUIET)
  const move = { to: rectOf(50, 0, 10, 10), dx: 50, dy: 0 }
  addDrawing(outbox, { kind: 'move', move }, QUIET)
  addDrawing(outbox, fill(rectOf(0, 0, 6, 6), 'xor', 2), QUIET)
  addDrawing(outbox, fill(rectOf(0, 0, 8, 8), 'put', 3), QUIET)
  t.deepEqual(outbox.items, [
    paint(rectOf(0, 0, 5, 5), 'put', 1),
    { kind: 'copyBits', move },
    paint(rectOf(0, 0, 8, 8), 'put', 3),
  ])
})

test('what is combined with pixels in flight is sent once more there', (t) => {
  const outbox = outboxOf()
  addDrawing(outbox, fill(rectOf(0, 0, 10, 10), 'xor'), { ...QUIET, inFlight: [rectOf(8, 8, 20, 20)] })
  t.deepEqual(outbox.items, [
    paint(rectOf(0, 0, 10, 10), 'xor'),
    { kind: 'damage', rects: [rectOf(8, 8, 2, 2)] },
  ])
})

const DAMAGE = [{ kind: 'damage', rects: [rectOf(0, 0, 10, 10)] }]

test('what looks at pixels is damage where the client lacks them, or cannot', (t) => {
  const cases: readonly (readonly [string, Outbox, DrawingState])[] = [
    ['lossy', outboxOf(), { ...QUIET, isExact: () => false }],
    ['no canvas', outboxOf(), { ...QUIET, paintsOnto: false }],
    ['in flight', outboxOf(), { ...QUIET, inFlight: [rectOf(0, 0, 10, 6)] }],
    ['damaged', outboxOf([rectOf(0, 0, 10, 6)]), QUIET],
  ]
  for (const [name, outbox, state] of cases) {
    addDrawing(outbox, fill(rectOf(0, 0, 10, 10), 'xor'), state)
    t.deepEqual(outbox.items, DAMAGE, name)
  }
})

test('a colour that covers all asks for nothing', (t) => {
  const outbox = outboxOf()
  addDrawing(outbox, fill(rectOf(0, 0, 10, 10)), {
    inFlight: [rectOf(0, 0, 10, 10)],
    isExact: () => false,
    paintsOnto: false,
  })
  t.deepEqual(outbox.items, [paint(rectOf(0, 0, 10, 10))])
})

test('before the first picture of a surface all is damage, and without a surface nothing', (t) => {
  const outbox = outboxOf()
  outbox.items.unshift({ kind: 'picture' })
  addDrawing(outbox, fill(rectOf(0, 0, 10, 10)), QUIET)
  t.deepEqual(outbox.items, [{ kind: 'picture' }, ...DAMAGE])
  const none = newOutbox()
  addDrawing(none, fill(rectOf(0, 0, 10, 10)), QUIET)
  addDrawing(none, { kind: 'move', move: { to: rectOf(0, 0, 4, 4), dx: 9, dy: 9 } }, QUIET)
  t.deepEqual(none.items, [])
})

test('drawings that a client is too slow for become damage, moves among them, too', (t) => {
  const outbox = outboxOf()
  addDrawing(outbox, { kind: 'move', move: { to: rectOf(0, 90, 10, 10), dx: 0, dy: 50 } }, QUIET)
  for (let i = 0; i < 32; i++) {
    addDrawing(outbox, fill(rectOf(i * 3, 0, 2, 2)), QUIET)
  }
  const [only, ...others] = outbox.items
  t.deepEqual(others, [])
  t.is(only?.kind, 'damage')
  t.is(only?.kind === 'damage' ? only.rects.length : 0, 33)
})

test('damage that goes before a drawing stays as it is: what changes later goes behind', (t) => {
  const outbox = outboxOf()
  addDrawing(outbox, fill(rectOf(0, 0, 10, 10), 'xor'), QUIET)
  outbox.items.unshift({ kind: 'damage', rects: [rectOf(20, 20, 5, 5)] })
  addDamage(outbox, [rectOf(2, 2, 2, 2)])
  t.deepEqual(
    outbox.items.map(({ kind }) => kind),
    ['damage', 'paint', 'damage'],
  )
  addChange(outbox, { moves: [{ to: rectOf(60, 60, 40, 40), dx: 40, dy: 40 }], rects: [] }, [])
  t.deepEqual(
    outbox.items.map(({ kind }) => kind),
    ['paint', 'copyBits', 'damage'],
    'all damage goes behind a move',
  )
  const last = outbox.items[2]
  t.deepEqual(last?.kind === 'damage' ? last.rects : [], [
    rectOf(20, 20, 5, 5),
    rectOf(2, 2, 2, 2),
    rectOf(60, 60, 5, 5),
  ])
})
