import test from 'ava'
import { SidecarError } from '../../../../src/core/errors.js'
import type { Image, PixelFormat } from '../../../../src/codecs/image.js'
import { createLzEncoder, decodeLz, lzMaxEncodedSize } from '../../../../src/codecs/index.js'
import { LzRgb32Kernel } from '../../../../src/codecs/lz/kernel-rgb32.js'
import { LZ_TYPES } from '../../../../src/codecs/lz/lz-format.js'
import { LZ_RULES, rulePixels } from './rules.js'

const FORMATS = Object.keys(LZ_TYPES) as PixelFormat[]

const ruleImage = (rule: string, format: PixelFormat, width: number, height: number): Image => {
  const pixels = rulePixels(rule, format, width, height)
  return { format, width, height, stride: pixels.length / height, topDown: true, pixels }
}

/** The same pixels with `padding` bytes of rubbish after each row, `offset` bytes into their memory. */
const strided = (image: Image, padding: number, offset = 0): Image => {
  const stride = image.stride + padding
  const pixels = new Uint8Array(offset + stride * (image.height - 1) + image.stride)
    .fill(0xa5)
    .subarray(offset)
  for (let row = 0; row < image.height; row++) {
    pixels.set(image.pixels.subarray(row * image.stride, (row + 1) * image.stride), row * stride)
  }
  return { ...image, stride, pixels }
}

const encoded = (image: Image): Uint8Array => {
  const out = new Uint8Array(lzMaxEncodedSize(image.format, image.width, image.height))
  const size = createLzEncoder().encode(image, out)
  return out.slice(0, Math.max(0, size))
}

for (const format of FORMATS) {
  test(`${format} comes back whole from every generator rule`, (t) => {
    for (const rule of LZ_RULES) {
      for (const [width, height] of [
        [1, 1],
        [2, 1],
        [3, 5],
        [17, 9],
        [64, 48],
      ] as const) {
        const image = ruleImage(rule, format, width, height)
        t.deepEqual(decodeLz(encoded(image), width * height), image, `${rule} ${width}x${height}`)
      }
    }
  })

  test(`${format} is coded the same from padded and unaligned rows`, (t) => {
    const image = ruleImage('desk', format, 33, 20)
    for (const [padding, offset] of [
      [4, 0],
      [64, 8],
      [3, 0],
      [0, 1],
      [5, 3],
    ] as const) {
      t.deepEqual(encoded(strided(image, padding, offset)), encoded(image), `${padding} ${offset}`)
    }
  })

  test(`${format} gives -1 exactly when the output is too short`, (t) => {
    const encoder = createLzEncoder()
    for (const rule of LZ_RULES) {
      const image = ruleImage(rule, format, 21, 11)
      const whole = encoded(image)
      for (let size = 0; size <= whole.length + 1; size++) {
        const memory = new Uint8Array(size + 8).fill(0xee)
        t.is(encoder.encode(image, memory.subarray(0, size)), size < whole.length ? -1 : whole.length)
        t.true(memory.subarray(size).every((byte) => byte === 0xee))
      }
    }
  })
}

test('a wide image uses far matches to the row above', (t) => {
  const width = 9001
  const image = { ...ruleImage('noise', 'rgb32', width, 2) }
  image.pixels.copyWithin(width * 4, 0, width * 4)
  const bytes = encoded(image)
  t.deepEqual(decodeLz(bytes, width * 2), image)
  t.true(bytes.length < width * 3 * 1.1)
})

test('matches around the largest near distance fit exactly where they say', (t) => {
  for (const width of [8190, 8191, 8192, 8193]) {
    const image = ruleImage('noise', 'rgb32', width, 2)
    image.pixels.copyWithin(width * 4, 0, width * 4)
    const whole = encoded(image)
    t.deepEqual(decodeLz(whole, width * 2), image)
    t.is(createLzEncoder().encode(image, new Uint8Array(whole.length)), whole.length, String(width))
    t.is(createLzEncoder().encode(image, new Uint8Array(whole.length - 1)), -1, String(width))
  }
})

test('rows too wide for any distance are coded without the row above', (t) => {
  const width = 73728
  const image = ruleImage('noise', 'rgb32', width, 2)
  image.pixels.copyWithin(width * 4, 0, width * 4)
  t.deepEqual(decodeLz(encoded(image), width * 2), image)
})

