import test from 'ava'
import fc from 'fast-check'
import { editDistance, nearestName } from '../../../src/config/nearest.js'

test('edits', (t) => {
  t.is(editDistance('', 'abc'), 3)
  t.is(editDistance('abc', ''), 3)
  t.is(editDistance('kitten', 'sitting'), 3)
  t.is(editDistance('lisetn', 'listen'), 1)
})

test('the distance is symmetric, and 0 only to itself', (t) => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
      t.is(editDistance(a, b), editDistance(b, a))
      t.is(editDistance(a, b) === 0, a === b)
    }),
  )
})

test('the nearest name, when it is near enough', (t) => {
  const names = ['listen', 'source', 'max-refresh-rate']
  t.is(nearestName('lissen', names), 'listen')
  t.is(nearestName('max-refreshrate', names), 'max-refresh-rate')
  t.is(nearestName('ab', names), undefined)
  t.is(nearestName('x'.repeat(10_000), names), undefined)
})
