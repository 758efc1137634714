/**
 * What the encoder pool is worth. Run: `node build/bench/pool.js [rounds] [codec]`.
 *
 * First a calibration (performance-notes.md section 8, rule 9): one single-threaded job alone against two at once. Below 1.8x the
 * second core is not ours, and the wall times that follow say little; CPU time of all threads stands beside them.
 *
 * Then per codec and picture: one thread on this one, one worker, two workers with the picture cut into bands
 * (images of their own where the codec has no bands), interleaved, medians of the ratios of the rounds. Every result is
 * compared with the bytes of the same work on this thread before anything is timed.
 *
 * Last the break-even: what handing a rectangle to a worker and taking the answer costs this thread, against coding it here.
 */
import { cpus } from 'node:os'
import { Worker } from 'node:worker_threads'
import {
  blockOf,
  cutBlock,
  EncoderPool,
  InlineCoder,
  joinPieces,
  NO_POOL_METRICS,
  type EncodeJob,
  type EncodeOutcome,
  type FreeCodec,
  type PixelStore,
} from '../src/codecs/pool/index.js'
import { silentLogger } from '../src/core/logger.js'
import type { Rect } from '../src/core/region.js'
import { systemClock } from '../src/app/system-clock.js'
import { benchFrames } from './codecs-images.js'
import { median, table } from './statistics.js'

const rounds = Number(process.argv[2] ?? 7)
const ALL: readonly FreeCodec[] = ['lz', 'quic', 'lz4', 'jpeg', 'raw']
const CODECS = ALL.filter((codec) => process.argv[3] === undefined || codec === process.argv[3])
/** Codecs whose bands are one image. */
const JOINING: readonly FreeCodec[] = ['lz']
const SIDES = [8, 16, 24, 32, 48, 64, 96, 128, 192, 256]

const poolOf = (workers: number): EncoderPool =>
  new EncoderPool(
    { clock: systemClock, logger: silentLogger, metrics: NO_POOL_METRICS },
    { limits: { workers, waitingPerOwner: 64, waitMs: 60_000, jobMs: 60_000 } },
  )

/** Frames of few and of many colours, by their names; in shared memory, as a source keeps them. */
const FRAMES = ['terminal', 'browser', 'dashboard', 'desktop', 'gradient', 'photo'].map((name) => {
  const image = benchFrames(name)[0]!.image
  const memory = new SharedArrayBuffer(image.pixels.length)
  new Uint8Array(memory).set(image.pixels)
  const { format, width, height, stride, topDown } = image
  return { name, store: { memory, offset: 0, format, width, height, stride, topDown } }
})

const WHOLE = { left: 0, top: 0, right: 1920, bottom: 1080 }

/** A square out of the middle of the frame, where there is something to see. */
const square = (side: number): Rect => ({ left: 300, top: 180, right: 300 + side, bottom: 180 + side })

const run = (pool: EncoderPool, job: EncodeJob): Promise<EncodeOutcome> =>
  new Promise((resolve, reject) => {
    const { kind } = pool.submit(job, resolve)
    if (kind !== 'queued') {
      reject(new Error(`job is refused: ${kind}`))
    }
  })

const bytesOf = (outcome: EncodeOutcome): Uint8Array => {
  if (outcome.kind !== 'coded') {
    throw outcome.error
  }
  return joinPieces(outcome)
}

/** The jobs of a picture in `bands` parts. */
const jobsOf = (codec: FreeCodec, store: PixelStore, bands: number): EncodeJob[] => {
  const common = { owner: 1, headroom: 128, codec }
  const block = blockOf(store, WHOLE)
  return JOINING.includes(codec)
    ? [{ ...common, block, bands }]
    : cutBlock(block, bands).map((part) => ({ ...common, block: part }))
}

interface Cost {
  readonly wallMs: number
  readonly cpuMs: number
}

const measured = async (work: () => Promise<unknown> | undefined): Promise<Cost> => {
  const cpu = process.cpuUsage()
  const start = performance.now()
  await work()
  const wallMs = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  return { wallMs, cpuMs: (user + system) / 1000 }
}

const SPIN = `const { parentPort } = require('node:worker_threads')
parentPort.on('message', (turns) => {
  let x = 1
  for (let i = 0; i < turns; i++) x = Math.imul(x, 1664525) + 1013904223
  parentPort.postMessage(x)
})`

const calibrate = async (): Promise<number> => {
  const threads = [0, 1].map(() => new Worker(SPIN, { eval: true }))
  const spin = (thread: Worker): Promise<void> =>
    new Promise((resolve) => {
      thread.once('message', () => resolve())
      thread.postMessage(30_000_000)
    })
  await Promise.all(threads.map(spin))
  const ratios: number[] = []
  for (let round = 0; round < 7; round++) {
    const alone = await measured(() => spin(threads[0]!))
    const both = await measured(() => Promise.all(threads.map(spin)))
    ratios.push((2 * alone.wallMs) / both.wallMs)
  }
  await Promise.all(threads.map((thread) => thread.terminate()))
  return median(ratios)
}

const inline = new InlineCoder(1920 * 1080)

/** The same parts on this thread; `undefined` where the codec is not there. */
const here = (jobs: readonly EncodeJob[]): EncodeOutcome[] => jobs.map((job) => inline.encode(job))

