import test from 'ava'
import { decodeJpeg } from '../../../../src/codecs/jpeg/index.js'
import { SidecarError } from '../../../../src/core/errors.js'
import { flatJpeg, type FlatComponent } from './flat-jpeg.js'
import { decodeByLibrary, withLibrary } from './library.js'
import { canonical, meanError } from './pixels.js'
import { jpegVectors, MAX_ERROR } from './vectors.js'

for (const { title, rule, image, encoded } of jpegVectors()) {
  test(`vector ${title} decodes to the measured error`, (t) => {
    const decoded = decodeJpeg(encoded, image.width * image.height)
    t.like(decoded, { format: 'rgb32', width: image.width, height: image.height, topDown: true })
    t.is(decoded.stride, image.width * 4)
    const error = meanError(decoded.pixels, canonical(image))
    t.true(error > 0 && error <= MAX_ERROR[rule]!, `mean error ${error}`)
  })

  withLibrary(`vector ${title} decodes to the pixels of the library's own decoder`, (t) => {
    const { width, height } = image
    t.deepEqual(decodeJpeg(encoded, width * height).pixels, decodeByLibrary(encoded, width, height))
  })
}

/** A different value for each block. */
const sample =
  (seed: number) =>
  (column: number, row: number): number =>
    (seed * 50 + column * 37 + row * 91) & 255

const component = (id: number, across: number, down: number): FlatComponent => ({
  id,
  factors: [across, down],
  sample: sample(id),
})

/** Sizes that end inside a unit, and on its edge. */
const SIZES = [
  [1, 1],
  [8, 8],
  [33, 17],
  [64, 32],
  [70, 41],
] as const

const SAMPLINGS: Readonly<Record<string, readonly [number, number]>> = {
  '4:4:4': [1, 1],
  '4:2:2': [2, 1],
  '4:2:0': [2, 2],
  '4:4:0': [1, 2],
  '4:1:1': [4, 1],
  '4:1:0': [4, 2],
}

const clamped = (value: number): number => Math.max(0, Math.min(255, value))

/** Colour of a pixel in the middle of its chroma block, where no other block blends in. */
const expected = (
  parts: readonly FlatComponent[],
  x: number,
  y: number,
  [wide, high]: readonly [number, number],
) => {
  const luma = parts[0]!.sample(x >> 3, y >> 3)
  const [cb, cr] = parts
    .slice(1)
    .map((part) => part.sample(Math.floor(x / wide / 8), Math.floor(y / high / 8)) - 128)
  return [
    clamped(luma + ((116130 * cb! + 32768) >> 16)),
    clamped(luma + ((-22554 * cb! - 46802 * cr! + 32768) >> 16)),
    clamped(luma + ((91881 * cr! + 32768) >> 16)),
  ]
}

for (const [name, factors] of Object.entries(SAMPLINGS)) {
  for (const scans of [undefined, [[0], [1], [2]], [[0], [1, 2]]]) {
    for (const interval of [0, 1, 3]) {
      const how = `${name} in ${scans?.length ?? 1} scans, ${interval > 0 ? `restart after ${interval}` : 'no restarts'}`
      test(`blocks lie where they belong: ${how}`, (t) => {
        for (const [width, height] of SIZES) {
          const components = [component(1, ...factors), component(2, 1, 1), component(3, 1, 1)]
          const bytes = flatJpeg({ width, height, components, interval, ...(scans && { scans }) })
          const { pixels } = decodeJpeg(bytes, width * height)
          for (let y = 3; y < height; y += 8 * factors[1]) {
            for (let x = 3; x < width; x += 8 * factors[0]) {
              const at = (y * width + x) * 4
              t.deepEqual([...pixels.subarray(at, at + 4)], [...expected(components, x, y, factors), 0])
            }
          }
        }
      })
    }
  }
}

for (const factors of [
  [1, 1],
  [2, 2],
  [3, 1],
] as readonly (readonly [number, number])[]) {
  test(`gray with factors ${factors.join(' by ')} is decoded block by block`, (t) => {
    for (const [width, height] of SIZES) {
      const part = component(1, ...factors)
      const { pixels } = decodeJpeg(
        flatJpeg({ width, height, components: [part], interval: 5 }),
        width * height,
      )
      for (let at = 0; at < width * height; at++) {
        const value = part.sample((at % width) >> 3, Math.floor(at / width) >> 3)
        t.deepEqual([...pixels.subarray(at * 4, at * 4 + 4)], [value, value, value, 0])
      }
    }
  })
}

