import fc from 'fast-check'
import test from 'ava'
import { decodeJpeg, decodeJpegAlpha } from '../../src/codecs/jpeg/index.js'
import { decodeLz } from '../../src/codecs/lz/index.js'
import { SidecarError } from '../../src/core/errors.js'
import { flatJpeg } from '../unit/codecs/jpeg/flat-jpeg.js'
import { jpegAlphaVectors, jpegVectors } from '../unit/codecs/jpeg/vectors.js'

const MAX_PIXELS = 1 << 14
const NUM_RUNS = 1200

type Decode = (bytes: Uint8Array) => { width: number; height: number; stride: number; pixels: Uint8Array }

const colours: Decode = (bytes) => decodeJpeg(bytes, MAX_PIXELS)
const alpha: Decode = (bytes) => decodeJpegAlpha(bytes, decodeLz, MAX_PIXELS)

/** True for an image or a SidecarError of the one allowed code; everything else is thrown on. */
const decodesOrRefuses = (decode: Decode, bytes: Uint8Array): boolean => {
  try {
    const { width, height, stride, pixels } = decode(bytes)
    return width * height <= MAX_PIXELS && pixels.length === stride * height
  } catch (error) {
    if (error instanceof SidecarError) {
      return error.code === 'SIDECAR_PROTOCOL'
    }
    throw error
  }
}

const part = (id: number, across: number, down: number) => ({
  id,
  factors: [across, down] as const,
  sample: (column: number, row: number) => (id * 70 + column * 31 + row * 57) & 255,
})

const FLAT = [
  flatJpeg({ width: 40, height: 24, components: [part(1, 1, 1)], interval: 2 }),
  flatJpeg({ width: 40, height: 24, components: [part(1, 2, 2), part(2, 1, 1), part(3, 1, 1)], interval: 1 }),
  flatJpeg({
    ...{ width: 30, height: 20 },
    components: [part(1, 2, 1), part(2, 1, 1), part(3, 2, 1)],
    scans: [[1], [0, 2]],
  }),
]

const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) })

const spoiled = (seeds: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(change, { minLength: 1, maxLength: 6 }),
      fc.nat(9),
      fc.uint8Array({ maxLength: 9 }),
    )
    .map(([seed, changes, cut, tail]) => {
      const bytes = new Uint8Array([...seed.subarray(0, seed.length - cut), ...tail])
      for (const { at, value } of changes) {
        bytes[at % bytes.length] = value
      }
      return bytes
    })

test('N-GST-JPEG-01: any data behind good headers gives an image or a protocol error', (t) => {
  // The tables are those of a real image, the data is not.
  const seeds = [...jpegVectors().map(({ encoded }) => encoded), ...FLAT].map((bytes) => {
    const scan = bytes.findIndex((byte, at) => byte === 0xff && bytes[at + 1] === 0xda)
    return bytes.subarray(0, scan + 2 + bytes[scan + 3]!)
  })
  fc.assert(
    fc.property(fc.constantFrom(...seeds), fc.uint8Array({ maxLength: 900 }), (head, body) =>
      decodesOrRefuses(colours, new Uint8Array([...head, ...body, 0xff, 0xd9])),
    ),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('N-GST-JPEG-02: an image with bytes changed, cut or added gives an image or a protocol error', (t) => {
  const seeds = [...jpegVectors().map(({ encoded }) => encoded), ...FLAT]
  fc.assert(
    fc.property(spoiled(seeds), (bytes) => decodesOrRefuses(colours, bytes)),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('N-GST-JPEG-03: the same with alpha', (t) => {
  const seeds = jpegAlphaVectors().map(({ encoded }) => encoded)
  fc.assert(
    fc.property(spoiled(seeds), (bytes) => decodesOrRefuses(alpha, bytes)),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('N-GST-JPEG-04: any markers and segments give an image or a protocol error', (t) => {
  const marker = fc.constantFrom(0xc0, 0xc1, 0xc2, 0xc4, 0xd0, 0xd8, 0xd9, 0xda, 0xdb, 0xdd, 0xe0, 0xee, 0xfe)
  const segments = fc.array(fc.tuple(marker, fc.uint8Array({ maxLength: 80 })), { maxLength: 8 })
  fc.assert(
    fc.property(segments, (list) => {
      const bytes = list.flatMap(([second, body]) => [0xff, second, 0, body.length + 2, ...body])
      return decodesOrRefuses(colours, new Uint8Array([0xff, 0xd8, ...bytes, 0xff, 0xd9]))
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('N-GST-JPEG-05: a size that the data cannot fill takes no memory', (t) => {
  const bytes = flatJpeg({ width: 8, height: 8, components: [part(1, 4, 4), part(2, 1, 1), part(3, 1, 1)] })
  const frame = bytes.findIndex((byte, at) => byte === 0xff && bytes[at + 1] === 0xc0)
  // 60000 by 60000 pixels, factors 1 by 1 so that a unit has few blocks.
  bytes.set([0xea, 0x60, 0xea, 0x60], frame + 5)
  bytes[frame + 11] = 0x11
  const before = process.memoryUsage().arrayBuffers
  const error = t.throws(() => decodeJpeg(bytes, 2 ** 32), { instanceOf: SidecarError })
  t.regex(error.message, /too short/)
  t.true(process.memoryUsage().arrayBuffers - before < 1 << 20)
})

test('N-GST-JPEG-06: thousands of tables and comments take time in line with their size', (t) => {
  const table = [0xff, 0xdb, 0, 67, 0, ...Array<number>(64).fill(1)]
  const comment = [0xff, 0xfe, 0, 2]
  const bytes = new Uint8Array([
    ...[0xff, 0xd8],
    ...Array.from({ length: 3000 }, () => [...table, ...comment]).flat(),
    ...FLAT[0]!.subarray(2),
  ])
  t.is(decodeJpeg(bytes, MAX_PIXELS).width, 40)
})
