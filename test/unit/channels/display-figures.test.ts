import test from 'ava'
import {
  newDisplayRecord,
  newWireRecord,
  type ChannelFigures,
  type DisplayDeps,
} from '../../../src/channels/index.js'
import { displayFigures, DisplayTally } from '../../../src/channels/display/figures.js'
import { newRate } from '../../../src/channels/display/streams/rate-control.js'
import { newStamps } from '../../../src/channels/display/streams/stamps.js'
import type { StreamRecord } from '../../../src/channels/display/streams/stream-record.js'
import { rectOf } from '../../../src/core/region.js'
import { DisplayModel } from '../../../src/display/index.js'
import { createPictureStore } from '../../../src/kernels/index.js'
import { displayDeps, noDisplayMetrics } from '../../helpers/display-deps.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import { inlineEncoders } from '../../helpers/inline-encoders.js'

const tallyOf = (metrics: Partial<DisplayDeps['metrics']> = {}, clock = new FakeClock()): DisplayTally =>
  new DisplayTally(
    displayDeps({
      model: new DisplayModel(createPictureStore),
      encoders: inlineEncoders(clock),
      clock,
      metrics: { ...noDisplayMetrics, ...metrics },
    }),
  )

test('a tally hands on what it counts, by codec', (t) => {
  const seen: unknown[] = []
  const imageBytes = { add: (...what: unknown[]) => seen.push(what) }
  const tally = tallyOf({ imageBytes })
  tally.deps.metrics.imageBytes.add(10, { codec: 'lz' })
  tally.deps.metrics.imageBytes.add(5, { codec: 'lz' })
  tally.deps.metrics.imageBytes.add(7, { codec: 'quic' })
  tally.deps.metrics.merged.add(2)
  tally.deps.metrics.cacheHits.add(1)
  t.deepEqual(seen, [
    [10, { codec: 'lz' }],
    [5, { codec: 'lz' }],
    [7, { codec: 'quic' }],
  ])
  const figures = displayFigures(newDisplayRecord(newWireRecord(true), 0, []), tally)
  t.deepEqual(figures['image-bytes'], { lz: 15, quic: 7 })
  t.like(figures, { 'updates-merged': 2, 'cache-hits': 1, 'cache-misses': 0, 'round-trip-ms': undefined })
})

test('an update waits from its first change until it is handed over', (t) => {
  const clock = new FakeClock()
  const waits: number[] = []
  const updateWait = { observe: (seconds: number) => waits.push(seconds) }
  const tally = tallyOf({ updateWait }, clock)
  tally.deps.metrics.frames.add(1)
  tally.due()
  clock.advance(30)
  tally.due()
  clock.advance(20)
  tally.deps.metrics.frames.add(1)
  tally.deps.metrics.frames.add(1)
  t.deepEqual(waits, [0.05])
})

test('what is lossy twice counts once', (t) => {
  const record = newDisplayRecord(newWireRecord(true), 0, [])
  const areas = [rectOf(0, 0, 10, 10), rectOf(5, 5, 10, 10), rectOf(2, 2, 3, 3)]
  record.lossy.areas = areas.map((rect) => ({ rect, atMs: 0 }))
  const figures = displayFigures(record, tallyOf())
  t.is(figures['lossy-pixels'], 175)
})

test('streams that the client has are listed, by what they show', (t) => {
  const record = newDisplayRecord(newWireRecord(true), 0, [])
  const stream = (id: number, open: boolean): StreamRecord => ({
    id,
    uniqueId: id,
    region: 0,
    box: rectOf(10, 20, 320, 240),
    codec: 'mjpeg',
    open,
    due: false,
    heldMs: undefined,
    keyFrame: true,
    unreported: 0,
    rate: newRate(8e6, 0),
    stamps: newStamps(8e6, 0),
  })
  record.streams.list = [stream(0, true), stream(1, false)]
  const { streams } = displayFigures(record, tallyOf())
  const [first, ...rest] = streams as readonly ChannelFigures[]
  t.deepEqual(rest, [])
  t.like(first, { codec: 'mjpeg', x: 10, y: 20, width: 320, height: 240 })
  t.true(Number(first?.['target-bits-per-second']) > 0)
})
