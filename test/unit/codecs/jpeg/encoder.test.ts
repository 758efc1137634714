import { createLzEncoder, decodeLz } from '../../../../src/codecs/lz/index.js'
import {
  createJpegAlphaEncoder,
  createJpegEncoder,
  decodeJpeg,
  decodeJpegAlpha,
} from '../../../../src/codecs/jpeg/index.js'
import type { Image, PixelFormat } from '../../../../src/codecs/image.js'
import { SidecarError } from '../../../../src/core/errors.js'
import { library, withLibrary } from './library.js'
import { canonical, fillPixels, meanError } from './pixels.js'
import { jpegAlphaVectors, jpegVectors, MAX_ERROR } from './vectors.js'

const MAX_PIXELS = 1 << 20

const encoderWith = (options: { quality?: number; subsampling?: '4:4:4' | '4:2:0' } = {}) =>
  createJpegEncoder({ library: library!, maxPixels: MAX_PIXELS, ...options })

const alphaEncoder = () => createJpegAlphaEncoder({ jpeg: encoderWith(), alpha: createLzEncoder() })

const photo = (format: PixelFormat, width: number, height: number, topDown = true): Image => {
  const stride = width * ({ rgb16: 2, rgb24: 3 }[format as string] ?? 4)
  const pixels = new Uint8Array(stride * height)
  fillPixels(pixels, 'gradient', 5, stride)
  return { format, width, height, stride, topDown, pixels }
}

for (const { title, rule, quality, image, encoded } of jpegVectors()) {
  withLibrary(`vector ${title} is coded as well as by the reference`, (t) => {
    const out = new Uint8Array(1 << 16)
    const size = encoderWith({ quality }).encode(image, out)
    t.true(Math.abs(size - encoded.length) <= encoded.length / 20, `${size} of ${encoded.length} bytes`)
    const error = meanError(decodeJpeg(out.subarray(0, size), MAX_PIXELS).pixels, canonical(image))
    t.true(error > 0 && error <= MAX_ERROR[rule]!, `mean error ${error}`)
  })
}

for (const { title, rule, image } of jpegAlphaVectors()) {
  withLibrary(`vector ${title} with alpha is coded as well as by the reference, alpha exact`, (t) => {
    const out = new Uint8Array(1 << 16)
    const size = alphaEncoder().encode(image, out)
    const decoded = decodeJpegAlpha(out.subarray(0, size), decodeLz, MAX_PIXELS)
    t.true(meanError(decoded.pixels, canonical(image)) <= MAX_ERROR[rule]!)
    t.deepEqual(alphaOf(decoded.pixels), alphaOf(canonical(image)))
  })
}

const alphaOf = (pixels: Uint8Array): Uint8Array => pixels.filter((_, at) => at % 4 === 3)

for (const format of ['rgb16', 'rgb24', 'rgb32'] as const) {
  withLibrary(`${format} is accepted, coded and close to itself again`, (t) => {
    const image = photo(format, 61, 35)
    const encoder = encoderWith({ quality: 95, subsampling: '4:4:4' })
    t.true(encoder.accepts(image))
    const out = new Uint8Array(1 << 16)
    const { pixels } = decodeJpeg(out.subarray(0, encoder.encode(image, out)), MAX_PIXELS)
    t.true(meanError(pixels, canonical(image)) < 8)
  })
}

withLibrary('other formats, and images that are not whole, are refused', (t) => {
  const encoder = encoderWith()
  const whole = photo('rgb32', 16, 16)
  const others: Image[] = [
    ...(['plt8', 'a8', 'rgba', 'xxxa'] as const).map((format) => ({ ...whole, format })),
    { ...whole, width: 0 },
    { ...whole, height: -1 },
    { ...whole, width: 16.5 },
    { ...whole, stride: 63 },
    { ...whole, stride: Number.NaN },
    { ...whole, pixels: whole.pixels.subarray(1) },
    { ...whole, width: 65501, height: 1, stride: 65501 * 4, pixels: new Uint8Array(65501 * 4) },
    { ...whole, width: 1025, height: 1024, stride: 4100, pixels: new Uint8Array(4100 * 1024) },
  ]
  for (const image of others) {
    t.false(encoder.accepts(image))
    const error = t.throws(() => encoder.encode(image, new Uint8Array(9999)), { instanceOf: SidecarError })
    t.is(error.code, 'SIDECAR_BUG')
  }
  t.true(
    encoder.accepts({ ...whole, width: 65500, height: 1, stride: 262000, pixels: new Uint8Array(262000) }),
  )
})

