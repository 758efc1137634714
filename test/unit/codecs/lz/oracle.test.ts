import test from 'ava'
import { decodeLz } from '../../../../src/codecs/lz/decoder.js'
import { LzOracle } from '../../../../src/codecs/lz/oracle.js'
import { rulePixels } from './rules.js'
import { lzVectors, sha256, type LzVector } from './vectors.js'

const writesTheVector = test.macro({
  exec(t, { image, encoded, segments, pixelsSha256 }: LzVector) {
    t.is(sha256(image.pixels), pixelsSha256)
    const out = new Uint8Array(encoded.length)
    t.is(new LzOracle().encode(image, out, segments), encoded.length)
    t.deepEqual(out, encoded)
  },
  title: (_, vector: LzVector) => `oracle writes the vector ${vector.title}`,
})

const readsTheVector = test.macro({
  exec(t, { image, encoded }: LzVector) {
    t.deepEqual(decodeLz(encoded, image.width * image.height), image)
  },
  title: (_, vector: LzVector) => `decoder reads the vector ${vector.title}`,
})

for (const vector of lzVectors()) {
  test(writesTheVector, vector)
  test(readsTheVector, vector)
}

test('every format and every generator rule has a vector', (t) => {
  const vectors = lzVectors()
  t.is(vectors.length, 132)
  t.is(new Set(vectors.map(({ image }) => image.format)).size, 11)
})

test('generator rules make the pixels that the vectors carry', (t) => {
  for (const { title, image } of lzVectors()) {
    const rule = title.split(' ')[2]!
    if (['solid', 'ramp', 'smooth', 'tiles', 'noise', 'desk'].includes(rule)) {
      t.deepEqual(rulePixels(rule, image.format, image.width, image.height), image.pixels, title)
    }
  }
})
