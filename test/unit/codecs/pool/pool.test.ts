import test from 'ava'
import { joinPieces, type CodedImage } from '../../../../src/codecs/pool/index.js'
import { SidecarError } from '../../../../src/core/errors.js'
import { block, lzJob, rig, type FakeWorker } from './rig.js'

test('no worker runs before the first job, and one more starts only for a job that would wait', (t) => {
  const { workers, submit } = rig()
  t.is(workers.length, 0)
  submit('a')
  t.is(workers.length, 1)
  workers[0]!.ready()
  t.is(workers[0]!.open.length, 1)
  submit('b')
  t.is(workers.length, 2)
  submit('c')
  t.is(workers.length, 2)
})

test('warmUp starts one worker, and no second', (t) => {
  const { pool, workers } = rig()
  pool.warmUp()
  pool.warmUp()
  t.is(workers.length, 1)
})

test('jobs begin in the order in which they came, one per worker', (t) => {
  const { workers, submit, ended } = rig({ workers: 1 })
  for (const name of ['a', 'b', 'c']) {
    submit(name, lzJob({ headroom: name.charCodeAt(0) }))
  }
  const [worker] = workers
  worker!.ready()
  t.is(worker!.open.length, 1)
  worker!.answer()
  worker!.answer()
  worker!.answer()
  t.deepEqual(ended, ['a lz', 'b lz', 'c lz'])
  t.deepEqual(
    worker!.heard.map((message) => ('headroom' in message ? message.headroom : 0)),
    [97, 98, 99],
  )
})

test('the image comes behind its headroom in memory of exactly its size', (t) => {
  const { workers, submit, outcomes, clock } = rig()
  submit('a', lzJob({ headroom: 5 }))
  workers[0]!.ready()
  clock.advance(7)
  workers[0]!.answer([1, 2, 3])
  const image = outcomes[0] as CodedImage
  t.is(image.pieces.length, 1)
  t.deepEqual([...image.pieces[0]!], [0, 0, 0, 0, 0, 1, 2, 3])
  t.is(image.pieces[0]!.buffer.byteLength, 8)
  t.is(image.size, 3)
  t.is(image.encodeMs, 7)
  t.is(joinPieces(image), image.pieces[0]!)
})

test('an owner has room for so many waiting jobs, and is told when there is room again', (t) => {
  const { pool, workers, submit, recorded } = rig({ workers: 1, waitingPerOwner: 2 })
  let told = 0
  submit('a')
  submit('b')
  t.is(submit('c').kind, 'full')
  t.false(pool.hasRoom(1))
  t.true(pool.hasRoom(2))
  t.is(submit('other', lzJob({ owner: 2 })).kind, 'queued')
  pool.whenRoom(1, () => {
    told += 1
  })
  const takeBack = pool.whenRoom(1, () => t.fail('was taken back'))
  takeBack()
  t.is(told, 0)
  workers[0]!.ready()
  t.is(told, 1)
  t.is(submit('c').kind, 'queued')
  t.is(recorded.counts.get('limit encoder-jobs-client'), 1)
})

test('all owners together have room for so many', (t) => {
  const { submit, recorded } = rig({ waiting: 2 })
  t.is(submit('a', lzJob({ owner: 1 })).kind, 'queued')
  t.is(submit('b', lzJob({ owner: 2 })).kind, 'queued')
  t.is(submit('c', lzJob({ owner: 3 })).kind, 'full')
  t.is(recorded.counts.get('limit encoder-jobs'), 1)
  t.is(recorded.gauges.get('waiting'), 2)
})

test('past its deadline a job fails and its worker is ended; the other worker goes on', (t) => {
  const { workers, submit, ended, pass, recorded } = rig({ jobMs: 100 })
  submit('a')
  submit('b')
  workers[0]!.ready()
  workers[1]!.ready()
  pass(60)
  workers[1]!.answer()
  submit('c')
  pass(50)
  t.true(workers[0]!.terminated)
  t.false(workers[1]!.terminated)
  workers[1]!.answer()
  t.deepEqual(ended, ['b lz', 'a deadline', 'c lz'])
  t.is(recorded.counts.get('lost deadline'), 1)
  t.is(recorded.counts.get('limit encoder-job-ms'), 1)
})

test('an answer that is there when a late loop sees the deadline counts', (t) => {
  const { workers, submit, ended, clock } = rig({ jobMs: 100 })
  submit('a')
  workers[0]!.ready()
  clock.advance(500)
  workers[0]!.answer()
  clock.runNextTurn()
  t.deepEqual(ended, ['a lz'])
  t.false(workers[0]!.terminated)
})

test('what a worker says after its end is ignored', (t) => {
  const { workers, submit, ended, pass } = rig({ jobMs: 100, workers: 1, backOffMs: 10 })
  submit('a')
  workers[0]!.ready()
  pass(100)
  pass(10)
  submit('b')
  workers[1]!.ready()
  workers[0]!.answer()
  workers[0]!.die()
  t.deepEqual(ended, ['a deadline'])
  workers[1]!.answer()
  t.deepEqual(ended, ['a deadline', 'b lz'])
})

