import { randomBytes } from 'node:crypto'
import test from 'ava'
import fc from 'fast-check'
import type { Rect } from '../../src/core/region.js'
import { createFrameKernel, TILE_SIZE, type FramePixels } from '../../src/kernels/frame.js'
import { KEY_BYTES } from '../../src/kernels/frame-format.js'
import { FrameOracle } from '../../src/kernels/frame-oracle.js'

const NUM_RUNS = 150

const key = randomBytes(KEY_BYTES)
const kernel = createFrameKernel({ key })
const oracle = new FrameOracle(key)

const size = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.integer({ min: 1, max: 150 }), fc.integer({ min: 1, max: 150 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(4095, 4096, 5000), fc.integer({ min: 1, max: 3 })) },
  { weight: 1, arbitrary: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom(64, 65, 128, 700)) },
)

/** Shape of a picture in memory: its bytes begin anywhere, and rows are as far apart as they like. */
const shape = fc.record({
  size,
  padding: fc.constantFrom(0, 0, 1, 4, 12, 60),
  offset: fc.constantFrom(0, 0, 1, 2, 4, 7),
  seed: fc.integer(),
  colours: fc.constantFrom(1, 2, 5, 250, 256, 257, 1 << 24),
})

type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never

/** Runs of few colours; the fourth bytes and the padding are noise. */
const picture = (
  { size: [width, height], padding, offset, seed, colours }: Shape,
  pixelBytes = 4,
): FramePixels => {
  const stride = width * pixelBytes + padding
  const memory = new Uint8Array(offset + stride * height)
  let state = seed | 1
  const next = (below: number): number => {
    state = Math.imul(state, 1664525) + 1013904223
    return (state >>> 8) % below
  }
  const pixels = memory.subarray(offset)
  let [colour, run] = [0, 0]
  for (let at = 0; at < pixels.length; at++) {
    if (at % pixelBytes === 0 && run-- <= 0) {
      colour = Math.imul(next(colours), 0x3b9aca07)
      run = colours > 1000 ? 0 : next(20)
    }
    pixels[at] = at % 4 === 3 ? next(256) : colour >> ((at % 4) * 8)
  }
  return { pixels, width, height, stride }
}

/** The same colours elsewhere in memory, with other fourth bytes and padding. */
const copied = (
  { pixels, width, height, stride }: FramePixels,
  padding: number,
  noise: number,
): FramePixels => {
  const copy = {
    width,
    height,
    stride: width * 4 + padding,
    pixels: new Uint8Array((width * 4 + padding) * height),
  }
  copy.pixels.fill(noise)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width * 4; x++) {
      copy.pixels[y * copy.stride + x] = x % 4 === 3 ? noise : pixels[y * stride + x]!
    }
  }
  return copy
}

const change = (
  { pixels, width, height, stride }: FramePixels,
  places: readonly (readonly [number, number])[],
): void => {
  for (const [x, y] of places) {
    pixels[(y % height) * stride + (x % width) * 4 + ((x + y) % 3)]! ^= 1 + ((x * y) % 255)
  }
}

const places = fc.array(fc.tuple(fc.nat(5000), fc.nat(5000)), { maxLength: 12 })

const copyOf = (changes: ReturnType<typeof kernel.compare>): unknown => ({
  ...changes,
  tiles: [...changes.tiles],
})

const inside = (box: Rect, x: number, y: number): boolean =>
  x >= box.left && x < box.right && y >= box.top && y < box.bottom

test('the kernel runs here, so that what follows compares two things', (t) => {
  t.is(kernel.kind, 'wasm')
  t.is(createFrameKernel({ key, kernel: 'off' }).kind, 'plain')
})

test('compare: kernel and oracle agree, and the boxes hold what differs', (t) => {
  fc.assert(
    fc.property(shape, places, fc.constantFrom(0, 4, 9), fc.nat(255), (how, changed, padding, noise) => {
      const before = picture(how)
      const after = copied(before, padding, noise)
      change(after, changed)
      const expected = oracle.compare(before, after)
      t.deepEqual(copyOf(kernel.compare(before, after)), copyOf(expected))
      for (const [x, y] of changed) {
        const [column, row] = [x % before.width, y % before.height]
        const at = row * before.stride + column * 4
        const same = [0, 1, 2].every(
          (n) => before.pixels[at + n] === after.pixels[row * after.stride + column * 4 + n],
        )
        const holding = expected.boxes.filter((box) => inside(box, column, row)).length
        t.true(same ? holding <= 1 : holding === 1)
      }
    }),
    { numRuns: NUM_RUNS },
  )
})

