import type { Delivery, Flight } from '../flight.js'

/** What the main channel's pings told about a client's line. */
export interface Line {
  /** Last measured round trip, milliseconds. */
  readonly roundTripMs: number | undefined
  readonly bitsPerSecond: number | undefined
}

/** What the acknowledgements of a channel told about the way to its client; plain. */
export interface FlowRecord {
  /** Highest rates seen in this and in the last span of time, bytes a millisecond; 0: none yet. */
  rate: number
  lastRate: number
  rateSinceMs: number
  /** Shortest time from message to acknowledgement of late, milliseconds, and when it was seen. */
  roundTripMs: number | undefined
  roundTripAtMs: number
  /** Since when less is sent, until a round trip without a queue was seen, milliseconds. */
  drainSinceMs: number | undefined
  /** While the rate still grows from round to round: the rate at the last round, and rounds without growth. */
  growth: { rate: number; flatRounds: number } | undefined
  /** The round is over when so many bytes are delivered. */
  roundEnd: number
  /** Coded bytes of a pixel, of late. */
  density: number
  /** What is left out because the client reads too slowly; see {@link SLOW_STEPS}. */
  step: number
}

export const newFlowRecord = (): FlowRecord => ({
  rate: 0,
  lastRate: 0,
  rateSinceMs: 0,
  roundTripMs: undefined,
  roundTripAtMs: 0,
  drainSinceMs: undefined,
  growth: { rate: 0, flatRounds: 0 },
  roundEnd: 0,
  density: 1,
  step: 0,
})

/** As `adoptFlight`. */
export const adoptFlow = (flow: FlowRecord, nowMs: number): void => {
  flow.rateSinceMs = Math.min(flow.rateSinceMs, nowMs)
  flow.roundTripAtMs = Math.min(flow.roundTripAtMs, nowMs)
  if (flow.drainSinceMs !== undefined) {
    flow.drainSinceMs = Math.min(flow.drainSinceMs, nowMs)
  }
}

/** A rate counts for one to two such spans: a line that became slower is known to be in that time, milliseconds. */
const RATE_SPAN_MS = 1000

/** After so long the shortest round trip is looked for anew; a line that is never full shows it by itself, milliseconds. */
const ROUND_TRIP_SPAN_MS = 10_000

/** On its way is what the line holds and a quarter more, so that a line that became faster shows it. */
const SURPLUS = 1.25

/** While the rate is still unknown, what is on its way doubles from round to round, and a little more. */
const GROWTH_SURPLUS = 2.5

/** A round whose rate is no more than this times the last one's is flat; after so many of them the rate is known. */
const FLAT = 1.25
const FLAT_ROUNDS = 2

/** So does an answer that took so much of a round trip, and so much longer: a queue has formed; milliseconds. */
const QUEUED_SHARE = 1.5
const QUEUED_MS = 50

/** While a round trip without a queue is looked for. */
const DRAIN_SHARE = 0.5

/** The line is kept busy for so long more: acknowledgements come in steps, and who makes frames may be late, milliseconds. */
const SLACK_MS = 25

/** So much may be on its way on the slowest line, bytes. */
const LEAST_IN_FLIGHT = 16 * 1024

/** While nothing is known of a line, bytes. */
const FIRST_IN_FLIGHT = 128 * 1024

/**
 * On any line of the rate below, where it is gone in a tenth of a second: a busy machine that answers late must not look like a slow
 * line. Bytes; bytes a millisecond.
 */
const FAST_IN_FLIGHT = 256 * 1024
const FAST_RATE = 2500

/** What is small may go beyond the bound, by what takes so long, milliseconds, and at least so many bytes. */
const ECHO_MS = 50
const LEAST_ECHO = 4096

/** Longest that one image takes the line, milliseconds, and its part of what may be on its way. */
const PIECE_MS = 50
const PIECE_SHARE = 0.25

/** Fewer pixels are not worth a message of their own. */
const LEAST_PIECE_PIXELS = 1024

/** Acknowledgements are asked for that often within what may be on its way, while at least the second part of it is. */
const ASKED_SHARE = 1 / 8
const ASKED_FROM = 1 / 4
const LEAST_ASKED = 2048
const MOST_ASKED = 64 * 1024

