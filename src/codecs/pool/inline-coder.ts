import { SidecarError } from '../../core/errors.js'
import { EncoderSet, ENCODER_MAKERS, type EncoderMakers } from './encoder-set.js'
import type { EncodeJob, EncodeOutcome } from './job.js'
import { JobCoder } from './job-coder.js'
import { codedImage } from './task.js'

/** Codes on this thread, the same way as a worker does. */
export class InlineCoder {
  readonly maxPixels: number
  readonly #makers: EncoderMakers
  #coder: JobCoder | undefined

  /** @param maxPixels largest image; the encoders are made for it when the first one comes */
  constructor(maxPixels: number, makers: EncoderMakers = ENCODER_MAKERS) {
    this.maxPixels = maxPixels
    this.#makers = makers
  }

  /** Gives its encoders back; they are made again when they are needed. */
  trim(): void {
    this.#coder = undefined
  }

  /** Never throws. `encodeMs` is left to the caller: 0. */
  encode(job: EncodeJob): EncodeOutcome {
    if (job.codec === 'glz' || job.codec === 'video') {
      const error = new SidecarError('SIDECAR_BUG', 'a dictionary or a video stream lives in a worker')
      return { kind: 'failed', reason: 'refused', error }
    }
    const { codec, block, headroom, options = {} } = job
    this.#coder ??= new JobCoder(new EncoderSet(this.maxPixels, this.#makers))
    const answer = this.#coder.answer({ type: 'encode', job: 0, codec, block, headroom, options })
    return answer.type === 'coded'
      ? codedImage([answer], headroom, 0)
      : { kind: 'failed', reason: 'refused', error: new SidecarError(answer.code, answer.message) }
  }
}
