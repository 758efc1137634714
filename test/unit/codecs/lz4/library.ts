import test from 'ava'
import koffi from 'koffi'
import { loadLz4, lz4Reason } from '../../../../src/host/lz4.js'

/** For tests of code that is only reached when there is a library. */
export const library = loadLz4()

/** A test that needs the library. */
export const withLibrary = library === undefined ? test.skip : test

test('the library is there, or a reason why not', (t) => {
  const reason = lz4Reason()
  if (library === undefined) {
    t.log(`tests are skipped: ${reason}`)
  }
  t.is(typeof reason, library === undefined ? 'string' : 'undefined')
})

type Decode = (block: Uint8Array, size: number) => Uint8Array

const bindDecoder = (): Decode => {
  const decompress: (...values: unknown[]) => number = koffi
    .load('liblz4.so.1')
    .func('LZ4_decompress_safe', 'int', ['const void *', 'void *', 'int', 'int'])
  return (block, size) => {
    const out = new Uint8Array(size)
    if (decompress(block, out, block.length, size) !== size) {
      throw new Error('liblz4 cannot decode')
    }
    return out
  }
}

let decode: Decode | undefined

/** One block decoded by the library itself, which is strict about the end of a block. */
export const decodeByLibrary: Decode = (...values) => (decode ??= bindDecoder())(...values)
