import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import koffi from 'koffi'
import { SidecarError } from '../../../src/core/errors.js'
import { loadLz4 } from '../../../src/host/lz4.js'
import {
  loadTurboJpeg,
  probeTurboJpeg,
  TurboJpeg,
  turboJpegReason,
  type JpegOptions,
  type JpegSource,
} from '../../../src/host/turbojpeg.js'
import type { Native } from '../../../src/host/thread-calls.js'

const library = loadTurboJpeg()
const withLibrary = library === undefined ? test.skip : test

const OPTIONS: JpegOptions = { quality: 85, subsampling: '4:2:0', dct: 'accurate' }

const source = (
  width: number,
  height: number,
  pixels: Uint8Array = new Uint8Array(width * height * 4),
): JpegSource => {
  for (let at = 0; at < pixels.length; at++) {
    pixels[at] = (at >> 4) ^ (at >> 9)
  }
  return { layout: 'bgrx', width, height, stride: width * 4, topDown: true, pixels }
}

const coded = (image: JpegSource, options = OPTIONS, room = 1 << 20): Uint8Array => {
  const out = new Uint8Array(room)
  const compressor = library!.compressor()
  return out.subarray(0, compressor.compress(image, options, out))
}

test('a library that is missing is an outcome with a reason in one line', (t) => {
  const { library: none, reason } = probeTurboJpeg((soname) => {
    throw new Error(`${soname}: cannot open shared object file:\nNo such file`)
  })
  t.is(none, undefined)
  t.is(
    reason,
    'cannot load libturbojpeg.so.0: libturbojpeg.so.0: cannot open shared object file: No such file',
  )
})

test('a library that lacks a function is an outcome, too', (t) => {
  const { library: none, reason } = probeTurboJpeg(() => koffi.load('libc.so.6'))
  t.is(none, undefined)
  t.regex(reason ?? '', /^libturbojpeg\.so\.0 cannot be used: .*tjInitCompress/)
})

test('the library is loaded once, and there is a reason exactly where it is not', (t) => {
  t.is(loadTurboJpeg(), library)
  t.is(turboJpegReason() === undefined, library !== undefined)
  if (library === undefined) {
    t.log(`tests are skipped: ${turboJpegReason()}`)
  }
})

withLibrary('a stream is whole: it begins and ends as one', (t) => {
  const bytes = coded(source(70, 50))
  t.deepEqual([...bytes.subarray(0, 2), ...bytes.subarray(-2)], [0xff, 0xd8, 0xff, 0xd9])
})

withLibrary('memory of any kind, from any place on, gives the same bytes', (t) => {
  const expected = coded(source(70, 50))
  const size = 70 * 50 * 4
  const wasm = new WebAssembly.Memory({ initial: 1, maximum: 1 })
  for (const pixels of [
    new Uint8Array(size + 24).subarray(24),
    new Uint8Array(new SharedArrayBuffer(size + 3), 3, size),
    new Uint8Array(wasm.buffer, 64, size),
    new Uint8Array(new ArrayBuffer(size, { maxByteLength: size * 2 })),
  ]) {
    t.deepEqual(coded(source(70, 50, pixels)), expected)
  }
})

withLibrary('rows from the bottom are turned', (t) => {
  const image = source(40, 24)
  const turned = new Uint8Array(image.pixels.length)
  for (let row = 0; row < 24; row++) {
    turned.set(image.pixels.subarray(row * 160, row * 160 + 160), (23 - row) * 160)
  }
  t.deepEqual(coded({ ...image, pixels: turned, topDown: false }), coded(image))
  t.notDeepEqual(coded({ ...image, topDown: false }), coded(image))
})

withLibrary('quality, subsampling and transform are those asked for', (t) => {
  const image = source(128, 128)
  const sizes = [10, 50, 85, 95, 100].map((quality) => coded(image, { ...OPTIONS, quality }).length)
  t.deepEqual(
    sizes,
    [...sizes].sort((a, b) => a - b),
  )
  const factors = (['4:4:4', '4:2:2', '4:2:0', 'gray'] as const).map((subsampling) => {
    const bytes = coded(image, { ...OPTIONS, subsampling })
    return bytes[bytes.findIndex((byte, at) => byte === 0xff && bytes[at + 1] === 0xc0) + 11]
  })
  t.deepEqual(factors, [0x11, 0x21, 0x22, 0x11])
  t.notDeepEqual(coded(image, { ...OPTIONS, dct: 'fast' }), coded(image))
})

