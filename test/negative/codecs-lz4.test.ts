import fc from 'fast-check'
import test from 'ava'
import { decodeLz4 } from '../../src/codecs/lz4/index.js'
import { SidecarError } from '../../src/core/errors.js'
import { lz4Vectors } from '../unit/codecs/lz4/vectors.js'

const MAX_PIXELS = 1 << 14
const NUM_RUNS = 3000

/** True for an image or a SidecarError of the one allowed code; everything else is thrown on. */
const decodesOrRefuses = (bytes: Uint8Array, size: { width: number; height: number }): boolean => {
  try {
    const { width, height, stride, pixels } = decodeLz4(bytes, size, MAX_PIXELS)
    return width === size.width && height === size.height && pixels.length === stride * height
  } catch (error) {
    if (error instanceof SidecarError) {
      return error.code === 'SIDECAR_PROTOCOL'
    }
    throw error
  }
}

const header = fc.tuple(fc.constantFrom(0, 1), fc.integer({ min: 6, max: 9 }))

test('N-GST-LZ4-01: any blocks behind a good header give an image or a protocol error', (t) => {
  const sides = fc.record({ width: fc.integer({ min: 1, max: 64 }), height: fc.integer({ min: 1, max: 9 }) })
  const blocks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 120 }), { maxLength: 6 })
  fc.assert(
    fc.property(header, sides, blocks, (head, size, list) => {
      const body = list.flatMap((block) => [0, 0, 0, block.length, ...block])
      return decodesOrRefuses(new Uint8Array([...head, ...body]), size)
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('N-GST-LZ4-02: an image with bytes changed, cut or added gives an image or a protocol error', (t) => {
  const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) })
  fc.assert(
    fc.property(
      fc.constantFrom(...lz4Vectors()),
      fc.array(change, { minLength: 1, maxLength: 6 }),
      fc.nat(9),
      fc.uint8Array({ maxLength: 9 }),
      ({ encoded, image }, changes, cut, tail) => {
        const bytes = new Uint8Array([...encoded.subarray(0, encoded.length - cut), ...tail])
        for (const { at, value } of changes) {
          bytes[at % bytes.length] = value
        }
        return decodesOrRefuses(bytes, image)
      },
    ),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('N-GST-LZ4-03: any size beside good bytes gives an image or a protocol error', (t) => {
  const side = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, -1, 2 ** 31, 2 ** 32, 2 ** 53))
  fc.assert(
    fc.property(fc.constantFrom(...lz4Vectors()), side, side, ({ encoded }, width, height) =>
      decodesOrRefuses(encoded, { width, height }),
    ),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('N-GST-LZ4-04: a declared size without data takes no memory', (t) => {
  const before = process.memoryUsage().arrayBuffers
  const bytes = Uint8Array.of(1, 8, 0, 0, 0, 5, 0x1f, 0, 1, 0, 255)
  const error = t.throws(() => decodeLz4(bytes, { width: 30_000, height: 30_000 }, 2 ** 31), {
    instanceOf: SidecarError,
  })
  t.regex(error.message, /too short/)
  t.true(process.memoryUsage().arrayBuffers - before < 1 << 20)
})
