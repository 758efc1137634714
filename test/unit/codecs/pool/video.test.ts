import test from 'ava'
import { EncoderPool, NO_POOL_METRICS } from '../../../../src/codecs/pool/index.js'
import { silentLogger } from '../../../../src/core/logger.js'
import { FakeClock } from '../../../helpers/fake-clock.js'
import { block, lzJob, rig, videoJob } from './rig.js'

const FORMAT = { codec: 'vp8', width: 128, height: 128, fps: 25, bitRate: 1_000_000 } as const

const heardTypes = (worker: { readonly heard: readonly { readonly type: string }[] } | undefined): string[] =>
  worker?.heard.map(({ type }) => type) ?? []

const keysOf = (worker: { readonly heard: readonly object[] } | undefined): (boolean | undefined)[] =>
  (worker?.heard ?? []).flatMap((each) =>
    'frame' in each ? [(each.frame as { readonly keyFrame?: boolean }).keyFrame] : [],
  )

test('a stream is opened in one worker before its first frame, and all its frames go there', (t) => {
  const { pool, workers, submit, ended } = rig({ waitingPerOwner: 9 })
  const stream = pool.openVideo(FORMAT)!
  submit('a', videoJob(stream, { ptsMs: 40 }))
  workers[0]!.ready()
  submit('b', videoJob(stream, { ptsMs: 80, bitRate: 500_000, fps: 20, keyFrame: true }))
  submit('c', videoJob(stream, { ptsMs: 120 }))
  t.is(workers.length, 1)
  t.deepEqual(workers[0]!.heard[0], { type: 'videoOpen', stream, format: FORMAT })
  workers[0]!.answer([1])
  workers[0]!.answer([])
  workers[0]!.answer([1])
  t.deepEqual(ended, ['a video', 'b video', 'c video'])
  const frames = workers[0]!.heard.flatMap((each) => (each.type === 'videoEncode' ? [each.frame] : []))
  t.deepEqual(frames, [
    { ptsMs: 40, bitRate: 1_000_000, fps: 25, keyFrame: false },
    { ptsMs: 80, bitRate: 500_000, fps: 20, keyFrame: true },
    { ptsMs: 120, bitRate: 500_000, fps: 20, keyFrame: false },
  ])
})

test('a frame that the coder left out is an image of no bytes', (t) => {
  const { pool, workers, submit, outcomes } = rig()
  submit('a', videoJob(pool.openVideo(FORMAT)!))
  workers[0]!.ready()
  workers[0]!.answer([])
  const [outcome] = outcomes
  t.like(outcome, { kind: 'coded', codec: 'video', size: 0 })
})

test('while the worker of a stream is busy, other jobs pass by, and another stream goes to another worker', (t) => {
  const { pool, workers, submit, ended } = rig({ waitingPerOwner: 9 })
  const [first, second] = [pool.openVideo(FORMAT)!, pool.openVideo(FORMAT)!]
  submit('a', videoJob(first))
  submit('free', lzJob())
  workers[0]!.ready()
  workers[1]!.ready()
  submit('b', videoJob(first))
  submit('c', videoJob(second))
  workers[1]!.answer()
  t.deepEqual(heardTypes(workers[1]), ['encode', 'videoOpen', 'videoEncode'])
  workers[1]!.answer()
  t.deepEqual(ended, ['free lz', 'c video'])
  t.deepEqual(heardTypes(workers[0]), ['videoOpen', 'videoEncode'])
})

test('when its worker dies a stream goes on in another as it was last', (t) => {
  const { pool, workers, submit, ended, pass } = rig({ workers: 1, backOffMs: 10 })
  const stream = pool.openVideo(FORMAT)!
  submit('a', videoJob(stream, { bitRate: 300_000, fps: 12, block: block(64, 48) }))
  workers[0]!.ready()
  workers[0]!.answer()
  submit('b', videoJob(stream))
  workers[0]!.die()
  pass(10)
  submit('c', videoJob(stream, { block: block(64, 48) }))
  workers[1]!.ready()
  t.deepEqual(workers[1]!.heard[0], {
    ...{ type: 'videoOpen', stream },
    format: { codec: 'vp8', width: 64, height: 48, fps: 12, bitRate: 300_000 },
  })
  workers[1]!.answer()
  t.deepEqual(ended, ['a video', 'b died', 'c video'])
})

