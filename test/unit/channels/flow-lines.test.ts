import test from 'ava'
import type { Counter } from '../../../src/core/metrics.js'
import { rectOf, type Rect } from '../../../src/core/region.js'
import { commonServer, displayServer } from '../../../src/protocol/index.js'
import { noDisplayMetrics } from '../../helpers/display-deps.js'
import { SimulatedLine, type Handled, type LineShape } from '../../helpers/simulated-line.js'

const FRAME_MS = 20

/** The right half: noise, which no codec makes smaller, 25 times a second. */
const busy =
  (line: SimulatedLine, rect = rectOf(160, 0, 160, 200)) =>
  (frame: number): void =>
    line.draw({ kind: 'noise', rect, seed: frame })

/** Bytes that may be on their way: what the line holds and a quarter, 25 ms of acknowledgements, and an image of 50 ms. */
const mostAllowed = ({ bitsPerSecond, roundTripMs }: LineShape): number =>
  Math.max(16 * 1024, (bitsPerSecond / 8000) * (1.25 * roundTripMs + 25)) +
  (bitsPerSecond / 8000) * 50 +
  16 * 1024

for (const mbit of [100, 10, 1]) {
  for (const roundTripMs of [1, 80, 200]) {
    const shape = { bitsPerSecond: mbit * 1e6, roundTripMs }
    test(`${mbit} Mbit/s, ${roundTripMs} ms: the line is used, what is on its way is bounded, the end is exact`, (t) => {
      const line = new SimulatedLine(shape, { compression: 'off', paints: mbit < 100 })
      const whole = busy(line, rectOf(0, 0, 320, 200))
      const everyMs = mbit === 100 ? 16 : 40
      line.run(mbit === 1 ? 8000 : 4000, everyMs, whole)
      line.measure()
      line.run(3000, everyMs, whole)
      const used = (line.bytesHandled * 8) / (shape.bitsPerSecond * 3)
      t.true(used > 0.8, `used ${used}`)
      t.true(line.mostInFlight <= mostAllowed(shape), `${line.mostInFlight} of ${mostAllowed(shape)}`)
      t.log(
        `used ${used.toFixed(2)}, ${(line.mostInFlight / line.holds).toFixed(2)} of what it holds, waited ${line.longestWaitMs.toFixed(0)} ms`,
      )
      if (mbit < 100) {
        line.run(10_000)
        t.true(line.isExact)
      }
    })
  }
}

test('the rate that pings told is enough to begin with', (t) => {
  const shape = { bitsPerSecond: 1e6, roundTripMs: 200 }
  const line = new SimulatedLine(shape)
  line.facts = { roundTripMs: 200, bitsPerSecond: 1e6, lowBandwidth: true }
  line.run(1000)
  line.run(3000, FRAME_MS, busy(line))
  t.true(
    line.mostInFlight <= 2.5 * line.holds + mostAllowed({ ...shape, roundTripMs: 0 }),
    `${line.mostInFlight}`,
  )
})

test('a line that becomes slower is not filled for longer than it takes to know, one that becomes faster is used', (t) => {
  const line = new SimulatedLine(
    { bitsPerSecond: 10e6, roundTripMs: 80 },
    { compression: 'off', paints: false },
  )
  line.run(3000, FRAME_MS, busy(line))
  line.shape = { bitsPerSecond: 1e6, roundTripMs: 80 }
  line.run(4000, FRAME_MS, busy(line))
  line.measure()
  line.run(2000, FRAME_MS, busy(line))
  t.true(line.mostInFlight <= mostAllowed(line.shape), `slower: ${line.mostInFlight}`)
  line.shape = { bitsPerSecond: 20e6, roundTripMs: 80 }
  line.run(3000, FRAME_MS, busy(line))
  line.measure()
  line.run(2000, FRAME_MS, busy(line))
  t.true(line.bytesHandled * 8 > 0.8 * 2 * 20e6, `faster: ${line.bytesHandled}`)
})

test('a way that becomes longer is found out, and no rate is lost to that', (t) => {
  const line = new SimulatedLine(
    { bitsPerSecond: 10e6, roundTripMs: 10 },
    { compression: 'off', paints: false },
  )
  line.run(3000, FRAME_MS, busy(line))
  line.shape = { bitsPerSecond: 10e6, roundTripMs: 200 }
  line.run(20_000, FRAME_MS, busy(line))
  line.measure()
  line.run(3000, FRAME_MS, busy(line))
  t.true(line.bytesHandled * 8 > 0.8 * 3 * 10e6, `${line.bytesHandled}`)
  t.true(line.mostInFlight <= mostAllowed(line.shape), `${line.mostInFlight}`)
})