/** The largest window that is announced (threat model L-ack), messages. */
const MAX_ACK_WINDOW = 128

/** A round trip as short as that fits any window, milliseconds. */
const NEAR_MS = 20

/** Part of a new density that is lower than the one so far; a higher one counts at once. */
const DENSITY_WEIGHT = 1 / 8

/** Images of fewer pixels are mostly header. */
const DENSITY_PIXELS = 1024

/** The rate in use, bytes a millisecond; `undefined` while nothing is known. */
const rateOf = (flow: FlowRecord, line: Line): number | undefined => {
  const measured = Math.max(flow.rate, flow.lastRate)
  const told = line.bitsPerSecond === undefined ? 0 : line.bitsPerSecond / 8000
  const rate = flow.growth === undefined ? measured : Math.max(measured, told)
  return rate > 0 ? rate : undefined
}

/** The shortest way there and back, milliseconds. */
const roundTripOf = (flow: FlowRecord, line: Line): number =>
  Math.min(flow.roundTripMs ?? Infinity, line.roundTripMs ?? flow.roundTripMs ?? 0)

/** Nothing is known of the line yet: neither did pings tell, nor was it full for once. */
const isUnknown = (flow: FlowRecord, line: Line): boolean =>
  line.bitsPerSecond === undefined && flow.growth?.rate === 0

/** Bytes that may be on their way in any case. */
const leastInFlight = (flow: FlowRecord, line: Line): number => {
  if ((rateOf(flow, line) ?? 0) >= FAST_RATE) {
    return FAST_IN_FLIGHT
  }
  return isUnknown(flow, line) ? FIRST_IN_FLIGHT : LEAST_IN_FLIGHT
}

/** @returns bytes that may be on their way to the client, sent and not acknowledged */
export const inFlightLimit = (flow: FlowRecord, line: Line): number => {
  const rate = rateOf(flow, line) ?? 0
  const roundTripMs = roundTripOf(flow, line)
  const surplus = flow.growth === undefined ? SURPLUS : GROWTH_SURPLUS
  const bound =
    flow.drainSinceMs === undefined
      ? rate * (roundTripMs * surplus + SLACK_MS)
      : rate * roundTripMs * DRAIN_SHARE
  return Math.max(leastInFlight(flow, line), bound)
}

/** What may be sent now. */
export type Gate =
  | 'open'
  /** What answers input: small rectangles. */
  | 'small'
  | 'shut'

/** @param pending bytes that are being coded, as far as that can be guessed */
export const gateOf = (
  flow: FlowRecord,
  { bytes }: Pick<Flight, 'bytes'>,
  pending: number,
  line: Line,
): Gate => {
  const limit = inFlightLimit(flow, line)
  const onTheWay = bytes + pending
  if (onTheWay < limit) {
    return 'open'
  }
  const echo = Math.max(LEAST_ECHO, (rateOf(flow, line) ?? 0) * ECHO_MS)
  return onTheWay < limit + echo ? 'small' : 'shut'
}

/** @returns pixels of the largest rectangle that may go as one image; at most `mostPixels` */
export const piecePixels = (
  flow: FlowRecord,
  line: Line,
  mostPixels: number,
  density = flow.density,
): number => {
  const rate = rateOf(flow, line) ?? 0
  const inPart = inFlightLimit(flow, line) * PIECE_SHARE
  const isSlow = rate < FAST_RATE && !isUnknown(flow, line)
  const bytes = isSlow ? Math.min(rate * PIECE_MS, inPart) : Math.max(rate * PIECE_MS, inPart)
  return Math.min(mostPixels, Math.max(LEAST_PIECE_PIXELS, Math.floor(bytes / density)))
}

/** Is it time for another SET_ACK, so that what is on its way is known well enough? */
export const asksNow = (flow: FlowRecord, flight: Pick<Flight, 'bytes' | 'unasked'>, line: Line): boolean => {
  const limit = inFlightLimit(flow, line)
  const step = Math.min(MOST_ASKED, Math.max(LEAST_ASKED, limit * ASKED_SHARE))
  return flight.unasked >= step && flight.bytes >= limit * ASKED_FROM
}

