import test from 'ava'
import { DEFAULT_LIMITS } from '../../../src/core/limits.js'
import { AuthLimiter } from '../../../src/server/auth-limiter.js'
import { ConnectRate } from '../../../src/server/connect-rate.js'

const failTimes = (limiter: AuthLimiter, source: string, times: number, nowMs = 0): number[] =>
  Array.from({ length: times }, () => limiter.failed(source, nowMs))

test('L-auth: the sixth failure in a minute begins a penalty that doubles up to 300 s', (t) => {
  const limiter = new AuthLimiter(DEFAULT_LIMITS)
  t.deepEqual(failTimes(limiter, 'a', 6), [0, 0, 0, 0, 0, 2000])
  let nowMs = 0
  const penalties: number[] = []
  let waitMs = 2000
  for (let i = 0; i < 9; i++) {
    t.is(limiter.refusal('a', nowMs + waitMs - 1), 'auth-source')
    nowMs += waitMs
    t.is(limiter.refusal('a', nowMs), undefined)
    waitMs = limiter.failed('a', nowMs)
    penalties.push(waitMs / 1000)
  }
  t.deepEqual(penalties, [4, 8, 16, 32, 64, 128, 256, 300, 300])
})

test('L-auth: failures of different minutes do not add up, and are forgotten after ten', (t) => {
  const limiter = new AuthLimiter(DEFAULT_LIMITS)
  t.deepEqual(failTimes(limiter, 'a', 5, 0), [0, 0, 0, 0, 0])
  t.deepEqual(failTimes(limiter, 'a', 6, 60_000), [0, 0, 0, 0, 0, 2000])
  t.is(limiter.failed('a', 660_000), 0)
})

test('L-auth: once all together failed too often, only sources without a failure are served', (t) => {
  const limiter = new AuthLimiter(DEFAULT_LIMITS)
  for (let i = 0; i < 60; i++) {
    t.is(limiter.refusal(`source ${i}`, 0), undefined)
    limiter.failed(`source ${i}`, 0)
  }
  t.is(limiter.refusal('source 7', 1000), 'auth-all')
  t.is(limiter.refusal('innocent', 1000), undefined)
  t.is(limiter.refusal('source 7', 60_000), undefined)
})

test('N-AUTH-07: failures from 10001 sources leave memory bounded and earlier penalties in force', (t) => {
  const limiter = new AuthLimiter(DEFAULT_LIMITS)
  for (let i = 0; i < 100; i++) {
    failTimes(limiter, `bad ${i}`, 6)
  }
  for (let i = 0; i < 20_000; i++) {
    limiter.failed(`source ${i}`, 1)
  }
  t.is(limiter.size, 10_000)
  for (let i = 0; i < 100; i++) {
    t.is(limiter.refusal(`bad ${i}`, 1999), 'auth-source')
  }
})

test('L-rate-src: a burst, then a rate; a source that is turned away pays nothing for it', (t) => {
  const rate = new ConnectRate(DEFAULT_LIMITS)
  const admitted = Array.from({ length: 40 }, () => rate.admit('a', 0))
  t.is(admitted.filter(Boolean).length, 30)
  t.true(rate.admit('b', 0))
  t.deepEqual(
    Array.from({ length: 7 }, () => rate.admit('a', 1000)),
    [true, true, true, true, true, false, false],
  )
})

test('L-rate-src: connections that proved harmless cost nothing', (t) => {
  const rate = new ConnectRate({ ...DEFAULT_LIMITS, 'source-burst': 3, 'source-rate': 1 })
  for (let i = 0; i < 100; i++) {
    t.true(rate.admit('a', 0))
    rate.refund('a', 0)
  }
  rate.refund('a', 0)
  t.deepEqual(
    [1, 2, 3, 4].map(() => rate.admit('a', 0)),
    [true, true, true, false],
  )
  rate.refund('nobody', 0)
  t.is(rate.size, 1)
})

test('L-rate-src: memory is bounded', (t) => {
  const rate = new ConnectRate(DEFAULT_LIMITS)
  for (let i = 0; i < 10_500; i++) {
    rate.admit(`source ${i}`, 0)
  }
  t.is(rate.size, 10_000)
})
