import test from 'ava'
import fc from 'fast-check'
import { Canvas, hash, rgb, sentence } from '../../bench/codecs-canvas.js'
import { photo } from '../../bench/codecs-textures.js'
import type { Trace, TraceFrame, TraceImage } from '../../bench/traces/trace.js'
import { rectOf, type Rect } from '../../src/core/region.js'
import { overReported, TraceRig, type TraceClientOptions } from '../helpers/trace-rig.js'

const [WIDTH, HEIGHT] = [256, 160]

/** Side of all images: more than the screen, so that every part of it can go anywhere. */
const SIDE = 288

const textImage = (): TraceImage => {
  const canvas = new Canvas(SIDE, SIDE, rgb(250, 250, 250))
  for (let line = 0; line < SIDE / 16; line++) {
    canvas.text(4, line * 16, sentence(34, line), { ink: rgb(20, 20, 30), advance: 8 })
  }
  return canvas
}

const drawn = (colour: (x: number, y: number) => number): TraceImage => {
  const canvas = new Canvas(SIDE, SIDE)
  canvas.shade(0, 0, SIDE, SIDE, colour)
  return canvas
}

const IMAGES: readonly TraceImage[] = [
  textImage(),
  photo(SIDE, SIDE, 5),
  drawn(() => rgb(40, 80, 120)),
  drawn((x, y) => hash(x, y, 9) & 0xffffff),
  drawn((x, y) => rgb(x / 2, y / 2, 90)),
  photo(SIDE, SIDE, 8),
]
const [TEXT, PHOTO, NOISE, OTHER_PHOTO] = [0, 1, 3, 5]

/** Something that a guest does for one or more frames, or that happens to the client. */
type Act =
  | { readonly kind: 'put'; readonly image: number; readonly from: number; readonly to: Rect }
  | { readonly kind: 'video'; readonly image: number; readonly to: Rect; readonly frames: number }
  | { readonly kind: 'scroll'; readonly to: Rect; readonly step: number; readonly frames: number }
  | { readonly kind: 'drag'; readonly image: number; readonly to: Rect; readonly frames: number }
  | { readonly kind: 'pause'; readonly ms: number }
  | { readonly kind: 'handOver' }

/** Few places and few parts of images, so that what was seen before comes again. */
const places = fc.constantFrom<Rect>(
  rectOf(0, 0, WIDTH, HEIGHT),
  rectOf(16, 16, 160, 112),
  rectOf(64, 32, 128, 96),
  rectOf(100, 7, 150, 140),
  rectOf(33, 90, 64, 48),
  rectOf(128, 64, 64, 64),
  rectOf(5, 3, 9, 14),
)
const image = fc.nat(IMAGES.length - 1)

const acts: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      ...{ kind: fc.constant('put' as const), image, from: fc.constantFrom(0, 0, 16, 24), to: places },
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('video' as const),
      image: fc.constantFrom(PHOTO, NOISE),
      to: places,
      frames: fc.integer({ min: 4, max: 40 }),
    }),
  },
  fc.record({
    kind: fc.constant('scroll' as const),
    to: places,
    step: fc.constantFrom(-16, -5, 8, 16),
    frames: fc.integer({ min: 1, max: 6 }),
  }),
  fc.record({
    ...{ kind: fc.constant('drag' as const), image, to: places, frames: fc.integer({ min: 1, max: 6 }) },
  }),
  fc.record({ kind: fc.constant('pause' as const), ms: fc.constantFrom(100, 400, 1500) }),
  fc.constant({ kind: 'handOver' as const }),
)

interface Play {
  readonly trace: Trace
  /** Numbers of the frames ahead of which another channel takes over. */
  readonly handOvers: ReadonlySet<number>
}

const FRAME_MS = 40

