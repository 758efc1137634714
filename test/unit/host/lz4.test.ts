import test from 'ava'
import koffi from 'koffi'
import { SidecarError } from '../../../src/core/errors.js'
import { loadLz4, lz4MaxBlockSize, lz4Reason, probeLz4 } from '../../../src/host/lz4.js'

const library = loadLz4()
const withLibrary = library === undefined ? test.skip : test

const bytesOf = (size: number, noise = false): Uint8Array =>
  new Uint8Array(size).map((_, at) => (noise ? Math.imul(at, 0x9e3779b1) >>> 13 : at >> 6))

const coded = (source: Uint8Array): Uint8Array => {
  const out = new Uint8Array(lz4MaxBlockSize(source.length))
  return out.subarray(0, library!.compressor().compress(source, out))
}

test('a library that is missing, or lacks its function, is an outcome with a reason', (t) => {
  const missing = probeLz4(() => {
    throw new Error('no such file')
  })
  t.deepEqual(missing, { library: undefined, reason: 'cannot load liblz4.so.1: no such file' })
  const wrong = probeLz4(() => koffi.load('libc.so.6'))
  t.is(wrong.library, undefined)
  t.regex(wrong.reason ?? '', /^liblz4\.so\.1 cannot be used: .*LZ4_compress_fast/)
})

test('the library is loaded once, and there is a reason exactly where it is not', (t) => {
  t.is(loadLz4(), library)
  t.is(lz4Reason() === undefined, library !== undefined)
  if (library === undefined) {
    t.log(`tests are skipped: ${lz4Reason()}`)
  }
})

withLibrary('the largest size is that of the library', (t) => {
  const bound = koffi.load('liblz4.so.1').func('int LZ4_compressBound(int size)') as (size: number) => number
  for (const size of [1, 254, 255, 256, 65_536, 8_294_400]) {
    t.is(lz4MaxBlockSize(size), bound(size))
    t.true(coded(bytesOf(Math.min(size, 100_000), true)).length <= lz4MaxBlockSize(size))
  }
})

withLibrary('-1 exactly where the result does not fit, here and on other threads', async (t) => {
  const source = bytesOf(5000)
  const { length } = coded(source)
  const compressor = library!.compressor()
  for (const room of [0, 1, length - 1, length, length + 1]) {
    const out = new Uint8Array(room)
    t.is(compressor.compress(source, out), room < length ? -1 : length)
    t.is(await compressor.compressAsync(source, out), room < length ? -1 : length)
  }
  await compressor.close()
})

withLibrary('no bytes are refused', async (t) => {
  const compressor = library!.compressor()
  const none = new Uint8Array(0)
  t.throws(() => compressor.compress(none, new Uint8Array(64)), { instanceOf: SidecarError })
  await t.throwsAsync(compressor.compressAsync(none, new Uint8Array(64)), { instanceOf: SidecarError })
})

withLibrary('calls on other threads do not mix', async (t) => {
  const compressor = library!.compressor()
  const sources = Array.from({ length: 40 }, (_, at) => bytesOf(1000 + at * 7001, at % 3 === 0))
  const results = await Promise.all(
    sources.map(async (source) => {
      const out = new Uint8Array(lz4MaxBlockSize(source.length))
      return out.subarray(0, await compressor.compressAsync(source, out))
    }),
  )
  sources.forEach((source, at) => {
    t.deepEqual(results[at], coded(source))
  })
})

withLibrary('closing lets calls in flight end and refuses those that wait', async (t) => {
  const compressor = library!.compressor()
  const source = bytesOf(400_000)
  const calls = Array.from({ length: 5 }, () => compressor.compressAsync(source, new Uint8Array(500_000)))
  const results = Promise.allSettled(calls)
  await Promise.all([compressor.close(), compressor.close()])
  t.deepEqual(
    (await results).map((each) =>
      each.status === 'fulfilled' ? each.value : (each.reason as SidecarError).code,
    ),
    [coded(source).length, coded(source).length, ...Array<string>(3).fill('SIDECAR_PEER_GONE')],
  )
  t.throws(() => compressor.compress(source, new Uint8Array(9)), { instanceOf: SidecarError })
})

withLibrary('memory that is given away makes its call fail', async (t) => {
  const compressor = library!.compressor()
  const sources = Array.from({ length: 4 }, () => bytesOf(300_000))
  const calls = sources.map((source) => compressor.compressAsync(source, new Uint8Array(400_000)))
  const taken = sources.map((source) => structuredClone(source, { transfer: [source.buffer as ArrayBuffer] }))
  const results = await Promise.allSettled(calls)
  t.true(taken.every(({ length }) => length === 300_000))
  t.true(results.every(({ status }) => status === 'rejected'))
})

withLibrary('shrinking memory was copied before, and an output taken away hurts nobody', async (t) => {
  const memory = new ArrayBuffer(200_000, { maxByteLength: 200_000 })
  const source = new Uint8Array(memory)
  source.set(bytesOf(200_000))
  const expected = coded(source)
  const out = new Uint8Array(300_000)
  const compressor = library!.compressor()
  const call = compressor.compressAsync(source, out)
  memory.resize(0)
  t.deepEqual(out.subarray(0, await call), expected)
  const second = compressor.compressAsync(bytesOf(200_000), out)
  structuredClone(out, { transfer: [out.buffer] })
  t.is(await second, -1)
})
