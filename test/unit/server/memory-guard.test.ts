import test from 'ava'
import { DEFAULT_LIMITS } from '../../../src/core/limits.js'
import { silentLogger } from '../../../src/core/logger.js'
import { MemoryGuard } from '../../../src/server/memory-guard.js'
import { FakeClock } from '../../helpers/fake-clock.js'

const rig = () => {
  const clock = new FakeClock()
  const use = { heapUsed: 0, external: 0 }
  const hits: (string | undefined)[] = []
  let ended = 0
  const guard = new MemoryGuard({
    clock,
    limits: { ...DEFAULT_LIMITS, 'memory-heap': 1000, 'memory-buffers': 2000 },
    logger: silentLogger,
    limitHits: { add: (_amount, labels) => hits.push(labels?.['limit']) },
    memoryUse: () => use,
    endNewest: () => (ended += 1),
  })
  return { clock, use, hits, guard, ended: () => ended }
}

test('L-mem: near a limit no new client comes in, below it they do', (t) => {
  const { guard, use } = rig()
  t.true(guard.admits())
  use.heapUsed = 900
  t.false(guard.admits())
  use.heapUsed = 500
  t.true(guard.admits())
  use.external = 1900
  t.false(guard.admits())
})

test('L-mem: above a limit the newest client goes, one each time that it looks', (t) => {
  const { guard, use, clock, hits, ended } = rig()
  guard.watch(2)
  use.external = 2001
  clock.advance(2000)
  t.is(ended(), 1)
  clock.advance(2000)
  t.is(ended(), 2)
  use.external = 10
  use.heapUsed = 1001
  clock.advance(2000)
  t.deepEqual(hits, ['memory-buffers', 'memory-buffers', 'memory-heap'])
  use.heapUsed = 10
  clock.advance(10_000)
  t.is(ended(), 3)
})

test('without clients it does not look', (t) => {
  const { guard, use, clock, ended } = rig()
  use.heapUsed = 5000
  guard.watch(1)
  guard.watch(0)
  clock.advance(10_000)
  t.is(ended(), 0)
})
