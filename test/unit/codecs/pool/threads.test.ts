import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import { inflateSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { systemClock } from '../../../../src/app/system-clock.js'
import { GlzDecoder } from '../../../../src/codecs/glz/index.js'
import type { Image } from '../../../../src/codecs/image.js'
import { decodeJpeg } from '../../../../src/codecs/jpeg/index.js'
import { decodeLz } from '../../../../src/codecs/lz/index.js'
import {
  blockOf,
  EncoderPool,
  InlineCoder,
  joinPieces,
  threadStarter,
  type EncodeJob,
  type EncodeOutcome,
  type FreeJob,
  type PixelStore,
  type PoolLimits,
} from '../../../../src/codecs/pool/index.js'
import { decodeQuic } from '../../../../src/codecs/quic/index.js'
import { silentLogger } from '../../../../src/core/logger.js'
import { loadTurboJpeg } from '../../../../src/host/turbojpeg.js'
import { RecordedMetrics } from './rig.js'

const MAX_PIXELS = 4096 * 2048
const HEADROOM = 100
const ODD_WORKER = new URL('./odd-worker.js', import.meta.url)

const poolFor = (
  t: ExecutionContext,
  limits: Partial<PoolLimits> = {},
  entry?: URL,
): { pool: EncoderPool; recorded: RecordedMetrics } => {
  const recorded = new RecordedMetrics()
  const deps = { clock: systemClock, logger: silentLogger, metrics: recorded.metrics }
  const pool = new EncoderPool(deps, {
    startWorker: threadStarter({ maxPixels: MAX_PIXELS }, entry),
    limits: {
      ...{ jobMs: 60_000, waitMs: 60_000, startMs: 60_000, waitingPerOwner: 2000, waiting: 2000 },
      ...limits,
    },
  })
  t.teardown(() => pool.close())
  return { pool, recorded }
}

const run = (pool: EncoderPool, job: EncodeJob): Promise<EncodeOutcome> =>
  new Promise((resolve, reject) => {
    const { kind } = pool.submit(job, resolve)
    if (kind !== 'queued') {
      reject(new Error(kind))
    }
  })

/** Few colours, in runs and repeats, and a share of noise; the fourth byte is 0. */
const fill = (words: Uint32Array, seed: number): void => {
  let state = seed
  for (let at = 0; at < words.length;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const end = Math.min(words.length, at + 1 + ((state >>> 20) % 40))
    const from = at - ((state >>> 3) % 500)
    for (; at < end; at++) {
      words[at] =
        state & 1 && from >= 0 ? words[from + (end - at)]! : Math.imul(state >>> 28, 0x1d872b) & 0xffffff
    }
  }
}

const picture = (width: number, height: number, seed = 1): PixelStore => {
  const memory = new SharedArrayBuffer(width * height * 4)
  fill(new Uint32Array(memory), seed)
  return { memory, offset: 0, format: 'rgb32', width, height, stride: width * 4, topDown: true }
}

const whole = ({ width, height }: PixelStore) => ({ left: 0, top: 0, right: width, bottom: height })

const job = (store: PixelStore, changes: Partial<FreeJob> = {}): FreeJob => ({
  ...{ owner: 1, codec: 'lz', headroom: HEADROOM, block: blockOf(store, whole(store)) },
  ...changes,
})

/** Bytes behind the headroom, which must be free. */
const bytesOf = (t: ExecutionContext, outcome: EncodeOutcome): Uint8Array => {
  if (outcome.kind === 'failed') {
    throw outcome.error
  }
  const joined = joinPieces(outcome)
  t.is(joined.length, HEADROOM + outcome.size)
  t.is(joined.buffer.byteLength, joined.length)
  return joined.subarray(HEADROOM)
}

const samePixels = (t: ExecutionContext, decoded: Pick<Image, 'pixels'>, store: PixelStore): void => {
  t.is(Buffer.compare(decoded.pixels, Buffer.from(store.memory)), 0)
}

test.serial('what workers code decodes to the pixels of the frame', async (t) => {
  const { pool } = poolFor(t)
  const store = picture(300, 200)
  const [lz, banded, quic, raw] = await Promise.all([
    run(pool, job(store)),
    run(pool, job(store, { bands: 4 })),
    run(pool, job(store, { codec: 'quic' })),
    run(pool, job(store, { codec: 'raw' })),
  ])
  samePixels(t, decodeLz(bytesOf(t, lz), 60_000), store)
  samePixels(t, decodeLz(bytesOf(t, banded), 60_000), store)
  samePixels(t, decodeQuic(bytesOf(t, quic), 60_000), store)
  samePixels(t, { pixels: bytesOf(t, raw) }, store)
  t.is(banded.kind === 'coded' ? banded.pieces.length : 0, 4)
})

test.serial(
  'a dictionary in a worker refers to earlier images, in whichever channel, and the decoder follows',
  async (t) => {
    const { pool } = poolFor(t)
    const dictionary = pool.openDictionary(1_000_000)
    const decoder = new GlzDecoder({ windowPixels: 1_000_000, maxPixels: 60_000 })
    const store = picture(300, 200)
    const sizes: number[] = []
    for (const channel of [0, 1, 0]) {
      const outcome = await run(pool, { ...job(store), codec: 'glz', dictionary, channel })
      const decoded = decoder.decode(bytesOf(t, outcome))
      t.true(decoded.done)
      samePixels(t, decoded.done ? decoded.image : { pixels: new Uint8Array(0) }, store)
      sizes.push(outcome.kind === 'coded' ? outcome.size : 0)
      t.is(outcome.kind === 'coded' ? outcome.glz?.imageId : -1, sizes.length - 1)
    }
    t.true(sizes[1]! < sizes[0]! / 10)
  },
)

test.serial('GLZ images are packed with zlib where that is asked for and pays', async (t) => {
  const { pool } = poolFor(t)
  const dictionary = pool.openDictionary(1_000_000)
  const decoder = new GlzDecoder({ windowPixels: 1_000_000, maxPixels: 60_000 })
  const store = picture(300, 200)
  const outcome = await run(pool, { ...job(store), codec: 'glz', dictionary, channel: 0, deflate: true })
  t.is(outcome.kind === 'coded' ? outcome.codec : '', 'zlib-glz')
  const glzSize = outcome.kind === 'coded' ? (outcome.glz?.size ?? 0) : 0
  const decoded = decoder.decode(inflateSync(bytesOf(t, outcome)))
  samePixels(t, decoded.done ? decoded.image : { pixels: new Uint8Array(0) }, store)
  t.is(inflateSync(bytesOf(t, outcome)).length, glzSize)
})

const withJpeg = loadTurboJpeg() === undefined ? test.skip : test.serial

withJpeg('JPEG images have the size of the frame, and the quality of the job', async (t) => {
  const { pool } = poolFor(t)
  const store = picture(300, 200)
  const sizes: number[] = []
  for (const quality of [30, 90]) {
    const bytes = bytesOf(t, await run(pool, job(store, { codec: 'jpeg', options: { quality } })))
    const { width, height } = decodeJpeg(bytes, 60_000)
    t.deepEqual([width, height], [300, 200])
    sizes.push(bytes.length)
  }
  t.true(sizes[0]! < sizes[1]!)
})

const WRITER = `
  const { workerData } = require('node:worker_threads')
  const { frame, stop, pictures } = workerData
  const words = new Uint32Array(frame)
  const all = pictures.map((memory) => new Uint32Array(memory))
  for (let turn = 0; Atomics.load(stop, 0) === 0; turn++) words.set(all[turn % all.length])
`

test.serial('a frame that is rewritten all the time gives images of pixels that were there', async (t) => {
  const { pool } = poolFor(t)
  const store = picture(512, 256)
  const pictures = [picture(512, 256, 7).memory, picture(512, 256, 8).memory]
  new Uint32Array(store.memory).set(new Uint32Array(pictures[0]!))
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const writer = new Worker(WRITER, { eval: true, workerData: { frame: store.memory, stop, pictures } })
  const outcomes: EncodeOutcome[] = []
  for (let turn = 0; turn < 10; turn++) {
    const batch = [job(store), job(store, { codec: 'quic' }), job(store, { bands: 2 })]
    outcomes.push(...(await Promise.all(batch.map((each) => run(pool, each)))))
  }
  Atomics.store(stop, 0, 1)
  await new Promise((resolve) => writer.once('exit', resolve))
  const [first, second] = pictures.map((memory) => new Uint32Array(memory)) as [Uint32Array, Uint32Array]
  for (const [at, outcome] of outcomes.entries()) {
    const bytes = bytesOf(t, outcome)
    const { pixels } = at % 3 === 1 ? decodeQuic(bytes, MAX_PIXELS) : decodeLz(bytes, MAX_PIXELS)
    const words = new Uint32Array(pixels.slice().buffer)
    t.true(words.every((word, place) => word === first[place] || word === second[place]))
  }
})

test.serial('a worker that dies in the middle costs its job; the next one is done by another', async (t) => {
  const { pool, recorded } = poolFor(t, { backOffMs: 0, workers: 1 }, ODD_WORKER)
  const store = picture(100, 100)
  const crash = await run(pool, job(store, { codec: 'lz4' }))
  t.is(crash.kind === 'failed' ? crash.reason : '', 'died')
  samePixels(t, decodeLz(bytesOf(t, await run(pool, job(store))), 10_000), store)
  t.is(recorded.counts.get('lost died'), 1)
})

test.serial('a worker that does not come to an end is ended; the next job is done by another', async (t) => {
  const { pool, recorded } = poolFor(t, { backOffMs: 0, workers: 1, jobMs: 300 }, ODD_WORKER)
  const store = picture(100, 100)
  await run(pool, job(store))
  const hang = await run(pool, job(store, { codec: 'quic' }))
  t.is(hang.kind === 'failed' ? hang.reason : '', 'deadline')
  samePixels(t, decodeLz(bytesOf(t, await run(pool, job(store))), 10_000), store)
  t.is(recorded.counts.get('lost deadline'), 1)
})

test.serial(
  'a codec that throws, or cannot be made, or is none, costs its job and nothing else',
  async (t) => {
    const { pool, recorded } = poolFor(t, { workers: 1 }, ODD_WORKER)
    const store = picture(100, 100)
    for (const codec of ['jpeg', 'jpeg-alpha'] as const) {
      const outcome = await run(pool, job(store, { codec }))
      t.is(outcome.kind === 'failed' ? outcome.reason : '', 'refused')
    }
    samePixels(t, decodeLz(bytesOf(t, await run(pool, job(store))), 10_000), store)
    t.is(recorded.counts.get('lost died'), undefined)
  },
)

test.serial(
  'a thousand jobs are all answered, in the order of their lane, with the bytes of this thread',
  async (t) => {
    const { pool } = poolFor(t)
    const store = picture(640, 400)
    const inline = new InlineCoder(MAX_PIXELS)
    let wake: () => void = () => undefined
    const lane = pool.lane<number>(1, () => wake())
    const rectangle = (n: number) => {
      const [left, top] = [(n * 37) % 500, (n * 53) % 300]
      return { left, top, right: left + 1 + ((n * 7) % 140), bottom: top + 1 + ((n * 11) % 100) }
    }
    for (let n = 0; n < 1000; n++) {
      const codec = (['lz', 'quic', 'raw'] as const)[n % 3]!
      t.true(lane.submit(job(store, { codec, block: blockOf(store, rectangle(n)) }), n))
    }
    let next = 0
    let wrong = 0
    while (next < 1000) {
      const entry = lane.take()
      if (entry === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        continue
      }
      const here = inline.encode(entry.job)
      const same =
        entry.tag === next &&
        entry.outcome.kind === 'coded' &&
        here.kind === 'coded' &&
        Buffer.compare(joinPieces(entry.outcome), joinPieces(here)) === 0
      wrong += same ? 0 : 1
      next += 1
    }
    t.is(wrong, 0)
  },
)

const collect = (() => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
})()

