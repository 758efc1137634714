import type { VideoFormat } from '../../../codecs/index.js'
import { area, type Rect } from '../../../core/region.js'
import type { FramePiece } from '../outbox.js'
import { blockOf, type PieceCoder } from '../piece-coder.js'
import type { Encoders } from '../share.js'

/** What became of a frame that was handed in; `none`: there is no coder for the stream now. */
export type FrameTaken = 'taken' | 'later' | 'none'

/** Hands frames of video streams to the coders, in the order of all else that a channel has coded. */
export class FrameCoder {
  readonly #encoders: Encoders
  readonly #coder: PieceCoder
  readonly #headroom: number
  /** Numbers of streams at the coders, by their unique ids; MJPEG needs none. */
  readonly #opened = new Map<number, number>()

  /** @param headroom bytes to leave free in front of each frame */
  constructor(encoders: Encoders, coder: PieceCoder, headroom: number) {
    this.#encoders = encoders
    this.#coder = coder
    this.#headroom = headroom
  }

  submit(piece: FramePiece): FrameTaken {
    const frame = this.#coder.frameOf(piece.box)
    if (frame === undefined || area(piece.box) > this.#coder.maxPixels) {
      return 'later'
    }
    const { box, setting, codec, stream, keyFrame, ptsMs } = piece
    const common = { block: blockOf(frame, box), headroom: this.#headroom }
    if (codec === 'mjpeg') {
      const { quality, half } = setting
      const key = (): string => `${this.#coder.keyOf(box)},${half}`
      return taken(
        this.#coder.submitFrame(piece, { codec: 'jpeg', ...common, options: { quality, half }, key }),
      )
    }
    const { fps, bitsPerSecond: bitRate } = setting
    const number = this.#open(stream, { codec, ...sizeOf(box), fps, bitRate })
    return number === undefined
      ? 'none'
      : taken(
          this.#coder.submitFrame(piece, {
            ...{ codec: 'video', stream: number, ...common },
            ...{ ptsMs, bitRate, fps, keyFrame },
          }),
        )
  }

  /** A stream is over. */
  closeStream(stream: number): void {
    const number = this.#opened.get(stream)
    if (number !== undefined) {
      this.#opened.delete(stream)
      this.#encoders.closeVideo(number)
    }
  }

  close(): void {
    for (const stream of [...this.#opened.keys()]) {
      this.closeStream(stream)
    }
  }

  #open(stream: number, format: VideoFormat): number | undefined {
    const number = this.#opened.get(stream) ?? this.#encoders.openVideo(format)
    if (number !== undefined) {
      this.#opened.set(stream, number)
    }
    return number
  }
}

const taken = (value: boolean): FrameTaken => (value ? 'taken' : 'later')

const sizeOf = ({ left, top, right, bottom }: Rect) => ({ width: right - left, height: bottom - top })
