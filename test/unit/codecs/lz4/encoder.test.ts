import test from 'ava'
import { createLz4Encoder, decodeLz4, lz4MaxEncodedSize } from '../../../../src/codecs/lz4/index.js'
import { Lz4Oracle } from '../../../../src/codecs/lz4/oracle.js'
import type { Image } from '../../../../src/codecs/image.js'
import { SidecarError } from '../../../../src/core/errors.js'
import { fillPixels } from '../jpeg/pixels.js'
import { library, withLibrary } from './library.js'
import { lz4Vectors } from './vectors.js'

const MAX_PIXELS = 1 << 20

const text = (width: number, height: number, padding = 0, topDown = true): Image => {
  const stride = width * 4 + padding
  const pixels = new Uint8Array(stride * height - padding)
  fillPixels(pixels, 'text', 3, stride)
  return { format: 'rgb32', width, height, stride, topDown, pixels }
}

/** The coders that there are: by the library, and the one that stands in. */
const KINDS = [
  ['the library', withLibrary, () => createLz4Encoder({ maxPixels: MAX_PIXELS, library: library! })],
  ['plain code', test, () => createLz4Encoder({ maxPixels: MAX_PIXELS, library: undefined })],
] as const

for (const [name, testOf, create] of KINDS) {
  for (const { title, image } of lz4Vectors()) {
    testOf(`vector ${title} decodes to itself when coded by ${name}`, (t) => {
      const out = new Uint8Array(lz4MaxEncodedSize(image.format, image.width, image.height))
      const size = create().encode(image, out)
      t.deepEqual(decodeLz4(out.subarray(0, size), image, MAX_PIXELS), image)
    })
  }

  testOf(`-1 exactly where the output is too short, by ${name}`, (t) => {
    const encoder = create()
    const image = text(40, 30, 8)
    const size = encoder.encode(image, new Uint8Array(9999))
    for (const room of [0, 1, 2, 5, 6, 7, size - 1, size, size + 1]) {
      const memory = new Uint8Array(room + 8).fill(0x5a)
      const result = encoder.encode(image, memory.subarray(0, room))
      t.is(result, room < size ? -1 : size)
      t.true(memory.subarray(room).every((byte) => byte === 0x5a))
    }
  })

  testOf(`many at once on other threads give the same bytes, by ${name}`, async (t) => {
    const encoder = create()
    const images = Array.from({ length: 20 }, (_, at) => text(30 + at * 9, 20 + at * 7, at % 3, at % 2 === 0))
    const results = await Promise.all(
      images.map(async (image) => {
        const out = new Uint8Array(200_000)
        return out.subarray(0, await encoder.encodeAsync(image, out))
      }),
    )
    images.forEach((image, at) => {
      const decoded = decodeLz4(results[at]!, image, MAX_PIXELS)
      t.is(decoded.topDown, image.topDown)
      const out = new Uint8Array(lz4MaxEncodedSize('rgb32', image.width, image.height))
      const size = encoder.encode(decoded, out)
      t.deepEqual(decodeLz4(out.subarray(0, size), image, MAX_PIXELS), decoded)
    })
    t.is(await encoder.encodeAsync(text(64, 64), new Uint8Array(20)), -1)
    await encoder.close()
  })

  testOf(`images that cannot be coded are refused by ${name}`, async (t) => {
    const encoder = create()
    const whole = text(16, 16)
    for (const image of [
      ...(['plt8', 'a8', 'plt1-le', 'xxxa'] as const).map((format) => ({ ...whole, format })),
      { ...whole, width: 0 },
      { ...whole, height: 1.5 },
      { ...whole, stride: 60 },
      { ...whole, height: 17 },
      text(1025, 1024),
    ]) {
      t.false(encoder.accepts(image))
      const error = t.throws(() => encoder.encode(image, new Uint8Array(9999)), { instanceOf: SidecarError })
      t.is(error.code, 'SIDECAR_BUG')
      await t.throwsAsync(encoder.encodeAsync(image, new Uint8Array(9999)), { instanceOf: SidecarError })
    }
    t.true(encoder.accepts(whole))
  })

  testOf(`trimmed it goes on, closed it refuses: ${name}`, async (t) => {
    const encoder = create()
    const image = text(16, 16, 4)
    const size = encoder.encode(image, new Uint8Array(9999))
    encoder.trim()
    t.is(encoder.encode(image, new Uint8Array(9999)), size)
    await encoder.close()
    await encoder.close()
    const error = t.throws(() => encoder.encode(image, new Uint8Array(9999)), { instanceOf: SidecarError })
    t.is(error.code, 'SIDECAR_PEER_GONE')
    await t.throwsAsync(encoder.encodeAsync(image, new Uint8Array(9999)), { instanceOf: SidecarError })
  })
}

test('the plain coder makes linked blocks of any rows', (t) => {
  for (const { image, segments } of lz4Vectors()) {
    const out = new Uint8Array(1 << 15)
    const size = new Lz4Oracle().encode(image, out, segments)
    t.deepEqual(decodeLz4(out.subarray(0, size), image, MAX_PIXELS), image)
  }
})

test('a linked block is shorter for what came before it', (t) => {
  const half = text(64, 16)
  fillPixels(half.pixels, 'noise', 9, half.stride)
  const pixels = new Uint8Array([...half.pixels, ...half.pixels])
  const image = { ...half, height: 32, pixels }
  const out = new Uint8Array(1 << 15)
  const oracle = new Lz4Oracle()
  const once = oracle.encode(half, out)
  t.true(oracle.encode(image, out, [16, 16]) < once + 60)
})
