import { relativeSize, type FrameSetting } from './frame-setting.js'
import { clamp, MAX_BPS, MAX_FPS, MIN_BPS } from './rate-range.js'

/**
 * How fast and how fine the frames of one stream go out, from what of them has arrived (`protocol-display.md` 17.5 and 19; a
 * design of its own). A bit rate is aimed at, which falls as soon as frames queue on the line and climbs while they do not; quality,
 * frame rate and size of frames follow from it. Pure: time comes in with each call, the state is plain.
 */

/** A frame that was sent and of whose arrival nothing is known. */
export interface FrameFlight {
  /** Multimedia time, ms, and serial of its message: what tells of the arrival names one or the other. */
  readonly stamp: number
  readonly serial: number
  readonly bytes: number
  readonly sentMs: number
}

/** Frames that arrived. */
interface Arrival {
  readonly bytes: number
  readonly atMs: number
}

export interface RateRecord {
  /** Bits a second that are aimed at. */
  targetBps: number
  /** Bits a second beyond which frames would be no better. */
  usableBps: number
  /** What the line carried when frames last queued on it; `undefined`: not known, or no more true. */
  capacityBps: number | undefined
  /** Bytes of a frame at full quality and size, averaged; 0: none was coded yet. */
  fullBytes: number
  /** Changes of the source a second, averaged. */
  sourceFps: number
  changedMs: number
  /** When the last frame was handed in for coding, and the bytes of the last one that was coded. */
  frameMs: number
  lastBytes: number
  /** Frames halved in width and height. */
  half: boolean
  flights: FrameFlight[]
  arrivals: Arrival[]
  /** Shortest times from sending to the word of the arrival, in this and the span before, ms. */
  shortest: [number, number]
  spanMs: number
  /** Time that the last frame waited on the line, ms. */
  queueMs: number
  cutMs: number
  raisedMs: number
}

/** Bits a second at the start, on an unknown line. */
const UNKNOWN_LINE_BPS = 10e6

/** Part of a line that is aimed at where it is known. */
const START_SHARE = 0.7
const CUT_SHARE = 0.8

/** Frames queue on the line from here on; below the second number the line is free, ms. */
const QUEUED_MS = 60
const FREE_MS = 15

/** A frame that had to wait longer than this before it was sent is another sign of a full line, ms. */
const HELD_MS = 40

/** Frames that may be under way, as time on the line beyond its own delay, ms. */
const AHEAD_MS = 60

/** No word of a frame for so long: it is forgotten, and the line is in trouble, ms. */
const LOST_MS = 2000

/** Time between two raises, ms, and their steps: towards and about what the line carried, and where that is not known. */
const RAISE_MS = 100
const STEP_BELOW = 1.1
const STEP_ABOUT = 1.04
const STEP_FREE = 1.4
/** The line carries more than it did when so much more goes through without a queue. */
const OUTGROWN = 1.12

/** A frame that took this part of the time that it was thought to take tells that the line has become faster. */
const FASTER = 3

/** Arrivals that a measurement of the line is made of, and the time that they span at least, ms. */
const ARRIVALS = 8
const MEASURED_MS = 80

/** The shortest time is that of the last two spans, ms. */
const SPAN_MS = 5000

/** Frames without word at most; more are not remembered. */
const MAX_FLIGHTS = 64