/** Memory that is this process's alone, MiB. */
const privateMiB = (): number => {
  collect()
  const lines = [...readFileSync('/proc/self/smaps_rollup', 'utf8').matchAll(/^Private_Dirty: +(\d+) kB$/gm)]
  return lines.reduce((sum, [, size]) => sum + Number(size), 0) / 1024
}

test.serial('workers that have been idle are gone, and so is the memory of their encoders', async (t) => {
  const recorded = new RecordedMetrics()
  let stopped: () => void = () => undefined
  const gone = new Promise<void>((resolve) => {
    stopped = resolve
  })
  const deps = {
    ...{ clock: systemClock, logger: silentLogger },
    metrics: {
      ...recorded.metrics,
      workers: { set: (value: number) => (value === 0 && ended ? stopped() : undefined) },
    },
  }
  let ended = false
  const pool = new EncoderPool(deps, {
    limits: { idleMs: 50, maxPixels: MAX_PIXELS, jobMs: 60_000, startMs: 60_000, waitMs: 60_000 },
  })
  t.teardown(() => pool.close())
  const store = picture(4096, 2048)
  const before = privateMiB()
  await Promise.all([run(pool, job(store)), run(pool, job(store, { owner: 2 }))])
  const during = privateMiB()
  ended = true
  await gone
  await pool.close()
  const after = privateMiB()
  t.log({ before, during, after })
  /* The pixels of one job at least, in the memory of its encoder. */
  t.true(during - before > 24)
  t.true(after - before < (during - before) / 2)
})
