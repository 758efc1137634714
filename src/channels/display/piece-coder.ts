import type { EncodeLane, LaneEntry, PoolCodec } from '../../codecs/index.js'
import type { Rect } from '../../core/region.js'
import type { Frame } from '../../display/index.js'
import { DISPLAY_CAP, hasCap } from '../../protocol/index.js'
import { chooseCodec } from './codec-choice.js'
import type { DisplayDeps } from './deps.js'
import type { TakenPiece } from './outbox.js'
import type { DisplayRecord } from './record.js'
import type { ClientDictionary, DisplayShare } from './share.js'

/** A picture that goes as one message has at most so many bytes when it is coded: it has to fit into what may wait (L-out). */
export const MAX_PICTURE_BYTES = 6 * 1024 * 1024

const PIXEL_BYTES = 4

/** What of a display channel hands rectangles of the picture to the coders, and gets images in the same order. */
export class PieceCoder {
  readonly #record: DisplayRecord
  readonly #share: DisplayShare
  readonly #deps: DisplayDeps
  readonly #headroom: number
  readonly #lane: EncodeLane<TakenPiece>
  #dictionary: ClientDictionary | undefined

  /**
   * @param headroom bytes to leave free in front of each image
   * @param ready called when {@link take} has something, or there is room again
   */
  constructor(
    record: DisplayRecord,
    share: DisplayShare,
    deps: DisplayDeps,
    headroom: number,
    ready: () => void,
  ) {
    this.#record = record
    this.#share = share
    this.#deps = deps
    this.#headroom = headroom
    this.#lane = deps.encoders.lane(share.owner, ready)
  }

  /** The client's GLZ dictionary; `undefined`: it wants none, or has not said. */
  get dictionary(): ClientDictionary | undefined {
    return this.#dictionary
  }

  /** Largest piece that {@link submit} takes now, pixels. */
  get maxPixels(): number {
    return this.#lane.maxPixels
  }

  /** Pixels that may be coded on this thread in one turn. */
  get turnPixels(): number {
    return this.#lane.turnPixels
  }

  /** Pieces that are at the coders, or coded and not taken. */
  get length(): number {
    return this.#lane.length
  }

  /** Takes part in the dictionary that the client named. */
  openDictionary(): void {
    const { client, nextGlzImage } = this.#record
    if (client !== undefined) {
      this.#dictionary = this.#share.dictionary(client.glzDictionaryId, client.glzWindowSize, nextGlzImage)
    }
  }

  /** The frame, when it is what the client's surface is for. */
  get paintable(): Frame | undefined {
    const { frame } = this.#deps.model.picture(this.#record.console)
    const { sent } = this.#record.outbox
    return frame !== undefined && sent?.width === frame.width && sent.height === frame.height
      ? frame
      : undefined
  }

  /** @returns whether the coders took it, or it is no more wanted */
  submit(piece: TakenPiece): boolean {
    const frame = this.paintable
    const { box, whole } = piece
    if (frame === undefined || box.right > frame.width || box.bottom > frame.height) {
      return true
    }
    const block = blockOf(frame, box)
    const { width, height } = block
    const codec = this.#codecOf(piece, frame)
    const headroom = this.#headroom
    const { encoders } = this.#deps
    const bands = whole && (codec === 'lz' || codec === 'raw') ? encoders.bandsFor(width * height) : 1
    const taken =
      codec === 'glz' && this.#dictionary !== undefined
        ? this.#lane.submit(
            {
              codec,
              dictionary: this.#dictionary.number,
              channel: this.#record.console,
              block,
              headroom,
              deflate: this.#deflates,
            },
            piece,
          )
        : this.#lane.submit({ codec: codec === 'glz' ? 'lz' : codec, block, headroom, bands }, piece)
    if (taken) {
      this.#record.outbox.taken.push(piece)
    }
    return taken
  }

  /** The next image in order, once it is coded; its piece is the first of `taken` in the outbox no more. */
  take(): LaneEntry<TakenPiece> | undefined {
    const entry = this.#lane.take()
    if (entry !== undefined) {
      this.#record.outbox.taken.shift()
    }
    return entry
  }

  /** Drops what need not be sent. */
  drop(): void {
    this.#lane.drop()
    this.#record.outbox.taken = [...this.#lane.tags]
  }

  close(): void {
    this.#lane.close()
  }

  /** Is what GLZ coded packed once more, which takes far longer to code and fewer bytes? */
  get #deflates(): boolean {
    const { zlibGlzWan } = this.#deps
    return zlibGlzWan === 'always' || (zlibGlzWan === 'auto' && this.#share.slowLine())
  }

  #codecOf({ box, whole, raw }: TakenPiece, frame: Frame): PoolCodec {
    if (raw) {
      return 'raw'
    }
    const { compression, encoders } = this.#deps
    const { width, height } = sizeOf(box)
    const tooLargeToPromise = whole && width * height * PIXEL_BYTES > MAX_PICTURE_BYTES
    return chooseCodec({
      setting: this.#record.preferred ?? compression,
      width,
      height,
      lz4: hasCap(this.#record.caps, DISPLAY_CAP.lz4Compression),
      available: encoders.available,
      glzWindow: tooLargeToPromise ? 0 : (this.#dictionary?.windowPixels ?? 0),
      isPhoto: () => encoders.isPhoto(pixelsOf(frame, box)),
    })
  }
}

const sizeOf = (box: Rect): { readonly width: number; readonly height: number } => ({
  width: box.right - box.left,
  height: box.bottom - box.top,
})

const startOf = (frame: Frame, box: Rect): number => box.top * frame.stride + box.left * PIXEL_BYTES

/** A rectangle of a frame, for the kernels of this thread. */
export const pixelsOf = (frame: Frame, box: Rect) => ({
  ...sizeOf(box),
  pixels: frame.pixels.subarray(startOf(frame, box)),
  stride: frame.stride,
})

/** A rectangle of a frame, for the coders. */
const blockOf = (frame: Frame, box: Rect) =>
  ({
    ...sizeOf(box),
    memory: frame.pixels.buffer,
    offset: frame.pixels.byteOffset + startOf(frame, box),
    format: 'rgb32',
    stride: frame.stride,
    topDown: true,
  }) as const
