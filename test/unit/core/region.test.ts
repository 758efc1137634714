import fc from 'fast-check'
import test from 'ava'
import {
  addToRegion,
  area,
  isEmpty,
  rectOf,
  regionArea,
  subtract,
  intersect,
  type Rect,
} from '../../../src/core/region.js'

const rects = fc.tuple(fc.nat(20), fc.nat(20), fc.nat(8), fc.nat(8)).map(([x, y, w, h]) => rectOf(x, y, w, h))

const covered = (region: readonly Rect[]): Set<number> => {
  const cells = new Set<number>()
  for (const r of region) {
    for (let y = r.top; y < r.bottom; y++) {
      for (let x = r.left; x < r.right; x++) {
        cells.add(y * 100 + x)
      }
    }
  }
  return cells
}

test('a region covers exactly what went in and never twice', (t) => {
  fc.assert(
    fc.property(fc.array(rects, { maxLength: 12 }), (added) => {
      const region: Rect[] = []
      for (const rect of added) {
        addToRegion(region, rect, 1000)
      }
      return (
        regionArea(region) === covered(added).size &&
        covered(region).size === regionArea(region) &&
        [...covered(added)].every((cell) => covered(region).has(cell))
      )
    }),
  )
  t.pass()
})

test('a region that gets too long still covers everything', (t) => {
  fc.assert(
    fc.property(fc.array(rects, { maxLength: 12 }), fc.integer({ min: 1, max: 4 }), (added, max) => {
      const region: Rect[] = []
      for (const rect of added) {
        addToRegion(region, rect, max)
      }
      return region.length <= max && [...covered(added)].every((cell) => covered(region).has(cell))
    }),
  )
  t.pass()
})

test('a rectangle is its cut and the rest', (t) => {
  fc.assert(
    fc.property(rects, rects, (a, b) => {
      const rest = subtract(a, b)
      const cut = intersect(a, b)
      return rest.every((part) => !isEmpty(part)) && regionArea(rest) + area(cut) === area(a)
    }),
  )
  t.pass()
})