test('compare: frames that have nothing to do with each other', (t) => {
  fc.assert(
    fc.property(shape, fc.integer(), (how, seed) => {
      const [before, after] = [picture(how), picture({ ...how, seed })]
      t.deepEqual(copyOf(kernel.compare(before, after)), copyOf(oracle.compare(before, after)))
    }),
    { numRuns: NUM_RUNS / 3 },
  )
})

test('hashTiles: kernel and oracle agree; fourth bytes, stride and place do not count, colours do', (t) => {
  fc.assert(
    fc.property(shape, fc.nat(255), fc.tuple(fc.nat(5000), fc.nat(5000)), (how, noise, place) => {
      const image = picture(how)
      const tiles = Math.ceil(image.width / TILE_SIZE) * Math.ceil(image.height / TILE_SIZE)
      const [ours, theirs, other] = [0, 0, 0].map(() => new BigUint64Array(tiles)) as [
        BigUint64Array,
        BigUint64Array,
        BigUint64Array,
      ]
      kernel.hashTiles(image, ours)
      oracle.hashTiles(image, theirs)
      t.deepEqual(ours, theirs)
      const copy = copied(image, 4, noise)
      kernel.hashTiles(copy, other)
      t.deepEqual(other, ours)
      change(copy, [place])
      kernel.hashTiles(copy, other)
      t.is(other.filter((hash, n) => hash !== ours[n]).length, 1)
    }),
    { numRuns: NUM_RUNS / 3 },
  )
})

test('palette, one colour and alpha: kernel and oracle agree', (t) => {
  fc.assert(
    fc.property(shape, fc.constantFrom(undefined, 0, 255), places, (how, alpha, changed) => {
      const made = picture(how)
      const image = alpha === undefined ? made : copied(made, 4, alpha)
      for (const step of ['as it is', 'changed']) {
        t.deepEqual(kernel.palette(image), oracle.palette(image), step)
        t.is(kernel.solidColour(image), oracle.solidColour(image))
        t.is(kernel.alphaKind(image), oracle.alphaKind(image))
        const [x, y] = changed[0] ?? [0, 0]
        const at = (y % image.height) * image.stride + (x % image.width) * 4
        image.pixels[at + (step.length % 4)]! ^= 1
      }
    }),
    { numRuns: NUM_RUNS },
  )
})

test('photoScore: kernel and oracle agree', (t) => {
  fc.assert(
    fc.property(shape, fc.constantFrom(1, 3, 16, 200), (how, step) => {
      const image = picture(how)
      for (let at = 0; at < image.pixels.length; at++) {
        image.pixels[at] = image.pixels[at]! % step
      }
      t.is(kernel.photoScore(image), oracle.photoScore(image))
    }),
    { numRuns: NUM_RUNS },
  )
})

for (const [name, pixelBytes, outBytes] of [
  ['toBgr24', 4, 3],
  ['toRgb24', 4, 3],
  ['fromRgb16', 2, 4],
  ['premultiply', 4, 4],
  ['unpremultiply', 4, 4],
] as const) {
  test(`${name}: kernel and oracle agree and write no byte too many`, (t) => {
    fc.assert(
      fc.property(shape, fc.nat(5), (how, spare) => {
        const image = picture(how, pixelBytes)
        const bytes = image.width * image.height * outBytes
        const [ours, theirs] = [
          new Uint8Array(bytes + spare).fill(0xa5),
          new Uint8Array(bytes + spare).fill(0xa5),
        ]
        kernel[name](image, ours)
        oracle[name](image, theirs)
        t.is(Buffer.compare(ours, theirs), 0)
        t.true(ours.subarray(bytes).every((byte) => byte === 0xa5))
      }),
      { numRuns: NUM_RUNS / 3 },
    )
  })
}

test('straight colours come back from premultiplied ones to within what alpha can carry', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (pixel) => {
      const [there, back] = [new Uint8Array(4), new Uint8Array(4)]
      kernel.premultiply({ pixels: pixel, width: 1, height: 1, stride: 4 }, there)
      kernel.unpremultiply({ pixels: there, width: 1, height: 1, stride: 4 }, back)
      const alpha = pixel[3]!
      for (let channel = 0; channel < 3; channel++) {
        t.true(alpha === 0 || Math.abs(back[channel]! - pixel[channel]!) <= Math.ceil(127.5 / alpha))
      }
      t.is(back[3], alpha)
    }),
    { numRuns: NUM_RUNS },
  )
})