test('a busy minute keeps the round trip known and what is on its way bounded', (t) => {
  const shape = { bitsPerSecond: 1e6, roundTripMs: 80 }
  const line = new SimulatedLine(shape, { compression: 'off', paints: false })
  line.run(10_000, 2 * FRAME_MS, busy(line))
  line.measure()
  line.run(60_000, 2 * FRAME_MS, busy(line))
  t.true(line.mostInFlight <= mostAllowed(shape), `${line.mostInFlight}`)
  t.true(line.bytesHandled * 8 > 0.8 * 60 * 1e6, `${line.bytesHandled}`)
})

test('a client that takes long for what it gets is a slow line', (t) => {
  // A quarter of a megabyte a second, behind a line of 100 Mbit/s.
  const line = new SimulatedLine(
    { bitsPerSecond: 100e6, roundTripMs: 20, handlingMs: 1 / 250 },
    { compression: 'off', paints: false },
  )
  line.run(6000, FRAME_MS, busy(line))
  line.measure()
  line.run(3000, FRAME_MS, busy(line))
  t.true(line.mostInFlight <= mostAllowed({ bitsPerSecond: 2e6, roundTripMs: 40 }), `${line.mostInFlight}`)
  t.true(line.bytesHandled > 0.8 * 3 * 250_000, `${line.bytesHandled}`)
})

test('a burst after quiet goes at once, as far as the line holds it, and tells no lower rate', (t) => {
  const line = new SimulatedLine(
    { bitsPerSecond: 10e6, roundTripMs: 80 },
    { compression: 'off', paints: false },
  )
  line.run(3000, FRAME_MS, busy(line))
  line.run(5000)
  const rate = Math.max(line.record.flow.rate, line.record.flow.lastRate)
  for (let time = 0; time < 20; time++) {
    line.run(1000, 1000, () => line.draw({ kind: 'noise', rect: rectOf(0, 0, 60, 60), seed: time }))
  }
  const { flow } = line.record
  t.true(Math.max(flow.rate, flow.lastRate) > 0.9 * rate)
})

const boxOf = ({ body }: Handled): Rect => {
  const view = new DataView(body.buffer, body.byteOffset, 20)
  const [top, left, bottom, right] = [4, 8, 12, 16].map((at) => view.getUint32(at, true)) as [
    number,
    number,
    number,
    number,
  ]
  return { left, top, right, bottom }
}

const DRAWS: readonly number[] = [displayServer.drawCopy.id, displayServer.drawFill.id]

for (const roundTripMs of [1, 80, 200]) {
  for (const mbit of [1, 10]) {
    test(`${mbit} Mbit/s, ${roundTripMs} ms: what a key changes goes before what waits, and is there after a round trip and little more`, (t) => {
      const line = new SimulatedLine({ bitsPerSecond: mbit * 1e6, roundTripMs })
      line.run(8000, FRAME_MS, busy(line))
      let press = 0
      line.run(6000, FRAME_MS, (frame) => {
        busy(line)(frame)
        if (frame % 50 === 7) {
          press += 1
          const from = line.handled.length
          const pressMs = line.clock.nowMs()
          line.draw({ kind: 'fill', rect: rectOf(16, 16, 64, 64), colour: press * 0x10305 })
          line.run(2 * roundTripMs + 1000, FRAME_MS, busy(line))
          const sent = line.handled
            .slice(from)
            .filter(({ type, sentMs }) => DRAWS.includes(type) && sentMs >= pressMs)
          const at = sent.findIndex((message) => boxOf(message).left < 160)
          t.true(at >= 0 && at <= 1, `${at} images before it`)
          const tookMs = sent[at]!.atMs - pressMs
          t.true(tookMs < 0.75 * roundTripMs + 300, `${tookMs} ms`)
        }
      })
    })
  }
}

/** Notes the labels of all that is counted. */
class LabelCounter implements Counter {
  readonly seen: string[] = []

  add(_amount: number, labels?: Readonly<Record<string, string>>): void {
    this.seen.push(Object.values(labels ?? {}).join())
  }
}

