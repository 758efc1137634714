import test from 'ava'
import fc from 'fast-check'
import { SidecarError } from '../../src/core/errors.js'
import { GlzDecoder } from '../../src/codecs/glz/index.js'
import { inflateZlib } from '../../src/codecs/zlib/index.js'
import { glzVectorFiles, zlibVectors } from '../unit/codecs/glz/vectors.js'

const MAX_PIXELS = 1 << 14
const WINDOW = 1 << 15
const MEBIBYTE = 2 ** 20
const NUM_RUNS = 1000

const refusesOrDoes = (action: () => void): boolean => {
  try {
    action()
    return true
  } catch (error) {
    if (error instanceof SidecarError) {
      return error.code === 'SIDECAR_PROTOCOL'
    }
    throw error
  }
}

const header = (type: number, side: number, id: number, dist: number): Uint8Array => {
  const view = new DataView(new ArrayBuffer(33))
  const stride = side * ([2, 3, 4, 4][(type & 15) - 6] ?? 4)
  view.setUint32(0, 0x20205a4c)
  view.setUint32(4, 0x00010001)
  view.setUint8(8, type)
  for (const [at, value] of [side, side, stride, 0, id, dist].entries()) {
    view.setUint32(9 + at * 4, value)
  }
  return new Uint8Array(view.buffer)
}

/** Tokens that mean something more often than chance would have it. */
const token = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 6 }),
  fc.tuple(fc.nat(31), fc.nat(255)).map(([c, b]) => Uint8Array.of(c, ...new Uint8Array(3 * (c + 1)).fill(b))),
  fc
    .tuple(fc.integer({ min: 1, max: 6 }), fc.nat(31), fc.nat(8), fc.nat(3))
    .map(([length, low, high, img]) => Uint8Array.of((length << 5) | low, high, img)),
)

const joined = (parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(parts.flatMap((part) => [...part]))

test('N-GLZ-01: any bytes after plausible headers give images or protocol errors, within the window', (t) => {
  const body = fc.array(token, { maxLength: 20 }).map(joined)
  const one = fc.tuple(
    fc.constantFrom(0x16, 0x17, 8, 0x18, 0x19),
    fc.integer({ min: 1, max: 20 }),
    fc.nat(4),
    body,
  )
  fc.assert(
    fc.property(fc.array(one, { maxLength: 8 }), (images) => {
      const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS, windowPixels: WINDOW })
      return images.every(
        ([type, side, dist, bytes], id) =>
          refusesOrDoes(
            () => void decoder.decode(joined([header(type, side, id, Math.min(dist, id)), bytes])),
          ) && decoder.keptPixels <= 2 * WINDOW,
      )
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('N-GLZ-02: coded images with bytes changed, cut or added give images or protocol errors', (t) => {
  const files = glzVectorFiles().map(({ vectors }) => vectors.map(({ encoded }) => encoded).slice(0, 20))
  const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) })
  fc.assert(
    fc.property(
      fc.constantFrom(...files),
      fc.array(fc.tuple(fc.nat(), fc.array(change, { maxLength: 3 }), fc.nat(3)), {
        minLength: 1,
        maxLength: 4,
      }),
      (images, mutations) => {
        const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS, windowPixels: WINDOW })
        const changed = images.map((bytes) => bytes.slice())
        for (const [pick, changes, cut] of mutations) {
          const bytes = changed[pick % changed.length]!
          for (const { at, value } of changes) {
            bytes[at % bytes.length] = value
          }
          changed[pick % changed.length] = bytes.subarray(0, bytes.length - cut)
        }
        return changed.every(
          (bytes) => refusesOrDoes(() => void decoder.decode(bytes)) && decoder.keptPixels <= 2 * WINDOW,
        )
      },
    ),
    { numRuns: NUM_RUNS / 4 },
  )
  t.pass()
})

test.serial('N-GLZ-03: a header that says 16 Mpx before a short body takes no memory', (t) => {
  const decoder = new GlzDecoder({ maxPixels: 2 ** 24 })
  const before = process.memoryUsage().arrayBuffers
  for (const type of [0x16, 0x17, 0x18, 0x19]) {
    for (const fill of [0, 31, 255]) {
      const bytes = joined([header(type, 4096, 0, 0), new Uint8Array(4096).fill(fill)])
      t.is(t.throws(() => decoder.decode(bytes), { instanceOf: SidecarError }).code, 'SIDECAR_PROTOCOL')
    }
  }
  t.true(process.memoryUsage().arrayBuffers - before < MEBIBYTE)
})

test('N-GLZ-04: images that wait for ever cannot fill memory', (t) => {
  const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS, windowPixels: WINDOW })
  let waiting = 0
  const error = t.throws(
    () => {
      for (let id = 1; id < 100_000; id++) {
        const decoded = decoder.decode(
          joined([header(0x18, 16, id, id), Uint8Array.of(0xe0, 249, 0, id & 63, 0, 0)]),
        )
        waiting += decoded.done ? 0 : 1
      }
    },
    { instanceOf: SidecarError },
  )
  t.is(error.code, 'SIDECAR_PROTOCOL')
  t.true(waiting > 0 && decoder.keptPixels <= 2 * WINDOW)
})

test('N-GLZ-05: zlib streams with bytes changed, cut or added give their size or a protocol error', (t) => {
  const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) })
  fc.assert(
    fc.property(
      fc.constantFrom(...zlibVectors()),
      fc.array(change, { maxLength: 4 }),
      fc.nat(5),
      fc.uint8Array({ maxLength: 3 }),
      fc.constantFrom(0, 0, 1, -1),
      ({ encoded, glz }, changes, cut, tail, more) => {
        const bytes = joined([encoded.subarray(0, encoded.length - cut), tail])
        for (const { at, value } of changes) {
          bytes[at % bytes.length] = value
        }
        return refusesOrDoes(() => {
          if (inflateZlib(bytes, glz.length + more).length !== glz.length + more) {
            throw new Error('another size')
          }
        })
      },
    ),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('N-GLZ-06: a zlib stream of zeros without end stops at the announced size', (t) => {
  const zlib = zlibVectors()[0]!
  t.throws(() => inflateZlib(zlib.encoded, 16), { instanceOf: SidecarError })
  t.throws(() => inflateZlib(zlib.encoded, 2 ** 31), { instanceOf: SidecarError })
})
