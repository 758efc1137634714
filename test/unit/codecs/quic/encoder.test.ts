import test from 'ava'
import { SidecarError } from '../../../../src/core/errors.js'
import { createQuicEncoder } from '../../../../src/codecs/quic/encoder.js'
import { encodeQuicPlainly } from '../../../../src/codecs/quic/oracle.js'
import { quicMaxEncodedSize, type QuicImage } from '../../../../src/codecs/quic/quic-format.js'
import { rulePixels } from './rules.js'
import { quicVectors, type QuicVector } from './vectors.js'

const MAX_PIXELS = 1 << 16
const encoder = createQuicEncoder({ maxPixels: MAX_PIXELS })

const writesTheVector = test.macro({
  exec(t, { image, encoded }: QuicVector) {
    const out = new Uint8Array(encoded.length)
    t.is(encoder.encode(image, out), encoded.length)
    t.is(Buffer.compare(out, encoded), 0)
  },
  title: (_, vector: QuicVector) => `kernel writes the vector ${vector.title}`,
})

for (const vector of quicVectors()) {
  test(writesTheVector, vector)
}

test('without the kernel the bytes are the same', (t) => {
  const plain = createQuicEncoder({ maxPixels: MAX_PIXELS, kernel: 'off' })
  t.is(plain.staging, undefined)
  for (const { image, encoded, title } of quicVectors()) {
    const out = new Uint8Array(encoded.length)
    t.is(plain.encode(image, out), encoded.length, title)
    t.is(Buffer.compare(out, encoded), 0, title)
  }
})

const encoded = (image: QuicImage, by = encoder): Uint8Array => {
  const out = new Uint8Array(quicMaxEncodedSize(image.format, image.width, image.height))
  return out.slice(0, by.encode(image, out))
}

const IMAGE: QuicImage = {
  format: 'rgb32',
  width: 4,
  height: 2,
  stride: 16,
  topDown: true,
  pixels: new Uint8Array(32),
}

test('the pad byte has no influence', (t) => {
  const pixels = rulePixels('desk', 'rgb32', 50, 40)
  const image: QuicImage = { ...IMAGE, width: 50, height: 40, stride: 200, pixels }
  const dirty = { ...image, pixels: pixels.map((byte, at) => (at % 4 === 3 ? (at * 37) & 255 : byte)) }
  t.deepEqual(encoded(dirty), encoded(image))
})

test('bit 15 has no influence', (t) => {
  const pixels = rulePixels('desk', 'rgb16', 50, 40)
  const image: QuicImage = { ...IMAGE, format: 'rgb16', width: 50, height: 40, stride: 100, pixels }
  const dirty = { ...image, pixels: pixels.map((byte, at) => (at % 4 === 3 ? byte | 128 : byte)) }
  t.deepEqual(encoded(dirty), encoded(image))
})

test('an image in the staging memory is coded from there', (t) => {
  const pixels = rulePixels('smooth', 'rgb32', 100, 80)
  const image: QuicImage = { ...IMAGE, width: 100, height: 80, stride: 400, pixels }
  const staging = encoder.staging!
  t.is(staging.length, MAX_PIXELS * 4)
  staging.set(pixels)
  t.deepEqual(encoded({ ...image, pixels: staging }), encoded(image))
  t.deepEqual(encoded({ ...image, pixels: staging.subarray(0, pixels.length) }), encoded(image))
  t.deepEqual(encoded({ ...image, topDown: false, pixels: staging }), encoded({ ...image, topDown: false }))
})

test('an image elsewhere in the memory of the kernel is coded as well', (t) => {
  const pixels = rulePixels('smooth', 'rgb32', 60, 50)
  const image: QuicImage = { ...IMAGE, width: 60, height: 50, stride: 240, pixels }
  const staging = encoder.staging!
  staging.set(pixels, 1000)
  t.deepEqual(encoded({ ...image, pixels: staging.subarray(1000) }), encoded(image))
  staging.set(pixels)
  const toTheEnd = new Uint8Array(staging.buffer, staging.byteOffset)
  t.deepEqual(encoded({ ...image, pixels: toTheEnd }), encoded(image))
})

test('what was coded before has no influence', (t) => {
  const vectors = quicVectors()
  for (const { image, encoded: expected, title } of [...vectors, ...vectors.toReversed()]) {
    t.is(Buffer.compare(encoded(image), expected), 0, title)
  }
})

test('an image that did not fit leaves nothing behind', (t) => {
  for (const { image, encoded: expected, title } of quicVectors()) {
    t.is(encoder.encode(image, new Uint8Array(expected.length - 1)), -1, title)
    t.is(Buffer.compare(encoded(image), expected), 0, title)
  }
})

test('rows wider than the kernel has memory for are coded', (t) => {
  for (const width of [16383, 16384, 16385, 20000]) {
    const pixels = rulePixels('tiles', 'rgb24', width, 2)
    const image: QuicImage = { ...IMAGE, format: 'rgb24', width, height: 2, stride: width * 3, pixels }
    const out = new Uint8Array(quicMaxEncodedSize('rgb24', width, 2))
    const expected = out.slice(0, encodeQuicPlainly(image, out))
    t.is(Buffer.compare(encoded(image), expected), 0, String(width))
  }
})

test('more coded bytes than the kernel keeps at a time', (t) => {
  const [width, height] = [16384, 3]
  const pixels = rulePixels('noise', 'rgba', width, height)
  const image: QuicImage = { ...IMAGE, format: 'rgba', width, height, stride: width * 4, pixels }
  const out = new Uint8Array(quicMaxEncodedSize('rgba', width, height))
  t.is(Buffer.compare(encoded(image), out.slice(0, encodeQuicPlainly(image, out))), 0)
})

test('no generator rule takes more than the largest size', (t) => {
  for (const { image, encoded: bytes } of quicVectors()) {
    t.true(bytes.length <= quicMaxEncodedSize(image.format, image.width, image.height))
  }
})

test('an image whose last row has no padding is accepted', (t) => {
  t.true(encoder.accepts({ ...IMAGE, stride: 20, pixels: new Uint8Array(36) }))
})

test('formats that QUIC does not know are not accepted', (t) => {
  for (const format of ['plt1-le', 'plt4-be', 'plt8', 'a8', 'xxxa'] as const) {
    t.false(encoder.accepts({ ...IMAGE, format }))
  }
})

const REFUSED: readonly (readonly [string, Partial<Omit<QuicImage, 'format'>>])[] = [
  ['no width', { width: 0 }],
  ['no height', { height: 0 }],
  ['a width that is no whole number', { width: 1.5 }],
  ['a stride below the row', { stride: 15 }],
  ['pixels one byte short', { pixels: new Uint8Array(31) }],
  [
    'a pixel above the limit',
    { width: MAX_PIXELS + 1, height: 1, stride: 2 ** 20, pixels: new Uint8Array(2 ** 20) },
  ],
]

for (const [what, change] of REFUSED) {
  test(`an image with ${what} is not accepted`, (t) => {
    const image = { ...IMAGE, ...change } as QuicImage
    t.false(encoder.accepts(image))
    const error = t.throws(() => encoder.encode(image, new Uint8Array(64)), { instanceOf: SidecarError })
    t.is(error.code, 'SIDECAR_BUG')
  })
}
