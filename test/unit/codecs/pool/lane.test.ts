import test from 'ava'
import { block, glzJob, lzJob, note, rig } from './rig.js'

const laneRig = (limits = {}) => {
  const it = rig({ waitingPerOwner: 9, ...limits })
  const told = { times: 0 }
  const lane = it.pool.lane<string>(1, () => {
    told.times += 1
  })
  return { ...it, lane, told }
}

test('images are taken in the order in which they were handed in, whoever is first', (t) => {
  const { lane, workers, told } = laneRig()
  lane.submit(lzJob(), 'a')
  lane.submit(lzJob(), 'b')
  workers[0]!.ready()
  workers[1]!.ready()
  workers[1]!.answer()
  t.is(lane.take(), undefined)
  t.is(told.times, 0)
  workers[0]!.answer()
  t.is(told.times, 1)
  t.deepEqual([lane.take()?.tag, lane.take()?.tag, lane.take()?.tag], ['a', 'b', undefined])
})

test('a small image waits for its turn and shows the pixels of that time', (t) => {
  const { lane, workers } = laneRig()
  const small = block(2, 2)
  lane.submit(lzJob(), 'large')
  lane.submit(lzJob({ codec: 'raw', headroom: 0, block: small }), 'small')
  t.is(lane.take(), undefined)
  new Uint8Array(small.memory).fill(9)
  workers[0]!.ready()
  workers[0]!.answer()
  t.is(workers[0]!.heard.length, 1)
  t.is(lane.take()?.tag, 'large')
  const outcome = lane.take()?.outcome
  t.deepEqual(outcome?.kind === 'coded' ? [...outcome.pieces[0]!] : [], Array<number>(16).fill(9))
})

test('a small image alone is there at once', (t) => {
  const { lane, workers } = laneRig()
  t.true(lane.submit(lzJob({ block: block(8, 8) }), 'small'))
  t.is(lane.take()?.outcome.kind, 'coded')
  t.is(workers.length, 0)
})

test('without room a job is not taken, and the channel is told once when it would be', (t) => {
  const { lane, workers, told } = laneRig({ workers: 1, waitingPerOwner: 1 })
  t.true(lane.submit(lzJob(), 'a'))
  t.false(lane.submit(lzJob(), 'b'))
  t.false(lane.submit(lzJob(), 'b'))
  t.is(lane.length, 1)
  workers[0]!.ready()
  t.is(told.times, 1)
  t.true(lane.submit(lzJob(), 'b'))
})

test('while no worker runs, images of a size that may be are coded here, in order', (t) => {
  const { lane, pool, workers } = laneRig({ workers: 1 })
  lane.submit(lzJob(), 'a')
  workers[0]!.ready()
  workers[0]!.die()
  t.is(lane.maxPixels, pool.limits.inlineMaxPixels)
  t.true(lane.submit(lzJob({ block: block(300, 300) }), 'b'))
  const [first, second] = [lane.take(), lane.take()]
  t.is(first?.outcome.kind === 'failed' ? first.outcome.reason : '', 'died')
  t.is(second?.outcome.kind === 'coded' ? second.outcome.codec : '', 'lz')
})

test('drop leaves nothing but GLZ images that have their ids', (t) => {
  const { lane, pool, workers } = laneRig({ workers: 2 })
  const dictionary = pool.openDictionary(1000)
  lane.submit(glzJob(dictionary), 'coded')
  lane.submit(lzJob(), 'working')
  lane.submit(glzJob(dictionary), 'working glz')
  lane.submit(glzJob(dictionary), 'waiting glz')
  lane.submit(lzJob({ block: block(8, 8) }), 'small')
  workers[0]!.ready()
  workers[1]!.ready()
  workers[0]!.answer([1], note(0))
  lane.drop()
  t.is(lane.length, 2)
  workers[0]!.answer([1], note(1))
  t.deepEqual([lane.take()?.tag, lane.take()?.tag, lane.length], ['coded', 'working glz', 0])
})

test('after close nothing is told any more', (t) => {
  const { lane, workers, told } = laneRig({ workers: 1, waitingPerOwner: 1 })
  lane.submit(lzJob(), 'a')
  lane.submit(lzJob(), 'b')
  lane.close()
  lane.close()
  workers[0]!.ready()
  t.is(told.times, 0)
  t.is(workers[0]!.heard.length, 0)
  t.is(lane.take(), undefined)
})
