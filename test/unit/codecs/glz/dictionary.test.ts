import test from 'ava'
import { SidecarError } from '../../../../src/core/errors.js'
import type { Image } from '../../../../src/codecs/image.js'
import {
  createGlzEncoder,
  GlzDecoder,
  GlzDictionary,
  glzMaxEncodedSize,
  type GlzCoded,
} from '../../../../src/codecs/glz/index.js'
import type { GlzFormat } from '../../../../src/codecs/glz/glz-format.js'
import { canonical, GLZ_FORMATS, moved, noiseImage, samePixels } from './images.js'
import { glzVectorFiles, sha256 } from './vectors.js'

const MAX_PIXELS = 1 << 18
const KERNELS = ['auto', 'off'] as const

const dictionaryOf = (
  kernel: 'auto' | 'off',
  windowPixels = 1 << 20,
  startId = 0,
  maxPixels = MAX_PIXELS,
): GlzDictionary => new GlzDictionary({ windowPixels, maxPixels, startId, kernel })

const outFor = ({ format, width, height }: Image): Uint8Array =>
  new Uint8Array(glzMaxEncodedSize(format as GlzFormat, width * height))

const coded = (
  dictionary: GlzDictionary,
  image: Image,
  channel = 0,
  motion?: { dx: number; dy: number },
): GlzCoded & { readonly bytes: Uint8Array } => {
  const out = outFor(image)
  const result = dictionary.encode(image, out, channel, motion)
  if (result === undefined) {
    throw new Error('the image did not fit')
  }
  return { ...result, bytes: out.slice(0, result.size) }
}

const decodes = (decoder: GlzDecoder, bytes: Uint8Array, image: Image): boolean => {
  const decoded = decoder.decode(bytes)
  return decoded.done && samePixels(decoded.image, canonical(image))
}

