import test from 'ava'
import fc from 'fast-check'
import { intersect, isEmpty, rectOf, type Rect } from '../../../src/core/region.js'
import { Versions } from '../../../src/display/index.js'

const WIDTH = 300
const HEIGHT = 200

const rects = fc
  .tuple(
    fc.nat(WIDTH - 1),
    fc.nat(HEIGHT - 1),
    fc.integer({ min: 1, max: WIDTH }),
    fc.integer({ min: 1, max: HEIGHT }),
  )
  .map(([x, y, width, height]): Rect => intersect(rectOf(x, y, width, height), rectOf(0, 0, WIDTH, HEIGHT)))

test('the version of a rectangle goes up with every change that touches it', (t) => {
  fc.assert(
    fc.property(rects, fc.array(rects, { maxLength: 20 }), (watched, changes) => {
      const versions = new Versions(WIDTH, HEIGHT)
      for (const changed of changes) {
        const before = versions.of(watched)
        versions.touch([changed])
        if (!isEmpty(intersect(watched, changed))) {
          t.true(versions.of(watched) > before)
        }
      }
    }),
  )
})

test('a change elsewhere leaves a version as it is', (t) => {
  const versions = new Versions(WIDTH, HEIGHT)
  const before = versions.of(rectOf(0, 0, 64, 64))
  versions.touch([rectOf(64, 0, 10, 200), rectOf(0, 64, 300, 1)])
  t.is(versions.of(rectOf(0, 0, 64, 64)), before)
})

test('two pictures never have the same version', (t) => {
  const first = new Versions(10, 10)
  const second = new Versions(10, 10)
  t.not(first.of(rectOf(0, 0, 10, 10)), second.of(rectOf(0, 0, 10, 10)))
})