const text = (value: string): number[] => Array.from(value, (letter) => letter.charCodeAt(0))
const ADOBE_RGB = [0xff, 0xee, 0, 14, ...text('Adobe'), 0, 100, 0, 0, 0, 0, 0]
const JFIF = [0xff, 0xe0, 0, 16, ...text('JFIF'), 0, 1, 1, 0, 0, 1, 0, 1, 0, 0]

const firstPixel = (ids: readonly number[], before: readonly number[]): number[] => {
  const components = ids.map((id, index) => ({ ...component(id, 1, 1), sample: () => 40 + index * 60 }))
  return [...decodeJpeg(flatJpeg({ width: 8, height: 8, components, before }), 64).pixels.subarray(0, 3)]
}

test('samples are RGB where Adobe says so, or where they are named so', (t) => {
  t.deepEqual(firstPixel([1, 2, 3], ADOBE_RGB), [160, 100, 40])
  t.deepEqual(firstPixel(text('RGB'), []), [160, 100, 40])
})

test('samples are YCbCr in a JFIF file, and where nothing is said', (t) => {
  const ycc = firstPixel([1, 2, 3], [])
  t.notDeepEqual(ycc, [160, 100, 40])
  t.deepEqual(firstPixel([1, 2, 3], [...JFIF, ...ADOBE_RGB]), ycc)
  t.deepEqual(firstPixel(text('RGB'), JFIF), ycc)
})

const GRAY = flatJpeg({ width: 16, height: 16, components: [component(1, 1, 1)], interval: 1 })
const COLOUR = flatJpeg({
  ...{ width: 16, height: 16 },
  components: [component(1, 2, 2), component(2, 1, 1), component(3, 1, 1)],
})

/** Where a marker is, its first byte. */
const find = (bytes: Uint8Array, marker: number): number => {
  const at = bytes.findIndex((byte, index) => byte === 0xff && bytes[index + 1] === marker)
  if (at < 0) {
    throw new Error(`no marker ${marker}`)
  }
  return at
}

const changed = (bytes: Uint8Array, marker: number, offset: number, value: number): Uint8Array => {
  const copy = bytes.slice()
  copy[find(bytes, marker) + offset] = value
  return copy
}

const without = (bytes: Uint8Array, marker: number): Uint8Array => {
  const at = find(bytes, marker)
  const size = bytes[at + 2]! * 256 + bytes[at + 3]!
  return new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(at + 2 + size)])
}

const inserted = (bytes: Uint8Array, at: number, ...values: readonly number[]): Uint8Array =>
  new Uint8Array([...bytes.subarray(0, at), ...values, ...bytes.subarray(at)])

const refuses = test.macro((t, bytes: Uint8Array, text: RegExp, maxPixels: number = 1024) => {
  const error = t.throws(() => decodeJpeg(bytes, maxPixels), { instanceOf: SidecarError, message: text })
  t.is(error.code, 'SIDECAR_PROTOCOL')
})

test('the images that the refusals start from are good', (t) => {
  t.is(decodeJpeg(GRAY, 256).width, 16)
  t.is(decodeJpeg(COLOUR, 256).width, 16)
  t.is(decodeJpeg(inserted(COLOUR, COLOUR.length - 2, 0xff, 0xff), 256).width, 16)
})