for (const kernel of KERNELS) {
  for (const { name, vectors } of glzVectorFiles()) {
    test(`kernel ${kernel}: the images of ${name} code to the same pixels, ids and heads`, (t) => {
      const reader = new GlzDecoder({ maxPixels: MAX_PIXELS })
      const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS })
      const dictionary = dictionaryOf(kernel, name.includes('long') ? 1048576 : 4096)
      let [ours, theirs] = [0, 0]
      for (const vector of vectors) {
        const source = reader.decode(vector.encoded)
        if (!source.done) {
          t.fail()
          return
        }
        const { bytes, imageId, winHeadDist } = coded(dictionary, source.image)
        const decoded = decoder.decode(bytes)
        t.is(decoded.done && sha256(decoded.image.pixels), vector.pixelsSha256, vector.title)
        t.deepEqual([imageId, winHeadDist], [vector.imageId, vector.winHeadDist], vector.title)
        ours += bytes.length
        theirs += vector.encoded.length
      }
      t.true(ours < theirs * 1.1, `${ours} bytes, the vectors have ${theirs}`)
      dictionary.close()
    })
  }

  test(`kernel ${kernel}: an image that was there before is a few bytes, in every format`, (t) => {
    for (const format of GLZ_FORMATS) {
      const dictionary = dictionaryOf(kernel)
      const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS })
      const image = noiseImage(format, 97, 61, 1)
      t.true(decodes(decoder, coded(dictionary, image).bytes, image))
      const again = coded(dictionary, image)
      t.true(decodes(decoder, again.bytes, image), format)
      t.true(again.size < 33 + 120, `${format} ${again.size}`)
      t.is(again.oldestReferredTo, 0)
    }
  })

  test(`kernel ${kernel}: images of different types do not refer to each other`, (t) => {
    const dictionary = dictionaryOf(kernel)
    const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS })
    const rgb32 = noiseImage('rgb32', 40, 40, 1)
    const rgba: Image = { ...rgb32, format: 'rgba' }
    for (const image of [rgb32, rgba, rgb32, rgba]) {
      t.true(decodes(decoder, coded(dictionary, image).bytes, image))
    }
  })

  test(`kernel ${kernel}: an image as large as the window is refused`, (t) => {
    const dictionary = dictionaryOf(kernel, 400)
    const image = noiseImage('rgb32', 20, 20, 1)
    t.false(dictionary.accepts(image))
    t.throws(() => dictionary.encode(image, outFor(image), 0), { instanceOf: SidecarError })
    t.true(dictionary.accepts(noiseImage('rgb32', 19, 21, 1)))
  })

  test(`kernel ${kernel}: what is out of the window is not referred to`, (t) => {
    const dictionary = dictionaryOf(kernel, 1000)
    const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS, windowPixels: 1000 })
    const images = [1, 2, 1, 3, 1].map((seed) => noiseImage('rgb32', 20, 20, seed))
    const results = images.map((image) => coded(dictionary, image))
    for (const [at, { bytes }] of results.entries()) {
      t.true(decodes(decoder, bytes, images[at]!))
      t.true(decoder.keptPixels <= 1000)
    }
    t.deepEqual(
      results.map(({ winHeadDist }) => winHeadDist),
      [0, 1, 1, 1, 1],
    )
    t.deepEqual(
      results.map(({ oldestReferredTo }) => oldestReferredTo),
      [0, 1, 2, 3, 4],
    )
  })

  test(`kernel ${kernel}: an image that does not fit takes no id and leaves nothing behind`, (t) => {
    const dictionary = dictionaryOf(kernel)
    const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS })
    const first = noiseImage('rgb24', 30, 30, 1)
    const lost = noiseImage('rgb24', 30, 30, 2)
    t.true(decodes(decoder, coded(dictionary, first).bytes, first))
    const whole = coded(dictionaryOf(kernel), lost).size
    for (const room of [0, 32, 33, 40, whole - 1]) {
      t.is(dictionary.encode(lost, new Uint8Array(room), 0), undefined, String(room))
      t.is(dictionary.nextId, 1)
    }
    const later = coded(dictionary, lost)
    t.is(later.imageId, 1)
    t.true(later.size > 30 * 30 * 3)
    t.true(decodes(decoder, later.bytes, lost))
    t.is(dictionary.encode(lost, new Uint8Array(later.size), 0)?.imageId, 2)
  })

  test(`kernel ${kernel}: a dictionary goes on with the ids of another, with an empty window`, (t) => {
    const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS })
    const image = noiseImage('rgb32', 30, 30, 1)
    const first = dictionaryOf(kernel)
    t.true(decodes(decoder, coded(first, image).bytes, image))
    t.true(decodes(decoder, coded(first, image).bytes, image))
    first.close()
    t.false(first.accepts(image))
    const second = dictionaryOf(kernel, 1 << 20, first.nextId)
    const { bytes, imageId, winHeadDist, size } = coded(second, image)
    t.deepEqual([imageId, winHeadDist], [2, 0])
    t.true(size > 2700)
    t.true(decodes(decoder, bytes, image))
    t.is(decoder.keptImages, 1)
  })

  test(`kernel ${kernel}: a cleared dictionary refers to nothing from before`, (t) => {
    const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS })
    const dictionary = dictionaryOf(kernel)
    const image = noiseImage('rgba', 30, 30, 1)
    coded(dictionary, image)
    coded(dictionary, image)
    dictionary.clear()
    const { bytes, imageId, winHeadDist } = coded(dictionary, image)
    t.deepEqual([imageId, winHeadDist], [2, 0])
    t.true(new GlzDecoder({ maxPixels: MAX_PIXELS, startId: 2 }).decode(bytes).done)
    t.true(decodes(decoder, bytes, image))
    t.true(coded(dictionary, image).size < 200)
  })

  test(`kernel ${kernel}: ids above 2^32 are written whole`, (t) => {
    const startId = 2 ** 40 + 5
    const dictionary = dictionaryOf(kernel, 1 << 20, startId)
    const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS, startId })
    const image = noiseImage('rgb32', 30, 30, 1)
    t.true(decodes(decoder, coded(dictionary, image).bytes, image))
    const next = coded(dictionary, image)
    t.deepEqual([next.imageId, next.oldestReferredTo], [startId + 1, startId])
    t.true(decodes(decoder, next.bytes, image))
  })

  test(`kernel ${kernel}: references name the newest image of each other channel`, (t) => {
    const dictionary = dictionaryOf(kernel)
    const [a, b] = [noiseImage('rgb32', 30, 30, 1), noiseImage('rgb32', 31, 30, 2)]
    t.deepEqual(coded(dictionary, a, 0).references, [])
    t.deepEqual(coded(dictionary, a, 0).references, [])
    t.deepEqual(coded(dictionary, b, 1).references, [])
    const both: Image = {
      ...a,
      width: 30,
      height: 61,
      pixels: new Uint8Array([...a.pixels, ...b.pixels]),
    }
    const { references, oldestReferredTo } = coded(dictionary, both, 2)
    const byChannel = [...references].sort((x, y) => x.channel - y.channel)
    t.deepEqual(
      byChannel.map(({ channel }) => channel),
      [0, 1],
    )
    t.true(byChannel[0]!.imageId <= 1 && oldestReferredTo <= 1)
    t.is(byChannel[1]!.imageId, 2)
    t.deepEqual(coded(dictionary, both, 2).references, [])
  })

  test(`kernel ${kernel}: what an image refers to is told although it did not fit at first`, (t) => {
    const dictionary = dictionaryOf(kernel)
    const image = noiseImage('rgba', 30, 30, 1)
    coded(dictionary, image, 0)
    t.is(dictionary.encode(image, new Uint8Array(34), 1), undefined)
    const { references, oldestReferredTo } = coded(dictionary, image, 1)
    t.deepEqual(references, [{ channel: 0, imageId: 0 }])
    t.is(oldestReferredTo, 0)
  })

  test(`kernel ${kernel}: rows with gaps, bottom up, dirty pad bytes`, (t) => {
    const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS })
    const dictionary = dictionaryOf(kernel)
    for (const format of GLZ_FORMATS) {
      const image = noiseImage(format, 33, 20, 7)
      const stride = image.stride + 5
      const pixels = new Uint8Array(stride * 20 - 5).fill(0xee)
      for (let row = 0; row < 20; row++) {
        pixels.set(image.pixels.subarray(row * image.stride, (row + 1) * image.stride), row * stride)
      }
      if (format === 'rgb32') {
        pixels.forEach(
          (_, at) => at % stride < image.stride && (at % stride) % 4 === 3 && (pixels[at] = at & 255),
        )
      }
      const strided = { ...image, stride, pixels, topDown: false }
      t.true(decodes(decoder, coded(dictionary, strided).bytes, strided), format)
      const packed = coded(dictionary, image)
      t.true(packed.size < 200, format)
      t.true(decodes(decoder, packed.bytes, image), format)
    }
  })
}

