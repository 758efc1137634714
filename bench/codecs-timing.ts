import koffi from 'koffi'
import { median } from './statistics.js'

/** Shortest time of a turn: what takes less is repeated within it. */
const MIN_TURN_MS = 0.3
const WARM_UP_MS = 30
const WARM_UP_TURNS = 40

/** Times of one contestant, milliseconds of one run, round by round. */
export type Times = readonly number[]

const CLOCK_THREAD_CPUTIME_ID = 3

const readClock = koffi.load('libc.so.6').func('int clock_gettime(int clock, void *time)')
const timespec = new BigInt64Array(2)

/** Milliseconds that this thread has run: what neighbours take of the processor is not in it. */
export function threadMs(): number {
  readClock(CLOCK_THREAD_CPUTIME_ID, timespec)
  return Number(timespec[0]) * 1e3 + Number(timespec[1]) / 1e6
}

function timeOf(run: () => void, loops: number): number {
  const start = threadMs()
  for (let loop = 0; loop < loops; loop++) {
    run()
  }
  return (threadMs() - start) / loops
}

/** Runs it until its code has settled, and says how often a turn must repeat it. */
function loopsOf(run: () => void): number {
  let fastest = Number.POSITIVE_INFINITY
  const end = performance.now() + WARM_UP_MS
  for (let turn = 0; turn === 0 || (turn < WARM_UP_TURNS && performance.now() < end); turn++) {
    fastest = Math.min(fastest, timeOf(run, 1))
  }
  return Math.max(1, Math.ceil(MIN_TURN_MS / fastest))
}

/** Every contestant once a round, the order rotating, in one process (`performance-notes.md` section 8). */
export function interleaved(runs: readonly (() => void)[], rounds: number): Times[] {
  const loops = runs.map(loopsOf)
  const times: number[][] = runs.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < runs.length; turn++) {
      const which = (round + turn) % runs.length
      times[which]!.push(timeOf(runs[which]!, loops[which]!))
    }
  }
  return times
}

/** How many times as fast as `reference` the candidate is: the median of the rounds' own ratios. */
export function speedRatio(reference: Times | undefined, candidate: Times | undefined): number {
  if (reference === undefined || candidate === undefined) {
    return Number.NaN
  }
  return median(reference.map((time, round) => time / candidate[round]!))
}

/** Of those that are numbers; NaN for none. */
export function geomean(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value))
  return Math.exp(known.reduce((sum, value) => sum + Math.log(value), 0) / known.length)
}

/** Least of those that are numbers; NaN for none. */
export function least(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value))
  return known.length === 0 ? Number.NaN : Math.min(...known)
}

/** Greatest of those that are numbers; NaN for none. */
export const greatest = (values: readonly number[]): number => -least(values.map((value) => -value))
