import test from 'ava'
import { INPUT, SharedWords } from '../../../src/gpu-bridge/dbus-display/shared.js'

test('one update per slot is on its way; the main thread is told when more is waiting', (t) => {
  const worker = new SharedWords()
  const main = new SharedWords(worker.memory)
  t.true(worker.tryPost(3))
  t.false(main.handled(3))
  t.true(worker.tryPost(3))
  t.false(worker.tryPost(3))
  t.false(worker.tryPost(3))
  t.true(worker.tryPost(4))
  t.true(worker.tryPost())
  t.true(main.handled(3))
  t.false(main.handled())
  t.true(worker.tryPost(3))
})

test('counts are seen by the other thread', (t) => {
  const worker = new SharedWords()
  const main = new SharedWords(worker.memory)
  worker.countRefusal('cursor')
  worker.countRefusal('cursor')
  worker.countRefusal('scanout-size')
  worker.countUpdate()
  t.is(main.updates(), 1)
  t.is(
    main.refusals().reduce((sum, n) => sum + n, 0),
    3,
  )
})

test('listeners that a dead worker held are found once', (t) => {
  const shared = new SharedWords()
  shared.holdListener(0, 0)
  shared.holdListener(1, 17)
  shared.holdListener(2, 18)
  shared.holdListener(2, undefined)
  t.deepEqual(shared.leftListeners(), [0, 17])
  t.deepEqual(shared.leftListeners(), [])
})

test('input keeps its order; motions and positions that follow each other merge', (t) => {
  const shared = new SharedWords()
  shared.pushInput(INPUT.keyDown, 30)
  shared.pushInput(INPUT.motion, 5, -2)
  shared.pushInput(INPUT.motion, 1, 1)
  shared.pushInput(INPUT.keyUp, 30)
  shared.pushInput(INPUT.motion, 3, 3)
  shared.pushInput(INPUT.position, 10, 11, 0)
  shared.pushInput(INPUT.position, 20, 21, 0)
  shared.pushInput(INPUT.position, 30, 31, 1)
  shared.pushInput(INPUT.buttonDown, 1)
  shared.pushInput(INPUT.buttonDown, 1)
  const seen = []
  for (let event = shared.takeInput(); event !== undefined; event = shared.takeInput()) {
    seen.push([event.operation, event.a, event.b, event.slot])
  }
  t.deepEqual(seen, [
    [INPUT.keyDown, 30, 0, 0],
    [INPUT.motion, 6, -1, 0],
    [INPUT.keyUp, 30, 0, 0],
    [INPUT.motion, 3, 3, 0],
    [INPUT.position, 20, 21, 0],
    [INPUT.position, 30, 31, 1],
    [INPUT.buttonDown, 1, 0, 0],
    [INPUT.buttonDown, 1, 0, 0],
  ])
})

test('a full ring still takes releases, and works again when it was drained', (t) => {
  const shared = new SharedWords()
  let taken = 0
  while (shared.pushInput(INPUT.keyDown, 1 + (taken % 100))) {
    taken += 1
  }
  t.false(shared.pushInput(INPUT.motion, 1, 1))
  let releases = 0
  while (shared.pushInput(INPUT.keyUp, 30)) {
    releases += 1
  }
  t.true(taken > 1000 && releases >= 256)
  let drained = 0
  while (shared.takeInput() !== undefined) {
    drained += 1
  }
  t.is(drained, taken + releases)
  t.true(shared.pushInput(INPUT.keyDown, 30))
  t.is(shared.takeInput()?.a, 30)
})
