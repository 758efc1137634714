import test from 'ava'
import fc from 'fast-check'
import { contains, rectOf, type Rect } from '../../src/core/region.js'
import { FrameStore } from '../../src/gpu-bridge/dbus-display/frame-store.js'

interface Change {
  readonly x: number
  readonly y: number
  readonly byte: number
  readonly value: number
}

const change = fc.record({ x: fc.nat(36), y: fc.nat(60), byte: fc.nat(3), value: fc.nat(255) })

test('after an update the store is the source, every changed pixel is damage, the edges of damage are changes', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 37 }),
      fc.integer({ min: 1, max: 61 }),
      fc.array(fc.array(change)),
      (width, height, rounds) => {
        const store = new FrameStore(1, width, height, new SharedArrayBuffer(width * height * 4))
        const pixels = Buffer.from(store.memory)
        const source = Buffer.alloc(width * height * 4)
        for (const changes of rounds) {
          for (const { x, y, byte, value } of changes as readonly Change[]) {
            if (x < width && y < height) {
              source[(y * width + x) * 4 + byte] = value
            }
          }
          const before = Buffer.from(pixels)
          const rects: Rect[] = []
          store.update(source, 0, width * 4, rectOf(0, 0, width, height), (rect) => rects.push(rect))
          t.is(pixels.compare(source), 0)
          const changed = (x: number, y: number): boolean =>
            before.readUInt32LE((y * width + x) * 4) !== source.readUInt32LE((y * width + x) * 4)
          for (let y = 0; y < height; y++) {
            for (let x = 0; x < width; x++) {
              if (changed(x, y)) {
                t.true(rects.some((rect) => contains(rect, rectOf(x, y, 1, 1))))
              }
            }
          }
          for (const rect of rects) {
            const rows = Array.from({ length: rect.bottom - rect.top }, (_, i) => rect.top + i)
            const columns = Array.from({ length: rect.right - rect.left }, (_, i) => rect.left + i)
            t.true(rows.some((y) => changed(rect.left, y)) && rows.some((y) => changed(rect.right - 1, y)))
            t.true(
              columns.some((x) => changed(x, rect.top)) && columns.some((x) => changed(x, rect.bottom - 1)),
            )
          }
        }
      },
    ),
    { numRuns: 100 },
  )
})
