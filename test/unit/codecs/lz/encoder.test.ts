import test from 'ava'
import { SidecarError } from '../../../../src/core/errors.js'
import type { Image, PixelFormat } from '../../../../src/codecs/image.js'
import { createLzEncoder, decodeLz, lzMaxEncodedSize } from '../../../../src/codecs/index.js'
import { LzKernelCoder } from '../../../../src/codecs/lz/kernel-coder.js'
import { LZ_TYPES } from '../../../../src/codecs/lz/lz-format.js'
import { LzOracle } from '../../../../src/codecs/lz/oracle.js'
import { loadLzKernel } from '../../../../src/kernels/lz.js'
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
  const images = LZ_RULES.flatMap((rule) => FORMATS.map((format) => ruleImage(rule, format, 50, 40)))
  const out = new Uint8Array(lzMaxEncodedSize('rgba', 50, 40))
  for (const image of [...images, ...images.toReversed()]) {
    t.deepEqual(out.slice(0, encoder.encode(image, out)), encoded(image))
  }
})

test('the table starts again when positions run out', (t) => {
  const image = ruleImage('desk', 'rgb32', 50, 40)
  const kernel = loadLzKernel(2000)!
  const position = kernel.exports.position
  const perPass = position.value + image.pixels.length
  const coder = new LzKernelCoder(kernel)
  position.value = 0xf0000000 - 2 * perPass
  const out = new Uint8Array(lzMaxEncodedSize('rgb32', 50, 40))
  const expected = encoded(image).subarray(28)
  const positions: number[] = []
  for (let round = 0; round < 4; round++) {
    t.deepEqual(out.slice(0, coder.encodeBody(image, out, 0)), expected)
    positions.push(position.value >>> 0)
  }
  const first = perPass - image.pixels.length
  t.deepEqual(positions, [0xf0000000 - perPass, 0xf0000000, first + perPass, first + 2 * perPass])
})

test('pixels in the staging memory are coded where they lie and stay as they are', (t) => {
  for (const format of FORMATS) {
    const encoder = createLzEncoder({ maxPixels: 4000 })
    const staging = encoder.staging!
    t.is(staging.length, 16000)
    const image = ruleImage('desk', format, 63, 40)
    const pixels = staging.subarray(0, image.pixels.length)
    pixels.set(image.pixels)
    const out = new Uint8Array(lzMaxEncodedSize(format, 63, 40))
    t.deepEqual(out.slice(0, encoder.encode({ ...image, pixels }, out)), encoded(image), format)
    t.deepEqual(pixels, image.pixels, format)
  }
})

test('padded rows in the staging memory, and bands of it, are coded as they are anywhere else', (t) => {
  for (const format of FORMATS) {
    const encoder = createLzEncoder({ maxPixels: 4000 })
    const image = strided(ruleImage('tiles', format, 33, 20), 5)
    encoder.staging!.set(image.pixels, 7)
    const rows = { ...image, height: 12 }
    const inStaging = (from: number): Image => ({
      ...rows,
      pixels: encoder.staging!.subarray(7 + from * image.stride, 7 + image.pixels.length),
    })
    const elsewhere = (from: number): Image => ({
      ...rows,
      pixels: image.pixels.subarray(from * image.stride),
    })
    const out = new Uint8Array(lzMaxEncodedSize(format, 33, 20))
    for (const from of [0, 3, 8]) {
      t.deepEqual(out.slice(0, encoder.encode(inStaging(from), out)), encoded(elsewhere(from)), format)
    }
    t.deepEqual(encoder.staging!.subarray(7, 7 + image.pixels.length), image.pixels)
  }
})

test('images larger than the memory of the kernel are coded in pieces', (t) => {
  for (const format of FORMATS) {
    for (const maxPixels of [1, 2, 7, 64, 333]) {
      const encoder = createLzEncoder({ maxPixels })
      const image = ruleImage('desk', format, 37, 23)
      const padded = strided(image, 3, 1)
      const out = new Uint8Array(lzMaxEncodedSize(format, 37, 23) * 2)
      for (const source of [image, padded]) {
        const size = encoder.encode(source, out)
        t.deepEqual(decodeLz(out.subarray(0, size), 37 * 23), image, `${format} ${maxPixels}`)
      }
    }
  }
})

test('without the kernel the readable encoder codes, and there is no staging memory', (t) => {
  const encoder = createLzEncoder({ kernel: 'off' })
  t.is(encoder.staging, undefined)
  for (const format of FORMATS) {
    const image = ruleImage('desk', format, 40, 30)
    const [bytes, expected] = [new Uint8Array(10000), new Uint8Array(10000)]
    t.is(encoder.encode(image, bytes), new LzOracle().encode(image, expected))
    t.deepEqual(bytes, expected)
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

for (const kernel of ['auto', 'off'] as const) {
  for (const format of FORMATS.filter((each) => LZ_TYPES[each].passes.length === 1)) {
    test(`bands of ${format} coded one after the other make one image, kernel ${kernel}`, (t) => {
      const encoder = createLzEncoder({ kernel })
      const image = ruleImage('desk', format, 37, 41)
      const { stride, pixels } = image
      const out = new Uint8Array(lzMaxEncodedSize(format, 37, 41))
      encoder.writeHeader(image, out)
      let size = encoder.headerSize
      for (let top = 0; top < 41; top += 7) {
        const height = Math.min(7, 41 - top)
        const band = { ...image, height, pixels: pixels.subarray(top * stride, (top + height) * stride) }
        const coded = encoder.encodeBand(band, out.subarray(size))
        t.true(coded > 0)
        size += coded
      }
      t.deepEqual(decodeLz(out.subarray(0, size), 37 * 41), image)
    })
  }
}

test('an image with two passes has no bands', (t) => {
  const band = ruleImage('desk', 'rgba', 8, 8)
  const error = t.throws(() => createLzEncoder().encodeBand(band, new Uint8Array(1000)), {
    instanceOf: SidecarError,
  })
  t.is(error.code, 'SIDECAR_BUG')
})
