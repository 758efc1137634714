import { SidecarError } from '../../core/errors.js'
import { isVideoSize, type VideoFormat, type VideoFrame } from '../video/index.js'
import type { VideoJob } from './job.js'
import type { VideoOpen } from './messages.js'
import type { WorkerSlot } from './worker-slot.js'

interface Stream {
  format: VideoFormat
  /** Whose worker holds the coder; `undefined`: none, the next frame begins a new one. */
  slot: WorkerSlot | undefined
  /** A frame was coded that will not be sent: the next one must not refer to it. */
  broken: boolean
}

/** Why a stream is not opened, by the name of the limit. */
export type VideoRefusal = 'videoStreams' | 'videoPixels'

export interface VideoLimits {
  /** Streams at once (L-video). */
  readonly videoStreams: number
  /** Pixels of one frame of each, in all (L-video). */
  readonly videoPixels: number
}

/** What a worker gets to hear before, and with, a frame. */
export interface VideoTurn {
  readonly open: VideoOpen | undefined
  readonly frame: VideoFrame
}

const areaOf = ({ width, height }: { readonly width: number; readonly height: number }): number =>
  width * height

/**
 * The video streams of all clients: which worker holds the coder of each, and what each needs to begin anew when the
 * worker is lost. A coder takes up to 80 bytes of memory for a pixel, so there are limits.
 */
export class VideoStreams {
  readonly #limits: VideoLimits
  readonly #all = new Map<number, Stream>()
  #lastId = 0

  constructor(limits: VideoLimits) {
    this.#limits = limits
  }

  /** @returns its number, or the limit that forbids it */
  open(format: VideoFormat): number | VideoRefusal {
    if (this.#all.size >= this.#limits.videoStreams) {
      return 'videoStreams'
    }
    if (this.#area() + areaOf(format) > this.#limits.videoPixels) {
      return 'videoPixels'
    }
    this.#lastId += 1
    this.#all.set(this.#lastId, { format, slot: undefined, broken: false })
    return this.#lastId
  }

  /** @returns the slot that has to be told */
  close(id: number): WorkerSlot | undefined {
    const slot = this.slotOf(id)
    this.#all.delete(id)
    return slot
  }

  slotOf(id: number): WorkerSlot | undefined {
    return this.#all.get(id)?.slot
  }

  /** Streams whose coders the worker of `slot` holds. */
  heldBy(slot: WorkerSlot): number {
    let held = 0
    for (const stream of this.#all.values()) {
      held += stream.slot === slot ? 1 : 0
    }
    return held
  }

  /**
   * The worker of `slot` is to code a frame.
   *
   * @returns `undefined` when the stream was closed
   * @throws SidecarError SIDECAR_LIMIT when the frame is too large beside the other streams or too small for video
   */
  begin({ stream: id, block, ptsMs, ...wishes }: VideoJob, slot: WorkerSlot): VideoTurn | undefined {
    const stream = this.#all.get(id)
    if (stream === undefined) {
      return undefined
    }
    const { width, height } = block
    const area = this.#area() - areaOf(stream.format) + areaOf(block)
    if (!isVideoSize(width, height) || area > this.#limits.videoPixels) {
      throw new SidecarError('SIDECAR_LIMIT', 'video frame is of a size that is not coded', { width, height })
    }
    const { bitRate = stream.format.bitRate, fps = stream.format.fps, keyFrame = false } = wishes
    stream.format = { codec: stream.format.codec, width, height, bitRate, fps }
    const frame = { ptsMs, bitRate, fps, keyFrame: keyFrame || stream.broken }
    stream.broken = false
    if (stream.slot === slot) {
      return { open: undefined, frame }
    }
    stream.slot = slot
    return { open: { type: 'videoOpen', stream: id, format: stream.format }, frame }
  }

  /** A frame that was coded, or is being coded, will not be sent. */
  restart(id: number): void {
    const stream = this.#all.get(id)
    if (stream !== undefined) {
      stream.broken = true
    }
  }

  /** The worker of `slot` is gone, and all coders that it held. */
  lost(slot: WorkerSlot): void {
    for (const stream of this.#all.values()) {
      if (stream.slot === slot) {
        stream.slot = undefined
      }
    }
  }

  #area(): number {
    let area = 0
    for (const { format } of this.#all.values()) {
      area += areaOf(format)
    }
    return area
  }
}
