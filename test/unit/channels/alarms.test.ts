import test from 'ava'
import { Alarms } from '../../../src/channels/alarms.js'
import { FakeClock } from '../../helpers/fake-clock.js'

const rig = () => {
  const clock = new FakeClock()
  const asked: number[] = []
  const alarms = new Alarms<'a' | 'b'>({ alarm: (delayMs) => asked.push(delayMs) }, clock)
  return { clock, asked, alarms }
}

test('the channel is asked for the alarm that comes first', (t) => {
  const { clock, asked, alarms } = rig()
  alarms.set('a', 30)
  alarms.set('b', 10)
  t.deepEqual(asked, [30, 10])
  clock.advance(10)
  t.deepEqual(alarms.due(), ['b'])
  t.false(alarms.has('b'))
  t.is(asked.at(-1), 20)
  clock.advance(20)
  t.deepEqual(alarms.due(), ['a'])
  t.is(asked.length, 3)
})

test('an alarm is put off by setting it again, and cleared', (t) => {
  const { clock, alarms } = rig()
  alarms.set('a', 10)
  alarms.set('b', 10)
  alarms.set('a', 20)
  alarms.clear('b')
  clock.advance(10)
  t.deepEqual(alarms.due(), [])
  t.true(alarms.has('a'))
})
