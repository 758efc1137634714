import { Dictionaries } from './dictionaries.js'
import type { EncodeJob } from './job.js'
import type { JobAnswer, JobRequest, ToWorker } from './messages.js'
import { VideoStreams, type VideoLimits } from './video-streams.js'
import type { WorkerSlot } from './worker-slot.js'

/** A request as it goes to a worker, behind what that has to hear first. */
export interface Prepared {
  readonly before: readonly ToWorker[]
  readonly request: JobRequest
}

/** What workers hold beyond one job, so that no other can go on with it: GLZ windows and video coders. */
export class Holdings {
  readonly dictionaries = new Dictionaries()
  readonly video: VideoStreams

  constructor(limits: VideoLimits) {
    this.video = new VideoStreams(limits)
  }

  /** The one worker that can do a job; `undefined`: any. */
  holderOf(job: EncodeJob): WorkerSlot | undefined {
    switch (job.codec) {
      case 'glz':
        return this.dictionaries.slotOf(job.dictionary)
      case 'video':
        return this.video.slotOf(job.stream)
      default:
        return undefined
    }
  }

  heldBy(slot: WorkerSlot): number {
    return this.dictionaries.heldBy(slot) + this.video.heldBy(slot)
  }

  /**
   * The worker of `slot` gets a job and holds from now on what belongs to it.
   *
   * @returns `undefined` when the job's video stream is gone
   * @throws SidecarError SIDECAR_LIMIT when the frame is of a size that the stream cannot have
   */
  prepare(job: EncodeJob, request: JobRequest, slot: WorkerSlot): Prepared | undefined {
    if (job.codec === 'glz') {
      const open = this.dictionaries.assign(job.dictionary, slot)
      return { before: open === undefined ? [] : [open], request }
    }
    if (job.codec === 'video' && request.type === 'videoEncode') {
      const turn = this.video.begin(job, slot)
      const before = turn?.open === undefined ? [] : [turn.open]
      return turn === undefined ? undefined : { before, request: { ...request, frame: turn.frame } }
    }
    return { before: [], request }
  }

  /** @returns whether what the worker of `slot` answered counts; not when what belonged to it is gone */
  answered(job: EncodeJob, answer: JobAnswer, slot: WorkerSlot): boolean {
    if (job.codec === 'video') {
      return answer.type === 'failed' || this.video.slotOf(job.stream) === slot
    }
    if (job.codec !== 'glz') {
      return true
    }
    const { dictionary } = job
    if (answer.type === 'coded') {
      return answer.glz === undefined || this.dictionaries.coded(dictionary, slot, answer.glz)
    }
    if (answer.begun && this.dictionaries.slotOf(dictionary) === slot) {
      this.dictionaries.forget(dictionary)
      slot.tell({ type: 'glzClose', dictionary })
    }
    return true
  }

  /** The worker of `slot` is gone, and all that it held. */
  lost(slot: WorkerSlot): void {
    this.dictionaries.lost(slot)
    this.video.lost(slot)
  }
}