/** @param lineBps bits a second of the line to the client, where they were measured */
export const newRate = (lineBps: number | undefined, nowMs: number): RateRecord => ({
  targetBps: clamp((lineBps ?? UNKNOWN_LINE_BPS) * START_SHARE, MIN_BPS, MAX_BPS),
  usableBps: Number.POSITIVE_INFINITY,
  capacityBps: undefined,
  fullBytes: 0,
  sourceFps: MAX_FPS / 2,
  changedMs: nowMs,
  frameMs: Number.NEGATIVE_INFINITY,
  lastBytes: 0,
  half: false,
  flights: [],
  arrivals: [],
  shortest: [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  spanMs: nowMs,
  queueMs: 0,
  cutMs: Number.NEGATIVE_INFINITY,
  raisedMs: nowMs,
})

/** The source has a new picture. */
export const sourceChanged = (rate: RateRecord, nowMs: number): void => {
  const gapMs = nowMs - rate.changedMs
  if (gapMs > 0) {
    rate.sourceFps += (clamp(1000 / gapMs, 1, 60) - rate.sourceFps) * 0.1
    rate.changedMs = nowMs
  }
}

/**
 * When the next frame may be handed in for coding, ms; `undefined`: not before another one has arrived.
 *
 * @param told the client tells of each frame
 */
export const nextFrameMs = (
  rate: RateRecord,
  setting: FrameSetting,
  told: boolean,
  nowMs: number,
): number | undefined => {
  const perMs = rate.targetBps / 8000
  const under = rate.flights.reduce((sum, { bytes }) => sum + bytes, 0)
  const delayMs = Number.isFinite(shortestOf(rate)) ? shortestOf(rate) : 0
  // Some clients report on two frames at once: the first one alone says nothing.
  const waits = told && rate.flights.length > 1
  if (waits && (under > perMs * (delayMs + AHEAD_MS) || isOverdue(rate, nowMs))) {
    return undefined
  }
  return rate.frameMs + Math.max(1000 / setting.fps, rate.lastBytes / perMs)
}

/** When {@link forgetLost} has something to forget next, ms. */
export const lostAtMs = ({ flights }: RateRecord): number | undefined =>
  flights[0] === undefined ? undefined : flights[0].sentMs + LOST_MS

/** Forgets frames of which there was no word for too long; from a client that tells of each that means trouble. */
export const forgetLost = (rate: RateRecord, told: boolean, nowMs: number): void => {
  const kept = rate.flights.filter(({ sentMs }) => nowMs - sentMs < LOST_MS)
  if (kept.length < rate.flights.length) {
    rate.flights = kept
    rate.arrivals = []
    if (told) {
      cut(rate, nowMs)
    }
  }
}

/** A frame is handed in for coding. One that is a little late does not put off the next one: pictures do not come evenly. */
export const frameBegun = (
  rate: RateRecord,
  setting: Pick<FrameSetting, 'fps' | 'half' | 'usableBps'>,
  nowMs: number,
): void => {
  const evenMs = 1000 / setting.fps
  rate.frameMs = Math.max(nowMs - evenMs / 2, Math.min(nowMs, rate.frameMs + evenMs))
  rate.half = setting.half
  rate.usableBps = setting.usableBps
}

/** A frame was coded with that setting and is sent. */
export const frameSent = (
  rate: RateRecord,
  { stamp, serial, bytes }: Omit<FrameFlight, 'sentMs'>,
  { quality, half }: Pick<FrameSetting, 'quality' | 'half'>,
  nowMs: number,
): void => {
  const full = bytes / relativeSize(quality, half)
  rate.fullBytes = rate.fullBytes === 0 ? full : (rate.fullBytes + full) / 2
  rate.lastBytes = bytes
  if (rate.flights.length < MAX_FLIGHTS) {
    rate.flights.push({ stamp, serial, bytes, sentMs: nowMs })
  }
}

/**
 * All frames up to one arrived.
 *
 * @param isPast is a frame among them
 * @param roundTripMs shortest way to the client and back, where that is known
 * @returns frames of which that was news
 */
export const framesArrived = (
  rate: RateRecord,
  isPast: (frame: FrameFlight) => boolean,
  nowMs: number,
  roundTripMs?: number,
): number => {
  const known = rate.flights.findLastIndex(isPast) + 1
  const arrived = rate.flights.splice(0, known)
  const last = arrived.at(-1)
  if (last === undefined) {
    return 0
  }
  const bytes = arrived.reduce((sum, flight) => sum + flight.bytes, 0)
  rate.arrivals.push({ bytes, atMs: nowMs })
  rate.arrivals = rate.arrivals.slice(-ARRIVALS)
  const tookMs = nowMs - last.sentMs
  noteTime(rate, Math.min(tookMs, roundTripMs ?? tookMs), nowMs)
  const ownMs = (last.bytes * 8000) / rate.targetBps
  rate.queueMs = Math.max(0, tookMs - shortestOf(rate) - ownMs)
  if (roundTripMs !== undefined && ownMs > FREE_MS && tookMs - roundTripMs < ownMs / FASTER) {
    rate.capacityBps = undefined
  }
  if (rate.queueMs > QUEUED_MS) {
    cut(rate, nowMs)
  } else if (rate.queueMs < FREE_MS) {
    raise(rate, nowMs)
  }
  return arrived.length
}

/** A frame could be sent only so long after it could have been coded: the way to the client was not free, ms. */
export const frameHeld = (rate: RateRecord, heldMs: number, nowMs: number): void => {
  if (heldMs > HELD_MS) {
    cut(rate, nowMs)
  }
  if (heldMs > FREE_MS) {
    rate.raisedMs = nowMs
  }
}

const cut = (rate: RateRecord, nowMs: number): void => {
  const delayMs = Number.isFinite(shortestOf(rate)) ? shortestOf(rate) : 0
  if (nowMs - rate.cutMs < delayMs + RAISE_MS) {
    return
  }
  const carried = carriedBps(rate)
  rate.capacityBps = carried
  rate.targetBps = clamp(
    Math.min(rate.targetBps, carried ?? rate.targetBps / 2) * CUT_SHARE,
    MIN_BPS,
    MAX_BPS,
  )
  rate.cutMs = nowMs
}

const raise = (rate: RateRecord, nowMs: number): void => {
  if (nowMs - rate.raisedMs < RAISE_MS || !isBinding(rate)) {
    return
  }
  const { capacityBps, targetBps } = rate
  if (capacityBps !== undefined && targetBps > capacityBps * OUTGROWN) {
    rate.capacityBps = undefined
  }
  const step = capacityBps === undefined ? STEP_FREE : targetBps < capacityBps * 0.9 ? STEP_BELOW : STEP_ABOUT
  rate.targetBps = clamp(targetBps * step, MIN_BPS, MAX_BPS)
  rate.raisedMs = nowMs
}

/** Would frames be better, or more, at a higher rate? */
const isBinding = ({ usableBps, targetBps }: RateRecord): boolean => usableBps * OUTGROWN > targetBps

/** Bits a second that arrived of late; `undefined` when that is not known. */
const carriedBps = ({ arrivals }: RateRecord): number | undefined => {
  const [first] = arrivals
  const last = arrivals.at(-1)
  if (first === undefined || last === undefined || last.atMs - first.atMs < MEASURED_MS) {
    return undefined
  }
  const bytes = arrivals.slice(1).reduce((sum, arrival) => sum + arrival.bytes, 0)
  return (bytes * 8000) / (last.atMs - first.atMs)
}

const noteTime = (rate: RateRecord, tookMs: number, nowMs: number): void => {
  if (nowMs - rate.spanMs >= SPAN_MS) {
    rate.shortest = [Number.POSITIVE_INFINITY, rate.shortest[0]]
    rate.spanMs = nowMs
  }
  rate.shortest[0] = Math.min(rate.shortest[0], tookMs)
}

const shortestOf = ({ shortest }: RateRecord): number => Math.min(...shortest)

/** Is the oldest frame under way longer than it would be if nothing were in its way? */
const isOverdue = (rate: RateRecord, nowMs: number): boolean => {
  const [oldest] = rate.flights
  const delayMs = shortestOf(rate)
  return (
    oldest !== undefined &&
    Number.isFinite(delayMs) &&
    nowMs - oldest.sentMs > delayMs + (oldest.bytes * 8000) / rate.targetBps + QUEUED_MS
  )
}