withLibrary('with room for the largest result it is written in place, else copied, and is the same', (t) => {
  for (const quality of [1, 100]) {
    const image = source(90, 33)
    const largest = library!.maxSize(90, 33, '4:2:0')
    const options = { ...OPTIONS, quality }
    t.deepEqual(coded(image, options, largest), coded(image, options, largest - 1))
  }
})

withLibrary('what is not whole is refused before the library sees it', async (t) => {
  const whole = source(16, 16)
  const compressor = library!.compressor()
  const wrong: [JpegSource, JpegOptions][] = [
    [{ ...whole, width: 0 }, OPTIONS],
    [{ ...whole, width: 1.5 }, OPTIONS],
    [{ ...whole, height: -1 }, OPTIONS],
    [{ ...whole, height: Number.NaN }, OPTIONS],
    [{ ...whole, stride: 60 }, OPTIONS],
    [{ ...whole, stride: 2 ** 31 }, OPTIONS],
    [{ ...whole, pixels: whole.pixels.subarray(4) }, OPTIONS],
    [{ ...whole, width: 65501, stride: 262004 }, OPTIONS],
    [whole, { ...OPTIONS, quality: 0 }],
    [whole, { ...OPTIONS, quality: 101 }],
    [whole, { ...OPTIONS, quality: 50.5 }],
  ]
  for (const [image, options] of wrong) {
    const error = t.throws(() => compressor.compress(image, options, new Uint8Array(4096)), {
      instanceOf: SidecarError,
    })
    t.is(error.code, 'SIDECAR_BUG')
    await t.throwsAsync(compressor.compressAsync(image, options, new Uint8Array(4096)), {
      instanceOf: SidecarError,
    })
  }
})

withLibrary('a failure of the library carries its own words, and the next image is coded', async (t) => {
  const { compress } = library!.functions
  let failing = true
  const spoiled = (values: Parameters<Native>): Parameters<Native> =>
    values.map((value, at) => (failing && at === 5 ? 99 : value))
  const native = Object.assign((...values: Parameters<Native>) => compress(...spoiled(values)), {
    async: (...values: Parameters<Native['async']>) => {
      const done = values.at(-1) as (error: Error | null, result: number) => void
      compress.async(...spoiled(values.slice(0, -1) as Parameters<Native>), done)
    },
  })
  const compressor = new TurboJpeg({ ...library!.functions, compress: native }).compressor()
  const out = new Uint8Array(1 << 16)
  const error = t.throws(() => compressor.compress(source(8, 8), OPTIONS, out), { instanceOf: SidecarError })
  t.is(error.code, 'SIDECAR_HOST')
  t.regex(String(error.context['detail']), /Invalid argument/)
  const later = await t.throwsAsync(compressor.compressAsync(source(8, 8), OPTIONS, out), {
    instanceOf: SidecarError,
  })
  t.regex(String(later.context['detail']), /Invalid argument/)
  failing = false
  t.true(compressor.compress(source(8, 8), OPTIONS, out) > 0)
  t.true((await compressor.compressAsync(source(8, 8), OPTIONS, out)) > 0)
})

withLibrary('a library that gives no compressor fails with a text', (t) => {
  const compressor = new TurboJpeg({ ...library!.functions, init: () => 0 }).compressor()
  const error = t.throws(() => compressor.compress(source(8, 8), OPTIONS, new Uint8Array(4096)), {
    instanceOf: SidecarError,
  })
  t.is(error.code, 'SIDECAR_HOST')
})

withLibrary('calls on other threads do not mix, nor with those made meanwhile', async (t) => {
  const compressor = library!.compressor()
  const images = Array.from({ length: 40 }, (_, at) => source(64 + at * 3, 48 + at * 5))
  const outs = images.map(() => new Uint8Array(1 << 17))
  const results = images.map((image, at) => compressor.compressAsync(image, OPTIONS, outs[at]!))
  const expected = images.map((image) => coded(image))
  const sizes = await Promise.all(results)
  sizes.forEach((size, at) => {
    t.deepEqual(outs[at]!.subarray(0, size), expected[at]!)
  })
  await compressor.close()
})

withLibrary('only compressAsync goes to another thread', async (t) => {
  const { compress } = library!.functions
  const made = { here: 0, there: 0 }
  const native: Native = Object.assign(
    (...values: Parameters<Native>) => {
      made.here++
      return compress(...values)
    },
    {
      async: (...values: Parameters<Native['async']>) => {
        made.there++
        compress.async(...values)
      },
    },
  )
  const compressor = new TurboJpeg({ ...library!.functions, compress: native }).compressor()
  const out = new Uint8Array(1 << 16)
  compressor.compress(source(8, 8), OPTIONS, out)
  t.deepEqual(made, { here: 1, there: 0 })
  await compressor.compressAsync(source(8, 8), OPTIONS, out)
  t.deepEqual(made, { here: 1, there: 1 })
})

