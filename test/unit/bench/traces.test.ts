import test from 'ava'
import fc from 'fast-check'
import { TRACES } from '../../../bench/traces/catalogue.js'
import { lastPicture } from '../../../bench/traces/disk.js'
import { probeOf } from '../../../bench/traces/probe.js'
import { decodeTrace, encodeTrace } from '../../../bench/traces/trace-file.js'
import { checkTrace, TraceScreen, type Trace } from '../../../bench/traces/trace.js'
import { area, contains, rectOf } from '../../../src/core/region.js'

const SIZE = { width: 320, height: 200, steps: 20 }

/** Traces that change little of the screen from frame to frame. */
const SMALL_CHANGES = ['editor', 'mixed']

/** All of a trace as bytes, to compare. */
const bytesOf = (trace: Trace): Buffer => Buffer.from(encodeTrace(trace, 'raw').buffer)

for (const maker of TRACES) {
  test(`${maker.name}: the same each time, and its damage covers what changes`, (t) => {
    const trace = maker.make(SIZE)
    t.true(bytesOf(maker.make(SIZE)).equals(bytesOf(trace)))
    t.notThrows(() => checkTrace(trace))
    t.true(trace.frames.length > SIZE.steps / 2)
    const screen = new TraceScreen(trace)
    let before = new Uint32Array(trace.width * trace.height)
    let changed = 0
    for (const frame of trace.frames) {
      screen.draw(trace, frame)
      const now = new Uint32Array(screen.pixels.slice().buffer)
      let differing = 0
      now.forEach((word, at) => {
        if (word !== before[at]) {
          const pixel = rectOf(at % trace.width, Math.floor(at / trace.width), 1, 1)
          differing += 1
          if (!frame.damage.some((rect) => contains(rect, pixel))) {
            t.fail(`pixel ${pixel.left},${pixel.top} changed at ${frame.atMs} ms and was not reported`)
          }
        }
      })
      changed += Math.min(1, differing)
      before = now
    }
    t.true(changed > trace.frames.length / 2, `${changed} of ${trace.frames.length} frames change something`)
    const damaged = trace.frames.slice(1).flatMap(({ damage }) => damage.map(area))
    const mean = damaged.reduce((sum, size) => sum + size, 0) / damaged.length
    t.is(mean < (trace.width * trace.height) / 8, SMALL_CHANGES.includes(maker.name))
  })

  test(`${maker.name}: a file holds all of it, raw and packed`, (t) => {
    const trace = maker.make(SIZE)
    for (const coding of ['raw', 'zlib'] as const) {
      const file = encodeTrace(trace, coding)
      t.is(file.length % 512, 0)
      t.true(bytesOf(decodeTrace(file)).equals(bytesOf(trace)))
    }
    t.true(encodeTrace(trace, 'zlib').length < encodeTrace(trace, 'raw').length)
  })
}

test('a damaged file is refused, or a trace that can be played', (t) => {
  const file = encodeTrace(TRACES[0]!.make({ width: 64, height: 64, steps: 2 }), 'raw')
  fc.assert(
    fc.property(fc.nat(511), fc.nat(255), (at, value) => {
      const damaged = file.slice()
      damaged[at] = value
      let trace: Trace
      try {
        trace = decodeTrace(damaged)
      } catch (error) {
        return error instanceof RangeError
      }
      checkTrace(trace)
      return true
    }),
    { numRuns: 500 },
  )
  t.throws(() => decodeTrace(file.subarray(0, 1024)), { instanceOf: RangeError })
})

test('the probe of a trace is a strip that most of its frames change', (t) => {
  const trace = TRACES.find(({ name }) => name === 'terminal')!.make(SIZE)
  const { rect, changes } = probeOf(trace)
  t.is(rect.left % 32, 0)
  t.true(changes > trace.frames.length / 2)
})

test('the last picture is what all frames leave', (t) => {
  const trace = TRACES.find(({ name }) => name === 'drag')!.make(SIZE)
  const screen = new TraceScreen(trace)
  for (const frame of trace.frames) {
    screen.draw(trace, frame)
  }
  t.deepEqual(lastPicture(trace).pixels, screen.pixels)
})
