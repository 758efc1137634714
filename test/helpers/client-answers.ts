import {
  commonClient,
  commonServer,
  displayClient,
  displayServer,
  NO_AUDIO_DELAY,
  type Message,
} from '../../src/protocol/index.js'
import type { Sent } from './channel-rig.js'
import type { PaintedSurface } from './painted.js'

/** Delay that a client tells of the last frame of a video, ms: it came in time. */
const REPORTED_DELAY_MS = 120

/** What a stock client says without being moved to by its user: acknowledgements, PONGs, reports on video streams. */
export class ClientAnswers {
  readonly #tell: <T>(message: Message<T>, value: T) => void
  /** Of a display channel; its streams are reported on. */
  readonly #surface: PaintedSurface | undefined
  #window = 0
  #unacked = 0
  /** Frames since the last report, by stream, and the time of the first of them. */
  readonly #frames = new Map<number, { count: number; startMmTime: number }>()

  constructor(tell: <T>(message: Message<T>, value: T) => void, surface?: PaintedSurface) {
    this.#tell = tell
    this.#surface = surface
  }

  /** A message was handled. */
  handled({ type, body }: Sent): void {
    if (type === commonServer.setAck.id) {
      const { generation, window } = commonServer.setAck.decode(body)
      this.#window = window
      this.#unacked = 0
      this.#tell(commonClient.ackSync, { generation })
      return
    }
    this.#unacked += 1
    if (this.#window > 0 && this.#unacked === this.#window) {
      this.#unacked = 0
      this.#tell(commonClient.ack, {})
    }
    if (type === commonServer.ping.id) {
      const { id, timestamp } = commonServer.ping.decode(body)
      this.#tell(commonClient.pong, { id, timestamp })
    }
    if (type === displayServer.streamData.id || type === displayServer.streamDataSized.id) {
      // Both begin with the same two fields.
      const view = new DataView(body.buffer, body.byteOffset, 8)
      this.#frame(view.getUint32(0, true), view.getUint32(4, true))
    }
  }

  #frame(streamId: number, mmTime: number): void {
    const order = this.#surface?.reports.get(streamId)
    const frames = this.#frames.get(streamId) ?? { count: 0, startMmTime: mmTime }
    frames.count += 1
    this.#frames.set(streamId, frames)
    if (order !== undefined && frames.count >= order.maxWindowSize) {
      this.#frames.delete(streamId)
      this.#tell(displayClient.streamReport, {
        ...{
          streamId,
          uniqueId: order.uniqueId,
          startFrameMmTime: frames.startMmTime,
          endFrameMmTime: mmTime,
        },
        ...{ numFrames: frames.count, numDrops: 0 },
        ...{ lastFrameDelay: REPORTED_DELAY_MS, audioDelay: NO_AUDIO_DELAY },
      })
    }
  }
}
