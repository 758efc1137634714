import type { Rect } from '../../../core/region.js'
import type { RateRecord } from './rate-control.js'
import type { StampRecord } from './stamps.js'
import type { VideoName } from './video-codec.js'

/** A video stream of one client; plain. */
export interface StreamRecord {
  /** What the client knows it by; given again once it is destroyed there. */
  readonly id: number
  /** Never used twice on the channel; reports name it, too. */
  readonly uniqueId: number
  /** Region of the model that it shows. */
  readonly region: number
  readonly box: Rect
  readonly codec: VideoName
  /** The client has it; before, it waits in the outbox. */
  open: boolean
  /** There is a newer picture than that of the last frame, ... */
  due: boolean
  /** ... and it could have been sent since then, if the way to the client had been free, ms. */
  heldMs: number | undefined
  /** The next frame stands for itself. */
  keyFrame: boolean
  /** Frames that were sent and that no report was for. */
  unreported: number
  readonly rate: RateRecord
  readonly stamps: StampRecord
}

/** What a display channel knows of its video streams; plain. */
export interface StreamsRecord {
  list: StreamRecord[]
  lastUniqueId: number
  /** What the client asked for with PREFERRED_VIDEO_CODEC_TYPE, the best first. */
  preferred: readonly VideoName[]
  /** What the client could not decode, or the machine not code. */
  failed: VideoName[]
  /** Reports that may still come of streams that are no more, by their unique ids. */
  ended: { readonly uniqueId: number; reports: number }[]
  /** Bits a second at which the last stream ended. */
  lastBps: number | undefined
}

export const newStreamsRecord = (): StreamsRecord => ({
  list: [],
  lastUniqueId: 0,
  preferred: [],
  failed: [],
  ended: [],
  lastBps: undefined,
})

/** Streams that a channel's client has at once; ids are below. */
export const MAX_STREAMS = 8

/** The smallest id that no stream has. */
export const freeId = (taken: readonly number[]): number | undefined => {
  for (let id = 0; id < MAX_STREAMS; id++) {
    if (!taken.includes(id)) {
      return id
    }
  }
  return undefined
}
