import { SidecarError } from '../../core/errors.js'
import type { GlzTurn } from './dictionaries.js'
import type { GlzNote } from './glz-port.js'
import type { EncodeJob, EncodeOutcome, FreeJob, GlzJob, Submission, VideoJob } from './job.js'

/** What a lane needs of the pool. */
export interface LanePool {
  readonly up: boolean
  readonly maxPixels: number
  /** Pixels that may be coded on this thread in one turn of the event loop. */
  readonly turnPixels: number
  isSmall(job: EncodeJob): boolean
  encodeNow(job: EncodeJob): EncodeOutcome
  submit(job: EncodeJob, done: (outcome: EncodeOutcome) => void): Submission
  whenRoom(owner: number, fire: () => void): () => void
  takeGlz(dictionary: number, note: GlzNote, later: () => void): GlzTurn
  resetDictionary(dictionary: number): void
  /** A lane of the owner was opened, or closed. */
  joined(owner: number): void
  left(owner: number): void
  restartVideo(stream: number): void
}

/** A job of a lane, whose owner is known. */
export type LaneJob = Omit<FreeJob, 'owner'> | Omit<GlzJob, 'owner'> | Omit<VideoJob, 'owner'>

/** A job and how it ended. */
export interface LaneEntry<Tag> {
  readonly job: EncodeJob
  /** What the channel handed in with it: where the image goes. */
  readonly tag: Tag
  readonly outcome: EncodeOutcome
  /** Coded on this thread, just now. */
  readonly inline: boolean
}

interface Pending<Tag> {
  readonly job: EncodeJob
  readonly tag: Tag
  /** `undefined`: coded on this thread when its turn comes. */
  readonly submission: Extract<Submission, { kind: 'queued' }> | undefined
  outcome: EncodeOutcome | undefined
}

/**
 * The jobs of one channel in order. An image shows the pixels of the time at which it was coded; sent in another order
 * than handed in, an older one could end up on top of a newer one and stay.
 *
 * What is small, or left over when no worker runs, waits for its turn like the rest and is coded when it is taken.
 */
export class EncodeLane<Tag> {
  readonly #pool: LanePool
  readonly #owner: number
  readonly #ready: () => void
  /** Dictionaries that images of this channel are in. */
  readonly #dictionaries = new Set<number>()
  #pending: Pending<Tag>[] = []
  #takeBackRoom: (() => void) | undefined
  #closed = false
  /** One for all, so that a lane that asks often for its turn is told once. */
  readonly #tellTurn = (): void => this.#tellReady()

  constructor(pool: LanePool, owner: number, ready: () => void) {
    this.#pool = pool
    this.#owner = owner
    this.#ready = ready
    pool.joined(owner)
  }

  /** Jobs handed in and not taken. */
  get length(): number {
    return this.#pending.length
  }

  /** What was handed in with the jobs that are not taken, in order. */
  get tags(): readonly Tag[] {
    return this.#pending.map(({ tag }) => tag)
  }

  /** Pixels that may be coded on this thread in one turn of the event loop. */
  get turnPixels(): number {
    return this.#pool.turnPixels
  }

  /** Largest image that {@link submit} takes now, pixels. */
  get maxPixels(): number {
    return this.#pool.maxPixels
  }

  /**
   * Hands in the next job.
   *
   * @returns whether it was taken; if not, `ready` is called when there is room
   */
  submit(job: LaneJob, tag: Tag): boolean {
    const owned: EncodeJob = { ...job, owner: this.#owner }
    if (this.#pool.isSmall(owned)) {
      this.#pending.push({ job: owned, tag, submission: undefined, outcome: undefined })
      return true
    }
    const submission = this.#pool.submit(owned, (outcome) => {
      pending.outcome = outcome
      if (this.#pending[0] === pending) {
        this.#tellReady()
      }
    })
    const pending: Pending<Tag> = {
      job: owned,
      tag,
      submission: submission.kind === 'queued' ? submission : undefined,
      outcome: undefined,
    }
    if (submission.kind === 'full') {
      this.#takeBackRoom ??= this.#pool.whenRoom(this.#owner, () => {
        this.#takeBackRoom = undefined
        this.#tellReady()
      })
      return false
    }
    this.#pending.push(pending)
    if (job.codec === 'glz') {
      this.#dictionaries.add(job.dictionary)
    }
    return true
  }

  /**
   * The next job whose turn it is, once it has ended; a small one is coded now. A GLZ image must be sent before anything
   * else is taken on any channel of the client.
   */
  take(): LaneEntry<Tag> | undefined {
    const first = this.#pending[0]
    if (first === undefined) {
      return undefined
    }
    const { job, tag, submission } = first
    let outcome = first.outcome ?? (submission === undefined ? this.#pool.encodeNow(job) : undefined)
    const note = glzNote(outcome)
    if (note !== undefined && job.codec === 'glz') {
      const turn = this.#pool.takeGlz(job.dictionary, note, this.#tellTurn)
      if (turn === 'lost') {
        const error = new SidecarError('SIDECAR_LIMIT', 'glz dictionary began anew without the image')
        outcome = { kind: 'failed', reason: 'lost', error }
      }
      outcome = turn === 'later' ? undefined : outcome
    }
    if (outcome === undefined) {
      return undefined
    }
    this.#pending.shift()
    return { job, tag, outcome, inline: submission === undefined }
  }

  /**
   * Drops what nobody wants any more. GLZ images that are coded, or being coded, stay: they must be sent. What is not
   * dropped is still to be taken. A video stream of which a frame is dropped goes on with a key frame.
   */
  drop(): void {
    this.#takeBackRoom?.()
    this.#takeBackRoom = undefined
    this.#pending = this.#pending.filter(({ job, submission, outcome }) => {
      if (outcome === undefined) {
        return submission?.cancel() === false
      }
      if (job.codec === 'video') {
        this.#pool.restartVideo(job.stream)
      }
      return glzNote(outcome) !== undefined
    })
  }

  /**
   * The channel is gone: `ready` is not called any more. It costs its dictionaries their windows: of its GLZ images some may
   * be unsent, and of those that were sent nobody knows which arrived, so no other channel may refer to them.
   */
  close(): void {
    if (!this.#closed) {
      this.#pool.left(this.#owner)
    }
    this.#closed = true
    this.drop()
    this.#pending = []
    for (const dictionary of this.#dictionaries) {
      this.#pool.resetDictionary(dictionary)
    }
    this.#dictionaries.clear()
  }

  #tellReady(): void {
    if (!this.#closed) {
      this.#ready()
    }
  }
}

const glzNote = (outcome: EncodeOutcome | undefined): GlzNote | undefined =>
  outcome?.kind === 'coded' ? outcome.glz : undefined
