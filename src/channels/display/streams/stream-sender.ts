import type { EncodeOutcome } from '../../../codecs/index.js'
import {
  CLIP_TYPE,
  DISPLAY_CAP,
  displayServer,
  hasCap,
  STREAM_FLAG,
  VIDEO_CODEC,
} from '../../../protocol/index.js'
import type { ChannelWire } from '../../wire.js'
import type { DisplayDeps, VideoDeps } from '../deps.js'
import { markExact } from '../lossy.js'
import { PRIMARY_SURFACE, type FramePiece, type StreamItem } from '../outbox.js'
import type { DisplayRecord } from '../record.js'
import { frameSent } from './rate-control.js'
import { stampNow } from './stamps.js'
import { frameMessage } from './stream-message.js'
import type { StreamRecord } from './stream-record.js'

/** A client reports on each frame, so that the line is followed from frame to frame; and at least that often, ms. */
const REPORT_FRAMES = 1
const REPORT_MS = 1000

type Coded = Extract<EncodeOutcome, { kind: 'coded' }>

/** Sends the messages of video streams (`protocol-display.md` section 17). */
export class StreamSender {
  readonly #record: DisplayRecord
  readonly #wire: ChannelWire
  readonly #deps: DisplayDeps
  readonly #video: VideoDeps
  readonly #headroom: number

  /** @param headroom free bytes in front of coded frames */
  constructor(
    record: DisplayRecord,
    wire: ChannelWire,
    deps: DisplayDeps,
    video: VideoDeps,
    headroom: number,
  ) {
    this.#record = record
    this.#wire = wire
    this.#deps = deps
    this.#video = video
    this.#headroom = headroom
  }

  item(item: StreamItem): void {
    if (item.kind === 'streamCreate') {
      const stream = this.#record.streams.list.find(({ uniqueId }) => uniqueId === item.stream)
      if (stream !== undefined) {
        this.#create(stream)
      }
      return
    }
    const { id } = item
    /* Frames that the client holds for later would be painted over what comes now (17.4). */
    this.#wire.send(displayServer.streamClip, { id, clip: { type: CLIP_TYPE.rects, rects: [] } })
    this.#wire.send(displayServer.streamDestroy, { id })
  }

  frame(stream: StreamRecord, outcome: Coded, { box, setting }: FramePiece): void {
    const { encoders, clock } = this.#deps
    const { codec, id, stamps, rate } = stream
    const { frames, bytes, dropped } = this.#video.metrics
    if (outcome.size === 0) {
      dropped.add(1, { reason: 'coder' })
      return
    }
    const now = clock.nowMs()
    const mmTime = stampNow(stamps, now)
    const place = { id, mmTime, sized: setting.half ? { ...halfOf(box), dest: box } : undefined }
    const image = encoders.join(outcome)
    const { type, message } = frameMessage(image, place, this.#headroom, this.#wire.headerSize)
    this.#wire.sendFramed(type, message)
    const serial = this.#record.wire.sentSerial
    frameSent(rate, { stamp: mmTime, serial, bytes: outcome.size }, setting, now)
    stream.unreported += 1
    frames.add(1, { codec })
    bytes.add(outcome.size, { codec })
  }

  #create(stream: StreamRecord): void {
    const { id, box, codec, uniqueId } = stream
    const [width, height] = [box.right - box.left, box.bottom - box.top]
    markExact(this.#record.lossy, box)
    this.#wire.send(displayServer.streamCreate, {
      ...{ surfaceId: PRIMARY_SURFACE, id, flags: STREAM_FLAG.topDown, codec: VIDEO_CODEC[codec], stamp: 0n },
      ...{ streamWidth: width, streamHeight: height, srcWidth: width, srcHeight: height },
      ...{ dest: box, clip: { type: CLIP_TYPE.none } },
    })
    if (hasCap(this.#record.caps, DISPLAY_CAP.streamReport)) {
      this.#wire.send(displayServer.streamActivateReport, {
        ...{ streamId: id, uniqueId, maxWindowSize: REPORT_FRAMES, timeoutMs: REPORT_MS },
      })
    }
    stream.open = true
  }
}

/** Size of a frame that is halved; the box is on even pixels. */
export const halfOf = ({ left, top, right, bottom }: FramePiece['box']) => ({
  width: (right - left) / 2,
  height: (bottom - top) / 2,
})