test('a hint of how pixels moved finds what moved, a wrong one does no harm', (t) => {
  const [width, height, dx, dy] = [200, 150, -7, -3]
  const before = noiseImage('rgb32', width, height, 3)
  const after = moved(before, noiseImage('rgb32', width, height, 4), dx, dy)
  const fresh = height * 7 + (width - 7) * 3
  for (const motion of [{ dx, dy }, undefined, { dx: 5000, dy: -5000 }, { dx: 0, dy: 0 }]) {
    const dictionary = dictionaryOf('auto')
    const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS })
    t.true(decodes(decoder, coded(dictionary, before).bytes, before))
    const { bytes } = coded(dictionary, after, 0, motion)
    t.true(decodes(decoder, bytes, after))
    t.true(bytes.length < fresh * 4 + height * 8, String(bytes.length))
  }
})

test('pixels in the staging memory are coded where they lie', (t) => {
  for (const format of GLZ_FORMATS) {
    const dictionary = dictionaryOf('auto')
    const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS })
    const image = noiseImage(format, 50, 40, 9)
    const { staging } = createGlzEncoder(dictionary, 0)
    if (staging === undefined) {
      t.fail()
      return
    }
    staging.set(image.pixels)
    const pixels = staging.subarray(0, image.pixels.length)
    t.true(decodes(decoder, coded(dictionary, { ...image, pixels }).bytes, image), format)
    t.deepEqual(pixels, image.pixels)
    t.true(coded(dictionary, { ...image, pixels }).size < 200)
  }
})