test('a frame that takes too long costs its worker and no more', (t) => {
  const { pool, workers, submit, ended, pass } = rig({ workers: 1, jobMs: 50, backOffMs: 10 })
  const stream = pool.openVideo(FORMAT)!
  submit('a', videoJob(stream))
  workers[0]!.ready()
  pass(50)
  t.true(workers[0]!.terminated)
  pass(10)
  submit('b', videoJob(stream))
  workers[1]!.ready()
  workers[1]!.answer()
  t.deepEqual(ended, ['a deadline', 'b video'])
  t.deepEqual(heardTypes(workers[1]), ['videoOpen', 'videoEncode'])
})

test('a frame that is refused costs itself; the worker keeps the stream', (t) => {
  const { pool, workers, submit, ended } = rig({ workers: 1 })
  const stream = pool.openVideo(FORMAT)!
  submit('a', videoJob(stream))
  workers[0]!.ready()
  workers[0]!.refuse(true)
  submit('b', videoJob(stream))
  workers[0]!.answer()
  t.deepEqual(ended, ['a refused', 'b video'])
  t.deepEqual(heardTypes(workers[0]), ['videoOpen', 'videoEncode', 'videoEncode'])
})

test('a frame that is given up while it is coded makes the next one a key frame, one that waits does not', (t) => {
  const { pool, workers, submit, ended } = rig({ workers: 1, waitingPerOwner: 9 })
  const stream = pool.openVideo(FORMAT)!
  const a = submit('a', videoJob(stream))
  workers[0]!.ready()
  const waits = submit('waits', videoJob(stream))
  t.true(waits.kind === 'queued' && waits.cancel())
  submit('b', videoJob(stream))
  workers[0]!.answer()
  t.true(a.kind === 'queued' && a.cancel())
  const c = submit('c', videoJob(stream))
  workers[0]!.answer()
  t.true(c.kind === 'queued' && c.cancel())
  workers[0]!.answer()
  submit('d', videoJob(stream))
  workers[0]!.answer()
  submit('e', videoJob(stream))
  workers[0]!.answer()
  t.deepEqual(ended, ['a video', 'b video', 'd video', 'e video'])
  t.deepEqual(keysOf(workers[0]), [false, false, false, true, false])
})

test('a lane gives frames in order with other images, and drops them with a key frame after', (t) => {
  const { pool, workers } = rig({ workers: 2, waitingPerOwner: 9 })
  const stream = pool.openVideo(FORMAT)!
  const lane = pool.lane<string>(1, () => undefined)
  lane.submit(lzJob(), 'lz')
  lane.submit(videoJob(stream), 'video')
  lane.submit(lzJob({ block: block(2, 2), codec: 'raw' }), 'small')
  workers[0]!.ready()
  workers[1]!.ready()
  workers[1]!.answer([7])
  t.is(lane.take(), undefined)
  workers[0]!.answer()
  t.deepEqual([lane.take()?.tag, lane.take()?.tag, lane.take()?.tag], ['lz', 'video', 'small'])
  lane.submit(videoJob(stream), 'dropped when coded')
  workers[1]!.answer()
  lane.drop()
  t.is(lane.length, 0)
  lane.submit(videoJob(stream), 'dropped in work')
  lane.drop()
  workers[1]!.answer()
  lane.submit(videoJob(stream), 'key')
  workers[1]!.answer()
  t.is(lane.take()?.tag, 'key')
  lane.submit(videoJob(stream), 'after')
  t.deepEqual(keysOf(workers[1]), [false, false, true, true, false])
})

test('a small frame is no work for the main thread', (t) => {
  const { pool } = rig()
  const stream = pool.openVideo({ ...FORMAT, width: 16, height: 16 })!
  t.false(pool.isSmall(videoJob(stream, { block: block(16, 16) })))
  t.like(pool.encodeNow(videoJob(stream)), { kind: 'failed', reason: 'refused' })
})

test('a closed stream is closed in its worker, and frames that are in work or wait are lost', (t) => {
  const { pool, workers, submit, ended } = rig({ workers: 1 })
  const stream = pool.openVideo(FORMAT)!
  submit('a', videoJob(stream))
  workers[0]!.ready()
  submit('b', videoJob(stream))
  pool.closeVideo(stream)
  pool.closeVideo(stream)
  workers[0]!.answer()
  t.deepEqual(heardTypes(workers[0]), ['videoOpen', 'videoEncode', 'videoClose'])
  t.deepEqual(ended, ['b lost', 'a lost'])
})

