import { asSidecarError, SidecarError } from '../../core/errors.js'
import {
  availableVideo,
  isVideoSize,
  type AvailableVideo,
  type VideoCodec,
  type VideoFormat,
} from '../video/index.js'
import { WorkerCrew } from './crew.js'
import type { GlzTurn } from './dictionaries.js'
import type { GlzNote } from './glz-port.js'
import { Holdings, type Prepared } from './holdings.js'
import { InlineCoder } from './inline-coder.js'
import type { EncodeJob, EncodeOutcome, Submission } from './job.js'
import { JobQueue } from './job-queue.js'
import { EncodeLane } from './lane.js'
import type { JobAnswer, JobCodec } from './messages.js'
import {
  DEFAULT_POOL_LIMITS,
  FAIL_TEXTS,
  INLINE_PIXELS,
  POOL_LIMIT_NAMES,
  type FailReason,
  type PoolDeps,
  type PoolLimits,
} from './options.js'
import { portableBlock } from './pixel-block.js'
import { SharedJobs } from './shared-jobs.js'
import { bandsFor, endOf, Task } from './task.js'
import { threadStarter, type StartWorker } from './worker-port.js'
import type { LossReason, WorkerSlot } from './worker-slot.js'

export interface PoolOptions {
  /** What differs from {@link DEFAULT_POOL_LIMITS}. */
  readonly limits?: Partial<PoolLimits>
  /** How workers are started; threads of this program if left out. */
  readonly startWorker?: StartWorker
  /** Coder of the main thread. */
  readonly inline?: InlineCoder
  /** What differs from {@link INLINE_PIXELS}. */
  readonly inlinePixels?: Partial<Readonly<Record<JobCodec, number>>>
  /** Finds out what video this machine can code. */
  readonly availableVideo?: () => AvailableVideo
}

/**
 * Codes images in worker threads: started when the first job comes, ended when there is nothing to do, replaced when
 * they die or do not come to an end. A job is answered once, unless it is cancelled, and never by an exception.
 */
export class EncoderPool {
  readonly limits: PoolLimits
  readonly #deps: PoolDeps
  readonly #inline: InlineCoder
  readonly #inlinePixels: Readonly<Record<JobCodec, number>>
  readonly #queue: JobQueue<Task>
  readonly #crew: WorkerCrew
  readonly #shared: SharedJobs
  readonly #holdings: Holdings
  readonly #availableVideo: () => AvailableVideo
  #videoCodecs: readonly VideoCodec[] | undefined
  readonly #running = new Map<WorkerSlot, { readonly task: Task; readonly part: number }>()
  #lastRequest = 0
  /** An outcome that is known while the job is handed in comes a turn later. */
  #submitting = false

