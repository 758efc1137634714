import test from 'ava'
import koffi from 'koffi'
import { loadTurboJpeg, turboJpegReason } from '../../../../src/host/turbojpeg.js'

/** For tests of code that is only reached when there is a library. */
export const library = loadTurboJpeg()

/** A test that needs the library. */
export const withLibrary = library === undefined ? test.skip : test

test('the library is there, or a reason why not', (t) => {
  const reason = turboJpegReason()
  if (library === undefined) {
    t.log(`tests are skipped: ${reason}`)
  }
  t.is(typeof reason, library === undefined ? 'string' : 'undefined')
})

type Decode = (bytes: Uint8Array, width: number, height: number) => Uint8Array

const bindDecoder = (): Decode => {
  const handle = koffi.load('libturbojpeg.so.0')
  const decompressor: unknown = handle.func('tjInitDecompress', 'uint64_t', [])()
  const decompress: (...values: unknown[]) => number = handle.func('tjDecompress2', 'int', [
    ...['uint64_t', 'const void *', 'uint64_t', 'void *'],
    ...Array<string>(5).fill('int'),
  ])
  return (bytes, width, height) => {
    const out = new Uint8Array(width * height * 4)
    const [BGRX, ACCURATE_DCT] = [3, 4096]
    const result = decompress(
      ...[decompressor, bytes, bytes.length, out, width, width * 4, height, BGRX, ACCURATE_DCT],
    )
    if (result !== 0) {
      throw new Error('libturbojpeg cannot decode')
    }
    // It puts 255 into the pad bytes.
    return out.map((value, at) => (at % 4 === 3 ? 0 : value))
  }
}

let decode: Decode | undefined

/** Decoded by the library itself: blue, green, red, 0. */
export const decodeByLibrary: Decode = (...values) => (decode ??= bindDecoder())(...values)