const picture = async (
  codec: FreeCodec,
  { name, store }: (typeof FRAMES)[number],
  one: EncoderPool,
  two: EncoderPool,
): Promise<string[] | undefined> => {
  const whole = jobsOf(codec, store, 1)
  const reference = here(whole)
  if (reference.some(({ kind }) => kind === 'failed')) {
    return undefined
  }
  const contestants = [
    () => Promise.resolve(here(whole)),
    () => Promise.all(whole.map((job) => run(one, job))),
    () => Promise.all(jobsOf(codec, store, 2).map((job) => run(two, job))),
    () => Promise.all(jobsOf(codec, store, 4).map((job) => run(two, job))),
  ]
  const results: Uint8Array[][] = []
  for (const contestant of contestants) {
    results.push((await contestant()).map(bytesOf))
  }
  if (Buffer.compare(results[0]![0]!, results[1]![0]!) !== 0) {
    throw new Error(`${codec} ${name}: the worker coded other bytes`)
  }
  const costs: Cost[][] = contestants.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const which = (round + turn) % contestants.length
      costs[which]!.push(await measured(contestants[which]!))
    }
  }
  const ratio = (which: number, of: keyof Cost): string =>
    median(costs[0]!.map((cost, round) => cost[of] / costs[which]![round]![of])).toFixed(2)
  const sizes = results.map((parts) => parts.reduce((sum, part) => sum + part.length - 128, 0))
  const best = Math.min(...costs[0]!.map(({ wallMs }) => wallMs))
  return [
    `${codec} ${name}`,
    best.toFixed(1),
    ratio(1, 'wallMs'),
    ratio(2, 'wallMs'),
    ratio(3, 'wallMs'),
    ...[1, 2, 3].map((which) => (1 / Number(ratio(which, 'cpuMs'))).toFixed(2)),
    ...[2, 3].map((which) => (sizes[which]! / sizes[0]!).toFixed(3)),
  ]
}

/**
 * Costs of one rectangle, μs: coded here; time that this thread is not idle when it is handed over; time to the answer.
 * CPU counters are too coarse for this, so all three are wall times, and the least of the rounds counts.
 */
const rectangle = async (
  codec: FreeCodec,
  { store }: (typeof FRAMES)[number],
  side: number,
  pool: EncoderPool,
): Promise<{ here: number; over: number; latency: number } | undefined> => {
  const job: EncodeJob = { owner: 1, codec, headroom: 128, block: blockOf(store, square(side)) }
  if (inline.encode(job).kind === 'failed') {
    return undefined
  }
  const loops = Math.max(10, Math.min(100, Math.floor(400_000 / (side * side))))
  const least = { here: Infinity, over: Infinity, latency: Infinity }
  for (let round = 0; round < rounds * 3; round++) {
    let start = performance.now()
    for (let loop = 0; loop < loops; loop++) {
      inline.encode(job)
    }
    least.here = Math.min(least.here, ((performance.now() - start) / loops) * 1000)
    const before = performance.eventLoopUtilization()
    start = performance.now()
    for (let loop = 0; loop < loops; loop++) {
      await run(pool, job)
    }
    least.latency = Math.min(least.latency, ((performance.now() - start) / loops) * 1000)
    const { active } = performance.eventLoopUtilization(before)
    least.over = Math.min(least.over, (active / loops) * 1000)
  }
  return least
}

/** Side of the square from which on handing over costs this thread less. */
const crossing = (rows: readonly { side: number; here: number; over: number }[]): string => {
  const first = rows.find(({ here: inlineCost, over }) => inlineCost > over)
  return first === undefined ? `above ${SIDES.at(-1)}` : String(first.side)
}

const [one, two] = [poolOf(1), poolOf(2)]
const calibration = await calibrate()
console.log(
  `calibration: two threads do ${calibration.toFixed(2)}x the work of one (${cpus().length} processors)`,
)
if (calibration < 1.8) {
  console.log('the second core is not free: judge by the CPU columns')
}

console.log(
  '\n1920x1080; wall: speed against this thread; cpu: all threads against this thread; bytes against uncut',
)
const rows = [
  [
    ...['picture', 'here ms', '1 worker wall', '2 w 2 bands wall', '2 w 4 bands wall'],
    ...['1 w cpu', '2 bands cpu', '4 bands cpu', '2 bands bytes', '4 bands bytes'],
  ],
]
for (const codec of CODECS) {
  for (const frame of FRAMES) {
    const row = await picture(codec, frame, one, two)
    if (row !== undefined) {
      rows.push(row)
    }
  }
}
console.log(table(rows))

console.log('\nsquare rectangles, μs: coded here / work of this thread when handed over / time to the answer')
const squares = [['rectangle', ...SIDES.map(String), 'break-even side']]
for (const codec of CODECS) {
  for (const frame of FRAMES) {
    const costs: { side: number; here: number; over: number; latency: number }[] = []
    for (const side of SIDES) {
      const cost = await rectangle(codec, frame, side, one)
      if (cost !== undefined) {
        costs.push({ side, ...cost })
      }
    }
    if (costs.length > 0) {
      squares.push([
        `${codec} ${frame.name}`,
        ...costs.map((cost) => `${cost.here.toFixed(0)}/${cost.over.toFixed(0)}/${cost.latency.toFixed(0)}`),
        crossing(costs),
      ])
    }
  }
}
console.log(table(squares))
await Promise.all([one.close(), two.close()])
