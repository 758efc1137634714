import fc from 'fast-check'
import test from 'ava'
import { createQuicEncoder, decodeQuic } from '../../src/codecs/quic/index.js'
import { SidecarError } from '../../src/core/errors.js'
import { quicVectors } from '../unit/codecs/quic/vectors.js'

const MAX_PIXELS = 1 << 16
const NUM_RUNS = 1500

/** True for an image or a SidecarError of the one allowed code; everything else is thrown on. */
const decodesOrRefuses = (bytes: Uint8Array): boolean => {
  try {
    const { width, height, stride, pixels } = decodeQuic(bytes, MAX_PIXELS)
    return width * height <= MAX_PIXELS && pixels.length === stride * height
  } catch (error) {
    if (error instanceof SidecarError) {
      return error.code === 'SIDECAR_PROTOCOL'
    }
    throw error
  }
}

const words = (...values: readonly number[]): Uint8Array => {
  const view = new DataView(new ArrayBuffer(values.length * 4))
  values.forEach((value, at) => view.setUint32(at * 4, value, true))
  return new Uint8Array(view.buffer)
}

test('N-QUIC-01: any bytes after a plausible header give an image or a protocol error', (t) => {
  const header = fc.tuple(
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 1, max: 64 }),
    fc.integer({ min: 1, max: 9 }),
  )
  fc.assert(
    fc.property(header, fc.uint8Array({ maxLength: 600 }), ([type, width, height], body) =>
      decodesOrRefuses(new Uint8Array([...words(0x43495551, 0, type, width, height), ...body])),
    ),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('N-QUIC-02: a coded image with words changed, cut or added gives an image or a protocol error', (t) => {
  const seeds = quicVectors()
    .map(({ encoded }) => encoded)
    .filter(({ length }) => length < 4096)
  const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) })
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.array(change, { minLength: 1, maxLength: 6 }),
      fc.nat(9),
      fc.uint8Array({ maxLength: 9 }),
      (seed, changes, cut, tail) => {
        const bytes = new Uint8Array([...seed.subarray(0, seed.length - cut), ...tail])
        for (const { at, value } of changes) {
          bytes[at % bytes.length] = value
        }
        return decodesOrRefuses(bytes)
      },
    ),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('N-QUIC-03: an image larger than its body can be takes no memory for its pixels', (t) => {
  const cap = 2 ** 29
  const before = process.memoryUsage().arrayBuffers
  for (const [width, height] of [
    [2 ** 14, 2 ** 14],
    [2 ** 28, 1],
    [1, 2 ** 28],
    [3, 2 ** 26],
  ] as const) {
    const bytes = new Uint8Array([
      ...words(0x43495551, 0, 5, width, height),
      ...new Uint8Array(4096).fill(0xff),
    ])
    const error = t.throws(() => decodeQuic(bytes, cap), { instanceOf: SidecarError })
    t.regex(error.message, /too short/)
  }
  t.true(process.memoryUsage().arrayBuffers - before < 2 ** 24)
})

test('N-QUIC-04: what noise leaves in the memory of the kernel is no part of the next image', (t) => {
  const encoder = createQuicEncoder({ maxPixels: MAX_PIXELS })
  const staging = encoder.staging!
  const out = new Uint8Array(1 << 20)
  const zeros = {
    format: 'rgb32',
    width: 64,
    height: 64,
    stride: 256,
    topDown: true,
    pixels: new Uint8Array(16384),
  } as const
  const expected = out.slice(0, encoder.encode(zeros, out))
  for (let at = 0; at < staging.length; at++) {
    staging[at] = Math.imul(at, 0x9e3779b1) >>> 24
  }
  encoder.encode({ ...zeros, pixels: staging }, out)
  t.deepEqual(out.slice(0, encoder.encode(zeros, out)), expected)
})
