import test from 'ava'
import { glzJob, lzJob, note, rig } from './rig.js'

const heardTypes = (worker: { readonly heard: readonly { readonly type: string }[] } | undefined): string[] =>
  worker?.heard.map(({ type }) => type) ?? []

test('a dictionary is opened in one worker before its first image and all its images go there', (t) => {
  const { pool, workers, submit } = rig({ waitingPerOwner: 9 })
  const dictionary = pool.openDictionary(1000, 7)
  submit('a', glzJob(dictionary))
  workers[0]!.ready()
  submit('b', glzJob(dictionary))
  submit('c', glzJob(dictionary))
  t.is(workers.length, 1)
  t.deepEqual(workers[0]!.heard[0], { type: 'glzOpen', dictionary, windowPixels: 1000, nextImage: 7 })
  workers[0]!.answer([1], note(7))
  workers[0]!.answer([1], note(8))
  workers[0]!.answer([1], note(9))
  t.deepEqual(heardTypes(workers[0]), ['glzOpen', 'glzEncode', 'glzEncode', 'glzEncode'])
})

test('while the worker of a dictionary is busy, other jobs pass by', (t) => {
  const { pool, workers, submit, ended } = rig({ waitingPerOwner: 9 })
  const dictionary = pool.openDictionary(1000)
  submit('a', glzJob(dictionary))
  submit('free', lzJob())
  workers[0]!.ready()
  workers[1]!.ready()
  workers[1]!.answer()
  submit('b', glzJob(dictionary))
  submit('c', lzJob())
  workers[1]!.answer()
  t.deepEqual(ended, ['free lz', 'c lz'])
  workers[0]!.answer([1], note(0))
  workers[0]!.answer([1], note(1))
  t.deepEqual(ended, ['free lz', 'c lz', 'a glz', 'b glz'])
})

test('two dictionaries go to two workers', (t) => {
  const { pool, workers, submit } = rig()
  const [first, second] = [pool.openDictionary(1000), pool.openDictionary(1000)]
  submit('a', glzJob(first))
  submit('b', lzJob({ owner: 2 }))
  workers[0]!.ready()
  workers[1]!.ready()
  workers[0]!.answer([1], note(0))
  workers[1]!.answer()
  submit('c', glzJob(second))
  t.deepEqual(heardTypes(workers[1]), ['encode', 'glzOpen', 'glzEncode'])
})

test('when its worker dies a dictionary goes on in another with an empty window and the next id', (t) => {
  const { pool, workers, submit, ended, pass } = rig({ workers: 1, backOffMs: 10 })
  const dictionary = pool.openDictionary(1000)
  submit('a', glzJob(dictionary))
  workers[0]!.ready()
  workers[0]!.answer([1], note(0))
  submit('b', glzJob(dictionary))
  workers[0]!.die()
  pass(10)
  submit('c', glzJob(dictionary))
  workers[1]!.ready()
  t.deepEqual(workers[1]!.heard[0], { type: 'glzOpen', dictionary, windowPixels: 1000, nextImage: 1 })
  workers[1]!.answer([1], note(1))
  t.deepEqual(ended, ['a glz', 'b died', 'c glz'])
})

test('a GLZ image in work cannot be cancelled, one that waits can', (t) => {
  const { pool, workers, submit, ended } = rig({ workers: 1 })
  const dictionary = pool.openDictionary(1000)
  const a = submit('a', glzJob(dictionary))
  const b = submit('b', glzJob(dictionary))
  workers[0]!.ready()
  t.true(a.kind === 'queued' && !a.cancel())
  t.true(b.kind === 'queued' && b.cancel())
  workers[0]!.answer([1], note(0))
  t.deepEqual(ended, ['a glz'])
})

test('a dictionary whose encoder failed in the middle begins anew, one that only refused does not', (t) => {
  const { pool, workers, submit } = rig({ workers: 1 })
  const dictionary = pool.openDictionary(1000)
  submit('a', glzJob(dictionary))
  workers[0]!.ready()
  workers[0]!.refuse()
  submit('b', glzJob(dictionary))
  workers[0]!.refuse(true)
  submit('c', glzJob(dictionary))
  t.deepEqual(heardTypes(workers[0]), [
    ...['glzOpen', 'glzEncode', 'glzEncode', 'glzClose', 'glzOpen', 'glzEncode'],
  ])
})

