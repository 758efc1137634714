import test from 'ava'
import fc from 'fast-check'
import { rectOf } from '../../src/core/region.js'
import { kernelsRun, PictureKernel, PlainPictureStore, type PictureStore } from '../../src/kernels/index.js'

const it = kernelsRun() ? test : test.skip

const fill = (to: Uint8Array, seed: number, colours: number): void => {
  for (let i = 0; i < to.length; i++) {
    to[i] = (Math.imul(i + seed * 7919, 0x9e3779b1) >>> 20) % colours
  }
}

/** Two stores with the same pixels, some of which moved from the old to the fresh picture. */
const pair = (
  width: number,
  height: number,
  seed: number,
  colours: number,
  dx: number,
  dy: number,
): [PictureStore, PictureStore] => {
  const kernel = PictureKernel.load(width, height)!
  const plain = new PlainPictureStore(width, height)
  fill(kernel.old, seed, colours)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from =
        (Math.max(0, Math.min(height - 1, y - dy)) * width + Math.max(0, Math.min(width - 1, x - dx))) * 4
      kernel.fresh.set(kernel.old.subarray(from, from + 4), (y * width + x) * 4)
    }
  }
  plain.old.set(kernel.old)
  plain.fresh.set(kernel.fresh)
  return [kernel, plain]
}

it('the kernel does what the plain store does', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 40 }),
      fc.nat(1000),
      fc.integer({ min: 1, max: 255 }),
      fc.integer({ min: -20, max: 20 }),
      fc.integer({ min: -20, max: 20 }),
      fc.tuple(fc.nat(1000), fc.nat(1000), fc.nat(1000), fc.nat(1000)),
      (width, height, seed, colours, dx, dy, [a, b, c, d]) => {
        const [kernel, plain] = pair(width, height, seed, colours, dx, dy)
        const left = a % width
        const top = b % height
        const window = rectOf(left, top, 1 + (c % (width - left)), 1 + (d % (height - top)))
        for (const [x, y] of [
          [0, 0],
          [dx, dy],
          [0, dy],
        ] as const) {
          const mine = kernel.compare(window, x, y)
          const theirs = plain.compare(window, x, y)
          t.is(mine.different, theirs.different)
          t.deepEqual(mine.equal.slice(), theirs.equal)
        }
        const plainStrips = (store: PictureStore): boolean[] =>
          Array.from(store.stripHashes('old', window, 0), (hash) => hash === 0)
        t.deepEqual(plainStrips(kernel), plainStrips(plain))
        const to = rectOf(Math.max(0, dx), Math.max(0, dy), width - Math.abs(dx), height - Math.abs(dy))
        if (to.right > to.left && to.bottom > to.top) {
          kernel.move(to, dx, dy)
          plain.move(to, dx, dy)
        }
        t.deepEqual(kernel.old.slice(), plain.old.slice())
        kernel.take(window)
        plain.take(window)
        t.deepEqual(kernel.old.slice(), plain.old.slice())
      },
    ),
    { numRuns: 200 },
  )
})

it('memory is used again for a picture that fits, and not for one that would waste it', (t) => {
  const kernel = PictureKernel.load(2000, 1000)!
  const { buffer } = kernel.old
  t.true(kernel.reshape(1000, 1500))
  t.is(kernel.old.buffer, buffer)
  t.deepEqual([kernel.width, kernel.height, kernel.fresh.length], [1000, 1500, 6_000_000])
  t.is(kernel.compare(rectOf(0, 0, 1000, 1500)).equal.length, 16 * 1500)
  t.false(kernel.reshape(4000, 1000))
  t.false(kernel.reshape(10, 10))
  t.deepEqual([kernel.width, kernel.height], [1000, 1500])
})

it('probes are found where they are', (t) => {
  const [kernel, plain] = pair(300, 60, 3, 200, 37, 11)
  const window = rectOf(10, 2, 280, 50)
  const points = [
    { x: 100, y: 20 },
    { x: 150, y: 27 },
    { x: 0, y: 0 },
  ]
  const sorted = (store: PictureStore): unknown[] =>
    store.search(window, points, 1, 6).sort((a, b) => a.number - b.number || a.y - b.y || a.x - b.x)
  t.deepEqual(sorted(kernel), sorted(plain))
  t.true(sorted(kernel).length >= 2)
})

it('one strip in two pictures has one hash, and strips that differ have two', (t) => {
  const [kernel] = pair(128, 30, 9, 255, 0, 4)
  const window = rectOf(0, 0, 128, 30)
  const old = kernel.stripHashes('old', window, 64).slice()
  const fresh = kernel.stripHashes('fresh', window, 64).slice()
  t.is(new Set(old).size, 30)
  t.deepEqual(fresh.slice(4), old.slice(0, 26))
})

for (const [name, make] of [
  ['kernel', (): PictureStore => PictureKernel.load(20, 10)!],
  ['plain', (): PictureStore => new PlainPictureStore(20, 10)],
] as const) {
  ;(name === 'kernel' ? it : test)(`a window outside the picture is refused: ${name}`, (t) => {
    const store = make()
    for (const window of [rectOf(-1, 0, 5, 5), rectOf(0, 0, 21, 5), rectOf(0, 6, 5, 5), rectOf(3, 3, 0, 1)]) {
      t.throws(() => store.compare(window), { instanceOf: RangeError })
      t.throws(() => store.take(window), { instanceOf: RangeError })
    }
    t.throws(() => store.move(rectOf(0, 0, 20, 10), 1, 0), { instanceOf: RangeError })
  })
}
