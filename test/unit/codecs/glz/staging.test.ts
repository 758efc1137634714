import test from 'ava'
import fc from 'fast-check'
import type { Image } from '../../../../src/codecs/image.js'
import {
  createGlzEncoder,
  GlzDecoder,
  GlzDictionary,
  glzMaxEncodedSize,
} from '../../../../src/codecs/glz/index.js'
import { GLZ_TYPES, type GlzFormat } from '../../../../src/codecs/glz/glz-format.js'
import { canonical, GLZ_FORMATS, noiseImage, randomFrom, samePixels } from './images.js'

const MAX_PIXELS = 900

const outFor = ({ format, width, height }: Image): Uint8Array =>
  new Uint8Array(glzMaxEncodedSize(format as GlzFormat, width * height))

const staged = (dictionary: GlzDictionary, image: Image, from = 0): Image => {
  const staging = dictionary.staging!
  staging.set(image.pixels, from)
  return { ...image, pixels: staging.subarray(from, from + image.pixels.length) }
}

test('pixels in the staging memory are coded where they lie and stay as they are', (t) => {
  for (const format of GLZ_FORMATS) {
    const dictionary = new GlzDictionary({ windowPixels: 10_000, maxPixels: MAX_PIXELS, startId: 0 })
    const encoder = createGlzEncoder(dictionary, 0)
    const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS })
    t.is(encoder.staging?.length, MAX_PIXELS * 4)
    for (let seed = 1; seed < 40; seed += 2) {
      const image = noiseImage(format, 30, 30, seed)
      const there = staged(dictionary, image)
      const out = outFor(image)
      t.is(encoder.encode(there, out.subarray(0, 100)), -1)
      t.deepEqual(there.pixels, image.pixels, `${format}, did not fit`)
      const decoded = decoder.decode(out.subarray(0, encoder.encode(there, out)))
      t.true(decoded.done && samePixels(decoded.image, canonical(image)), format)
      t.deepEqual(there.pixels, image.pixels, format)
    }
    dictionary.close()
    t.is(encoder.staging, undefined)
  }
})

test('without the kernel there is no staging memory', (t) => {
  const dictionary = new GlzDictionary({
    ...{ windowPixels: 10_000, maxPixels: MAX_PIXELS, startId: 0 },
    kernel: 'off',
  })
  t.is(dictionary.staging, undefined)
})

test('the staging memory moves on behind images, and the ones in its way are not referred to any more', (t) => {
  const dictionary = new GlzDictionary({ windowPixels: 2000, maxPixels: MAX_PIXELS, startId: 0 })
  const image = noiseImage('rgb32', 30, 30, 1)
  const encode = (next: Image): number => dictionary.encode(next, outFor(image), 0)!.size
  const first = dictionary.staging!.byteOffset
  t.true(encode(staged(dictionary, image)) > 2700)
  t.true(dictionary.staging!.byteOffset >= first + 3600)
  t.true(encode(staged(dictionary, image)) < 200)
  const places = new Set<number>()
  for (let n = 0; n < 30; n++) {
    places.add(dictionary.staging!.byteOffset)
    encode(staged(dictionary, noiseImage('rgb32', 30, 30, 100 + n)))
  }
  t.true(places.size < 10, 'a ring')
  dictionary.close()
})

/** Eight bytes, each several times over, so that pieces look alike wherever they begin and whatever the format is. */
const grays = (bytes: Uint8Array, seed: number): Uint8Array => {
  const random = randomFrom(seed)
  for (let at = 0; at < bytes.length;) {
    const end = at + 12 * (1 + random(4))
    bytes.fill(random(8) * 17, at, end)
    at = end
  }
  return bytes
}

const grayImage = (format: GlzFormat, width: number, height: number, seed: number): Image => {
  const stride = width * GLZ_TYPES[format].pixelBytes
  return {
    format,
    width,
    height,
    stride,
    topDown: true,
    pixels: grays(new Uint8Array(stride * height), seed),
  }
}

const WAYS = ['plain', 'staged', 'behind', 'unused', 'spoilt', 'clear'] as const

test('whatever is written to the staging memory, images decode to their pixels', (t) => {
  const step = fc.record({
    way: fc.constantFrom(...WAYS),
    format: fc.constantFrom(...GLZ_FORMATS),
    width: fc.integer({ min: 1, max: 30 }),
    height: fc.integer({ min: 1, max: 30 }),
    seed: fc.integer({ min: 1, max: 1000 }),
  })
  fc.assert(
    fc.property(
      fc.integer({ min: 901, max: 2500 }),
      fc.array(step, { minLength: 30, maxLength: 90 }),
      (window, steps) => {
        const dictionary = new GlzDictionary({ windowPixels: window, maxPixels: MAX_PIXELS, startId: 0 })
        const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS, windowPixels: window })
        for (const { way, format, width, height, seed } of steps) {
          const image = grayImage(format, width, height, seed)
          let given = image
          if (way === 'staged') {
            given = staged(dictionary, image)
          } else if (way === 'behind' && image.pixels.length <= MAX_PIXELS * 4 - 5) {
            given = staged(dictionary, image, 5)
          } else if (way === 'unused') {
            grays(dictionary.staging!, seed + 1000)
          } else if (way === 'spoilt') {
            grays(dictionary.staging!, seed + 1000)
            given = staged(dictionary, image)
          } else if (way === 'clear') {
            given = staged(dictionary, image)
            dictionary.clear()
          }
          const out = outFor(image)
          const coded = dictionary.encode(given, out, 0)!
          const decoded = decoder.decode(out.subarray(0, coded.size))
          if (!decoded.done || !samePixels(decoded.image, canonical(image))) {
            return false
          }
        }
        dictionary.close()
        return true
      },
    ),
    { numRuns: 250 },
  )
  t.pass()
})