withLibrary('the result is -1 exactly where the output is too short, and nothing is written past it', (t) => {
  for (const [encoder, image] of [
    [encoderWith(), photo('rgb32', 40, 30)],
    [alphaEncoder(), photo('rgba', 40, 30, false)],
  ] as const) {
    const whole = new Uint8Array(1 << 16)
    const size = encoder.encode(image, whole)
    t.true(size > 0)
    for (const room of [0, 1, 8, 9, 10, size - 1, size, size + 1]) {
      const memory = new Uint8Array(room + 8).fill(0x5a)
      t.is(encoder.encode(image, memory.subarray(0, room)), room < size ? -1 : size)
      t.true(memory.subarray(room).every((byte) => byte === 0x5a))
      if (room >= size) {
        t.deepEqual(memory.subarray(0, size), whole.subarray(0, size))
      }
    }
  }
})

withLibrary('the other thread gives the same bytes, for many at once', async (t) => {
  const encoder = encoderWith()
  const alpha = createJpegAlphaEncoder({ jpeg: encoder, alpha: createLzEncoder() })
  const jobs = Array.from({ length: 24 }, (_, index) => {
    const format = (['rgb16', 'rgb24', 'rgb32', 'rgba'] as const)[index % 4]!
    const image = photo(format, 33 + index * 7, 20 + index * 5, index % 3 !== 0)
    return { image, coder: format === 'rgba' ? alpha : encoder, quality: 50 + index }
  })
  const results = await Promise.all(
    jobs.map(async ({ image, coder, quality }) => {
      const out = new Uint8Array(1 << 17)
      return out.subarray(0, await coder.encodeAsync(image, out, { quality }))
    }),
  )
  jobs.forEach(({ image, coder, quality }, index) => {
    const out = new Uint8Array(1 << 17)
    t.deepEqual(results[index], out.subarray(0, coder.encode(image, out, { quality })))
  })
  await encoder.close()
})

withLibrary('the quality of one image takes the place of the usual one', (t) => {
  const encoder = encoderWith()
  const image = photo('rgb32', 64, 64)
  const out = new Uint8Array(1 << 16)
  const usual = encoder.encode(image, out)
  t.true(encoder.encode(image, out, { quality: 20 }) < usual)
  t.is(encoder.encode(image, out), usual)
  t.throws(() => encoder.encode(image, out, { quality: 0 }), { instanceOf: SidecarError })
  t.throws(() => encoder.encode(image, out, { quality: 101 }), { instanceOf: SidecarError })
})

withLibrary('an image that is refused rejects on the other thread, too', async (t) => {
  const encoder = encoderWith()
  const image = { ...photo('rgb32', 8, 8), stride: 1 }
  const error = await t.throwsAsync(encoder.encodeAsync(image, new Uint8Array(99)), {
    instanceOf: SidecarError,
  })
  t.is(error.code, 'SIDECAR_BUG')
})

withLibrary('trim gives memory back and the next image is coded all the same', (t) => {
  const encoder = encoderWith()
  const image = photo('rgb16', 64, 64)
  const [first, second] = [new Uint8Array(5000), new Uint8Array(5000)]
  const size = encoder.encode(image, first)
  encoder.trim()
  encoder.trim()
  t.is(encoder.encode(image, second), size)
  t.deepEqual(first, second)
})

withLibrary('closed encoders refuse', async (t) => {
  const jpeg = encoderWith()
  const alpha = createJpegAlphaEncoder({ jpeg, alpha: createLzEncoder() })
  await alpha.close()
  await alpha.close()
  const image = photo('rgba', 8, 8)
  const error = t.throws(() => alpha.encode(image, new Uint8Array(5000)), { instanceOf: SidecarError })
  t.is(error.code, 'SIDECAR_PEER_GONE')
  await t.throwsAsync(alpha.encodeAsync(image, new Uint8Array(5000)), { instanceOf: SidecarError })
})
