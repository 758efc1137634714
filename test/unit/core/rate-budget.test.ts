import test from 'ava'
import { RateBudget } from '../../../src/core/rate-budget.js'

test('a burst is free, a debt takes its time, and idle time earns no more than a burst', (t) => {
  const budget = new RateBudget(100, 10, 0)
  t.is(budget.spend(10, 0), 0)
  t.is(budget.spend(5, 0), 50)
  t.is(budget.spend(0, 50), 0)
  t.is(budget.spend(10, 60_000), 0)
  t.is(budget.spend(1, 60_000), 10)
})
