import test from 'ava'
import { TidyUp } from '../../../src/app/tidy-up.js'
import { FakeClock } from '../../helpers/fake-clock.js'

test('it tidies up once when nobody has been connected for a while', (t) => {
  const clock = new FakeClock()
  let times = 0
  const tidyUp = new TidyUp(clock, () => (times += 1))
  tidyUp.clients(1)
  clock.advance(100_000)
  t.is(times, 0)
  tidyUp.clients(0)
  clock.advance(30_000)
  tidyUp.clients(1)
  clock.advance(100_000)
  t.is(times, 0)
  tidyUp.clients(0)
  clock.advance(44_999)
  t.is(times, 0)
  clock.advance(200_000)
  t.is(times, 1)
  tidyUp.clients(0)
  tidyUp.close()
  clock.advance(200_000)
  t.is(times, 1)
})
