import test from 'ava'
import fc from 'fast-check'
import { intersect, isEmpty, rectOf, type Rect } from '../../src/core/region.js'
import { Tracker, type Change } from '../../src/display/tracker.js'
import type { Frame } from '../../src/display/index.js'
import { createPictureStore } from '../../src/kernels/index.js'
import { act, acts, guestOf, seen } from '../helpers/guest-screen.js'

/** A client that does what it is told: moves, then new pixels in rectangles. */
class Mirror {
  readonly pixels: Uint8Array
  readonly #frame: Frame

  constructor(frame: Frame) {
    this.#frame = frame
    this.pixels = frame.pixels.slice()
  }

  apply({ moves, rects }: Change): number {
    const { width } = this.#frame
    for (const { to, dx, dy } of moves) {
      const before = this.pixels.slice()
      this.#rows(to, (at, bytes) => {
        const from = at - (dy * width + dx) * 4
        this.pixels.set(before.subarray(from, from + bytes), at)
      })
    }
    let painted = 0
    for (const rect of rects) {
      this.#rows(rect, (at, bytes) => {
        this.pixels.set(this.#frame.pixels.subarray(at, at + bytes), at)
        painted += bytes / 4
      })
    }
    return painted
  }

  #rows({ left, top, right, bottom }: Rect, row: (at: number, bytes: number) => void): void {
    for (let y = top; y < bottom; y++) {
      row((y * this.#frame.width + left) * 4, (right - left) * 4)
    }
  }
}

test('whoever follows the changes has the exact picture, and moved pixels are real ones', (t) => {
  let moved = 0
  fc.assert(
    fc.property(
      fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constant(300)),
      fc.oneof(fc.integer({ min: 1, max: 200 }), fc.constant(200)),
      fc.nat(7),
      fc.array(fc.tuple(acts, fc.boolean(), fc.boolean()), { maxLength: 8 }),
      (width, height, padding, steps) => {
        const guest = guestOf(width, height, padding)
        const tracker = Tracker.create({ generation: 1, ...guest }, createPictureStore)!
        const mirror = new Mirror(tracker.frame)
        for (const [what, overReported, looksNow] of steps) {
          act(guest, what)
          const whole = rectOf(0, 0, width, height)
          tracker.damage([overReported ? whole : what.rect])
          while (looksNow && tracker.stale) {
            const change = tracker.refresh()
            moved += change.moves.length
            for (const rect of change.rects) {
              t.false(isEmpty(rect))
              t.deepEqual(intersect(rect, whole), rect)
            }
            mirror.apply(change)
          }
        }
        while (tracker.stale) {
          mirror.apply(tracker.refresh())
        }
        t.deepEqual(seen({ ...guest, stride: width * 4, pixels: mirror.pixels }), seen(guest))
      },
    ),
    { numRuns: 40 },
  )
  t.true(moved > 0, 'no move was ever found')
})

test('a guest that reports its whole screen for a blinking cursor costs the pixels of the cursor', (t) => {
  const guest = guestOf(640, 480, 0)
  const tracker = Tracker.create({ generation: 1, ...guest }, createPictureStore)!
  const mirror = new Mirror(tracker.frame)
  act(guest, { kind: 'fill', rect: rectOf(203, 117, 9, 16), colour: 0x123456 })
  tracker.damage([rectOf(0, 0, 640, 480)])
  const change = tracker.refresh()
  t.deepEqual(change, { moves: [], rects: [rectOf(203, 117, 9, 16)] })
  t.is(mirror.apply(change), 9 * 16)
  t.false(tracker.stale)
})

test('the padding byte of a pixel is no change', (t) => {
  const guest = guestOf(130, 40, 2)
  const tracker = Tracker.create({ generation: 1, ...guest }, createPictureStore)!
  for (let at = 3; at < guest.pixels.length; at += 4) {
    guest.pixels[at] = 0xa5
  }
  tracker.damage([rectOf(0, 0, 130, 40)])
  t.deepEqual(tracker.refresh(), { moves: [], rects: [] })
})

test('a frame that comes in place of one of the same size is compared, not sent again', (t) => {
  const guest = guestOf(200, 100, 0)
  const tracker = Tracker.create({ generation: 1, ...guest }, createPictureStore)!
  const other = { ...guest, pixels: guest.pixels.slice() }
  act(other, { kind: 'fill', rect: rectOf(10, 20, 5, 5), colour: 0xff00ff })
  tracker.follow({ generation: 2, ...other })
  t.deepEqual(tracker.refresh(), { moves: [], rects: [rectOf(10, 20, 5, 5)] })
})

test('scrolling costs the lines that came in', (t) => {
  const guest = guestOf(640, 480, 0)
  const tracker = Tracker.create({ generation: 1, ...guest }, createPictureStore)!
  const mirror = new Mirror(tracker.frame)
  for (let turn = 0; turn < 5; turn++) {
    act(guest, { kind: 'shift', rect: rectOf(0, 0, 640, 480), dx: 0, dy: -16 })
    act(guest, { kind: 'noise', rect: rectOf(0, 464, 640, 16), seed: turn })
    tracker.damage([rectOf(0, 0, 640, 480)])
    const change = tracker.refresh()
    t.deepEqual(change.moves, [{ to: rectOf(0, 0, 640, 464), dx: 0, dy: -16 }])
    t.is(mirror.apply(change), 640 * 16)
  }
  t.deepEqual(seen({ ...guest, pixels: mirror.pixels }), seen(guest))
})

test('a huge picture is looked at in turns', (t) => {
  const guest = guestOf(2048, 2048, 0)
  const tracker = Tracker.create({ generation: 1, ...guest }, createPictureStore)!
  act(guest, { kind: 'fill', rect: rectOf(5, 5, 1, 1), colour: 1 })
  act(guest, { kind: 'fill', rect: rectOf(5, 2000, 1, 1), colour: 1 })
  tracker.damage([rectOf(0, 0, 2048, 2048)])
  t.deepEqual(tracker.refresh().rects, [rectOf(5, 5, 1, 1)])
  t.true(tracker.stale)
  t.deepEqual(tracker.refresh().rects, [rectOf(5, 2000, 1, 1)])
  t.false(tracker.stale)
})