  constructor(deps: PoolDeps, options: PoolOptions = {}) {
    const limits = { ...DEFAULT_POOL_LIMITS, ...options.limits }
    this.limits = limits
    this.#deps = deps
    this.#inlinePixels = { ...INLINE_PIXELS, ...options.inlinePixels }
    this.#inline = options.inline ?? new InlineCoder(limits.inlineMaxPixels)
    this.#holdings = new Holdings(limits)
    this.#availableVideo = options.availableVideo ?? availableVideo
    this.#queue = new JobQueue(limits.waiting, limits.waitingPerOwner)
    this.#shared = new SharedJobs(deps.clock, deps.metrics.sharedJobs)
    const startWorker = options.startWorker ?? threadStarter({ maxPixels: limits.maxPixels })
    this.#crew = new WorkerCrew(deps, limits, startWorker, {
      ready: () => this.#serve(),
      answered: (slot, answer) => this.#answered(slot, answer),
      lost: (slot, reason, error) => this.#lost(slot, reason, error),
      ending: (slot) => this.#holdings.lost(slot),
      keeps: (slot) => this.#holdings.heldBy(slot) > 0,
    })
  }

  /** A job handed in now would find a worker, sooner or later. */
  get up(): boolean {
    return this.#crew.up
  }

  /** Largest image of a job now, pixels: smaller when all work is left to the main thread. */
  get maxPixels(): number {
    return this.up ? this.limits.maxPixels : this.#inline.maxPixels
  }

  /** Pixels that may be coded on this thread in one turn of the event loop. */
  get turnPixels(): number {
    return this.#inline.maxPixels
  }

  /** Gives back what the main thread's coder holds. */
  trim(): void {
    this.#inline.trim()
  }

  /** Starts a worker for jobs that are about to come. */
  warmUp(): void {
    if (this.#crew.live === 0) {
      this.#crew.startFor(1)
      this.#crew.watchIdle()
    }
  }

  /** Better coded at once, with {@link encodeNow}, than handed to a worker. */
  isSmall({ codec, block }: EncodeJob): boolean {
    return block.width * block.height <= this.#inlinePixels[codec]
  }

  /** Bands that pay for an image of that many pixels with the workers there are: 1 to 4. */
  bandsFor(pixels: number): number {
    return bandsFor(pixels, this.limits.workers)
  }

  /**
   * Codes a small image, at most `limits.inlineMaxPixels`, on this thread, in one band; no GLZ. Never throws.
   *
   * HOT PATH: damage to encoded image.
   */
  encodeNow(job: EncodeJob): EncodeOutcome {
    const { clock, metrics } = this.#deps
    const key = this.#shared.keyOf(job)
    const image = key === undefined ? undefined : this.#shared.find(key, job)
    if (image !== undefined) {
      return image
    }
    const startMs = clock.nowMs()
    const outcome = this.#inline.encode(job)
    const encodeMs = clock.nowMs() - startMs
    metrics.encodeSeconds.observe(encodeMs / 1000, { codec: job.codec })
    metrics.inlineJobs.add(1, { codec: job.codec, outcome: endOf(job, outcome) })
    if (outcome.kind === 'failed') {
      return outcome
    }
    const coded = { ...outcome, encodeMs }
    if (key !== undefined) {
      this.#shared.keep(key, job, coded)
    }
    return coded
  }

  /**
   * Hands in a job for the workers. Jobs begin in the order in which they come, those of one dictionary or video stream
   * also end in it; others may overtake each other, see {@link lane}. One with the key of another owner's waits for the same image.
   *
   * @param done gets the outcome, once, in a later turn
   * @throws SidecarError SIDECAR_BUG for a job that nobody can do (headroom out of range)
   */
  submit(job: EncodeJob, done: (outcome: EncodeOutcome) => void): Submission {
    const key = this.up ? this.#shared.keyOf(job) : undefined
    return key === undefined
      ? this.#submit(job, done)
      : this.#shared.submit(key, job, done, (settle) => this.#submit(job, settle))
  }

  #submit(job: EncodeJob, done: (outcome: EncodeOutcome) => void): Submission {
    const { clock, metrics } = this.#deps
    const task = new Task(job, done, clock.nowMs())
    if (!this.up) {
      return { kind: 'down' }
    }
    const full = this.#queue.full(task.owner, task.units)
    if (full !== undefined) {
      metrics.limitHits.add(1, { limit: POOL_LIMIT_NAMES[full === 'owner' ? 'waitingPerOwner' : 'waiting'] })
      return { kind: 'full' }
    }
    this.#queue.add(task)
    task.waitTimer = clock.after(this.limits.waitMs, () => {
      metrics.limitHits.add(1, { limit: POOL_LIMIT_NAMES.waitMs })
      this.#fail(task, 'waited')
      this.#serve()
    })
    const outer = this.#submitting
    this.#submitting = true
    this.#serve()
    this.#submitting = outer
    return { kind: 'queued', cancel: () => this.#cancel(task) }
  }

  /** Whether a job of `owner` would be taken now. */
  hasRoom(owner: number): boolean {
    return this.#queue.full(owner, 1) === undefined
  }

  /** Calls `fire` once, when there is room for a job of `owner` again. @returns a function that takes it back */
  whenRoom(owner: number, fire: () => void): () => void {
    return this.#queue.whenRoom(owner, fire)
  }

  /** Drops what waits for `owner`, and what is being coded except GLZ images; no outcome comes of what is dropped. */
  cancelOwner(owner: number): void {
    this.#shared.dropOwner(owner)
    for (const task of [...this.#queue.items, ...this.#tasksRunning()]) {
      if (task.owner === owner && !this.#shared.isShared(task.job)) {
        this.#cancel(task)
      }
    }
  }

  /**
   * Jobs of one channel, their outcomes in the order in which they were handed in.
   *
   * @param ready called when {@link EncodeLane.take} has something, or there is room again
   */
  lane<Tag>(owner: number, ready: () => void): EncodeLane<Tag> {
    return new EncodeLane<Tag>(this, owner, ready)
  }

  /** Clients with lanes are more than one, so that what they have in common is coded once. */
  get sharing(): boolean {
    return this.#shared.on
  }

  joined(owner: number): void {
    this.#shared.join(owner)
  }

  left(owner: number): void {
    this.#shared.leave(owner)
  }

  /**
   * A GLZ dictionary for the display channels of one client.
   *
   * @param windowPixels as the client asked
   * @param nextImage id of its first image: 0, or where an earlier dictionary of the client ended
   */
  openDictionary(windowPixels: number, nextImage = 0): number {
    return this.#holdings.dictionaries.open(windowPixels, nextImage)
  }

  /** Ends a dictionary and gives its memory back; jobs for it that come later are refused. */
  closeDictionary(dictionary: number): void {
    this.#holdings.dictionaries.close(dictionary)?.tell({ type: 'glzClose', dictionary })
  }

  /**
   * Whether it is the turn of a GLZ image of a lane to be sent: over all channels of a client they go in the order of
   * their ids. `now` takes the turn.
   *
   * A lane asks by itself; who hands in GLZ jobs without one has to.
   *
   * @param later called once, when to ask again
   */
  takeGlz(dictionary: number, note: GlzNote, later: () => void): GlzTurn {
    return this.#holdings.dictionaries.take(dictionary, note, later)
  }

  /**
   * GLZ images were coded that nobody will send, since their channel is gone: the dictionary begins an empty window
   * with the first of their ids, and images with later ones are lost, too.
   */
  resetDictionary(dictionary: number): void {
    this.#holdings.dictionaries.reset(dictionary)?.tell({ type: 'glzClose', dictionary })
  }

  /** Codecs that video streams can have here. The first call loads a library, and says in the log what it lacks. */
  get videoCodecs(): readonly VideoCodec[] {
    if (this.#videoCodecs === undefined) {
      const { codecs, reason } = this.#availableVideo()
      this.#videoCodecs = codecs
      if (reason !== undefined) {
        this.#deps.logger.info('Not all video codecs can be used', { reason })
      }
    }
    return this.#videoCodecs
  }

  /**
   * A video stream. Its frames are coded in order, by one worker; a frame of another size, or one after that worker was
   * lost, begins anew with a key frame.
   *
   * @returns `undefined`: there is no coder for it on this machine, its size is none for video, or a limit is reached
   */
  openVideo(format: VideoFormat): number | undefined {
    const { codec, width, height } = format
    // The library is loaded here before it is in any worker: what a worker leaves is given back by this thread.
    if (this.limits.workers === 0 || !isVideoSize(width, height) || !this.videoCodecs.includes(codec)) {
      return undefined
    }
    const opened = this.#holdings.video.open(format)
    if (typeof opened === 'string') {
      this.#deps.metrics.limitHits.add(1, { limit: POOL_LIMIT_NAMES[opened] })
      return undefined
    }
    return opened
  }

  /** Ends a video stream and gives its coder's memory back; frames that are not there by then are lost. */
  closeVideo(stream: number): void {
    this.#holdings.video.close(stream)?.tell({ type: 'videoClose', stream })
  }

  /** A frame of the stream was coded that will not be sent: the next one is a key frame. */
  restartVideo(stream: number): void {
    this.#holdings.video.restart(stream)
  }

  /** Ends all workers; every job is answered, as closed. Resolves when the threads are gone. Callable at any time. */
  async close(): Promise<void> {
    const tasks = [...this.#queue.drain(), ...this.#tasksRunning()]
    this.#running.clear()
    const closed = this.#crew.close()
    for (const task of tasks) {
      this.#fail(task, 'closed')
    }
    this.#count()
    await closed
  }

  #tasksRunning(): Task[] {
    return [...new Set([...this.#running.values()].map(({ task }) => task))]
  }

  /** Gives waiting jobs to idle workers, and starts a worker for what is left over. */
  #serve(): void {
    let left = 0
    for (const task of [...this.#queue.items]) {
      let slot = this.#slotFor(task)
      while (slot !== undefined && task.partsLeft > 0) {
        this.#run(slot, task)
        slot = this.#slotFor(task)
      }
      if (task.partsLeft === 0) {
        this.#queue.remove(task)
      }
      left += this.#isPinned(task) ? 0 : task.partsLeft
    }
    this.#crew.startFor(left)
    if (!this.#crew.up) {
      for (const task of this.#queue.drain()) {
        this.#fail(task, 'down')
      }
    }
    this.#crew.watchIdle()
    this.#count()
    this.#queue.tellRoom()
  }

  /** Has to wait for one certain worker. */
  #isPinned({ job }: Task): boolean {
    return this.#holdings.holderOf(job) !== undefined
  }

  /** An idle worker that may do the job; the one that holds least, since no other can do the jobs of that. */
  #slotFor({ job }: Task): WorkerSlot | undefined {
    const holder = this.#holdings.holderOf(job)
    if (holder !== undefined) {
      return holder.state === 'idle' ? holder : undefined
    }
    let best: WorkerSlot | undefined
    let fewest = Infinity
    for (const slot of this.#crew.slots) {
      const held = slot.state === 'idle' ? this.#holdings.heldBy(slot) : Infinity
      if (held < fewest) {
        fewest = held
        best = slot
      }
    }
    return best
  }

  #run(slot: WorkerSlot, task: Task): void {
    const { clock, metrics } = this.#deps
    const { job } = task
    const next = task.nextPart(++this.#lastRequest)
    if (next === undefined) {
      return
    }
    if (task.startedAtMs === undefined) {
      task.startedAtMs = clock.nowMs()
      task.waitTimer?.cancel()
      metrics.waitSeconds.observe((task.startedAtMs - task.queuedAtMs) / 1000)
    }
    let portable: ReturnType<typeof portableBlock>
    let prepared: Prepared | undefined
    try {
      portable = portableBlock(next.request.block)
      prepared = this.#holdings.prepare(job, next.request, slot)
    } catch (thrown) {
      this.#fail(task, 'refused', asSidecarError(thrown))
      return
    }
    if (prepared === undefined) {
      this.#fail(task, 'lost')
      return
    }
    prepared.before.forEach((message) => {
      slot.tell(message)
    })
    this.#running.set(slot, { task, part: next.part })
    slot.run({ ...prepared.request, block: portable.block }, portable.transfer)
  }

  #answered(slot: WorkerSlot, answer: JobAnswer): void {
    const running = this.#running.get(slot)
    this.#running.delete(slot)
    const counts = running !== undefined && this.#holdings.answered(running.task.job, answer, slot)
    this.#serve()
    if (running === undefined || running.task.over) {
      return
    }
    const { task, part } = running
    const { codec } = task.job
    if (answer.type === 'failed') {
      const error = new SidecarError(answer.code, answer.message, { codec })
      this.#deps.logger.warn('Encoder refused an image; it goes without a codec', { codec, err: error })
      this.#fail(task, 'refused', error)
      return
    }
    if (!counts) {
      this.#fail(task, 'lost')
      return
    }
    const image = task.add(part, answer, this.#deps.clock.nowMs())
    if (image !== undefined) {
      this.#deps.metrics.encodeSeconds.observe(image.encodeMs / 1000, { codec })
      this.#finish(task, image)
    }
  }

  #lost(slot: WorkerSlot, reason: LossReason, error: SidecarError): void {
    const { logger, metrics } = this.#deps
    const task = this.#running.get(slot)?.task
    this.#running.delete(slot)
    this.#holdings.lost(slot)
    metrics.workersLost.add(1, { reason })
    if (reason === 'deadline') {
      metrics.limitHits.add(1, { limit: POOL_LIMIT_NAMES.jobMs })
    }
    logger.warn('Encoder worker lost', {
      reason,
      err: error,
      codec: task?.job.codec,
      backOffMs: this.#crew.backOffMs,
    })
    if (task !== undefined && !task.over) {
      this.#fail(task, reason === 'deadline' ? 'deadline' : 'died', error)
    }
    this.#serve()
  }

  #cancel(task: Task): boolean {
    if (task.over || (task.job.codec === 'glz' && task.startedAtMs !== undefined)) {
      return task.over
    }
    if (task.job.codec === 'video' && task.startedAtMs !== undefined) {
      this.restartVideo(task.job.stream)
    }
    task.finish(undefined)
    this.#deps.metrics.jobs.add(1, { codec: task.job.codec, outcome: 'cancelled' })
    if (this.#queue.remove(task)) {
      this.#count()
      this.#queue.tellRoom()
    }
    return true
  }

  #fail(task: Task, reason: FailReason, cause?: SidecarError): void {
    const error = cause ?? new SidecarError('SIDECAR_LIMIT', FAIL_TEXTS[reason], { codec: task.job.codec })
    this.#finish(task, { kind: 'failed', reason, error })
  }

  #finish(task: Task, outcome: EncodeOutcome): void {
    this.#queue.remove(task)
    if (this.#submitting) {
      this.#deps.clock.nextTurn(() => this.#tell(task, outcome))
    } else {
      this.#tell(task, outcome)
    }
  }

  #tell(task: Task, outcome: EncodeOutcome): void {
    if (!task.over) {
      this.#deps.metrics.jobs.add(1, { codec: task.job.codec, outcome: endOf(task.job, outcome) })
      task.finish(outcome)
    }
  }

  #count(): void {
    this.#deps.metrics.waiting.set(this.#queue.units)
  }
}
