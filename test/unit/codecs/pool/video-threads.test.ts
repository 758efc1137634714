import test, { type ExecutionContext } from 'ava'
import { systemClock } from '../../../../src/app/system-clock.js'
import { decodeLz } from '../../../../src/codecs/lz/index.js'
import {
  blockOf,
  EncoderPool,
  joinPieces,
  threadStarter,
  type EncodeJob,
  type EncodeOutcome,
  type PixelStore,
  type PoolLimits,
  type VideoJob,
} from '../../../../src/codecs/pool/index.js'
import { availableVideo } from '../../../../src/codecs/video/index.js'
import { silentLogger } from '../../../../src/core/logger.js'
import { AvLedger, ledgerMemory } from '../../../../src/host/avcodec-ledger.js'
import { loadAvcodec } from '../../../../src/host/avcodec.js'
import { movingFrame } from '../../../helpers/moving-picture.js'
import { psnr, VideoDecoder } from '../../../helpers/video-decoder.js'
import { RecordedMetrics } from './rig.js'

const ODD_WORKER = new URL('./odd-worker.js', import.meta.url)
const HEADROOM = 40
const { codecs, reason } = availableVideo()
const [codec = 'h264'] = codecs
const withVideo = codecs.length === 0 ? test.skip : test.serial

test.serial('video is tested where there are coders', (t) => {
  t.is(codecs.length > 0, loadAvcodec() !== undefined)
  if (codecs.length === 0) {
    t.log(`tests are skipped: ${reason}`)
  }
})

const poolFor = (t: ExecutionContext, limits: Partial<PoolLimits> = {}, entry?: URL) => {
  const ledgers: AvLedger[] = []
  const newLedger = (): SharedArrayBuffer => {
    const memory = ledgerMemory()
    ledgers.push(new AvLedger(memory))
    return memory
  }
  const pool = new EncoderPool(
    { clock: systemClock, logger: silentLogger, metrics: new RecordedMetrics().metrics },
    {
      startWorker: threadStarter({ maxPixels: 4096 * 2048 }, entry, newLedger),
      limits: {
        ...{ jobMs: 60_000, waitMs: 60_000, startMs: 60_000, waitingPerOwner: 2000, waiting: 2000 },
        ...limits,
      },
    },
  )
  t.teardown(() => pool.close())
  const held = (): number => ledgers.reduce((sum, ledger) => sum + ledger.held, 0)
  return { pool, held }
}

const run = (pool: EncoderPool, job: EncodeJob): Promise<EncodeOutcome> =>
  new Promise((resolve, reject) => {
    const { kind } = pool.submit(job, resolve)
    if (kind !== 'queued') {
      reject(new Error(kind))
    }
  })

const storeOf = (width: number, height: number, frame: number): PixelStore => {
  const memory = new SharedArrayBuffer(width * height * 4)
  new Uint8Array(memory).set(movingFrame(width, height, frame).pixels)
  return { memory, offset: 0, format: 'rgb32', width, height, stride: width * 4, topDown: true }
}

const videoJob = (stream: number, store: PixelStore, ptsMs: number): VideoJob => ({
  ...{ owner: 1, codec: 'video', stream, ptsMs, headroom: HEADROOM },
  block: blockOf(store, { left: 0, top: 0, right: store.width, bottom: store.height }),
})

const bytesOf = (outcome: EncodeOutcome): Uint8Array => {
  if (outcome.kind === 'failed') {
    throw outcome.error
  }
  return joinPieces(outcome).subarray(HEADROOM)
}

const FORMAT = { codec, width: 320, height: 200, fps: 25, bitRate: 2_000_000 } as const

const decoderOf = (t: ExecutionContext): VideoDecoder => {
  const decoder = new VideoDecoder(loadAvcodec()!, codec)
  t.teardown(() => decoder.close())
  return decoder
}