test('a job that no worker takes in time fails, and costs no worker its life', (t) => {
  const { workers, submit, ended, pass, recorded } = rig({ workers: 1, waitMs: 200, jobMs: 1000 })
  submit('a')
  workers[0]!.ready()
  submit('b')
  pass(200)
  t.deepEqual(ended, ['b waited'])
  workers[0]!.answer()
  t.deepEqual(ended, ['b waited', 'a lz'])
  t.is(recorded.counts.get('limit encoder-wait-ms'), 1)
})

test('with the last worker dead its job and those that wait fail at once, and no other starts before its time', (t) => {
  const { pool, workers, submit, ended, pass, recorded } = rig({ workers: 1, backOffMs: 100, idleMs: 1e6 })
  submit('a')
  submit('b')
  workers[0]!.ready()
  workers[0]!.die()
  t.deepEqual(ended, ['a died', 'b down'])
  t.false(pool.up)
  t.is(submit('c').kind, 'down')
  pass(99)
  t.is(submit('c').kind, 'down')
  pass(1)
  t.true(pool.up)
  t.is(submit('d').kind, 'queued')
  t.is(workers.length, 2)
  t.is(recorded.counts.get('lost died'), 1)
})

test('each further loss doubles the back-off up to its cap; a long quiet time ends that', (t) => {
  const limits = {
    workers: 1,
    backOffMs: 100,
    maxBackOffMs: 350,
    stableMs: 10_000,
    waitMs: 1e6,
    startMs: 1e6,
    jobMs: 1e6,
  }
  const { pool, workers, submit, pass } = rig({ ...limits, idleMs: 1e6 })
  const last = (): FakeWorker => workers[workers.length - 1]!
  const waits: number[] = []
  for (const quietMs of [0, 0, 0, 20_000]) {
    submit('a')
    last().ready()
    pass(quietMs)
    last().die()
    let waited = 0
    for (; !pool.up; waited += 50) {
      pass(50)
    }
    waits.push(waited)
  }
  t.deepEqual(waits, [100, 200, 350, 100])
})

test('after a loss workers start one at a time', (t) => {
  const { workers, submit, pass } = rig({ backOffMs: 100, waitingPerOwner: 8 })
  submit('a')
  workers[0]!.ready()
  workers[0]!.die()
  pass(100)
  submit('b')
  submit('c')
  t.is(workers.length, 2)
  workers[1]!.ready()
  t.is(workers.length, 3)
})

test('a worker that cannot be started, says nothing, or is of another version is lost', (t) => {
  const { pool, workers, submit, pass, faults, ended, recorded } = rig({
    startMs: 500,
    workers: 1,
    waitMs: 1e6,
  })
  faults.start = true
  t.is(submit('a').kind, 'queued')
  t.deepEqual(ended, [])
  pass(0)
  t.deepEqual(ended, ['a down'])
  t.false(pool.up)
  faults.start = false
  pass(1000)
  submit('b')
  pass(500)
  t.true(workers[0]!.terminated)
  pass(1000)
  submit('c')
  workers[1]!.ready(99)
  t.true(workers[1]!.terminated)
  t.deepEqual(ended, ['a down', 'b down', 'c down'])
  t.is(recorded.counts.get('lost start'), 3)
})

test('a cancelled job is dropped from the queue; of one in work the answer is', (t) => {
  const { workers, submit, ended, recorded } = rig({ workers: 1 })
  const a = submit('a')
  const b = submit('b')
  workers[0]!.ready()
  t.true(a.kind === 'queued' && a.cancel())
  t.true(b.kind === 'queued' && b.cancel() && b.cancel())
  submit('c')
  workers[0]!.answer()
  workers[0]!.answer()
  t.deepEqual(ended, ['c lz'])
  t.is(workers[0]!.heard.length, 2)
  t.is(recorded.counts.get('jobs lz cancelled'), 2)
})

test('cancelOwner drops all of one owner and nothing of others', (t) => {
  const { pool, workers, submit, ended } = rig({ workers: 1 })
  submit('a')
  submit('b')
  submit('other', lzJob({ owner: 2 }))
  workers[0]!.ready()
  pool.cancelOwner(1)
  workers[0]!.answer()
  workers[0]!.answer()
  t.deepEqual(ended, ['other lz'])
})

test('workers with nothing to do are ended, a busy one is not, and nothing is armed after that', (t) => {
  const { workers, submit, pass, clock, recorded } = rig({ idleMs: 1000, jobMs: 1e6 })
  submit('a')
  submit('b')
  workers[0]!.ready()
  workers[1]!.ready()
  workers[0]!.answer()
  pass(999)
  t.false(workers[0]!.terminated)
  pass(1)
  t.true(workers[0]!.terminated)
  t.false(workers[1]!.terminated)
  workers[1]!.answer()
  pass(2000)
  t.true(workers[1]!.terminated)
  t.is(recorded.gauges.get('workers'), 0)
  t.is(clock.pending, 0)
  submit('c')
  t.is(workers.length, 3)
})