test('the ring goes round, with images of all sizes, without a wrong pixel', (t) => {
  for (const kernel of KERNELS) {
    const dictionary = dictionaryOf(kernel, 5000, 0, 4000)
    const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS, windowPixels: 5000 })
    for (let n = 0; n < 300; n++) {
      const format = GLZ_FORMATS[(n * 7) % 5] ?? 'rgba'
      const image = noiseImage(format, 1 + ((n * 37) % 61), 1 + ((n * 53) % 59), n % 11)
      t.true(decodes(decoder, coded(dictionary, image).bytes, image), `${kernel} ${n}`)
      t.true(decoder.keptPixels <= 5000)
    }
  }
})

test('more tiny images than can be told apart push out the oldest', (t) => {
  const dictionary = dictionaryOf('auto')
  const image = noiseImage('rgb32', 1, 1, 1)
  const out = outFor(image)
  let head = 0
  for (let n = 0; n < 9000; n++) {
    const { imageId, winHeadDist } = dictionary.encode(image, out, 0) ?? { imageId: -1, winHeadDist: -1 }
    t.is(imageId, n)
    head = imageId - winHeadDist
  }
  t.true(head > 0 && head < 9000)
})

test('the largest window there is can be had, and costs nothing before images come', (t) => {
  const before = process.memoryUsage().rss
  const dictionary = dictionaryOf('auto', 2 ** 25, 0, 2 ** 25)
  const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS })
  const image = noiseImage('rgb32', 64, 64, 1)
  t.true(decodes(decoder, coded(dictionary, image).bytes, image))
  t.true(decodes(decoder, coded(dictionary, image).bytes, image))
  t.true(process.memoryUsage().rss - before < 32 * 2 ** 20)
  dictionary.close()
})

test('the encoder of a channel is an image encoder', (t) => {
  const dictionary = dictionaryOf('auto')
  const encoder = createGlzEncoder(dictionary, 3)
  const image = noiseImage('rgb32', 20, 20, 1)
  const out = outFor(image)
  t.like(encoder, { name: 'glz', lossless: true, coded: undefined })
  t.true(encoder.accepts(image))
  t.false(encoder.accepts({ ...image, format: 'plt8' }))
  const size = encoder.encode(image, out)
  t.like(encoder.coded, { size, imageId: 0, winHeadDist: 0, references: [] })
  t.is(encoder.encode(image, out.subarray(0, 10)), -1)
  t.is(encoder.coded, undefined)
  t.not(encoder.staging, undefined)
  dictionary.close()
  t.is(encoder.staging, undefined)
  t.throws(() => encoder.encode(image, out), { instanceOf: SidecarError })
})

test('a window that a client made up is clamped', (t) => {
  t.is(new GlzDictionary({ windowPixels: 2 ** 31 - 1, maxPixels: 64, startId: 0 }).windowPixels, 2 ** 25)
  const least = new GlzDictionary({ windowPixels: -5, maxPixels: 64, startId: 0 })
  t.is(least.windowPixels, 1)
  t.false(least.accepts(noiseImage('rgb32', 1, 1, 1)))
  t.throws(() => new GlzDictionary({ windowPixels: 1, maxPixels: 1, startId: -1 }), {
    instanceOf: SidecarError,
  })
})
