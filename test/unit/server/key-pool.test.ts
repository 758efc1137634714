import { generateKeyPairSync } from 'node:crypto'
import test from 'ava'
import { DEFAULT_LIMITS, type Limits } from '../../../src/core/limits.js'
import { silentLogger } from '../../../src/core/logger.js'
import { KeyPool, type TicketKeyPair } from '../../../src/server/key-pool.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import { Counted } from '../../helpers/server-rig.js'
import { poll } from '../../helpers/temp-deadline.js'

const poolOf = (limits: Partial<Limits>): { pool: KeyPool; clock: FakeClock; limitHits: Counted } => {
  const clock = new FakeClock()
  const limitHits = new Counted()
  const pool = new KeyPool({
    clock,
    limits: { ...DEFAULT_LIMITS, ...limits },
    limitHits,
    logger: silentLogger,
  })
  return { pool, clock, limitHits }
}

test('every taker gets a pair of its own, in order, one made at a time', async (t) => {
  const { pool } = poolOf({ keys: 2 })
  pool.start()
  const order: number[] = []
  const pairs = await Promise.all(
    [0, 1, 2, 3, 4].map(
      (index) =>
        new Promise<TicketKeyPair>((resolve) => {
          pool.take((pair) => {
            order.push(index)
            resolve(pair)
          })
        }),
    ),
  )
  pool.close()
  t.deepEqual(order, [0, 1, 2, 3, 4])
  t.is(new Set(pairs.map(({ publicKey }) => Buffer.from(publicKey).toString('hex'))).size, 5)
  t.true(pairs.every(({ publicKey }) => publicKey.length === 162))
})

test('a taker that gave up gets nothing, and what it would have got goes to the next', async (t) => {
  const { pool } = poolOf({ keys: 1 })
  const giveUp = pool.take(() => t.fail())
  giveUp()
  giveUp()
  const pair = await new Promise<TicketKeyPair>((resolve) => pool.take(resolve))
  pool.close()
  t.is(
    pair.publicKey.length,
    generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'der' })
      .length,
  )
})

test('L-keys: after a burst pairs are made at a rate, and sources with a session get theirs first', async (t) => {
  const { pool, clock, limitHits } = poolOf({ keys: 1, 'key-burst': 2, 'key-rate': 10 })
  const order: string[] = []
  const take = (name: string, first: boolean): (() => void) => pool.take(() => order.push(name), first)
  for (const name of ['a', 'b', 'c', 'd']) {
    take(name, false)
  }
  const giveUp = take('gone', true)
  take('home', true)
  giveUp()
  await poll('the burst to be used up', () => clock.pending === 1)
  t.deepEqual(order, ['home', 'a'])
  t.is(limitHits.get('key-rate'), 1)
  for (const count of [3, 4, 5]) {
    clock.advance(99)
    t.is(order.length, count - 1)
    clock.advance(1)
    await poll('the next pair', () => order.length === count && clock.pending === 1)
  }
  t.deepEqual(order, ['home', 'a', 'b', 'c', 'd'])
  pool.close()
  await poll('the rest to be given up', () => clock.pending === 0)
  pool.close()
})
