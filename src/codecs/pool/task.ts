import type { Timer } from '../../core/clock.js'
import { SidecarError } from '../../core/errors.js'
import type { CodedImage, EncodeJob, EncodeOutcome } from './job.js'
import type { Waiting } from './job-queue.js'
import type { Coded, JobRequest } from './messages.js'
import type { JobEnd } from './options.js'
import { cutBlock, type PixelBlock } from './pixel-block.js'

/** More bands than this cost more bytes than they win time (performance-notes.md 4). */
const MAX_BANDS = 4
/** Smaller images are not cut, and below the second size only in two. */
const MIN_BANDED_PIXELS = 256 * 1024
const MIN_FOUR_BANDS_PIXELS = 1024 * 1024
/** Largest prefix of a message. */
const MAX_HEADROOM = 65536

const bandsOf = (job: EncodeJob): number =>
  job.codec === 'glz' || job.codec === 'video' ? 1 : Math.min(MAX_BANDS, job.bands ?? 1)

/** Bands that pay for an image of that many pixels: 1 to 4. */
export const bandsFor = (pixels: number, workers: number): number => {
  if (workers < 2 || pixels < MIN_BANDED_PIXELS) {
    return 1
  }
  return pixels < MIN_FOUR_BANDS_PIXELS ? 2 : MAX_BANDS
}

/** A job on its way through the pool, in as many parts as it has bands. */
export class Task implements Waiting {
  readonly job: EncodeJob
  readonly owner: number
  readonly units: number
  readonly queuedAtMs: number
  /** Answered, failed or cancelled: what is still heard of its parts is ignored. */
  over = false
  startedAtMs: number | undefined
  waitTimer: Timer | undefined
  readonly #blocks: readonly PixelBlock[]
  readonly #answers: (Coded | undefined)[]
  readonly #done: (outcome: EncodeOutcome) => void
  #handedOut = 0
  #answered = 0

  /** @throws SidecarError SIDECAR_BUG for a headroom out of range */
  constructor(job: EncodeJob, done: (outcome: EncodeOutcome) => void, nowMs: number) {
    const { headroom } = job
    if (!Number.isSafeInteger(headroom) || headroom < 0 || headroom > MAX_HEADROOM) {
      throw new SidecarError('SIDECAR_BUG', 'headroom of an image is out of range', { headroom })
    }
    this.job = job
    this.owner = job.owner
    this.queuedAtMs = nowMs
    this.#done = done
    this.#blocks = cutBlock(job.block, bandsOf(job))
    this.#answers = this.#blocks.map(() => undefined)
    this.units = this.#blocks.length
  }

  /** Parts that no worker has yet. */
  get partsLeft(): number {
    return this.over ? 0 : this.units - this.#handedOut
  }

  /** The next part, by its number, as request number `request`. */
  nextPart(request: number): { readonly part: number; readonly request: JobRequest } | undefined {
    const part = this.#handedOut
    const block = this.#blocks[part]
    if (block === undefined) {
      return undefined
    }
    this.#handedOut += 1
    const { job } = this
    if (job.codec === 'glz') {
      const { headroom, dictionary, channel, motion, deflate = false } = job
      return {
        part,
        request: { type: 'glzEncode', job: request, block, headroom, dictionary, channel, motion, deflate },
      }
    }
    if (job.codec === 'video') {
      const { headroom, stream, ptsMs, bitRate, fps, keyFrame } = job
      const frame = { ptsMs, bitRate, fps, keyFrame }
      return { part, request: { type: 'videoEncode', job: request, block, headroom, stream, frame } }
    }
    const { codec, headroom, options = {} } = job
    if (this.units === 1) {
      return { part, request: { type: 'encode', job: request, codec, block, headroom, options } }
    }
    const first = part === 0
    return {
      part,
      request: {
        type: 'band',
        job: request,
        codec,
        block,
        headroom: first ? headroom : 0,
        imageHeight: first ? job.block.height : undefined,
      },
    }
  }

  /** @returns the image once the last part is there */
  add(part: number, answer: Coded, nowMs: number): CodedImage | undefined {
    this.#answers[part] = answer
    this.#answered += 1
    if (this.#answered < this.units) {
      return undefined
    }
    const answers = this.#answers.filter((each) => each !== undefined)
    return codedImage(answers, this.job.headroom, nowMs - (this.startedAtMs ?? nowMs))
  }

  /** Ends it: without an outcome when it was cancelled. */
  finish(outcome: EncodeOutcome | undefined): void {
    if (!this.over) {
      this.over = true
      this.waitTimer?.cancel()
      if (outcome !== undefined) {
        this.#done(outcome)
      }
    }
  }
}

/** The image that the answers of its parts make. */
export const codedImage = (answers: readonly Coded[], headroom: number, encodeMs: number): CodedImage => {
  const pieces = answers.map(({ buffer }) => new Uint8Array(buffer))
  const size = pieces.reduce((sum, piece) => sum + piece.length, -headroom)
  const [first] = answers
  return { kind: 'coded', codec: first?.codec ?? 'raw', pieces, size, glz: first?.glz, encodeMs }
}

/** How a job ended, for the metrics. */
export const endOf = (job: EncodeJob, outcome: EncodeOutcome): JobEnd => {
  if (outcome.kind === 'failed') {
    return outcome.reason
  }
  return outcome.codec === 'raw' && job.codec !== 'raw' ? 'raw' : 'coded'
}
