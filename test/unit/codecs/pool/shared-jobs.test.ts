import test from 'ava'
import type { CodedImage } from '../../../../src/codecs/pool/index.js'
import { glzJob, lzJob, rig as poolRig } from './rig.js'

/** A pool with lanes of two clients. */
const rig = () => {
  const all = poolRig({ workers: 1 })
  const lanes = [1, 2].map((owner) => all.pool.lane(owner, () => undefined))
  all.pool.warmUp()
  all.workers[0]!.ready()
  return { ...all, lanes, worker: all.workers[0]! }
}

const job = (owner: number, headroom = 8, key = 'a') => lzJob({ owner, headroom, key: () => key })

const bytesOf = (image: CodedImage): number[] => [...image.pieces[0]!]

test('two clients that want the same image have it coded once, each behind its own headroom', (t) => {
  const { submit, worker, ended, outcomes } = rig()
  submit('one', job(1, 2))
  submit('two', job(2, 3))
  t.is(worker.open.length, 1)
  worker.answer([7, 8])
  t.deepEqual(ended, ['one lz', 'two lz'])
  t.deepEqual(
    outcomes.map((image) => bytesOf(image as CodedImage)),
    [
      [0, 0, 7, 8],
      [0, 0, 0, 7, 8],
    ],
  )
  const [first, second] = outcomes as CodedImage[]
  first!.pieces[0]!.fill(9, 0, 2)
  t.deepEqual(bytesOf(second!), [0, 0, 0, 7, 8], 'a message of one client is in no other')
  t.is(worker.heard.length, 1)
})

test('who asks a little later gets the image of before, who asks too late has it coded again', (t) => {
  const { submit, worker, ended, clock, outcomes } = rig()
  submit('one', job(1, 2))
  worker.answer([7])
  ;(outcomes[0] as CodedImage).pieces[0]!.fill(9, 0, 2)
  clock.advance(250)
  submit('two', job(2, 1))
  t.deepEqual(ended, ['one lz'], 'not while it is handed in')
  clock.runNextTurn()
  t.deepEqual(ended, ['one lz', 'two lz'])
  t.deepEqual(bytesOf(outcomes[1] as CodedImage), [0, 7])
  clock.advance(300)
  submit('three', job(2))
  t.is(worker.open.length, 1)
})

test('other pixels, another codec, another quality or other bands are another image', (t) => {
  const { submit, worker, pool } = rig()
  const jobs = [
    job(1),
    job(2, 8, 'b'),
    { ...job(2), codec: 'quic' as const },
    { ...job(3), codec: 'jpeg' as const, options: { quality: 50 } },
    { ...job(4), codec: 'jpeg' as const, options: { quality: 85 } },
    { ...job(5), bands: 2 },
  ]
  for (const [at, each] of jobs.entries()) {
    submit(String(at), each)
  }
  for (let at = 0; at < 7; at++) {
    worker.answer()
  }
  t.is(worker.heard.length, 7)
  t.true(pool.sharing)
})

test('GLZ images and those without a key are never shared', (t) => {
  const { submit, worker, pool } = rig()
  const dictionary = pool.openDictionary(1000)
  submit('a', glzJob(dictionary, { owner: 1 }))
  submit('b', glzJob(dictionary, { owner: 2 }))
  submit('c', lzJob({ owner: 1 }))
  submit('d', lzJob({ owner: 2 }))
  for (let at = 0; at < 4; at++) {
    worker.answer()
  }
  t.is(worker.heard.filter((message) => 'job' in message).length, 4)
})

test('one that is cancelled costs the other nothing; the last one ends the job', (t) => {
  const { submit, worker, ended, recorded } = rig()
  const cancel = (submission: ReturnType<typeof submit>): boolean =>
    submission.kind === 'queued' && submission.cancel()
  submit('busy', lzJob())
  const [one, two] = [submit('one', job(1)), submit('two', job(2))]
  t.true(cancel(one))
  worker.answer()
  t.is(worker.open.length, 1, 'the job goes on for the other')
  worker.answer()
  t.deepEqual(ended, ['busy lz', 'two lz'])
  t.true(cancel(two), 'after its end it is nothing')
  submit('busy', lzJob())
  const [three, four] = [submit('three', job(1, 8, 'c')), submit('four', job(2, 8, 'c'))]
  t.true(cancel(three))
  t.true(cancel(four))
  worker.answer()
  t.is(worker.open.length, 0)
  t.is(recorded.counts.get('jobs lz cancelled'), 1)
})

test('the owner who pays may go', (t) => {
  const { pool, submit, worker, ended } = rig()
  submit('busy', lzJob({ owner: 3 }))
  submit('one', job(1))
  submit('two', job(2))
  pool.cancelOwner(1)
  worker.answer()
  worker.answer()
  t.deepEqual(ended, ['busy lz', 'two lz'])
})

test('only the first one pays at the queue', (t) => {
  const { submit, pool } = rig()
  submit('busy', lzJob({ owner: 9 }))
  for (let at = 0; at < 3; at++) {
    submit('mine', job(1, 8, String(at)))
    submit('theirs', job(2, 8, String(at)))
  }
  t.false(pool.hasRoom(1))
  t.true(pool.hasRoom(2))
})

test('a failure is told to all, and the next one tries again', (t) => {
  const { submit, worker, ended } = rig()
  submit('one', job(1))
  submit('two', job(2))
  worker.refuse()
  t.deepEqual(ended, ['one refused', 'two refused'])
  submit('three', job(2))
  t.is(worker.open.length, 1)
})

test('with one client left nothing is kept, and nothing waits to be forgotten', (t) => {
  const { submit, worker, lanes, clock, pool } = rig()
  submit('one', job(1))
  worker.answer()
  lanes[1]!.close()
  lanes[1]!.close()
  t.false(pool.sharing)
  submit('again', job(1))
  t.is(worker.open.length, 1)
  worker.answer()
  const before = clock.pending
  clock.advance(300)
  t.is(clock.pending, before - 1)
})

test('what is kept is bounded', (t) => {
  const { submit, worker, clock } = rig()
  const mebibyte = Array.from({ length: 1024 * 1024 }, () => 5)
  for (let at = 0; at < 6; at++) {
    submit('one', job(1, 8, String(at)))
    worker.answer(mebibyte)
  }
  submit('old', job(2, 8, '0'))
  t.is(worker.open.length, 1, 'the oldest is gone')
  worker.answer()
  submit('new', job(2, 8, '5'))
  t.is(worker.open.length, 0)
  t.true(clock.turns > 0)
})

test('small images are coded once on this thread', (t) => {
  const { pool, recorded } = rig()
  const [one, two] = [pool.encodeNow(job(1, 2)), pool.encodeNow(job(2, 4))]
  t.is(recorded.counts.get('inline lz coded'), 1)
  t.deepEqual(bytesOf(two as CodedImage).slice(4), bytesOf(one as CodedImage).slice(2))
})
