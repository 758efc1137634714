import test from 'ava'
import { FramePool } from '../../../src/gpu-bridge/dbus-display/frame-pool.js'
import type { FrameStore } from '../../../src/gpu-bridge/dbus-display/frame-store.js'
import { PendingUpdate } from '../../../src/gpu-bridge/dbus-display/pending.js'

test('memory that the main thread may read is never handed out, whatever order things happen in', (t) => {
  for (let round = 0; round < 200; round++) {
    let onItsWay = false
    const pool = new FramePool(() => !onItsWay)
    const pending = new PendingUpdate(pool)
    let mainReads: SharedArrayBuffer | undefined
    let posted: SharedArrayBuffer | undefined
    let store: FrameStore | undefined
    for (let step = 0; step < 60; step++) {
      switch ((step * 7 + round * 13 + ((step * round) % 5)) % 4) {
        case 0:
        case 1: {
          store = pool.take(step, 10 + ((step * round) % 700), 500)
          t.not(store.memory, mainReads)
          t.true(posted === undefined || store.memory !== posted)
          pending.frame(store)
          break
        }
        case 2:
          if (!onItsWay && !pending.isEmpty) {
            posted = (pending.take(0).frame ?? undefined)?.memory
            onItsWay = true
          }
          break
        case 3:
          if (onItsWay) {
            onItsWay = false
            mainReads = posted
            posted = undefined
          }
      }
    }
  }
})

test('a guest that changes its mode in a loop gets the same few memories', (t) => {
  let onItsWay = false
  const pool = new FramePool(() => !onItsWay)
  const pending = new PendingUpdate(pool)
  const memories = new Set<SharedArrayBuffer>()
  let bytes = 0
  for (let step = 0; step < 2000; step++) {
    const store = pool.take(step, 200 + (step % 700), step % 2 === 0 ? 300 : 1200)
    if (!memories.has(store.memory)) {
      memories.add(store.memory)
      bytes += store.memory.byteLength
    }
    pending.frame(store)
    if (step % 3 === 0) {
      pending.take(0)
      onItsWay = step % 2 === 0
    }
  }
  t.true(memories.size <= 12)
  t.true(bytes <= 32 * 1024 * 1024)
})
