import { decodeJpeg } from '../../src/codecs/index.js'
import { rectOf, type Rect } from '../../src/core/region.js'
import type { displayServer } from '../../src/protocol/index.js'
import { STREAM_FLAG, VIDEO_CODEC, type ValueOf } from '../../src/protocol/index.js'
import { partOf, plainImage, type ClientSurface, type PlainImage } from './client-surface.js'

/** Streams that a client can have: the ids are 0 to 63 (`protocol-display.md` 17.2). */
const MAX_STREAMS = 64

/** Decodes one frame of one stream; a decoder keeps what later frames refer to. */
export type FrameDecoder = (data: Uint8Array, width: number, height: number) => PlainImage

/** Makes the decoder of a new stream; `undefined`: this client cannot decode the codec. */
export type VideoDecoders = (codec: number, topDown: boolean) => FrameDecoder | undefined

const mjpeg =
  (topDown: boolean): FrameDecoder =>
  (data, width, height) => {
    const image = decodeJpeg(data, width * height)
    return plainImage(image, { ...image, topDown }, true)
  }

/** MJPEG alone. */
export const stockVideo: VideoDecoders = (codec, topDown) =>
  codec === VIDEO_CODEC.mjpeg ? mjpeg(topDown) : undefined

interface Waiting {
  readonly image: PlainImage
  readonly dest: Rect
}

interface Stream {
  readonly surface: ClientSurface
  readonly decode: FrameDecoder
  readonly width: number
  readonly height: number
  readonly dest: Rect
  clips: readonly Rect[]
  mmTime: number | undefined
  /** Frames whose time has not come. */
  readonly waiting: Waiting[]
}

type Create = ValueOf<typeof displayServer.streamCreate>

/** The rectangles that a drawing may touch, of a surface. */
export const clipRects = (
  clip: Create['clip'],
  surface: { readonly width: number; readonly height: number },
): readonly Rect[] => ('rects' in clip ? clip.rects : [rectOf(0, 0, surface.width, surface.height)])

/** Multimedia time of a frame, its size where the message has one, and its data. */
export interface StreamFrame {
  readonly id: number
  readonly mmTime: number
  readonly data: Uint8Array
  readonly sized?: { readonly width: number; readonly height: number; readonly dest: Rect }
}

/**
 * The video streams of one display channel. Frames are put on the screen as they come; a client with `lag` puts each up
 * only when so many later ones of its stream have come, or {@link flush} is called: it plays late, as one with sound does,
 * so whatever is drawn before a stream is clipped away or destroyed gets painted over.
 */
export class ClientStreams {
  readonly #decoders: VideoDecoders
  readonly #lag: number
  readonly #streams = new Map<number, Stream>()

  constructor(decoders: VideoDecoders, lag: number) {
    this.#decoders = decoders
    this.#lag = lag
  }

  get ids(): readonly number[] {
    return [...this.#streams.keys()]
  }

  create(surface: ClientSurface, said: Create): void {
    const { id, codec, streamWidth, streamHeight, dest, clip } = said
    if (id >= MAX_STREAMS || this.#streams.has(id)) {
      throw new Error(`stream ${id} is out of range, or there already`)
    }
    if (streamWidth < 1 || streamHeight < 1) {
      throw new Error(`stream of ${streamWidth}x${streamHeight}`)
    }
    surface.check(dest, 'a stream')
    const decode = this.#decoders(codec, (said.flags & STREAM_FLAG.topDown) !== 0)
    if (decode === undefined) {
      throw new Error(`stream of codec ${codec}, which this client cannot decode`)
    }
    this.#streams.set(id, {
      ...{ surface, decode, width: streamWidth, height: streamHeight, dest },
      ...{ clips: clipRects(clip, surface), mmTime: undefined, waiting: [] },
    })
  }

  /** @param alive is the surface of the stream still there? */
  frame({ id, mmTime, data, sized }: StreamFrame, alive: (surface: ClientSurface) => boolean): void {
    const stream = this.get(id)
    if (!alive(stream.surface)) {
      throw new Error(`frame of stream ${id}, whose surface is gone`)
    }
    if (stream.mmTime !== undefined && ((mmTime - stream.mmTime) | 0) < 0) {
      throw new Error(`frame of stream ${id} goes back in time, from ${stream.mmTime} to ${mmTime}`)
    }
    stream.mmTime = mmTime
    const { width, height, dest } = sized ?? stream
    const image = stream.decode(data, width, height)
    if (image.width !== width || image.height !== height) {
      throw new Error(`frame of ${image.width}x${image.height} in a stream of ${width}x${height}`)
    }
    stream.surface.check(dest, 'a frame')
    stream.waiting.push({ image: { ...image, lossy: true }, dest })
    while (stream.waiting.length > this.#lag) {
      paintNext(stream)
    }
  }

  clip(id: number, clip: Create['clip']): void {
    const stream = this.get(id)
    stream.clips = clipRects(clip, stream.surface)
  }

  /** What waits is dropped. */
  destroy(id: number): void {
    this.get(id)
    this.#streams.delete(id)
  }

  destroyAll(): void {
    this.#streams.clear()
  }

  /** Time passes: all frames that wait are put on the screen. */
  flush(): void {
    for (const stream of this.#streams.values()) {
      while (stream.waiting.length > 0) {
        paintNext(stream)
      }
    }
  }

  get(id: number): Stream {
    const stream = this.#streams.get(id)
    if (stream === undefined) {
      throw new Error(`there is no stream ${id}`)
    }
    return stream
  }
}

const paintNext = ({ surface, waiting, clips }: Stream): void => {
  const next = waiting.shift()
  if (next !== undefined) {
    const { image, dest } = next
    const whole = rectOf(0, 0, image.width, image.height)
    surface.put(partOf(image, whole, dest.right - dest.left, dest.bottom - dest.top), dest, clips)
  }
}
