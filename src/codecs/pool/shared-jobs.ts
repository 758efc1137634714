import type { Clock, Timer } from '../../core/clock.js'
import type { Counter } from '../../core/metrics.js'
import type { CodedImage, EncodeJob, EncodeOutcome, Submission } from './job.js'

/** An image is kept for so long for clients that ask for it a little later, ms. */
const KEEP_MS = 300

/** Memory of all images that are kept, bytes. */
const KEEP_BYTES = 4 * 1024 * 1024

type Done = (outcome: EncodeOutcome) => void

interface Waiter {
  readonly owner: number
  readonly headroom: number
  readonly done: Done
}

interface Shared {
  /** The job of the first who asked; it pays. */
  readonly job: EncodeJob
  readonly waiters: Set<Waiter>
  /** Once it is coded. */
  image: CodedImage | undefined
  keptSinceMs: number
  /** Ends the job; until it is coded. */
  cancel: () => boolean
}

/**
 * Jobs of several clients for the same image, done once: who asks while it waits or is being coded gets the same outcome, and so
 * does who asks shortly after. Nothing is kept while there is only one client.
 */
export class SharedJobs {
  readonly #clock: Clock
  readonly #shares: Counter
  readonly #all = new Map<string, Shared>()
  /** Lanes of each owner. */
  readonly #owners = new Map<number, number>()
  #keptBytes = 0
  #timer: Timer | undefined

  /** @param shares counts the jobs that were spared, by `codec` */
  constructor(clock: Clock, shares: Counter) {
    this.#clock = clock
    this.#shares = shares
  }

  /** More than one client may want images. */
  get on(): boolean {
    return this.#owners.size > 1
  }

  /** A lane of an owner was opened. */
  join(owner: number): void {
    this.#owners.set(owner, (this.#owners.get(owner) ?? 0) + 1)
  }

