import {
  blockOf,
  EncoderPool,
  NO_POOL_METRICS,
  type CodedAs,
  type EncodeJob,
  type EncodeOutcome,
  type FreeJob,
  type GlzJob,
  type GlzNote,
  type PoolLimits,
  type PoolMetrics,
  type StartWorker,
  type Submission,
  type VideoJob,
  type WorkerEvents,
} from '../../../../src/codecs/pool/index.js'
import { JOB_PROTOCOL_VERSION, type JobRequest, type ToWorker } from '../../../../src/codecs/pool/messages.js'
import { SidecarError } from '../../../../src/core/errors.js'
import { silentLogger } from '../../../../src/core/logger.js'
import type { Labels } from '../../../../src/core/metrics.js'
import { FakeClock } from '../../../helpers/fake-clock.js'

const codecOf = (request: JobRequest): CodedAs => {
  switch (request.type) {
    case 'glzEncode':
      return 'glz'
    case 'videoEncode':
      return 'video'
    default:
      return request.codec
  }
}

/** A worker that does what the test says. */
export class FakeWorker {
  readonly heard: ToWorker[] = []
  readonly #events: WorkerEvents
  terminated = false

  constructor(events: WorkerEvents) {
    this.#events = events
  }

  /** Requests that were not answered. */
  readonly open: JobRequest[] = []

  hear(message: ToWorker): void {
    this.heard.push(message)
    if ('job' in message) {
      this.open.push(message)
    }
  }

  ready(version = JOB_PROTOCOL_VERSION): void {
    this.#events.message({ type: 'ready', version })
  }

  /** Answers the oldest open request with `bytes` behind the headroom. */
  answer(bytes: readonly number[] = [1], glz?: GlzNote): void {
    const request = this.open.shift()!
    const buffer = new ArrayBuffer(request.headroom + bytes.length)
    new Uint8Array(buffer, request.headroom).set(bytes)
    const codec = codecOf(request)
    this.#events.message({ type: 'coded', job: request.job, codec, buffer, glz })
  }

  /** Answers the oldest open request as raw. */
  answerRaw(): void {
    const request = this.open.shift()!
    const buffer = new ArrayBuffer(request.headroom + 1)
    this.#events.message({ type: 'coded', job: request.job, codec: 'raw', buffer, glz: undefined })
  }

  refuse(begun = false): void {
    const { job } = this.open.shift()!
    this.#events.message({ type: 'failed', job, code: 'SIDECAR_BUG', message: 'not this one', begun })
  }

  die(): void {
    this.#events.ended(new SidecarError('SIDECAR_BUG', 'boom'))
  }
}

export const note = (imageId: number): GlzNote => ({
  ...{ size: 1, imageId, winHeadDist: 0, oldestReferredTo: imageId, references: [] },
})

/** Counts by name, labels and value. */
export class RecordedMetrics {
  readonly counts = new Map<string, number>()
  readonly gauges = new Map<string, number>()

  #counter(name: string) {
    return {
      add: (amount: number, labels: Labels = {}) => {
        const key = [name, ...Object.values(labels)].join(' ')
        this.counts.set(key, (this.counts.get(key) ?? 0) + amount)
      },
    }
  }

  readonly metrics: PoolMetrics = {
    ...NO_POOL_METRICS,
    jobs: this.#counter('jobs'),
    inlineJobs: this.#counter('inline'),
    workersLost: this.#counter('lost'),
    limitHits: this.#counter('limit'),
    waiting: { set: (value) => void this.gauges.set('waiting', value) },
    workers: { set: (value) => void this.gauges.set('workers', value) },
  }
}

export const block = (width = 128, height = 128) =>
  blockOf(
    {
      ...{ memory: new SharedArrayBuffer(width * height * 4), offset: 0, format: 'rgb32' as const },
      ...{ width, height, stride: width * 4, topDown: true },
    },
    { left: 0, top: 0, right: width, bottom: height },
  )

export const lzJob = (options: Partial<FreeJob> = {}): FreeJob => ({
  ...{ owner: 1, codec: 'lz', headroom: 8, block: block() },
  ...options,
})

export const glzJob = (dictionary: number, options: Partial<GlzJob> = {}): GlzJob => ({
  ...{ owner: 1, codec: 'glz', headroom: 8, block: block(), dictionary, channel: 0 },
  ...options,
})

export const videoJob = (stream: number, options: Partial<VideoJob> = {}): VideoJob => ({
  ...{ owner: 1, codec: 'video', headroom: 8, block: block(), stream, ptsMs: 0 },
  ...options,
})

/** A pool over fake workers and a clock that stands still. */
export const rig = (limits: Partial<PoolLimits> = {}) => {
  const clock = new FakeClock()
  const workers: FakeWorker[] = []
  const recorded = new RecordedMetrics()
  const faults = { start: false }
  const startWorker: StartWorker = (events) => {
    if (faults.start) {
      throw new Error('no room for a thread')
    }
    const worker = new FakeWorker(events)
    workers.push(worker)
    return {
      post: (message) => worker.hear(message),
      terminate: () => {
        worker.terminated = true
        return Promise.resolve()
      },
    }
  }
  const pool = new EncoderPool(
    { clock, logger: silentLogger, metrics: recorded.metrics },
    {
      startWorker,
      limits: { workers: 2, waitingPerOwner: 3, ...limits },
      availableVideo: () => ({ codecs: ['vp8', 'h264'], reason: undefined }),
    },
  )
  const ended: string[] = []
  const outcomes: EncodeOutcome[] = []
  const submit = (name: string, job: EncodeJob = lzJob()): Submission =>
    pool.submit(job, (outcome) => {
      ended.push(`${name} ${outcome.kind === 'coded' ? outcome.codec : outcome.reason}`)
      outcomes.push(outcome)
    })
  /** Time passes, and what is due is not held up by the loop. */
  const pass = (ms: number): void => {
    clock.advance(ms)
    clock.runNextTurn()
  }
  const busy = (): number => workers.filter(({ open, terminated }) => !terminated && open.length > 0).length
  return { pool, clock, workers, recorded, faults, ended, outcomes, submit, pass, busy }
}