test('a stream that is opened after another was closed is another one', (t) => {
  const { pool } = rig()
  const first = pool.openVideo(FORMAT)
  pool.closeVideo(first!)
  t.not(pool.openVideo(FORMAT), first)
})

test('a worker that keeps a stream is ended later than others, and the stream opens again', (t) => {
  const { pool, workers, submit, pass } = rig({ workers: 1, idleMs: 100, dictionaryIdleMs: 1000 })
  const stream = pool.openVideo(FORMAT)!
  submit('a', videoJob(stream))
  workers[0]!.ready()
  workers[0]!.answer()
  pass(900)
  t.false(workers[0]!.terminated)
  pass(100)
  t.true(workers[0]!.terminated)
  submit('b', videoJob(stream))
  workers[1]!.ready()
  t.deepEqual(heardTypes(workers[1]), ['videoOpen', 'videoEncode'])
})

test('L-video: streams past their number or their pixels are refused until others are closed', (t) => {
  const { pool, recorded } = rig({ videoStreams: 2, videoPixels: 3 * 128 * 128 })
  const first = pool.openVideo(FORMAT)!
  t.is(pool.openVideo({ ...FORMAT, width: 512 }), undefined)
  const second = pool.openVideo({ ...FORMAT, width: 256 })!
  t.is(typeof second, 'number')
  t.is(pool.openVideo({ ...FORMAT, width: 16, height: 16 }), undefined)
  t.is(recorded.counts.get('limit video-pixels'), 1)
  t.is(recorded.counts.get('limit video-streams'), 1)
  pool.closeVideo(first)
  t.is(typeof pool.openVideo(FORMAT), 'number')
})

test('L-video: a frame that would make a stream too large is refused, and the next one of its size is coded', (t) => {
  const { pool, workers, submit, ended, pass } = rig({
    ...{ workers: 1, videoPixels: 256 * 256, waitingPerOwner: 9 },
  })
  const stream = pool.openVideo(FORMAT)!
  submit('a', videoJob(stream))
  workers[0]!.ready()
  workers[0]!.answer()
  submit('large', videoJob(stream, { block: block(257, 256) }))
  submit('small', videoJob(stream, { block: block(15, 15) }))
  submit('fits', videoJob(stream, { block: block(256, 256) }))
  workers[0]!.answer()
  pass(0)
  submit('b', videoJob(stream))
  workers[0]!.answer()
  t.deepEqual(ended.sort(), ['a video', 'b video', 'fits video', 'large refused', 'small refused'])
})

test('what this machine, the size or the number of workers rules out is not opened', (t) => {
  const { pool } = rig()
  t.is(pool.openVideo({ ...FORMAT, codec: 'vp9' }), undefined)
  for (const width of [0, 15, 4097, 2 ** 31, 128.5, Number.NaN]) {
    t.is(pool.openVideo({ ...FORMAT, width }), undefined)
    t.is(pool.openVideo({ ...FORMAT, height: width }), undefined)
  }
  t.is(rig({ workers: 0 }).pool.openVideo(FORMAT), undefined)
})

test('the machine is asked once what it can code, when that matters, and what it lacks is logged', (t) => {
  const lines: unknown[] = []
  let asked = 0
  const pool = new EncoderPool(
    {
      clock: new FakeClock(),
      logger: { ...silentLogger, info: (message, fields) => lines.push([message, fields]) },
      metrics: NO_POOL_METRICS,
    },
    {
      availableVideo: () => {
        asked += 1
        return { codecs: ['vp9'], reason: 'built without' }
      },
    },
  )
  t.is(pool.openVideo({ ...FORMAT, width: 1 }), undefined)
  t.is(asked, 0)
  t.is(pool.openVideo(FORMAT), undefined)
  t.deepEqual(pool.videoCodecs, ['vp9'])
  t.is(typeof pool.openVideo({ ...FORMAT, codec: 'vp9' }), 'number')
  t.is(asked, 1)
  t.deepEqual(lines, [['Not all video codecs can be used', { reason: 'built without' }]])
})