test('the row above is used at the largest distance and not one past it', (t) => {
  for (const [width, repeats] of [
    [73727, true],
    [73728, false],
  ] as const) {
    const image = ruleImage('noise', 'rgb32', width, 2)
    image.pixels.copyWithin(width * 4, 0, width * 4)
    t.is(encoded(image).length < width * 4, repeats, String(width))
  }
})

test('the pad byte of rgb32 changes nothing', (t) => {
  const image = ruleImage('desk', 'rgb32', 40, 30)
  const dirty = { ...image, pixels: image.pixels.map((byte, at) => (at % 4 === 3 ? (at * 37) & 255 : byte)) }
  t.deepEqual(encoded(dirty), encoded(image))
})

test('row order goes into the header and leaves the body alone', (t) => {
  const image = ruleImage('smooth', 'rgb32', 16, 16)
  const bottomUp = encoded({ ...image, topDown: false })
  t.is(bottomUp[27], 0)
  t.is(encoded(image)[27], 1)
  t.deepEqual(bottomUp.subarray(28), encoded(image).subarray(28))
})

test('what was coded before has no influence', (t) => {
  const encoder = createLzEncoder()
  const images = LZ_RULES.map((rule) => ruleImage(rule, 'rgb32', 50, 40))
  const out = new Uint8Array(lzMaxEncodedSize('rgb32', 50, 40))
  for (const image of [...images, ...images.toReversed()]) {
    t.deepEqual(out.slice(0, encoder.encode(image, out)), encoded(image))
  }
})

test('the table starts again when positions run out', (t) => {
  const image = ruleImage('desk', 'rgb32', 50, 40)
  const kernel = new LzRgb32Kernel(0x7fffffff - 2 * 2000 - 1)
  const out = new Uint8Array(lzMaxEncodedSize('rgb32', 50, 40))
  const expected = encoded(image).subarray(28)
  for (let round = 0; round < 4; round++) {
    t.deepEqual(out.slice(0, kernel.encode(image, out, 0)), expected)
  }
})

test('no generator rule takes more than the largest size', (t) => {
  for (const format of FORMATS) {
    for (const rule of LZ_RULES) {
      t.true(encoded(ruleImage(rule, format, 37, 13)).length > 28)
    }
  }
})

test('noise takes the largest size', (t) => {
  t.is(encoded(ruleImage('noise', 'rgb32', 8, 8)).length, lzMaxEncodedSize('rgb32', 8, 8))
})

const IMAGE: Image = {
  format: 'rgb32',
  width: 4,
  height: 2,
  stride: 16,
  topDown: true,
  pixels: new Uint8Array(32),
}

test('an image whose last row has no padding is accepted', (t) => {
  t.true(createLzEncoder().accepts({ ...IMAGE, stride: 20, pixels: new Uint8Array(36) }))
})

const REFUSED: readonly (readonly [string, Partial<Image>])[] = [
  ['no width', { width: 0 }],
  ['no height', { height: 0 }],
  ['a width that is no whole number', { width: 1.5 }],
  ['a stride below the row', { stride: 15 }],
  ['pixels one byte short', { pixels: new Uint8Array(31) }],
  ['512 MiB of rows', { width: 2 ** 14, height: 2 ** 13, stride: 2 ** 16 }],
]

for (const [what, change] of REFUSED) {
  test(`an image with ${what} is not accepted`, (t) => {
    const image = { ...IMAGE, ...change }
    const encoder = createLzEncoder()
    t.false(encoder.accepts(image))
    const error = t.throws(() => encoder.encode(image, new Uint8Array(64)), { instanceOf: SidecarError })
    t.is(error.code, 'SIDECAR_BUG')
  })
}

test('bands coded one after the other make one image', (t) => {
  const encoder = createLzEncoder()
  const width = 37
  const height = 41
  const pixels = new Uint8Array(width * height * 4)
  for (let at = 0; at < pixels.length; at++) {
    pixels[at] = at % 4 === 3 ? 0 : (at >> 5) * 3
  }
  const image = { format: 'rgb32', width, height, stride: width * 4, topDown: true, pixels } as const
  const out = new Uint8Array(pixels.length)
  encoder.writeHeader(image, out)
  let size = encoder.headerSize
  for (let top = 0; top < height; top += 7) {
    const rows = Math.min(7, height - top)
    const band = {
      ...image,
      height: rows,
      pixels: pixels.subarray(top * width * 4, (top + rows) * width * 4),
    }
    const coded = encoder.encodeBand(band, out.subarray(size))
    t.true(coded > 0)
    size += coded
  }
  t.deepEqual(decodeLz(out.subarray(0, size), width * height).pixels, pixels)
})
