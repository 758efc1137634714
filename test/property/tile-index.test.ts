import test from 'ava'
import fc from 'fast-check'
import { planParts } from '../../src/channels/display/cache-plan.js'
import {
  betweenTiles,
  gridOf,
  partOfSought,
  soughtTiles,
  type HashTiles,
} from '../../src/channels/display/tile-grid.js'
import { TileIndex, type FoundPart } from '../../src/channels/display/tile-index.js'
import {
  area,
  contains,
  intersect,
  isEmpty,
  rectOf,
  regionArea,
  subtract,
  type Rect,
} from '../../src/core/region.js'
import { createFrameKernel } from '../../src/kernels/index.js'
import { act, guestOf, type GuestScreen } from '../helpers/guest-screen.js'

const kernel = createFrameKernel()
const hashTiles: HashTiles = (image, out) => {
  kernel.hashTiles(image, out)
}

const WIDTH = 330
const HEIGHT = 270

interface Kept {
  readonly id: bigint
  readonly box: Rect
  readonly screen: GuestScreen
}

const frameOf = (screen: GuestScreen) => ({ generation: 1, ...screen })

const copyOf = (screen: GuestScreen): GuestScreen => ({ ...screen, pixels: screen.pixels.slice() })

const rowOf = (screen: GuestScreen, x: number, y: number, width: number): Buffer =>
  Buffer.from(screen.pixels.buffer, y * screen.stride + x * 4, width * 4)

/** Are the pixels of a part those of the image that it is said to be of? */
const isTrue = (part: FoundPart, screen: GuestScreen, kept: readonly Kept[]): boolean => {
  const from = kept.find(({ id }) => id === part.id)!
  const width = part.box.right - part.box.left
  const inImage = rectOf(part.x, part.y, width, part.box.bottom - part.box.top)
  if (!contains(rectOf(0, 0, part.width, part.height), inImage)) {
    return false
  }
  for (let y = part.box.top; y < part.box.bottom; y++) {
    const there = from.box.top + part.y + y - part.box.top
    if (
      !rowOf(screen, part.box.left, y, width).equals(rowOf(from.screen, from.box.left + part.x, there, width))
    ) {
      return false
    }
  }
  return true
}

const rects = fc
  .tuple(
    fc.nat(WIDTH - 2),
    fc.nat(HEIGHT - 2),
    fc.integer({ min: 1, max: WIDTH }),
    fc.integer({ min: 1, max: HEIGHT }),
  )
  .map(([x, y, width, height]) => intersect(rectOf(x, y, width, height), rectOf(0, 0, WIDTH, HEIGHT)))

const blocks = fc.record({ x: fc.nat(5), y: fc.nat(4), seed: fc.nat(2) })

test('all that is found is there, inside what was looked for, and nothing twice', (t) => {
  let hits = 0
  fc.assert(
    fc.property(
      fc.array(fc.record({ box: rects, changed: fc.array(blocks, { maxLength: 4 }) }), {
        minLength: 1,
        maxLength: 6,
      }),
      rects,
      fc.nat(3),
      (images, box, padding) => {
        const screen = guestOf(WIDTH, HEIGHT, padding)
        const index = new TileIndex()
        const kept: Kept[] = []
        images.forEach((each, at) => {
          for (const { x, y, seed } of each.changed) {
            act(screen, { kind: 'noise', rect: rectOf(x * 64, y * 64, 64, 64), seed })
          }
          const id = BigInt(at + 1)
          kept.push({ id, box: each.box, screen: copyOf(screen) })
          index.add(id, gridOf(hashTiles, frameOf(screen), each.box))
        })
        const sought = soughtTiles(hashTiles, frameOf(screen), box)
        const found = index.find(sought)
        for (const part of found) {
          t.true(contains(box, part.box))
          t.true(isTrue(part, screen, kept))
        }
        found.forEach((part, at) => {
          t.true(found.slice(at + 1).every((other) => isEmpty(intersect(part.box, other.box))))
        })
        const { parts, rest } = planParts(sought, found)
        const all = [...parts.map((part) => part.box), ...rest]
        t.is(regionArea(all), area(box))
        hits += parts.length
        for (const { id } of kept) {
          index.remove(id)
        }
        t.is(index.tiles, 0)
      },
    ),
    { numRuns: 150 },
  )
  t.true(hits > 0)
})