withLibrary('a call too many is refused, the others are not', async (t) => {
  const compressor = library!.compressor()
  const image = source(8, 8)
  const calls = Array.from({ length: 300 }, () =>
    compressor.compressAsync(image, OPTIONS, new Uint8Array(4096)),
  )
  const results = await Promise.allSettled(calls)
  const refused = results.flatMap((each) => (each.status === 'rejected' ? [each.reason as SidecarError] : []))
  t.is(refused.length, 300 - 256 - 2)
  t.true(refused.every(({ code }) => code === 'SIDECAR_LIMIT'))
  t.true((await compressor.compressAsync(image, OPTIONS, new Uint8Array(4096))) > 0)
})

withLibrary('closing lets calls in flight end and refuses those that wait', async (t) => {
  const compressor = library!.compressor()
  const image = source(640, 480)
  const outs = Array.from({ length: 6 }, () => new Uint8Array(1 << 20))
  const calls = outs.map((out) => compressor.compressAsync(image, OPTIONS, out))
  const results = Promise.allSettled(calls)
  await Promise.all([compressor.close(), compressor.close()])
  const settled = await results
  t.deepEqual(
    settled.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'rejected', 'rejected', 'rejected'],
  )
  const expected = coded(image)
  settled.forEach((each, at) => {
    if (each.status === 'fulfilled') {
      t.deepEqual(outs[at]!.subarray(0, each.value), expected)
    } else {
      t.is((each.reason as SidecarError).code, 'SIDECAR_PEER_GONE')
    }
  })
  t.throws(() => compressor.compress(image, OPTIONS, outs[0]!), { instanceOf: SidecarError })
  await t.throwsAsync(compressor.compressAsync(image, OPTIONS, outs[0]!), { instanceOf: SidecarError })
  compressor.trim()
})

withLibrary('memory that is given away during a call, or before its turn, makes it fail', async (t) => {
  const compressor = library!.compressor()
  const images = Array.from({ length: 4 }, () => source(320, 240))
  const calls = images.map((image) => compressor.compressAsync(image, OPTIONS, new Uint8Array(1 << 18)))
  // Whoever takes the memory keeps it for as long as the calls run.
  const taken = images.map(({ pixels }) =>
    structuredClone(pixels, { transfer: [pixels.buffer as ArrayBuffer] }),
  )
  const results = await Promise.allSettled(calls)
  t.true(taken.every(({ length }) => length === 320 * 240 * 4))
  t.true(
    results.every(
      (each) => each.status === 'rejected' && (each.reason as SidecarError).code === 'SIDECAR_BUG',
    ),
  )
})

withLibrary('memory that shrinks during a call was copied before', async (t) => {
  const size = 320 * 240 * 4
  const memory = new ArrayBuffer(size, { maxByteLength: size })
  const image = source(320, 240, new Uint8Array(memory))
  const expected = coded(image)
  const out = new Uint8Array(1 << 18)
  const call = library!.compressor().compressAsync({ ...image }, OPTIONS, out)
  memory.resize(0)
  t.deepEqual(out.subarray(0, await call), expected)
})

withLibrary('an output that is taken away during a call hurts nobody', async (t) => {
  const out = new Uint8Array(1 << 18)
  const call = library!.compressor().compressAsync(source(320, 240), OPTIONS, out)
  structuredClone(out, { transfer: [out.buffer] })
  t.is(await call, -1)
})

const WORKER = new URL('./encode-worker.js', import.meta.url)

for (const [codec, present] of [
  ['jpeg', library],
  ['lz4', loadLz4()],
] as const) {
  const testOf = present === undefined ? test.skip : test

  testOf(`a thread that ends with ${codec} calls in flight takes nobody along`, async (t) => {
    for (let turn = 0; turn < 2; turn++) {
      const worker = new Worker(WORKER, { workerData: codec })
      await once(worker, 'message')
      t.is(await worker.terminate(), 1)
    }
  })

  testOf(`a process that ends with ${codec} calls in flight ends as it wants`, async (t) => {
    const child = spawn(process.execPath, [fileURLToPath(WORKER), codec], { stdio: 'inherit' })
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    t.deepEqual([code, signal], [42, null])
  })
}