/**
 * @param base messages, on a line that is neither slow nor far
 * @param mean bytes of a message that is on its way
 * @returns the window to announce, messages: twice as many have to hold what may be on its way
 */
export const ackWindowFor = (flow: FlowRecord, line: Line, base: number, mean: number): number => {
  const far = roundTripOf(flow, line) > NEAR_MS
  const wanted = far && mean > 0 ? Math.ceil(inFlightLimit(flow, line) / mean) : 0
  return Math.max(base, Math.min(MAX_ACK_WINDOW, wanted))
}

/** An image was sent. */
export const addDensity = (flow: FlowRecord, pixels: number, bytes: number): void => {
  if (pixels >= DENSITY_PIXELS) {
    const now = bytes / pixels
    flow.density += now > flow.density ? now - flow.density : (now - flow.density) * DENSITY_WEIGHT
  }
}

/** The client acknowledged messages. */
export const learn = (
  flow: FlowRecord,
  flight: Pick<Flight, 'bytes' | 'delivered'>,
  { tookMs, rate, idle }: Delivery,
  line: Line,
  nowMs: number,
): void => {
  learnRoundTrip(flow, tookMs, nowMs)
  if (!idle || rate > (rateOf(flow, line) ?? 0)) {
    learnRate(flow, rate, nowMs)
  }
  if (!idle && tookMs > roundTripOf(flow, line) * QUEUED_SHARE + QUEUED_MS) {
    flow.growth = undefined
  }
  if (flight.delivered >= flow.roundEnd) {
    flow.roundEnd = flight.delivered + flight.bytes
    if (!idle) {
      learnGrowth(flow)
    }
  }
}

const learnRoundTrip = (flow: FlowRecord, tookMs: number, nowMs: number): void => {
  const drained = flow.drainSinceMs !== undefined && nowMs - tookMs > flow.drainSinceMs
  if (flow.roundTripMs === undefined || tookMs <= flow.roundTripMs || drained) {
    flow.roundTripMs = tookMs
    flow.roundTripAtMs = nowMs
    flow.drainSinceMs = undefined
  } else if (flow.drainSinceMs === undefined && nowMs - flow.roundTripAtMs > ROUND_TRIP_SPAN_MS) {
    flow.drainSinceMs = nowMs
  }
}

const learnRate = (flow: FlowRecord, rate: number, nowMs: number): void => {
  if (nowMs - flow.rateSinceMs >= RATE_SPAN_MS) {
    flow.lastRate = flow.rate
    flow.rate = rate
    flow.rateSinceMs = nowMs
  } else {
    flow.rate = Math.max(flow.rate, rate)
  }
}

const learnGrowth = (flow: FlowRecord): void => {
  const { growth, rate } = flow
  if (growth === undefined) {
    return
  }
  if (rate > growth.rate * FLAT) {
    growth.rate = rate
    growth.flatRounds = 0
  } else if (++growth.flatRounds >= FLAT_ROUNDS) {
    flow.growth = undefined
  }
}

/**
 * What is left out, step by step, for a client that is so far behind (threat model section 7, "Slow reader"); damage is merged into
 * one region of the surface anyway, and who takes nothing at all for longer is closed (L-ack, L-out).
 */
export const SLOW_STEPS = ['none', 'video', 'size', 'rest'] as const
export const STEP_NO_VIDEO = 1
export const STEP_SMALLEST = 2
export const STEP_ECHO_ONLY = 3

/** From how long an answer is owed each step is taken, milliseconds. */
export interface SlowLimits {
  readonly 'slow-video-ms': number
  readonly 'slow-size-ms': number
  readonly 'slow-echo-ms': number
}

/** @param owedMs how long the client has owed the oldest answer */
export const slowStep = (owedMs: number, limits: SlowLimits): number => {
  if (owedMs < limits['slow-video-ms']) {
    return 0
  }
  if (owedMs < limits['slow-size-ms']) {
    return STEP_NO_VIDEO
  }
  return owedMs < limits['slow-echo-ms'] ? STEP_SMALLEST : STEP_ECHO_ONLY
}