  /** A lane of an owner was closed. */
  leave(owner: number): void {
    const left = (this.#owners.get(owner) ?? 0) - 1
    if (left > 0) {
      this.#owners.set(owner, left)
    } else {
      this.#owners.delete(owner)
    }
    if (!this.on) {
      this.#forget(Infinity)
    }
  }

  /** What an image is shared by now; `undefined`: it is not. */
  keyOf(job: EncodeJob): string | undefined {
    if (job.codec === 'glz' || job.codec === 'video' || job.key === undefined || !this.on) {
      return undefined
    }
    const { codec, options, bands = 1 } = job
    return `${codec}/${options?.quality ?? 0}/${bands}/${job.key()}`
  }

  /** Another one wants the image of this job. */
  isShared(job: EncodeJob): boolean {
    return [...this.#all.values()].some((each) => each.job === job && each.waiters.size > 0)
  }

  /** @returns a copy of the image, if it is there */
  find(key: string, { codec, headroom }: EncodeJob): CodedImage | undefined {
    const image = this.#all.get(key)?.image
    if (image === undefined) {
      return undefined
    }
    this.#shares.add(1, { codec })
    return withHeadroom(image, this.#all.get(key)?.job.headroom ?? 0, headroom)
  }

  /** Keeps an image that was coded at once. */
  keep(key: string, job: EncodeJob, image: CodedImage): void {
    const shared: Shared = { job, waiters: new Set(), image, keptSinceMs: 0, cancel: () => true }
    this.#all.delete(key)
    this.#all.set(key, shared)
    this.#keep(key, shared, image)
  }

  /**
   * Hands a job in, or waits for the same one.
   *
   * @param done gets the outcome, once, in a later turn
   * @param begin hands the job in alone
   */
  submit(key: string, job: EncodeJob, done: Done, begin: (done: Done) => Submission): Submission {
    const image = this.find(key, job)
    if (image !== undefined) {
      const timer = this.#clock.nextTurn(() => done(image))
      return {
        kind: 'queued',
        cancel: () => {
          timer.cancel()
          return true
        },
      }
    }
    const known = this.#all.get(key)
    if (known !== undefined) {
      this.#shares.add(1, { codec: job.codec })
      return this.#wait(key, known, job, done)
    }
    const shared: Shared = {
      job,
      waiters: new Set(),
      image: undefined,
      keptSinceMs: 0,
      cancel: () => true,
    }
    const submission = begin((outcome) => this.#settle(key, shared, outcome))
    if (submission.kind !== 'queued') {
      return submission
    }
    shared.cancel = () => submission.cancel()
    this.#all.set(key, shared)
    return this.#wait(key, shared, job, done)
  }

  /** Nobody of an owner's waits any more. */
  dropOwner(owner: number): void {
    for (const [key, shared] of [...this.#all]) {
      for (const waiter of [...shared.waiters]) {
        if (waiter.owner === owner) {
          this.#drop(key, shared, waiter)
        }
      }
    }
  }

  #wait(key: string, shared: Shared, { owner, headroom }: EncodeJob, done: Done): Submission {
    const waiter = { owner, headroom, done }
    shared.waiters.add(waiter)
    return { kind: 'queued', cancel: () => this.#drop(key, shared, waiter) }
  }

  /** The last who waits ends the job. */
  #drop(key: string, shared: Shared, waiter: Waiter): true {
    if (shared.waiters.delete(waiter) && shared.waiters.size === 0 && shared.image === undefined) {
      this.#delete(key, shared)
      shared.cancel()
    }
    return true
  }

  #settle(key: string, shared: Shared, outcome: EncodeOutcome): void {
    const waiters = [...shared.waiters]
    shared.waiters.clear()
    if (outcome.kind === 'coded' && this.on) {
      this.#keep(key, shared, outcome)
    } else {
      this.#delete(key, shared)
    }
    const from = shared.job.headroom
    for (const [at, { headroom, done }] of waiters.entries()) {
      const isOwn = at === 0 && headroom === from
      done(outcome.kind === 'coded' && !isOwn ? withHeadroom(outcome, from, headroom) : outcome)
    }
  }

  #keep(key: string, shared: Shared, image: CodedImage): void {
    if (image.size > KEEP_BYTES || this.#all.get(key) !== shared) {
      this.#delete(key, shared)
      return
    }
    shared.image = image
    shared.keptSinceMs = this.#clock.nowMs()
    this.#keptBytes += image.size
    this.#forget(shared.keptSinceMs - KEEP_MS)
    this.#watch()
  }

  /** Forgets what has been kept since `beforeMs` or longer, and the oldest while it is too much. */
  #forget(beforeMs: number): void {
    for (const [key, shared] of [...this.#all]) {
      const isOld = shared.keptSinceMs <= beforeMs || this.#keptBytes > KEEP_BYTES
      if (shared.image !== undefined && isOld) {
        this.#delete(key, shared)
      }
    }
  }

  #watch(): void {
    if (this.#timer === undefined && this.#keptBytes > 0) {
      this.#timer = this.#clock.after(KEEP_MS, () => {
        this.#timer = undefined
        this.#forget(this.#clock.nowMs() - KEEP_MS)
        this.#watch()
      })
    }
  }

  #delete(key: string, shared: Shared): void {
    if (this.#all.get(key) === shared) {
      this.#all.delete(key)
      this.#keptBytes -= shared.image?.size ?? 0
    }
  }
}

/**
 * The same image behind other free bytes, which the message of another client fills: its first piece is a copy, later ones are
 * only read.
 */
const withHeadroom = (image: CodedImage, from: number, headroom: number): CodedImage => {
  const [first, ...others] = image.pieces
  const coded = first?.subarray(from) ?? new Uint8Array(0)
  const copy = new Uint8Array(headroom + coded.length)
  copy.set(coded, headroom)
  return { ...image, pieces: [copy, ...others] }
}
