import test from 'ava'
import { limitWarnings } from '../../../src/app/logger.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import { KeptLog } from '../../helpers/server-rig.js'

test('L-log: warnings of a scope are passed up to the limit, then counted and told', (t) => {
  const clock = new FakeClock()
  const kept = new KeptLog()
  const logger = limitWarnings(kept, 3, clock)
  for (let i = 0; i < 10; i++) {
    logger.warn('Link refused', { i })
  }
  t.is(kept.lines.length, 3)
  clock.advance(60_000)
  logger.warn('Link refused')
  t.deepEqual(
    kept.lines.slice(3).map(({ message, fields }) => [message, fields]),
    [
      ['Warnings left out', { count: 7 }],
      ['Link refused', {}],
    ],
  )
})
