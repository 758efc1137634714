import test from 'ava'
import { FrameStore } from '../../../src/gpu-bridge/dbus-display/frame-store.js'
import { rectOf, type Rect } from '../../../src/core/region.js'

const frame = (width: number, height: number): { store: FrameStore; source: Buffer; take: () => Rect[] } => {
  const store = new FrameStore(1, width, height, new SharedArrayBuffer(width * height * 4))
  const source = Buffer.alloc(width * height * 4)
  const take = (): Rect[] => {
    const rects: Rect[] = []
    store.update(source, 0, width * 4, rectOf(0, 0, width, height), (rect) => rects.push(rect))
    return rects
  }
  return { store, source, take }
}

test('an equal picture is no damage', (t) => {
  t.deepEqual(frame(64, 64).take(), [])
})

test('a changed pixel is a rectangle of one pixel and is taken over', (t) => {
  const { store, source, take } = frame(64, 48)
  source.writeUInt32LE(0x112233, (7 * 64 + 5) * 4)
  t.deepEqual(take(), [rectOf(5, 7, 1, 1)])
  t.is(Buffer.from(store.memory).readUInt32LE((7 * 64 + 5) * 4), 0x112233)
  t.deepEqual(take(), [])
})

test('near rows are one rectangle with the bounds of all, far rows are two', (t) => {
  const { source, take } = frame(100, 100)
  for (const [x, y] of [
    [10, 20],
    [90, 22],
    [3, 24],
    [50, 60],
  ] as const) {
    source[(y * 100 + x) * 4] = 255
  }
  t.deepEqual(take(), [
    { left: 3, top: 20, right: 91, bottom: 25 },
    { left: 50, top: 60, right: 51, bottom: 61 },
  ])
})

test('a rectangle of a larger source is read at its offset and stride', (t) => {
  const store = new FrameStore(1, 10, 10, new SharedArrayBuffer(500))
  const source = Buffer.alloc(1000, 9)
  const rects: Rect[] = []
  store.update(source, 40, 100, rectOf(2, 3, 4, 2), (rect) => rects.push(rect))
  t.deepEqual(rects, [rectOf(2, 3, 4, 2)])
  const bytes = Buffer.from(store.memory)
  t.is(bytes.filter((byte) => byte === 9).length, 4 * 2 * 4)
  t.is(bytes[(3 * 10 + 2) * 4], 9)
  t.is(bytes[(3 * 10 + 6) * 4], 0)
})