test('a part of what was hashed is what hashing the part gives, or is not given', (t) => {
  const screen = frameOf(guestOf(WIDTH, HEIGHT, 1))
  let given = 0
  fc.assert(
    fc.property(rects, rects, fc.boolean(), (outer, other, aligns) => {
      const inner = intersect(other, outer)
      const box = aligns
        ? {
            left: inner.left - outer.left < 64 ? outer.left : Math.floor(inner.left / 64) * 64,
            top: inner.top - outer.top < 64 ? outer.top : Math.floor(inner.top / 64) * 64,
            right: outer.right,
            bottom: outer.bottom,
          }
        : inner
      const part = partOfSought(soughtTiles(hashTiles, screen, outer), box)
      given += part === undefined ? 0 : 1
      if (isEmpty(box)) {
        t.is(part, undefined)
      } else if (part !== undefined || aligns) {
        t.deepEqual(part, soughtTiles(hashTiles, screen, box))
      }
    }),
  )
  t.true(given > 0)
})

test('parts that are cut between tiles cover what they covered, and none overlaps another', (t) => {
  fc.assert(
    fc.property(rects, rects, rects, (box, first, second) => {
      const cut = [first, second].reduce<Rect[]>(
        (parts, by) => parts.flatMap((part) => [intersect(part, by), ...subtract(part, by)]),
        [box],
      )
      const parts = betweenTiles(
        box,
        cut.filter((part) => !isEmpty(part)),
      )
      t.is(regionArea(parts), area(box))
      for (const [at, part] of parts.entries()) {
        t.true(contains(box, part))
        t.true(parts.slice(at + 1).every((other) => isEmpty(intersect(part, other))))
        t.true(part.left === box.left || part.left % 64 === 0)
        t.true(part.bottom === box.bottom || part.bottom % 64 === 0)
      }
    }),
  )
})

const world = () => {
  const screen = guestOf(WIDTH, HEIGHT, 0)
  const index = new TileIndex()
  const find = (box: Rect): FoundPart[] => index.find(soughtTiles(hashTiles, frameOf(screen), box))
  return { screen, index, find }
}

test('the same rectangle with the same pixels is one part, wherever its edges are', (t) => {
  const { screen, index, find } = world()
  const box = rectOf(13, 21, 200, 150)
  index.add(1n, gridOf(hashTiles, frameOf(screen), box))
  t.deepEqual(find(box), [{ box, id: 1n, width: 200, height: 150, x: 0, y: 0 }])
})

test('a rectangle inside an image that was sent earlier is one part of it, to its edges', (t) => {
  const { screen, index, find } = world()
  index.add(1n, gridOf(hashTiles, frameOf(screen), rectOf(0, 0, WIDTH, HEIGHT)))
  const box = rectOf(70, 30, 150, 99)
  t.deepEqual(find(box), [{ box, id: 1n, width: WIDTH, height: HEIGHT, x: 70, y: 30 }])
  const corner = rectOf(200, 150, WIDTH - 200, HEIGHT - 150)
  t.deepEqual(find(corner), [{ box: corner, id: 1n, width: WIDTH, height: HEIGHT, x: 200, y: 150 }])
})

test('what lies elsewhere by whole tiles is found, by less it is not', (t) => {
  const { screen, index, find } = world()
  const box = rectOf(64, 64, 128, 128)
  index.add(1n, gridOf(hashTiles, frameOf(screen), box))
  const before = screen.pixels.slice()
  const copyTo = (x: number, y: number): void => {
    for (let row = 0; row < 128; row++) {
      const at = (64 + row) * screen.stride + 64 * 4
      screen.pixels.set(before.subarray(at, at + 128 * 4), (y + row) * screen.stride + x * 4)
    }
  }
  copyTo(128, 0)
  const there = rectOf(128, 0, 128, 128)
  t.deepEqual(find(there), [{ box: there, id: 1n, width: 128, height: 128, x: 0, y: 0 }])
  screen.pixels.set(before)
  copyTo(130, 3)
  t.deepEqual(find(rectOf(130, 3, 128, 128)), [])
})

test('hits that would cut a cheap rectangle to pieces are left', (t) => {
  const { screen, index } = world()
  index.add(1n, gridOf(hashTiles, frameOf(screen), rectOf(128, 64, 64, 64)))
  const sought = soughtTiles(hashTiles, frameOf(screen), rectOf(0, 0, WIDTH, HEIGHT))
  const found = index.find(sought)
  t.is(found.length, 1)
  t.deepEqual(planParts(sought, found), { parts: [], rest: [rectOf(0, 0, WIDTH, HEIGHT)] })
})
