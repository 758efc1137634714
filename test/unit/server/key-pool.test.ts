import { generateKeyPairSync } from 'node:crypto'
import test from 'ava'
import { silentLogger } from '../../../src/core/logger.js'
import { KeyPool, type TicketKeyPair } from '../../../src/server/key-pool.js'

test('every taker gets a pair of its own, in order, one made at a time', async (t) => {
  const pool = new KeyPool(2, silentLogger)
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
  const pool = new KeyPool(1, silentLogger)
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
