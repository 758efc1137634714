import test from 'ava'
import { decodeLz } from '../../../../src/codecs/lz/index.js'
import { decodeJpegAlpha } from '../../../../src/codecs/jpeg/index.js'
import { SidecarError } from '../../../../src/core/errors.js'
import { canonical, meanError } from './pixels.js'
import { jpegAlphaVectors, MAX_ERROR } from './vectors.js'

const alphaOf = (pixels: Uint8Array): Uint8Array => pixels.filter((_, at) => at % 4 === 3)

for (const { title, rule, image, encoded } of jpegAlphaVectors()) {
  test(`vector ${title} decodes to the measured error, alpha exact`, (t) => {
    const decoded = decodeJpegAlpha(encoded, decodeLz, image.width * image.height)
    t.like(decoded, { format: 'rgba', width: image.width, height: image.height, topDown: true })
    const error = meanError(decoded.pixels, canonical(image))
    t.true(error > 0 && error <= MAX_ERROR[rule]!, `mean error ${error}`)
    t.deepEqual(alphaOf(decoded.pixels), alphaOf(canonical(image)))
  })
}

const [ramp, smooth] = jpegAlphaVectors().map(({ encoded }) => encoded) as [Uint8Array, Uint8Array]
const jpegSizeOf = (payload: Uint8Array): number => payload[1]! + payload[2]! * 256

/** Colours of one payload and alpha of another. */
const joined = (colours: Uint8Array, alpha: Uint8Array, flags: number): Uint8Array => {
  const jpegSize = jpegSizeOf(colours)
  const data = [...colours.subarray(9, 9 + jpegSize), ...alpha.subarray(9 + jpegSizeOf(alpha))]
  return new Uint8Array([
    ...[flags, ...colours.subarray(1, 5)],
    ...[data.length & 255, data.length >> 8, 0, 0],
    ...data,
  ])
}

const changed = (at: number, value: number): Uint8Array => {
  const copy = ramp.slice()
  copy[at] = value
  return copy
}

const refuses = test.macro((t, payload: Uint8Array, text: RegExp, maxPixels: number = 1024) => {
  const error = t.throws(() => decodeJpegAlpha(payload, decodeLz, maxPixels), {
    instanceOf: SidecarError,
    message: text,
  })
  t.is(error.code, 'SIDECAR_PROTOCOL')
})

test('a payload that is put together again is good', (t) => {
  t.is(decodeJpegAlpha(joined(ramp, ramp, 1), decodeLz, 64).width, 16)
})
test('less than the fields', refuses, ramp.subarray(0, 8), /shorter than its fields/)
test('unknown flags', refuses, changed(0, 3), /flags or sizes/)
test('a row order other than that of the alpha', refuses, changed(0, 0), /alpha is not that/)
test('a data size above the data', refuses, changed(6, 9), /flags or sizes/)
test('a JPEG size above the data', refuses, changed(4, 9), /flags or sizes/)
test('a JPEG size one too small', refuses, changed(1, ramp[1]! - 1), /marker/)
test('alpha of another size', refuses, joined(smooth, ramp, 1), /alpha is not that/)
test('alpha larger than the colours', refuses, joined(ramp, smooth, 1), /out of range/)
test('more pixels than the cap', refuses, ramp, /out of range/, 63)

test('every cut of a payload is refused', (t) => {
  for (let size = 0; size < ramp.length; size++) {
    t.throws(() => decodeJpegAlpha(ramp.subarray(0, size), decodeLz, 64), { instanceOf: SidecarError })
  }
})