test('a worker that keeps a dictionary is ended later than others, and the ids go on', (t) => {
  const { pool, workers, submit, pass } = rig({ workers: 1, idleMs: 100, dictionaryIdleMs: 1000 })
  const dictionary = pool.openDictionary(1000)
  submit('a', glzJob(dictionary))
  workers[0]!.ready()
  workers[0]!.answer([1], note(0))
  pass(900)
  t.false(workers[0]!.terminated)
  pass(100)
  t.true(workers[0]!.terminated)
  submit('b', glzJob(dictionary))
  workers[1]!.ready()
  t.deepEqual(workers[1]!.heard[0], { type: 'glzOpen', dictionary, windowPixels: 1000, nextImage: 1 })
})

test('a closed dictionary is closed in its worker, and an image of it that was in work is lost', (t) => {
  const { pool, workers, submit, ended } = rig({ workers: 1 })
  const dictionary = pool.openDictionary(1000)
  submit('a', glzJob(dictionary))
  workers[0]!.ready()
  pool.closeDictionary(dictionary)
  workers[0]!.answer([1], note(0))
  t.deepEqual(heardTypes(workers[0]), ['glzOpen', 'glzEncode', 'glzClose'])
  t.deepEqual(ended, ['a lost'])
})

test('GLZ images of all channels are taken in the order of their ids', (t) => {
  const { pool, workers } = rig({ workers: 2, waitingPerOwner: 9 })
  const dictionary = pool.openDictionary(1000)
  const told: string[] = []
  const [left, right] = ['left', 'right'].map((name) => pool.lane<string>(1, () => told.push(name)))
  left!.submit(lzJob(), 'free')
  left!.submit(glzJob(dictionary), 'first')
  right!.submit(glzJob(dictionary), 'second')
  workers[0]!.ready()
  workers[1]!.ready()
  workers[1]!.answer([1], note(0))
  workers[1]!.answer([1], note(1))
  t.is(left!.take(), undefined)
  t.is(right!.take(), undefined)
  told.length = 0
  workers[0]!.answer()
  t.deepEqual(told, ['left'])
  t.is(left!.take()?.tag, 'free')
  t.is(left!.take()?.tag, 'first')
  t.deepEqual(told, ['left', 'right'])
  t.is(right!.take()?.tag, 'second')
})

test('a lane that asked many times for its turn is told of it once', (t) => {
  const { pool, workers } = rig({ workers: 1, waitingPerOwner: 9 })
  const dictionary = pool.openDictionary(1000)
  let told = 0
  const left = pool.lane<string>(1, () => undefined)
  const right = pool.lane<string>(1, () => (told += 1))
  left.submit(glzJob(dictionary), 'first')
  right.submit(glzJob(dictionary), 'second')
  workers[0]!.ready()
  workers[0]!.answer([1], note(0))
  workers[0]!.answer([1], note(1))
  told = 0
  for (let time = 0; time < 1000; time++) {
    t.is(right.take(), undefined)
  }
  t.is(left.take()?.tag, 'first')
  t.is(told, 1)
  t.is(right.take()?.tag, 'second')
})

test('a channel that goes with a GLZ image unsent costs the dictionary its window, not its ids', (t) => {
  const { pool, workers } = rig({ workers: 1, waitingPerOwner: 9 })
  const dictionary = pool.openDictionary(1000, 5)
  const [left, right] = [0, 1].map(() => pool.lane<string>(1, () => undefined))
  left!.submit(glzJob(dictionary), 'never sent')
  right!.submit(glzJob(dictionary), 'refers to it')
  workers[0]!.ready()
  workers[0]!.answer([1], note(5))
  workers[0]!.answer([1], note(6))
  left!.close()
  const entry = right!.take()
  t.is(entry?.outcome.kind === 'failed' ? entry.outcome.reason : '', 'lost')
  right!.submit(glzJob(dictionary), 'again')
  workers[0]!.answer([1], note(5))
  t.is(right!.take()?.outcome.kind, 'coded')
  t.deepEqual(heardTypes(workers[0]).slice(3), ['glzClose', 'glzOpen', 'glzEncode'])
})

test('an image that was in work when its dictionary began anew is lost', (t) => {
  const { pool, workers, submit, ended } = rig({ workers: 1 })
  const dictionary = pool.openDictionary(1000)
  submit('a', glzJob(dictionary))
  workers[0]!.ready()
  pool.resetDictionary(dictionary)
  submit('b', glzJob(dictionary))
  workers[0]!.answer([1], note(0))
  workers[0]!.answer([1], note(0))
  t.deepEqual(ended, ['a lost', 'b glz'])
})
