import test from 'ava'
import fc from 'fast-check'
import {
  addPixmap,
  forgetChannel,
  makeRoom,
  MAX_PIXMAPS,
  newPixmapCache,
  resetPixmaps,
  usePixmap,
  type PixmapCacheRecord,
} from '../../../src/channels/display/pixmap-cache.js'

const image = (id: number, width = 10, height = 10) => ({
  ...{ id: BigInt(id), width, height, lossy: false, tiles: undefined },
})

/** A cache of `size` pixels with images of 100 pixels each, sent on channel 0 with serials 1, 2, 3... */
const filled = (size: number, ids: readonly number[]): PixmapCacheRecord => {
  const cache = newPixmapCache(1, 0, size)
  resetPixmaps(cache, { channel: 0, serial: 0 })
  cache.sync.clear()
  ids.forEach((id, at) => {
    addPixmap(cache, image(id), { channel: 0, serial: at + 1 })
  })
  return cache
}

test('what was used longest ago goes first', (t) => {
  const cache = filled(300, [1, 2, 3])
  t.is(cache.free, 0)
  usePixmap(cache, 1n, { channel: 0, serial: 9 })
  t.deepEqual(makeRoom(cache, 150, 0), { ids: [2n, 3n], waits: [] })
  t.is(cache.free, 200)
  t.deepEqual([...cache.items.keys()], [1n])
})

test('nothing goes while there is room', (t) => {
  const cache = filled(300, [1, 2])
  t.deepEqual(makeRoom(cache, 100, 0), { ids: [], waits: [] })
})

test('an image larger than the cache gets no room, and nothing goes for it', (t) => {
  const cache = filled(300, [1, 2, 3])
  t.is(makeRoom(cache, 301, 0), undefined)
  t.is(cache.items.size, 3)
})

test('what the same message uses stays, and nothing else goes in vain', (t) => {
  const cache = filled(300, [1, 2, 3])
  t.is(makeRoom(cache, 250, 0, new Set([3n])), undefined)
  t.deepEqual([...cache.items.keys()], [1n, 2n, 3n])
  t.deepEqual(makeRoom(cache, 200, 0, new Set([3n])), { ids: [1n, 2n], waits: [] })
})

test('an image that is not there is not used', (t) => {
  const cache = filled(300, [1])
  t.is(usePixmap(cache, 2n, { channel: 0, serial: 5 }), undefined)
})

test('a victim waits for the last use on each of the other channels', (t) => {
  const cache = filled(300, [1, 2, 3])
  usePixmap(cache, 1n, { channel: 1, serial: 7 })
  usePixmap(cache, 2n, { channel: 1, serial: 4 })
  usePixmap(cache, 2n, { channel: 2, serial: 6 })
  usePixmap(cache, 3n, { channel: 3, serial: 1 })
  t.deepEqual(makeRoom(cache, 200, 0), {
    ids: [1n, 2n],
    waits: [
      { channel: 1, serial: 7 },
      { channel: 2, serial: 6 },
    ],
  })
  t.deepEqual(makeRoom(cache, 300, 1)?.waits, [
    { channel: 0, serial: 3 },
    { channel: 3, serial: 1 },
  ])
})

test('a reset waits for the last use of anything on the other channels, and begins a generation', (t) => {
  const cache = filled(300, [1, 2, 3])
  usePixmap(cache, 1n, { channel: 1, serial: 7 })
  const before = cache.generation
  t.deepEqual(resetPixmaps(cache, { channel: 2, serial: 11 }), [
    { channel: 0, serial: 3 },
    { channel: 1, serial: 7 },
  ])
  t.is(cache.items.size, 0)
  t.is(cache.free, 300)
  t.is(cache.generation, before + 1)
  t.deepEqual(cache.initiator, { channel: 2, serial: 11 })
})

test('when a channel is gone nothing is used any more, and nobody waits for it', (t) => {
  const cache = filled(300, [1])
  usePixmap(cache, 1n, { channel: 1, serial: 7 })
  forgetChannel(cache, 0)
  t.true(cache.stale)
  t.is(cache.items.size, 0)
  t.deepEqual(resetPixmaps(cache, { channel: 2, serial: 1 }), [{ channel: 1, serial: 7 }])
  t.false(cache.stale)
})

test('L-mem-client: a cache of tiny images does not grow without bounds', (t) => {
  const cache = newPixmapCache(1, 0, 2 ** 25)
  for (let id = 0; id < MAX_PIXMAPS + 100; id++) {
    t.true((makeRoom(cache, 1, 0)?.ids.length ?? 9) <= 1)
    addPixmap(cache, image(id, 1, 1), { channel: 0, serial: id + 1 })
  }
  t.is(cache.items.size, MAX_PIXMAPS)
})

test('accounts are right after anything, also across a copy', (t) => {
  const step = fc.record({
    what: fc.constantFrom('add', 'add', 'add', 'use', 'reset', 'forget', 'copy'),
    id: fc.nat(20),
    side: fc.integer({ min: 1, max: 30 }),
    channel: fc.nat(3),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 2000 }), (steps, size) => {
      let cache = newPixmapCache(1, 0, size)
      const client = new Map<bigint, number>()
      steps.forEach(({ what, id, side, channel }, serial) => {
        const now = { channel, serial }
        switch (what) {
          case 'add': {
            const victims = client.has(BigInt(id)) ? undefined : makeRoom(cache, side * side, channel)
            if (victims !== undefined) {
              victims.ids.forEach((victim) => t.true(client.delete(victim)))
              t.false(victims.waits.some((wait) => wait.channel === channel))
              addPixmap(cache, image(id, side, side), now)
              client.set(BigInt(id), side * side)
            }
            break
          }
          case 'use': {
            t.is(usePixmap(cache, BigInt(id), now) !== undefined, client.has(BigInt(id)))
            break
          }
          case 'reset': {
            resetPixmaps(cache, now)
            client.clear()
            break
          }
          case 'forget': {
            forgetChannel(cache, channel)
            t.false(cache.sync.has(channel))
            client.clear()
            break
          }
          default: {
            cache = structuredClone(cache)
          }
        }
        const pixels = [...client.values()].reduce((sum, each) => sum + each, 0)
        t.true(pixels <= size)
        t.is(cache.free, size - pixels)
        t.deepEqual([...cache.items.keys()].sort(), [...client.keys()].sort())
      })
    }),
  )
})
