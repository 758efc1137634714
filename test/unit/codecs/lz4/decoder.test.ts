import test from 'ava'
import { decodeLz4, type ImageSize } from '../../../../src/codecs/lz4/index.js'
import { SidecarError } from '../../../../src/core/errors.js'
import { lz4Vectors } from './vectors.js'

for (const { title, image, encoded } of lz4Vectors()) {
  test(`vector ${title} decodes to its pixels`, (t) => {
    t.deepEqual(decodeLz4(encoded, image, image.width * image.height), image)
  })
}

test('a block refers to those before it', (t) => {
  const linked = lz4Vectors().filter(({ segments, image: { width } }) => segments.length > 1 && width === 64)
  t.is(linked.length, 4)
  for (const { encoded, image } of linked) {
    // Without its first block the second one has nothing to refer to.
    const first = 6 + encoded[4]! * 256 + encoded[5]!
    const rest = new Uint8Array([...encoded.subarray(0, 2), ...encoded.subarray(first)])
    t.throws(() => decodeLz4(rest, { width: 64, height: 32 }, 4096), { instanceOf: SidecarError })
    t.is(image.height, 48)
  }
})

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))

/** Of the image `4 x 1`, rgb32, unless `size` says otherwise. */
const refuses = test.macro((t, bytes: string, text: RegExp, size: ImageSize = { width: 4, height: 1 }) => {
  const error = t.throws(() => decodeLz4(hex(bytes), size, 1024), { instanceOf: SidecarError, message: text })
  t.is(error.code, 'SIDECAR_PROTOCOL')
})

const PIXELS = '00112233 44556677 8899AABB CCDDEEFF'
const GOOD = `01 08 00000012 F001 ${PIXELS}`

test('what the refusals start from is good', (t) => {
  t.deepEqual(decodeLz4(hex(GOOD), { width: 4, height: 1 }, 4), {
    ...{ format: 'rgb32', width: 4, height: 1, stride: 16, topDown: true },
    pixels: hex(PIXELS),
  })
})
test('a match that overlaps itself repeats what it makes', (t) => {
  const { pixels } = decodeLz4(
    hex('00 08 0000000C 14 AB 0100 70 AB CD EF 01 02 03 04'),
    { width: 4, height: 1 },
    4,
  )
  t.is(Buffer.from(pixels).toString('hex'), 'ababababababababab' + 'abcdef01020304')
})

test('no bytes', refuses, '', /row order or format/)
test('no format', refuses, '01', /row order or format/)
test('a row order of 2', refuses, GOOD.replace('01', '02'), /row order or format/)
test('a format that LZ4 does not have', refuses, GOOD.replace('08', '05'), /row order or format/)
test('the format 0', refuses, GOOD.replace('08', '00'), /row order or format/)
test('no width', refuses, GOOD, /size out of range/, { width: 0, height: 1 })
test('half a pixel', refuses, GOOD, /size out of range/, { width: 0.5, height: 8 })
test('more pixels than the cap', refuses, GOOD, /size out of range/, { width: 1025, height: 1 })
test('sides without end', refuses, GOOD, /size out of range/, { width: Infinity, height: 1 })
test('a size that the body cannot fill', refuses, '01 08 00000000', /too short/, { width: 1000, height: 1 })
test('no block', refuses, '01 08', /too short/, { width: 4, height: 1 })
test('half the size of a block', refuses, `${GOOD} 0000`, /inside the size/)
test('an empty block', refuses, '01 08 00000000', /not that of its data/)
test('a block of negative size', refuses, GOOD.replace('00000012', '80000012'), /not that of its data/)
test('a block of all ones', refuses, GOOD.replace('00000012', 'FFFFFFFF'), /not that of its data/)
test('a block past the end', refuses, GOOD.replace('00000012', '00000013'), /not that of its data/)
test('an image that is too short', refuses, GOOD, /too short for the image/, { width: 5, height: 1 })
test('an image that is too long', refuses, GOOD, /past the last pixel/, { width: 3, height: 1 })
test('a block behind the last pixel', refuses, `${GOOD} 00000002 10 00`, /past the last pixel/)
test('literals past the end of their block', refuses, '01 08 00000003 30 1122', /inside its literals/)
test('a length without end', refuses, '01 08 00000004 F0 FFFFFF', /inside a sequence/)
test('a match without its distance', refuses, '01 08 00000003 14 AB 01', /inside a sequence/)
test('a block that ends with a match', refuses, '01 08 00000004 14 AB 0100', /inside a sequence/)
test('a distance of 0', refuses, '01 08 00000006 14 AB 0000 1000', /before the image/)
test('a match before the image', refuses, '01 08 00000006 14 AB 0200 1000', /before the image/)
test('a match past the last pixel', refuses, '01 08 00000006 1E AB 0100 1000', /past the last pixel/)

test('a bomb is refused before any memory is taken', (t) => {
  const size = { width: 8192, height: 8192 }
  const error = t.throws(() => decodeLz4(hex(GOOD), size, 8192 * 8192), { instanceOf: SidecarError })
  t.regex(error.message, /too short/)
})

test('every cut of an image is refused', (t) => {
  for (const { encoded, image } of lz4Vectors().slice(0, 6)) {
    for (let size = 0; size < encoded.length; size++) {
      t.throws(() => decodeLz4(encoded.subarray(0, size), image, 1 << 16), { instanceOf: SidecarError })
    }
  }
})
