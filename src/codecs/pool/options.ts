import type { Clock } from '../../core/clock.js'
import type { Logger } from '../../core/logger.js'
import {
  noCounter,
  noGauge,
  noHistogram,
  type Counter,
  type Gauge,
  type Histogram,
} from '../../core/metrics.js'
import type { JobCodec } from './messages.js'

/** Sizes and times of the pool. */
export interface PoolLimits {
  /** Threads at most; they start one by one as jobs wait. */
  readonly workers: number
  /** Jobs of one owner that wait for a worker (L-enc). */
  readonly waitingPerOwner: number
  /** Jobs of all owners that wait for a worker; a banded one counts once per band. */
  readonly waiting: number
  /** Time of one job in its worker, ms (L-enc); past it the worker is ended. */
  readonly jobMs: number
  /** Time of one job until a worker takes it, ms. */
  readonly waitMs: number
  /** Time of a worker from its start to its first word, ms. */
  readonly startMs: number
  /** A worker without a job for so long is ended, ms. */
  readonly idleMs: number
  /** The same for a worker that keeps GLZ dictionaries, whose windows are lost with it, ms. */
  readonly dictionaryIdleMs: number
  /** No worker is started for so long after the first loss of one, ms; twice as long after each further one. */
  readonly backOffMs: number
  readonly maxBackOffMs: number
  /** A loss so long after the one before counts as the first, ms. */
  readonly stableMs: number
  /** Largest image of a job, pixels. */
  readonly maxPixels: number
  /** Largest image that is coded on the main thread when no worker runs, pixels. */
  readonly inlineMaxPixels: number
  /** Video streams at once (L-video). */
  readonly videoStreams: number
  /** Pixels of one frame of each video stream, in all (L-video): their coders take up to 80 bytes for one. */
  readonly videoPixels: number
}

export const DEFAULT_POOL_LIMITS: PoolLimits = {
  workers: 2,
  waitingPerOwner: 2,
  waiting: 64,
  jobMs: 1000,
  waitMs: 2000,
  startMs: 5000,
  idleMs: 30_000,
  dictionaryIdleMs: 300_000,
  backOffMs: 100,
  maxBackOffMs: 30_000,
  stableMs: 60_000,
  maxPixels: 16 * 1024 * 1024,
  inlineMaxPixels: 128 * 1024,
  videoStreams: 8,
  videoPixels: 4 * 1024 * 1024,
}

/**
 * Images up to so many pixels are coded on the main thread, since handing them to a worker would cost it as much
 * (`bench/pool.ts` measures it).
 */
export const INLINE_PIXELS: Readonly<Record<JobCodec, number>> = {
  raw: 65536,
  lz: 8192,
  quic: 4096,
  lz4: 8192,
  jpeg: 8192,
  'jpeg-alpha': 4096,
  glz: 0,
  video: 0,
}

/** Why a job ended without an image. */
export type FailReason =
  /** It took longer than `jobMs`; its worker was ended. */
  | 'deadline'
  /** Its worker died. */
  | 'died'
  /** No worker took it within `waitMs`. */
  | 'waited'
  /** No worker runs and none may be started now. */
  | 'down'
  /** The codec is not there, or the image is none for it. */
  | 'refused'
  /** Its GLZ dictionary began anew, or that or its video stream was closed, before it could be sent. */
  | 'lost'
  /** The pool was closed. */
  | 'closed'

/** What the errors say that have no cause of their own. */
export const FAIL_TEXTS: Readonly<Record<FailReason, string>> = {
  deadline: 'image was not coded in time',
  died: 'encoder worker died with the image',
  waited: 'image waited too long for an encoder worker',
  down: 'no encoder worker runs',
  refused: 'image was refused',
  lost: 'glz dictionary or video stream goes on without the image',
  closed: 'encoder pool is closed',
}

/** How a job ended, for the metrics. */
export type JobEnd = 'coded' | 'raw' | 'cancelled' | FailReason

export const JOB_ENDS: readonly JobEnd[] = [
  'coded',
  'raw',
  'cancelled',
  'deadline',
  'died',
  'waited',
  'down',
  'refused',
  'lost',
  'closed',
]

export interface PoolMetrics {
  /** Jobs that wait for a worker now. */
  readonly waiting: Gauge
  /** Workers that run now. */
  readonly workers: Gauge
  /** Jobs of workers, by `codec` (the one asked for) and `outcome` ({@link JobEnd}). */
  readonly jobs: Counter
  /** Images coded on the main thread, by `codec` and `outcome`. */
  readonly inlineJobs: Counter
  /** Jobs that were spared, since another owner's had the same image, by `codec`. */
  readonly sharedJobs: Counter
  /** Time that jobs waited for a worker, seconds. */
  readonly waitSeconds: Histogram
  /** Time from the handing over of a job to its answer, seconds, by `codec`. */
  readonly encodeSeconds: Histogram
  /** Workers lost, by `reason`: `died`, `deadline` or `start`. */
  readonly workersLost: Counter
  /** Limits reached, by `limit`. */
  readonly limitHits: Counter
}

export const NO_POOL_METRICS: PoolMetrics = {
  waiting: noGauge,
  workers: noGauge,
  jobs: noCounter,
  inlineJobs: noCounter,
  sharedJobs: noCounter,
  waitSeconds: noHistogram,
  encodeSeconds: noHistogram,
  workersLost: noCounter,
  limitHits: noCounter,
}

/** Keys of the limits that the pool reports as hit. */
export interface LimitNames {
  readonly waitingPerOwner: string
  readonly waiting: string
  readonly jobMs: string
  readonly waitMs: string
  readonly videoStreams: string
  readonly videoPixels: string
}

export const POOL_LIMIT_NAMES: LimitNames = {
  waitingPerOwner: 'encoder-jobs-client',
  waiting: 'encoder-jobs',
  jobMs: 'encoder-job-ms',
  waitMs: 'encoder-wait-ms',
  videoStreams: 'video-streams',
  videoPixels: 'video-pixels',
}

export interface PoolDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: PoolMetrics
}
