import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import test from 'ava'
import koffi, { type LibraryHandle } from 'koffi'
import { SidecarError } from '../../../src/core/errors.js'
import { AvEncoder, type AvEncoderOptions } from '../../../src/host/avcodec-encoder.js'
import { AvLedger, ledgerMemory } from '../../../src/host/avcodec-ledger.js'
import { avcodecReason, loadAvcodec, probeAvcodec } from '../../../src/host/avcodec.js'

const library = loadAvcodec()
const withLibrary = library === undefined ? test.skip : test
const withX264 = library?.encoder('libx264') === undefined ? test.skip : test

/** A library in which every function gives `version`. */
const fake = (version: number): LibraryHandle => ({ func: () => () => version }) as unknown as LibraryHandle

const missing = (soname: string): LibraryHandle => {
  throw new Error(`${soname}: no such file`)
}

const OPTIONS: AvEncoderOptions = {
  ...{ coder: 'libx264', codec: 'h264', width: 64, height: 48, ticks: 25, matrix: 'bt601' },
  options: { preset: 'ultrafast', tune: 'zerolatency', threads: '1' },
}

test('libraries that are missing are an outcome with a reason in one line', (t) => {
  const asked: string[] = []
  const { library: none, reason } = probeAvcodec((soname) => {
    asked.push(soname)
    return missing(soname)
  })
  t.is(none, undefined)
  t.deepEqual(asked, ['libavcodec.so.61', 'libavcodec.so.59'])
  t.is(
    reason,
    'cannot load libavcodec.so.61: libavcodec.so.61: no such file; ' +
      'cannot load libavcodec.so.59: libavcodec.so.59: no such file',
  )
})

test('a version whose structures are not known is refused, whatever its name says', (t) => {
  const { library: none, reason } = probeAvcodec(() => fake(60 << 16))
  t.is(none, undefined)
  t.regex(reason ?? '', /^libavcodec\.so\.61 cannot be used: avcodec says that it is version 60, not 61; /)
  t.regex(reason ?? '', /; libavcodec\.so\.59 cannot be used: avcodec says that it is version 60, not 59$/)
})

test('libraries of two releases do not go together', (t) => {
  const versions: Readonly<Record<string, number>> = {
    ...{ 'libavcodec.so.61': 61, 'libavutil.so.59': 59, 'libswscale.so.8': 7 },
    ...{ 'libavcodec.so.59': 59, 'libavutil.so.57': 59 },
  }
  const { library: none, reason } = probeAvcodec((soname) => {
    const major = versions[soname]
    return major === undefined ? missing(soname) : fake(major << 16)
  })
  t.is(none, undefined)
  t.regex(reason ?? '', /libavcodec\.so\.61 cannot be used: swscale says that it is version 7, not 8/)
  t.regex(reason ?? '', /libavcodec\.so\.59 cannot be used: libswscale\.so\.6: no such file/)
})

test('a library that lacks the functions is an outcome, too', (t) => {
  const { library: none, reason } = probeAvcodec(() => koffi.load('libc.so.6'))
  t.is(none, undefined)
  t.regex(reason ?? '', /libavcodec\.so\.59 cannot be used: .*avcodec_version/)
})

test('the library is loaded once, and there is a reason exactly where it is not', (t) => {
  t.is(loadAvcodec(), library)
  t.is(avcodecReason() === undefined, library !== undefined)
  if (library === undefined) {
    t.log(`tests are skipped: ${avcodecReason()}`)
  }
})

withLibrary('a coder that the library was built without is not there', (t) => {
  t.is(library!.encoder('libnothing'), undefined)
  const ledger = new AvLedger()
  t.throws(() => new AvEncoder(library!, ledger, { ...OPTIONS, coder: 'libnothing' }), {
    instanceOf: SidecarError,
    code: 'SIDECAR_HOST',
  })
  t.is(ledger.held, 0)
})

withX264(
  'an option that the coder does not know, or does not take, is an error, and nothing is left',
  (t) => {
    const ledger = new AvLedger()
    for (const options of [{ 'no-such': '1' }, { b: 'many' }]) {
      t.throws(
        () => new AvEncoder(library!, ledger, { ...OPTIONS, options: { ...OPTIONS.options, ...options } }),
        {
          instanceOf: SidecarError,
          code: 'SIDECAR_HOST',
        },
      )
      t.is(ledger.held, 0)
    }
  },
)

withX264('a size out of range is refused before anything is made', (t) => {
  const ledger = new AvLedger()
  for (const width of [0, 1, -64, 8193, 2 ** 31, 64.5, Number.NaN]) {
    for (const size of [{ width }, { height: width }]) {
      t.throws(() => new AvEncoder(library!, ledger, { ...OPTIONS, ...size }), {
        instanceOf: SidecarError,
        code: 'SIDECAR_BUG',
      })
    }
  }
  t.is(ledger.held, 0)
})

withX264('a size that the coder itself refuses comes with the words of the library', (t) => {
  const error = t.throws(() => new AvEncoder(library!, new AvLedger(), { ...OPTIONS, width: 63 }), {
    instanceOf: SidecarError,
  })
  t.is(error.code, 'SIDECAR_HOST')
  t.is(typeof error.context['detail'], 'string')
})

withX264('a packet that does not fit is an outcome; a closed coder codes nothing', (t) => {
  const ledger = new AvLedger()
  const encoder = new AvEncoder(library!, ledger, OPTIONS)
  t.is(encoder.encode(0, false, new Uint8Array(10)), -1)
  t.true(encoder.encode(1, true, new Uint8Array(20_000)) > 0)
  encoder.close()
  encoder.close()
  t.throws(() => encoder.encode(2, false, new Uint8Array(20_000)), { code: 'SIDECAR_PEER_GONE' })
  t.throws(() => encoder.setOption('b', '1'), { code: 'SIDECAR_PEER_GONE' })
})

withX264('what stands in a ledger is given back by another one over the same memory', (t) => {
  const shared = ledgerMemory()
  const ledger = new AvLedger(shared)
  const first = new AvEncoder(library!, ledger, OPTIONS)
  new AvEncoder(library!, ledger, OPTIONS).encode(0, false, new Uint8Array(20_000))
  const other = new AvLedger(shared)
  t.is(other.held, 2)
  other.releaseAll(library!)
  t.is(ledger.held, 0)
  first.close()
})

withX264('coders that come and go leave no memory behind', (t) => {
  const ledger = new AvLedger()
  const out = new Uint8Array(1 << 20)
  const pass = (count: number): number => {
    for (let time = 0; time < count; time++) {
      const encoder = new AvEncoder(library!, ledger, { ...OPTIONS, width: 640, height: 360 })
      encoder.encode(0, false, out)
      encoder.close()
    }
    setFlagsFromString('--expose-gc')
    ;(runInNewContext('gc') as () => void)()
    return process.memoryUsage.rss()
  }
  const before = pass(20)
  const after = pass(60)
  t.log(`${Math.round((after - before) / 2 ** 20)} MiB more after 60 coders`)
  // One of them holds about 4 MiB.
  t.true(after - before < 120 * 2 ** 20)
})