test('L-slow: a client that falls behind loses video, then gets what is smallest, then only what answers input, and all again', (t) => {
  const slowSteps = new LabelCounter()
  const metrics = { ...noDisplayMetrics, slowSteps }
  const line = new SimulatedLine({ bitsPerSecond: 100e6, roundTripMs: 200 }, { compression: 'off', metrics })
  line.run(3000, FRAME_MS, busy(line))
  t.deepEqual(slowSteps.seen, [])
  line.draw({ kind: 'noise', rect: rectOf(0, 0, 320, 200), seed: 1 })
  line.hold(9000)
  const steps: number[] = []
  line.run(7000, 100, (frame) => {
    if (frame % 5 === 0) {
      line.draw({ kind: 'fill', rect: rectOf(frame, 0, 8, 8), colour: frame + 1 })
    }
    steps.push(line.record.flow.step)
  })
  t.deepEqual(slowSteps.seen, ['video', 'size', 'rest'])
  t.deepEqual(steps, steps.toSorted())
  const { sentSerial } = line.record.wire
  line.draw({ kind: 'noise', rect: rectOf(160, 0, 160, 200), seed: 99 })
  line.run(100)
  t.is(line.record.wire.sentSerial, sentSerial, 'what is large has to wait')
  line.draw({ kind: 'fill', rect: rectOf(100, 0, 8, 8), colour: 77 })
  line.run(100)
  t.is(line.record.wire.sentSerial, sentSerial + 1, 'what is small has not')
  line.run(5000)
  t.is(line.record.flow.step, 0)
  t.true(line.isExact)
})

test('L-ack: who answers no more gets what its line holds and no byte after it, and counts as stalled; damage is one item', (t) => {
  const shape = { bitsPerSecond: 10e6, roundTripMs: 80 }
  const line = new SimulatedLine(shape, { compression: 'off' })
  line.run(4000, FRAME_MS, busy(line))
  line.hold(1e6)
  line.run(1000, FRAME_MS, busy(line))
  const { sentSerial, flight } = line.record.wire
  t.true(flight.bytes <= mostAllowed(shape), `${flight.bytes}`)
  line.run(20_000, FRAME_MS, busy(line))
  t.is(line.record.wire.sentSerial, sentSerial)
  t.true(line.channel.stalled)
  t.deepEqual(
    line.record.outbox.items.map(({ kind }) => kind),
    ['damage'],
  )
})

test('a channel that is restored while its line is full goes on as if nothing had happened, and its line stays as full', (t) => {
  const shape = { bitsPerSecond: 10e6, roundTripMs: 80 }
  const line = new SimulatedLine(shape, { compression: 'off' })
  line.run(3000, FRAME_MS, busy(line))
  for (let time = 0; time < 5; time++) {
    line.restore()
    line.measure()
    line.run(300, FRAME_MS, busy(line))
    t.true(line.mostInFlight <= mostAllowed(shape), `${line.mostInFlight}`)
    t.true(line.bytesHandled * 8 > 0.8 * 0.3 * shape.bitsPerSecond, `${line.bytesHandled}`)
  }
  line.run(10_000)
  t.true(line.isExact)
})

test('the window that is announced grows where many small messages are on a far line, to 128', (t) => {
  const line = new SimulatedLine({ bitsPerSecond: 20e6, roundTripMs: 200 }, { paints: false })
  line.facts = { roundTripMs: 200, bitsPerSecond: 20e6, lowBandwidth: false }
  for (let time = 0; time < 300; time++) {
    line.run(FRAME_MS, FRAME_MS, () => {
      for (let tile = 0; tile < 30; tile++) {
        const rect = rectOf(32 * (tile % 10), 50 * Math.floor(tile / 10), 30, 30)
        line.draw({ kind: 'noise', rect, seed: time * 30 + tile })
      }
    })
  }
  const windows = line.handled
    .filter(({ type }) => type === commonServer.setAck.id)
    .map(({ body }) => commonServer.setAck.decode(body).window)
  t.is(windows[0], 20)
  t.true(Math.max(...windows) > 40, `${Math.max(...windows)}`)
  t.true(windows.every((window) => window >= 20 && window <= 128))
})

test('after any number of messages and a long quiet, nobody is late, and what is large goes at once', (t) => {
  for (let messages = 1; messages <= 45; messages++) {
    const line = new SimulatedLine({ bitsPerSecond: 10e6, roundTripMs: 10 }, { size: [160, 100] })
    line.run(500)
    for (let at = 0; at < messages; at++) {
      line.run(100, 100, () => line.draw({ kind: 'noise', rect: rectOf(0, 0, 8, 8), seed: at }))
    }
    line.run(60_000)
    line.draw({ kind: 'noise', rect: rectOf(0, 0, 160, 100), seed: 3 })
    line.run(1)
    t.is(line.record.flow.step, 0, `${messages} messages`)
    line.run(500)
    t.true(line.isExact)
  }
})