withVideo('frames of two streams and pictures between them come in order and decode', async (t) => {
  const { pool, held } = poolFor(t)
  const streams = [pool.openVideo(FORMAT)!, pool.openVideo(FORMAT)!]
  const decoders = [decoderOf(t), decoderOf(t)]
  const stores = Array.from({ length: 12 }, (_, frame) => storeOf(320, 200, frame))
  let tell: () => void = () => undefined
  const lane = pool.lane<{ readonly frame: number; readonly stream: number }>(1, () => tell())
  stores.forEach((store, frame) => {
    streams.forEach((stream, at) => {
      lane.submit(videoJob(stream, store, frame * 40), { frame, stream: at })
    })
    const { block } = videoJob(0, store, 0)
    lane.submit({ codec: 'lz', block, headroom: HEADROOM }, { frame, stream: -1 })
  })
  const order: number[] = []
  while (lane.length > 0) {
    const entry = lane.take()
    if (entry === undefined) {
      await new Promise<void>((resolve) => (tell = resolve))
      continue
    }
    const { frame, stream } = entry.tag
    order.push(frame)
    const store = stores[frame]!
    const picture = { width: 320, height: 200, pixels: new Uint8Array(store.memory) }
    if (stream < 0) {
      t.is(Buffer.compare(decodeLz(bytesOf(entry.outcome), 64_000).pixels, picture.pixels), 0)
    } else {
      const decoded = decoders[stream]!.decode(bytesOf(entry.outcome), 'bt601')
      t.true(psnr(decoded, picture) > 28)
    }
  }
  t.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
  )
  t.is(order.length, 36)
  t.is(held(), 2)
})

withVideo('a closed stream gives its memory back in its worker', async (t) => {
  const { pool, held } = poolFor(t, { workers: 1 })
  const stream = pool.openVideo(FORMAT)!
  const store = storeOf(320, 200, 0)
  t.is((await run(pool, videoJob(stream, store, 0))).kind, 'coded')
  t.is(held(), 1)
  pool.closeVideo(stream)
  const { block } = videoJob(0, store, 0)
  await run(pool, { owner: 1, codec: 'lz', block, headroom: 0 })
  t.is(held(), 0)
  t.like(await run(pool, videoJob(stream, store, 0)), { kind: 'failed', reason: 'lost' })
})

withVideo('a worker that dies leaves no coder behind; the stream goes on with a key frame', async (t) => {
  const { pool, held } = poolFor(t, { workers: 1, backOffMs: 1 }, ODD_WORKER)
  const stream = pool.openVideo(FORMAT)!
  const store = storeOf(320, 200, 0)
  await run(pool, videoJob(stream, store, 0))
  await run(pool, videoJob(stream, store, 40))
  t.is(held(), 1)
  const { block } = videoJob(0, store, 0)
  t.like(await run(pool, { owner: 1, codec: 'lz4', block, headroom: 0 }), { kind: 'failed', reason: 'died' })
  t.is(held(), 0)
  while (!pool.up) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  const again = storeOf(320, 200, 5)
  const outcome = await run(pool, videoJob(stream, again, 80))
  const decoded = decoderOf(t).decode(bytesOf(outcome), 'bt601')
  t.true(psnr(decoded, { width: 320, height: 200, pixels: new Uint8Array(again.memory) }) > 28)
  t.is(held(), 1)
})

withVideo('a pool that is closed while frames are coded leaves no coder behind', async (t) => {
  const { pool, held } = poolFor(t)
  const streams = [pool.openVideo(FORMAT)!, pool.openVideo(FORMAT)!]
  const store = storeOf(320, 200, 0)
  await Promise.all(streams.map((stream) => run(pool, videoJob(stream, store, 0))))
  t.is(held(), 2)
  const outcomes = streams.map((stream) => run(pool, videoJob(stream, store, 40)))
  await pool.close()
  t.is(held(), 0)
  for (const outcome of await Promise.all(outcomes)) {
    t.like(outcome, { kind: 'failed', reason: 'closed' })
  }
})