test('no bytes', refuses, new Uint8Array(0), /marker is missing/)
test('other bytes', refuses, new Uint8Array(text('GIF89a')), /marker is missing/)
test('an end without a beginning', refuses, Uint8Array.of(0xff, 0xd9), /does not begin/)
test('nothing between beginning and end', refuses, Uint8Array.of(0xff, 0xd8, 0xff, 0xd9), /ends before/)
test('more pixels than the cap', refuses, GRAY, /size out of range/, 255)
test('no width', refuses, changed(GRAY, 0xc0, 8, 0), /size out of range/)
test('no height', refuses, changed(GRAY, 0xc0, 6, 0), /size out of range/)
test('12 bit samples', refuses, changed(GRAY, 0xc0, 4, 12), /8 bits/)
test('two components', refuses, changed(COLOUR, 0xc0, 9, 2), /one or three/)
test('a component of factor 0', refuses, changed(COLOUR, 0xc0, 11, 0x02), /declared wrongly/)
test('a component of factor 5', refuses, changed(COLOUR, 0xc0, 11, 0x15), /declared wrongly/)
test('a component declared twice', refuses, changed(COLOUR, 0xc0, 13, 1), /declared wrongly/)
test('a quantisation table numbered 4', refuses, changed(COLOUR, 0xc0, 12, 4), /declared wrongly/)
test('a table that was not given', refuses, changed(COLOUR, 0xc0, 12, 1), /not given/)
test(
  'subsampling by 3 to 2',
  refuses,
  changed(changed(COLOUR, 0xc0, 11, 0x31), 0xc0, 14, 0x21),
  /whole numbers/,
)
test('too many blocks in a unit', refuses, changed(COLOUR, 0xc0, 11, 0x44), /too many blocks/)
test('a progressive frame', refuses, changed(GRAY, 0xc0, 1, 0xc2), /baseline/)
test('an arithmetic frame', refuses, changed(GRAY, 0xc0, 1, 0xc9), /baseline/)
test('a marker that has no place', refuses, inserted(GRAY, 2, 0xff, 0xdc, 0, 4, 0, 0), /no place/)
test(
  'two frames',
  refuses,
  inserted(GRAY, 2, ...GRAY.subarray(find(GRAY, 0xc0), find(GRAY, 0xc0) + 13)),
  /two frames/,
)
test('a scan before its frame', refuses, without(GRAY, 0xc0), /without a frame/)
test('a scan without tables', refuses, without(GRAY, 0xc4), /not given/)
test('a scan of part of the frequencies', refuses, changed(GRAY, 0xda, 8, 5), /baseline/)
test('a scan of a component that there is not', refuses, changed(GRAY, 0xda, 5, 9), /wrong component/)
test('a scan of one component twice', refuses, changed(COLOUR, 0xda, 7, 1), /wrong component/)
test(
  'a second scan of the same',
  refuses,
  inserted(GRAY, GRAY.length - 2, ...GRAY.subarray(find(GRAY, 0xda), -2)),
  /wrong component/,
)
test(
  'a component that is never coded',
  refuses,
  flatJpeg({
    width: 8,
    height: 8,
    components: [component(1, 1, 1), component(2, 1, 1), component(3, 1, 1)],
    scans: [[0], [2]],
  }),
  /ends before/,
)
test('a quantiser of 0', refuses, changed(GRAY, 0xdb, 9, 0), /zero/)
test('half a quantisation table', refuses, changed(GRAY, 0xdb, 4, 0x10), /not whole/)
test('a code table of too many codes', refuses, changed(GRAY, 0xc4, 5, 3), /no code|not whole/)
test('a code table past its segment', refuses, changed(GRAY, 0xc4, 8, 200), /not whole/)
test('a segment past the end', refuses, changed(GRAY, 0xc4, 2, 0xff), /past the end/)
test('a segment of size 1', refuses, changed(changed(GRAY, 0xdd, 3, 1), 0xdd, 2, 0), /past the end/)
test('a restart interval of 3 bytes', refuses, inserted(GRAY, 2, 0xff, 0xdd, 0, 5, 0, 0, 1), /wrong size/)
test('restart markers out of order', refuses, changed(GRAY, 0xd1, 1, 0xd3), /restart marker/)
test('data without its restart markers', refuses, changed(GRAY, 0xdd, 5, 2), /no code|ends inside/)
test('an image without its end', refuses, GRAY.subarray(0, -2), /marker/)
test('half an end', refuses, GRAY.subarray(0, -1), /marker/)
test('bytes behind the end', refuses, inserted(GRAY, GRAY.length, 0), /left over/)
test('data behind the last unit', refuses, inserted(COLOUR, COLOUR.length - 2, 0, 0), /left over/)
test(
  'a body too short for its size',
  refuses,
  changed(changed(GRAY, 0xc0, 5, 8), 0xc0, 7, 8),
  /too short/,
  2 ** 24,
)

test('every cut of an image is refused', (t) => {
  for (const bytes of [GRAY, COLOUR, jpegVectors()[1]!.encoded]) {
    for (let size = 0; size < bytes.length; size++) {
      const error = t.throws(() => decodeJpeg(bytes.subarray(0, size), 1 << 16), { instanceOf: SidecarError })
      t.is(error.code, 'SIDECAR_PROTOCOL')
    }
  }
})
