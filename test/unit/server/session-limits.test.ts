import test from 'ava'
import { watchSession } from '../../../src/server/session-limits.js'
import { FakeClock } from '../../helpers/fake-clock.js'

const rig = (idleSeconds: number, maxSeconds: number) => {
  const clock = new FakeClock()
  const session = { sinceMs: 0, lastActivityMs: 0 }
  const ends: string[] = []
  const watch = watchSession(session, { idleSeconds, maxSeconds }, clock, (end) => ends.push(end))
  return { clock, session, ends, watch }
}

test('without limits there is nothing to watch', (t) => {
  t.is(rig(0, 0).clock.pending, 0)
})

test('an idle session ends once, counted from its last activity', (t) => {
  const { clock, session, ends } = rig(10, 0)
  clock.advance(9000)
  session.lastActivityMs = 9000
  clock.advance(9999)
  t.deepEqual(ends, [])
  clock.advance(1)
  t.deepEqual(ends, ['idle'])
  clock.advance(100_000)
  t.is(ends.length, 1)
})

test('a session ends at its longest, active or not, be it in weeks', (t) => {
  const { clock, session, ends } = rig(0, 3_000_000)
  clock.advance(2_999_999_999)
  session.lastActivityMs = 2_999_999_999
  t.deepEqual(ends, [])
  clock.advance(1)
  t.deepEqual(ends, ['expired'])
})

test('a session that ended by itself is not ended again', (t) => {
  const { clock, ends, watch } = rig(10, 20)
  watch.cancel()
  clock.advance(30_000)
  t.deepEqual(ends, [])
})
