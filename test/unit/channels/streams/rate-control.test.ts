import test from 'ava'
import fc from 'fast-check'
import {
  frameSetting,
  MAX_QUALITY,
  MIN_QUALITY,
} from '../../../../src/channels/display/streams/frame-setting.js'
import { MAX_FPS } from '../../../../src/channels/display/streams/rate-range.js'
import {
  forgetLost,
  frameBegun,
  frameHeld,
  framesArrived,
  frameSent,
  newRate,
  nextFrameMs,
  sourceChanged,
} from '../../../../src/channels/display/streams/rate-control.js'

/** A frame that went out over the simulated line. */
interface Frame {
  readonly atMs: number
  /** From sending to arrival. */
  readonly delayMs: number
  readonly bytes: number
  readonly quality: number
  readonly half: boolean
}

interface Line {
  readonly bps: number
  /** One way, ms. */
  readonly delayMs: number
}

interface Scene {
  /** Bytes of a frame at full quality. */
  readonly fullBytes?: number
  readonly sourceFps?: number
  readonly lineBps?: number
  readonly canHalve?: boolean
  /** The client reports each frame. */
  readonly told?: boolean
}

/** Plays video over a line with a queue that has no end, on a clock of its own. */
const play = (
  lengthMs: number,
  lineAt: (atMs: number) => Line,
  { fullBytes = 90_000, sourceFps = 30, lineBps, canHalve = false, told = true }: Scene = {},
): Frame[] => {
  const rate = newRate(lineBps, 0)
  const frames: Frame[] = []
  const reports: { readonly atMs: number; readonly stamp: number }[] = []
  let freeMs = 0
  let due = false
  for (let now = 1; now < lengthMs; now++) {
    if (Math.floor((now * sourceFps) / 1000) !== Math.floor(((now - 1) * sourceFps) / 1000)) {
      due = true
      sourceChanged(rate, now)
    }
    while (reports[0] !== undefined && reports[0].atMs <= now) {
      const last = reports.shift()!.stamp
      framesArrived(rate, ({ stamp }) => stamp <= last, now, 2 * lineAt(now).delayMs + 1)
    }
    forgetLost(rate, told, now)
    const setting = frameSetting(rate, { byQuality: true, canHalve, pixels: 1 })
    const next = nextFrameMs(rate, setting, told, now)
    if (due && next !== undefined && next <= now) {
      due = false
      const { quality, half } = setting
      frameBegun(rate, setting, now)
      const bytes = Math.round(fullBytes * (0.3 + (0.7 * (quality - 20)) / 60) * (half ? 0.3 : 1))
      frameSent(rate, { stamp: now, serial: now, bytes }, setting, now)
      const { bps, delayMs } = lineAt(now)
      freeMs = Math.max(freeMs, now) + (bytes * 8000) / bps
      reports.push({ atMs: freeMs + 2 * delayMs, stamp: now })
      frames.push({ atMs: now, delayMs: freeMs + delayMs - now, bytes, quality, half })
    }
  }
  return frames
}

const during = (frames: readonly Frame[], from: number, to: number): Frame[] =>
  frames.filter(({ atMs }) => atMs >= from && atMs < to)
const worst = (frames: readonly Frame[]): number => Math.max(...frames.map(({ delayMs }) => delayMs))
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length
const quality = (frames: readonly Frame[]): number => mean(frames.map((frame) => frame.quality))
const bps = (frames: readonly Frame[], ms: number): number =>
  (frames.reduce((sum, { bytes }) => sum + bytes, 0) * 8000) / ms

const KIND = { byQuality: true, canHalve: false, pixels: 1 }
const FAST = 100e6
const SLOW = 3e6

test('a fast line gets every frame at full quality within two seconds', (t) => {
  for (const delayMs of [1, 20, 100]) {
    const frames = play(4000, () => ({ bps: FAST, delayMs }))
    const late = during(frames, 2000, 4000)
    t.is(quality(late), MAX_QUALITY)
    t.true(late.length >= 58, `${late.length} frames`)
    t.true(worst(late) < delayMs + 10)
  }
})

