import fc from 'fast-check'
import test from 'ava'
import type { Image } from '../../src/codecs/image.js'
import { createLz4Encoder, decodeLz4, lz4MaxEncodedSize } from '../../src/codecs/lz4/index.js'
import { Lz4Oracle } from '../../src/codecs/lz4/oracle.js'
import { fillPixels, PIXEL_CLASSES } from '../unit/codecs/jpeg/pixels.js'
import { decodeByLibrary, library, withLibrary } from '../unit/codecs/lz4/library.js'

const MAX_PIXELS = 1 << 18
const NUM_RUNS = 200

const PIXEL_BYTES = { rgb16: 2, rgb24: 3, rgb32: 4, rgba: 4 } as const
const FORMATS = Object.keys(PIXEL_BYTES) as (keyof typeof PIXEL_BYTES)[]

const size = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(4095, 4096, 9000), fc.integer({ min: 1, max: 20 })) },
  { weight: 1, arbitrary: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom(255, 1024)) },
)

const image: fc.Arbitrary<Image> = fc
  .record({
    format: fc.constantFrom(...FORMATS),
    size,
    padding: fc.oneof(fc.constant(0), fc.constantFrom(1, 3, 4, 8, 64)),
    offset: fc.constantFrom(0, 0, 1, 2, 4),
    topDown: fc.boolean(),
    kind: fc.constantFrom(...PIXEL_CLASSES),
    seed: fc.integer(),
  })
  .map(({ format, size: [width, height], padding, offset, topDown, kind, seed }) => {
    const stride = width * PIXEL_BYTES[format] + padding
    const pixels = new Uint8Array(offset + stride * height - padding).subarray(offset)
    fillPixels(pixels, kind, seed, stride)
    return { format, width, height, stride, topDown, pixels }
  })

/** What a decoder gives back: packed rows. */
const canonical = (source: Image): Image => {
  const stride = source.width * PIXEL_BYTES[source.format as keyof typeof PIXEL_BYTES]
  const pixels = new Uint8Array(stride * source.height)
  for (let row = 0; row < source.height; row++) {
    pixels.set(source.pixels.subarray(row * source.stride, row * source.stride + stride), row * stride)
  }
  return { ...source, stride, pixels }
}

const same = (a: Image, b: Image): boolean =>
  a.format === b.format &&
  a.width === b.width &&
  a.height === b.height &&
  a.stride === b.stride &&
  a.topDown === b.topDown &&
  Buffer.compare(a.pixels, b.pixels) === 0

const outFor = ({ format, width, height }: Image): Uint8Array =>
  new Uint8Array(lz4MaxEncodedSize(format, width, height))

const KINDS = [
  ['the library', withLibrary, () => createLz4Encoder({ maxPixels: MAX_PIXELS, library: library! })],
  ['plain code', test, () => createLz4Encoder({ maxPixels: MAX_PIXELS, library: undefined })],
] as const

for (const [name, testOf, create] of KINDS) {
  testOf(`decode after encode by ${name} is identity`, (t) => {
    const encoder = create()
    fc.assert(
      fc.property(image, (source) => {
        const out = outFor(source)
        const length = encoder.encode(source, out)
        return length > 0 && same(decodeLz4(out.subarray(0, length), source, MAX_PIXELS), canonical(source))
      }),
      { numRuns: NUM_RUNS },
    )
    t.pass()
  })

  testOf(`by ${name} nothing is written past the output, whatever its size`, (t) => {
    const encoder = create()
    fc.assert(
      fc.property(image, fc.integer({ min: -40, max: 3 }), (source, slack) => {
        const length = encoder.encode(source, outFor(source))
        const room = Math.max(0, length + slack)
        const memory = new Uint8Array(room + 16).fill(0x5a)
        const result = encoder.encode(source, memory.subarray(0, room))
        const clean = memory.subarray(room).every((byte) => byte === 0x5a)
        const decodes =
          result < 0 || same(decodeLz4(memory.subarray(0, result), source, MAX_PIXELS), canonical(source))
        return clean && decodes && (room < length ? result <= room : result === length)
      }),
      { numRuns: NUM_RUNS },
    )
    t.pass()
  })

  testOf(`another thread gives the same as this one, by ${name}`, async (t) => {
    const encoder = create()
    await fc.assert(
      fc.asyncProperty(fc.array(image, { maxLength: 5 }), async (sources) => {
        const results = await Promise.all(
          sources.map(async (source) => {
            const out = outFor(source)
            const length = await encoder.encodeAsync(source, out)
            return same(decodeLz4(out.subarray(0, length), source, MAX_PIXELS), canonical(source))
          }),
        )
        return results.every(Boolean)
      }),
      { numRuns: 60 },
    )
    await encoder.close()
    t.pass()
  })
}

withLibrary('the library itself takes what the plain coder makes', (t) => {
  const oracle = new Lz4Oracle()
  fc.assert(
    fc.property(image, (source) => {
      const out = outFor(source)
      const block = out.subarray(6, oracle.encode(source, out))
      const { pixels } = canonical(source)
      return Buffer.compare(decodeByLibrary(block, pixels.length), pixels) === 0
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('the plain coder codes any division into blocks to the same pixels', (t) => {
  const oracle = new Lz4Oracle()
  fc.assert(
    fc.property(image, fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 8 }), (source, wanted) => {
      const segments: number[] = []
      let left = source.height
      for (const rows of wanted) {
        const taken = Math.min(rows, left - 1)
        if (taken > 0) {
          segments.push(taken)
          left -= taken
        }
      }
      const out = new Uint8Array(outFor(source).length + segments.length * 32)
      const length = oracle.encode(source, out, [...segments, left])
      return length > 0 && same(decodeLz4(out.subarray(0, length), source, MAX_PIXELS), canonical(source))
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})
