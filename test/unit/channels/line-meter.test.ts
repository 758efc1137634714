import test from 'ava'
import { LineMeter } from '../../../src/channels/main/line-meter.js'
import {
  lineFacts,
  LOW_BANDWIDTH,
  newPingRecord,
  RATE_PAYLOAD,
  RATE_PING_ID,
} from '../../../src/channels/main/pings.js'
import { noHistogram } from '../../../src/core/metrics.js'

/** A client that answers small pings after `answerMs`, and the large one when the test says so. */
class Line {
  readonly pings = newPingRecord()
  /** Ids of pings sent so far. */
  readonly sent: number[] = []
  readonly rates: number[] = []
  readonly meter: LineMeter
  readonly #due: { readonly id: number; readonly atMs: number }[] = []
  nowMs = 0
  /** `undefined`: never. */
  answerMs: number | undefined
  attachedMs: number | undefined = 0
  #alarmMs = Infinity

  constructor(answerMs?: number) {
    this.answerMs = answerMs
    this.meter = new LineMeter(
      this.pings,
      {
        ping: (id) => {
          this.sent.push(id)
          if (this.answerMs !== undefined) {
            this.#due.push({ id, atMs: this.nowMs + this.answerMs })
          }
        },
        ratePing: () => void this.sent.push(RATE_PING_ID),
        alarm: (delayMs) => {
          this.#alarmMs = this.nowMs + delayMs
        },
      },
      { roundTrip: noHistogram, bitRate: { observe: (rate) => void this.rates.push(rate) } },
    )
    this.meter.start(0)
    this.meter.attach(0)
  }

  get asked(): boolean {
    return this.sent.includes(RATE_PING_ID)
  }

  /** The next thing that happens, if it happens by then. */
  #next(untilMs: number): boolean {
    const [answer] = this.#due
    const atMs = Math.min(this.#alarmMs, answer?.atMs ?? Infinity)
    if (atMs > untilMs) {
      return false
    }
    this.nowMs = atMs
    if (answer?.atMs === atMs) {
      this.#due.shift()
      this.pong(answer.id)
    } else {
      this.#alarmMs = Infinity
      this.meter.alarm(atMs)
    }
    return true
  }

  /** Lets time pass. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms
    while (this.#next(untilMs)) {
      continue
    }
    this.nowMs = untilMs
  }

  /** Lets time pass until the large ping goes out. @returns whether it does by then */
  untilAsked(withinMs = 60_000): boolean {
    const untilMs = this.nowMs + withinMs
    while (!this.asked && this.#next(untilMs)) {
      continue
    }
    this.nowMs = this.asked ? this.nowMs : untilMs
    return this.asked
  }

  pong(id: number): boolean {
    return this.meter.pong(id, this.nowMs, this.attachedMs)
  }

  get facts() {
    return lineFacts(this.pings)
  }
}

/** A line of this latency whose large ping took as long as its bits need. */
const measured = (latencyMs: number, bitsPerSecond: number): Line => {
  const line = new Line(latencyMs)
  line.untilAsked()
  line.pass(latencyMs + (RATE_PAYLOAD * 8000) / bitsPerSecond)
  line.pong(RATE_PING_ID)
  return line
}

for (const [latencyMs, bitsPerSecond, low] of [
  [0.2, 900e6, false],
  [1, LOW_BANDWIDTH * 1.01, false],
  [40, LOW_BANDWIDTH * 0.99, true],
  [600, 1e6, true],
  [80, 64_000, true],
] as const) {
  test(`${bitsPerSecond} bit/s behind ${latencyMs} ms are measured, a slow line: ${low}`, (t) => {
    const { facts, rates } = measured(latencyMs, bitsPerSecond)
    t.true(Math.abs((facts.bitsPerSecond ?? 0) / bitsPerSecond - 1) < 0.01, String(facts.bitsPerSecond))
    t.is(facts.lowBandwidth, low)
    t.deepEqual(rates, [facts.bitsPerSecond])
    t.is(Math.round((facts.roundTripMs ?? 0) * 1000), latencyMs * 1000)
  })
}

test('two pings go out first, and no other ever has the number of the large one', (t) => {
  const line = new Line(1)
  t.deepEqual(line.sent, [1, 2])
  line.attachedMs = undefined
  line.pass(120_000)
  t.true(line.sent.length > 10)
  t.false(line.asked)
  t.is(new Set(line.sent).size, line.sent.length)
})

test('nothing is measured before the client asked for its channels and had time for its picture', (t) => {
  const line = new Line(100)
  line.attachedMs = undefined
  t.false(line.untilAsked(3000))
  line.attachedMs = line.nowMs
  t.false(line.untilAsked(1499))
  t.true(line.untilAsked(1000))
})

test('a line that is busy is not measured until it is free', (t) => {
  const line = new Line(20)
  line.pass(100)
  line.answerMs = 300
  t.false(line.untilAsked(5000))
  line.answerMs = 25
  t.true(line.untilAsked(2000))
})

test('a line that stays busy is looked at ever more seldom, and measured when it is free after all', (t) => {
  const line = new Line(20)
  line.pass(100)
  line.answerMs = 200
  t.false(line.untilAsked(120_000))
  t.true(line.sent.length < 35, `${line.sent.length} pings in two minutes`)
  line.answerMs = 20
  t.true(line.untilAsked(20_000))
})

test('an answer that is no later than that to a small ping tells nothing', (t) => {
  const line = new Line(50)
  line.untilAsked()
  line.pass(50)
  t.true(line.pong(RATE_PING_ID))
  t.is(line.facts.bitsPerSecond, undefined)
  t.false(line.facts.lowBandwidth)
  t.deepEqual(line.rates, [])
})

test('a slow line is not taken for a dead client while it carries the large ping', (t) => {
  const line = new Line(50)
  line.untilAsked()
  const before = line.sent.length
  line.pass(90_000)
  t.is(line.sent.length, before)
  t.true(line.pong(RATE_PING_ID))
  t.true(line.facts.lowBandwidth)
  line.pass(15_000)
  t.is(line.sent.length, before + 1)
})

test('N-CH-07: who never answers the large ping stays unmeasured and has to answer the next ones', (t) => {
  const line = new Line(10)
  line.untilAsked()
  const before = line.sent.length
  line.pass(130_000)
  t.is(line.facts.bitsPerSecond, undefined)
  t.true(line.sent.length > before)
  t.false(line.pong(RATE_PING_ID))
  t.is(line.sent.filter((id) => id === RATE_PING_ID).length, 1)
  line.answerMs = undefined
  t.throws(() => line.pass(60_000), { code: 'SIDECAR_TIMEOUT' })
})

test('N-CH-07: who answers no ping is never sent the large one, and dropped after half a minute', (t) => {
  const line = new Line()
  t.throws(() => line.pass(40_000), { code: 'SIDECAR_TIMEOUT' })
  t.is(line.nowMs, 30_000)
  t.false(line.asked)
})

test('N-CH-07: answers before their ping, twice, or to none count for nothing', (t) => {
  const line = new Line()
  for (const id of [RATE_PING_ID, 0, 4, 0xffff_ffff]) {
    t.false(line.pong(id))
  }
  t.is(line.facts.roundTripMs, undefined)
  line.pass(7)
  t.true(line.pong(2))
  t.false(line.pong(1))
  t.false(line.pong(2))
  t.is(line.facts.roundTripMs, 7)
  t.is(line.pings.rate, 'due')
})