test('a line that becomes slow: frames are on time again within two seconds, coarser and fewer', (t) => {
  for (const delayMs of [1, 10, 20, 40]) {
    const frames = play(10_000, (at) => ({ bps: at < 4000 ? FAST : SLOW, delayMs }))
    const after = during(frames, 6000, 10_000)
    t.true(worst(after) < delayMs + 200, `${worst(after)} ms at ${delayMs} ms`)
    t.true(quality(after) < 45)
    t.true(after.length >= 4 * 6, `${after.length} frames`)
    t.true(bps(after, 4000) > 0.7 * SLOW, 'most of the line is used')
  }
})

test('a line that becomes fast: quality is back within two seconds', (t) => {
  for (const delayMs of [1, 10, 20, 40, 100]) {
    const frames = play(12_000, (at) => ({ bps: at < 6000 ? SLOW : FAST, delayMs }))
    const after = during(frames, 8000, 12_000)
    t.is(quality(after), MAX_QUALITY, `at ${delayMs} ms`)
    t.true(after.length >= 4 * 28)
  }
})

test('on any steady line frames use most of what it carries and are not late', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10, max: 500 }),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 30_000, max: 200_000 }),
      fc.constantFrom(15, 24, 25, 30, 60),
      fc.boolean(),
      (mbps10, delayMs, fullBytes, sourceFps, measured) => {
        const line = { bps: mbps10 * 1e5, delayMs }
        const frames = play(12_000, () => line, {
          ...{ fullBytes, sourceFps, canHalve: true },
          ...(measured ? { lineBps: line.bps } : {}),
        })
        const late = during(frames, 4000, 12_000)
        const longestMs = (Math.max(...late.map(({ bytes }) => bytes)) * 8000) / line.bps
        t.true(
          worst(late) < delayMs + 150 + 2 * longestMs,
          `${worst(late)} ms: ${[mbps10, delayMs, fullBytes, sourceFps, measured].join()}`,
        )
        const wanted = fullBytes * 8 * Math.min(MAX_FPS, sourceFps)
        t.true(
          bps(late, 8000) > 0.5 * Math.min(line.bps, wanted) || late.every((f) => f.quality === MAX_QUALITY),
        )
      },
    ),
    { numRuns: 40 },
  )
})

test('the slowest line gets small frames where the client takes them, else few', (t) => {
  const slow = { bps: 400e3, delayMs: 50 }
  const small = during(
    play(12_000, () => slow, { canHalve: true, lineBps: 400e3 }),
    4000,
    12_000,
  )
  const large = during(
    play(12_000, () => slow, { lineBps: 400e3 }),
    4000,
    12_000,
  )
  t.true(small.every(({ half }) => half))
  t.true(large.every(({ half }) => !half))
  t.true(small.length > 2 * large.length)
  t.is(quality(large), MIN_QUALITY)
})

test('a frame without word for two seconds halves what is aimed at, and frames go on', (t) => {
  const rate = newRate(10e6, 0)
  const before = rate.targetBps
  for (const stamp of [1, 2]) {
    frameBegun(rate, { fps: 30, half: false, usableBps: 1e7 }, stamp)
    frameSent(rate, { stamp, serial: stamp, bytes: 400_000 }, { quality: 80, half: false }, stamp)
  }
  t.is(nextFrameMs(rate, frameSetting(rate, KIND), true, 1000), undefined)
  forgetLost(rate, true, 2100)
  t.not(nextFrameMs(rate, frameSetting(rate, KIND), true, 2100), undefined)
  t.true(rate.targetBps <= before / 2)
})

test('a frame that was held back by a full line counts as one that came late', (t) => {
  const rate = newRate(10e6, 0)
  const before = rate.targetBps
  frameHeld(rate, 10, 1000)
  t.is(rate.targetBps, before)
  frameHeld(rate, 100, 1000)
  t.true(rate.targetBps < before)
})
