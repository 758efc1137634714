import test from 'ava'
import { decodeQuic } from '../../../../src/codecs/quic/decoder.js'
import { encodeQuicPlainly } from '../../../../src/codecs/quic/oracle.js'
import { rulePixels } from './rules.js'
import { quicVectors, sha256, type QuicVector } from './vectors.js'

const writesTheVector = test.macro({
  exec(t, { image, encoded, pixelsSha256 }: QuicVector) {
    t.is(sha256(image.pixels), pixelsSha256)
    const out = new Uint8Array(encoded.length)
    t.is(encodeQuicPlainly(image, out), encoded.length)
    t.is(Buffer.compare(out, encoded), 0)
  },
  title: (_, vector: QuicVector) => `oracle writes the vector ${vector.title}`,
})

const readsTheVector = test.macro({
  exec(t, { image, encoded }: QuicVector) {
    const { pixels, ...decoded } = decodeQuic(encoded, image.width * image.height)
    const { pixels: expected, ...shape } = image
    t.deepEqual(decoded, shape)
    t.is(Buffer.compare(pixels, expected), 0)
  },
  title: (_, vector: QuicVector) => `decoder reads the vector ${vector.title}`,
})

for (const vector of quicVectors()) {
  test(writesTheVector, vector)
  test(readsTheVector, vector)
}

test('every format has its vectors', (t) => {
  const vectors = quicVectors()
  t.is(vectors.length, 80)
  t.is(new Set(vectors.map(({ image }) => image.format)).size, 5)
})

test('generator rules make the pixels that the vectors carry', (t) => {
  for (const { title, rule, image } of quicVectors()) {
    t.is(Buffer.compare(rulePixels(rule, image.format, image.width, image.height), image.pixels), 0, title)
  }
})
