import fc from 'fast-check'
import test from 'ava'
import type { Image, PixelFormat } from '../../src/codecs/image.js'
import {
  createJpegAlphaEncoder,
  createJpegEncoder,
  decodeJpeg,
  decodeJpegAlpha,
} from '../../src/codecs/jpeg/index.js'
import { createLzEncoder, decodeLz } from '../../src/codecs/lz/index.js'
import { decodeByLibrary, library, withLibrary } from '../unit/codecs/jpeg/library.js'
import { canonical, fillPixels, meanError, PIXEL_CLASSES } from '../unit/codecs/jpeg/pixels.js'

const MAX_PIXELS = 1 << 17
const NUM_RUNS = 80

const size = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 70 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(4095, 4096, 8191), fc.integer({ min: 1, max: 9 })) },
  { weight: 1, arbitrary: fc.tuple(fc.integer({ min: 1, max: 9 }), fc.constantFrom(1023, 4096)) },
)

const image = (formats: readonly PixelFormat[]): fc.Arbitrary<Image> =>
  fc
    .record({
      format: fc.constantFrom(...formats),
      size,
      padding: fc.oneof(fc.constant(0), fc.constantFrom(1, 3, 4, 8, 64)),
      offset: fc.constantFrom(0, 0, 1, 2, 4),
      topDown: fc.boolean(),
      kind: fc.constantFrom(...PIXEL_CLASSES),
      seed: fc.integer(),
    })
    .map(({ format, size: [width, height], padding, offset, topDown, kind, seed }) => {
      const stride = width * ({ rgb16: 2, rgb24: 3 }[format as string] ?? 4) + padding
      const pixels = new Uint8Array(offset + stride * height - padding).subarray(offset)
      fillPixels(pixels, kind, seed, stride)
      return { format, width, height, stride, topDown, pixels }
    })

const OPAQUE = ['rgb16', 'rgb24', 'rgb32'] as const
const SUBSAMPLINGS = ['4:4:4', '4:2:2', '4:2:0', 'gray'] as const
const subsampling = fc.constantFrom(...SUBSAMPLINGS)
const quality = fc.integer({ min: 1, max: 100 })
const dct = fc.constantFrom('accurate' as const, 'fast' as const)

const out = new Uint8Array(1 << 21)

withLibrary('the decoder gives the pixels of the library, bit by bit', (t) => {
  fc.assert(
    fc.property(image(OPAQUE), subsampling, quality, dct, (source, sampling, wanted, transform) => {
      const encoder = createJpegEncoder({
        ...{ library: library!, maxPixels: MAX_PIXELS },
        ...{ subsampling: sampling, quality: wanted, dct: transform },
      })
      const bytes = out.subarray(0, encoder.encode(source, out))
      const { width, height } = source
      const decoded = decodeJpeg(bytes, width * height)
      encoder.trim()
      return (
        decoded.width === width &&
        decoded.height === height &&
        Buffer.compare(decoded.pixels, decodeByLibrary(bytes, width, height)) === 0
      )
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

withLibrary('format, stride, place in memory and row order do not change the stream', (t) => {
  const encoder = createJpegEncoder({ library: library!, maxPixels: MAX_PIXELS })
  fc.assert(
    fc.property(image(OPAQUE), (source) => {
      const { width, height } = source
      const plain: Image = {
        ...{ format: 'rgb32', width, height, stride: width * 4, topDown: true },
        pixels: canonical(source),
      }
      const first = out.slice(0, encoder.encode(source, out))
      return Buffer.compare(first, out.subarray(0, encoder.encode(plain, out))) === 0
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

withLibrary('without subsampling and at the best quality an image comes back nearly as it was', (t) => {
  const encoder = createJpegEncoder({
    ...{ library: library!, maxPixels: MAX_PIXELS },
    ...{ subsampling: '4:4:4', quality: 100 },
  })
  fc.assert(
    fc.property(image(OPAQUE), (source) => {
      const { pixels } = decodeJpeg(out.subarray(0, encoder.encode(source, out)), MAX_PIXELS)
      const error = meanError(pixels, canonical(source))
      return error < 1.5
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

withLibrary('alpha comes back as it was, whatever the row order', (t) => {
  const jpeg = createJpegEncoder({
    ...{ library: library!, maxPixels: MAX_PIXELS },
    ...{ subsampling: '4:4:4', quality: 100 },
  })
  const encoder = createJpegAlphaEncoder({ jpeg, alpha: createLzEncoder() })
  fc.assert(
    fc.property(image(['rgba']), (source) => {
      if (!encoder.accepts(source)) {
        return false
      }
      const bytes = out.subarray(0, encoder.encode(source, out))
      const { pixels } = decodeJpegAlpha(bytes, decodeLz, MAX_PIXELS)
      const wanted = canonical(source)
      return meanError(pixels, wanted) < 1.5 && pixels.every((byte, at) => at % 4 < 3 || byte === wanted[at])
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

withLibrary('another thread gives the same result, for any output size', async (t) => {
  const encoder = createJpegEncoder({ library: library!, maxPixels: MAX_PIXELS })
  const slack = fc.integer({ min: -30, max: 30 })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(image(OPAQUE), slack), { maxLength: 6 }), async (jobs) => {
      const wanted = jobs.map(([source]) => out.slice(0, encoder.encode(source, out)))
      const results = await Promise.all(
        jobs.map(async ([source, room], at) => {
          const memory = new Uint8Array(Math.max(0, wanted[at]!.length + room))
          const length = await encoder.encodeAsync(source, memory)
          return length < 0
            ? room < 0
            : room >= 0 && Buffer.compare(memory.subarray(0, length), wanted[at]!) === 0
        }),
      )
      return results.every(Boolean)
    }),
    { numRuns: 40 },
  )
  await encoder.close()
  t.pass()
})

test('the classes of pixels differ', (t) => {
  const made = PIXEL_CLASSES.map((kind) => {
    const bytes = new Uint8Array(400)
    fillPixels(bytes, kind, 77, 40)
    return Buffer.from(bytes).toString('hex')
  })
  t.is(new Set(made).size, PIXEL_CLASSES.length)
})