test('close ends all workers and answers every job; later ones find no worker', async (t) => {
  const { pool, workers, submit, ended, clock } = rig()
  submit('a')
  submit('b')
  submit('c')
  workers[0]!.ready()
  await Promise.all([pool.close(), pool.close()])
  t.deepEqual(ended.sort(), ['a closed', 'b closed', 'c closed'])
  t.true(workers.every(({ terminated }) => terminated))
  t.is(submit('d').kind, 'down')
  pool.warmUp()
  t.is(workers.length, 2)
  t.is(clock.pending, 0)
  t.is(pool.maxPixels, pool.limits.inlineMaxPixels)
})

test('a job that its worker refuses fails alone', (t) => {
  const { workers, submit, ended, outcomes } = rig({ workers: 1 })
  submit('a')
  submit('b')
  workers[0]!.ready()
  workers[0]!.refuse()
  workers[0]!.answerRaw()
  t.deepEqual(ended, ['a refused', 'b raw'])
  t.is(outcomes[0]?.kind === 'failed' ? outcomes[0].error.message : '', 'not this one')
})

test('a caller may hand in the next job from the outcome of the last', (t) => {
  const { pool, workers } = rig({ workers: 1 })
  let done = 0
  const again = (): void => {
    done += 1
    if (done < 5) {
      pool.submit(lzJob(), again)
    }
  }
  pool.submit(lzJob(), again)
  workers[0]!.ready()
  for (let turn = 0; turn < 5; turn++) {
    workers[0]!.answer()
  }
  t.is(done, 5)
})

test('bands go to all workers and come together in order, the headroom in front', (t) => {
  const { workers, submit, outcomes, busy } = rig()
  submit('a', lzJob({ bands: 3, headroom: 2, block: block(64, 100) }))
  workers[0]!.ready()
  workers[1]!.ready()
  t.is(busy(), 2)
  workers[1]!.answer([2])
  workers[0]!.answer([1])
  workers[1]!.answer([3])
  t.is(outcomes.length, 1)
  const image = outcomes[0] as CodedImage
  t.deepEqual(
    image.pieces.map((piece) => [...piece]),
    [[0, 0, 1], [2], [3]],
  )
  t.is(image.size, 3)
  t.deepEqual([...joinPieces(image)], [0, 0, 1, 2, 3])
  const bands = workers.flatMap(({ heard }) => heard.filter((message) => message.type === 'band'))
  t.deepEqual(
    bands.map((band) => band.imageHeight),
    [100, undefined, undefined],
  )
  t.is(
    bands.reduce((sum, band) => sum + band.block.height, 0),
    100,
  )
})

test('a band that fails is the end of its image, and its worker goes on', (t) => {
  const { workers, submit, ended, pass } = rig({ jobMs: 100 })
  submit('a', lzJob({ bands: 4, block: block(64, 100) }))
  workers[0]!.ready()
  workers[1]!.ready()
  pass(50)
  workers[1]!.refuse()
  t.deepEqual(ended, ['a refused'])
  workers[0]!.answer()
  submit('b')
  t.is(workers[0]!.heard.length, 2)
  workers[0]!.answer()
  t.deepEqual(ended, ['a refused', 'b lz'])
})

test('the number of bands follows the size and the workers', (t) => {
  const { pool } = rig({ workers: 2 })
  t.deepEqual(
    [100, 300_000, 2_000_000].map((pixels) => pool.bandsFor(pixels)),
    [1, 2, 4],
  )
  t.is(rig({ workers: 1 }).pool.bandsFor(2_000_000), 1)
})

test('pixels in memory that is not shared are copied when the work begins', (t) => {
  const { workers, submit } = rig()
  const memory = new ArrayBuffer(8 * 8 * 4)
  const pixels = new Uint8Array(memory).fill(1)
  submit('a', lzJob({ block: { ...block(4, 4), memory, offset: 4, stride: 32 } }))
  pixels.fill(2)
  workers[0]!.ready()
  pixels.fill(3)
  const [request] = workers[0]!.open
  t.is(request!.block.memory.byteLength, 64)
  t.is(request!.block.stride, 16)
  t.true(new Uint8Array(request!.block.memory).every((byte) => byte === 2))
})

test('a headroom out of range is a bug of the caller', (t) => {
  const { submit } = rig()
  for (const headroom of [-1, 0.5, Number.NaN, 1e9]) {
    const error = t.throws(() => submit('a', lzJob({ headroom })), { instanceOf: SidecarError })
    t.is(error.code, 'SIDECAR_BUG')
  }
})

test('without workers everything is left to the main thread', (t) => {
  const { pool, submit, recorded } = rig({ workers: 0 })
  t.is(submit('a').kind, 'down')
  t.false(pool.up)
  const outcome = pool.encodeNow(lzJob())
  t.is(outcome.kind === 'coded' ? outcome.codec : '', 'lz')
  t.is(recorded.counts.get('inline lz coded'), 1)
})

test('small is what the codec does faster than a worker is told of it', (t) => {
  const { pool } = rig()
  t.true(pool.isSmall(lzJob({ block: block(16, 16) })))
  t.false(pool.isSmall(lzJob({ block: block(640, 480) })))
})