const playOf = (list: readonly Act[]): Play => {
  const whole = rectOf(0, 0, WIDTH, HEIGHT)
  const start = { image: TEXT, fromX: 0, fromY: 0, to: whole }
  const frames: TraceFrame[] = [{ atMs: 0, puts: [start], damage: [whole] }]
  const handOvers = new Set<number>()
  let atMs = 0
  const put = (index: number, fromX: number, fromY: number, to: Rect): void => {
    atMs += FRAME_MS
    frames.push({ atMs, puts: [{ image: index, fromX, fromY, to }], damage: [to] })
  }
  for (const act of list) {
    const count = 'frames' in act ? act.frames : 1
    for (let n = 0; n < count; n++) {
      switch (act.kind) {
        case 'put': {
          put(act.image, act.from, act.from, act.to)
          break
        }
        case 'video': {
          // Two by turns: one alone would only be moved.
          put(n % 2 === 0 ? act.image : OTHER_PHOTO, (n * 7) % 31, (n * 3) % 29, act.to)
          break
        }
        case 'scroll': {
          put(TEXT, 0, Math.min(SIDE - HEIGHT, 64 + Math.max(-64, act.step * n)), act.to)
          break
        }
        case 'drag': {
          const { left, top, right, bottom } = act.to
          const dx = Math.min(WIDTH - right, n * 5)
          put(act.image, 0, 0, { left: left + dx, top, right: right + dx, bottom })
          break
        }
        case 'pause': {
          atMs += act.ms
          break
        }
        case 'handOver': {
          handOvers.add(frames.length)
          break
        }
      }
    }
  }
  return { trace: { name: 'mixture', width: WIDTH, height: HEIGHT, images: IMAGES, frames }, handOvers }
}

const clients: fc.Arbitrary<TraceClientOptions> = fc
  .record({
    mini: fc.boolean(),
    looksEvery: fc.integer({ min: 1, max: 5 }),
    streamLag: fc.integer({ min: 0, max: 3 }),
    cachePixels: fc.constantFrom(0, 20_000, 100_000, 20_971_520),
    line: fc.constantFrom(
      undefined,
      { roundTripMs: 1, bitsPerSecond: 1e9, lowBandwidth: false },
      { roundTripMs: 80, bitsPerSecond: 2e6, lowBandwidth: true },
    ),
    streaming: fc.constantFrom(undefined, 'filter' as const, 'all' as const),
    compression: fc.constantFrom('auto' as const, 'lz' as const, 'auto_lz' as const, 'jpeg' as const),
    jpegWan: fc.constantFrom('auto' as const, 'always' as const, 'never' as const),
  })
  .map(({ line, streaming, compression, jpegWan, ...rest }) => ({
    ...rest,
    ...(line === undefined ? {} : { line }),
    ...(streaming === undefined ? {} : { streaming }),
    display: { compression, jpegWan },
  }))

/** Plays to the end and a quiet time on; the rig to look at. */
const played = (list: readonly Act[], client: TraceClientOptions, reportsAll: boolean) => {
  const { trace, handOvers } = playOf(list)
  const rig = new TraceRig(reportsAll ? overReported(trace) : trace, client)
  rig.play((frame) => {
    if (handOvers.has(frame)) {
      rig.handOver()
    }
  })
  const ms = rig.quiet()
  rig.close()
  return { exact: ms !== undefined && rig.surface.lossyPixels === 0, tally: rig.surface.tally }
}

test('whatever a guest draws and whoever watches, after a quiet time the picture is exact', (t) => {
  fc.assert(
    fc.property(
      fc.array(acts, { minLength: 1, maxLength: 8 }),
      clients,
      fc.boolean(),
      (list, client, reportsAll) => played(list, client, reportsAll).exact,
    ),
    { numRuns: 80 },
  )
  t.pass()
})

test('such a guest brings about moves, pixels from the cache, JPEG and videos', (t) => {
  const [left, right] = [rectOf(5, 3, 64, 64), rectOf(128, 64, 128, 96)]
  const { exact, tally } = played(
    [
      ...([2, 3, 2, 3] as const).map((index) => ({ kind: 'put', image: index, from: 0, to: left }) as const),
      { kind: 'scroll', to: rectOf(0, 0, WIDTH, HEIGHT), step: 16, frames: 4 },
      { kind: 'video', image: PHOTO, to: right, frames: 60 },
      { kind: 'put', image: PHOTO, from: 0, to: rectOf(16, 16, 160, 112) },
    ],
    { streaming: 'filter', display: { jpegWan: 'always' } },
    false,
  )
  t.true(exact)
  for (const name of ['copyBits', 'image jpeg', 'image fromCache', 'streamCreate', 'streamData']) {
    t.true(tally.has(name), `${name} is among ${[...tally.keys()].join(', ')}`)
  }
})
