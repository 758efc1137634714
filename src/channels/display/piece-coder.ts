import type { EncodeLane, EncodeOutcome, PoolCodec } from '../../codecs/index.js'
import type { Rect } from '../../core/region.js'
import type { Frame } from '../../display/index.js'
import { DISPLAY_CAP, hasCap } from '../../protocol/index.js'
import { chooseCodec, type CompressionSetting } from './codec-choice.js'
import type { DisplayDeps } from './deps.js'
import type { FillPiece, ImagePiece } from './outbox.js'
import type { DisplayRecord } from './record.js'
import type { ClientDictionary, DisplayShare, Pixels } from './share.js'

/** A picture that goes as one message has at most so many bytes when it is coded: it has to fit into what may wait (L-out). */
export const MAX_PICTURE_BYTES = 6 * 1024 * 1024

const PIXEL_BYTES = 4

/** The next piece whose turn it is to be sent. */
export type ReadyPiece =
  | FillPiece
  | {
      readonly kind: 'image'
      readonly piece: ImagePiece
      readonly outcome: EncodeOutcome
      /** Coded on this thread, just now. */
      readonly inline: boolean
    }

/** What of a display channel hands rectangles of the picture to the coders, and gets images in the same order. */
export class PieceCoder {
  readonly #record: DisplayRecord
  readonly #share: DisplayShare
  readonly #deps: DisplayDeps
  readonly #headroom: number
  readonly #lane: EncodeLane<ImagePiece>
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

  /** Pieces that were handed in and not taken. */
  get length(): number {
    return this.#record.outbox.taken.length
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

  /**
   * Hands in a rectangle of damage.
   *
   * @param whole it is the whole picture
   * @returns as {@link submit}
   */
  add(box: Rect, whole: boolean): boolean {
    const color = this.#fillOf(box)
    if (color === undefined) {
      return this.submit({ kind: 'image', box, whole, raw: false })
    }
    this.#record.outbox.taken.push({ kind: 'fill', box, color })
    return true
  }

  /** @returns whether the coders took it, or it is no more wanted */
  submit(piece: ImagePiece): boolean {
    const frame = this.paintable
    const { box, whole } = piece
    if (frame === undefined || !fits(box, frame)) {
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

  /** The next piece in order, once it is coded; it is the first of `taken` in the outbox no more. */
  take(): ReadyPiece | undefined {
    const { taken } = this.#record.outbox
    const [first] = taken
    if (first?.kind === 'fill') {
      taken.shift()
      return first
    }
    const entry = this.#lane.take()
    if (entry === undefined) {
      return undefined
    }
    taken.shift()
    return { kind: 'image', piece: entry.tag, outcome: entry.outcome, inline: entry.inline }
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

  /** The colour of a rectangle, 0x00RRGGBB, if it has just one. */
  #fillOf(box: Rect): number | undefined {
    const frame = this.paintable
    return frame === undefined || this.#setting === 'off' || !fits(box, frame)
      ? undefined
      : this.#deps.encoders.solidColour(pixelsOf(frame, box))
  }

  get #setting(): CompressionSetting {
    return this.#record.preferred ?? this.#deps.compression
  }

  #codecOf({ box, whole, raw }: ImagePiece, frame: Frame): PoolCodec {
    if (raw) {
      return 'raw'
    }
    const { encoders } = this.#deps
    const { width, height } = sizeOf(box)
    const tooLargeToPromise = whole && width * height * PIXEL_BYTES > MAX_PICTURE_BYTES
    return chooseCodec({
      setting: this.#setting,
      width,
      height,
      lz4: hasCap(this.#record.caps, DISPLAY_CAP.lz4Compression),
      available: encoders.available,
      glzWindow: tooLargeToPromise ? 0 : (this.#dictionary?.windowPixels ?? 0),
      isPhoto: () => encoders.isPhoto(pixelsOf(frame, box)),
    })
  }
}

const fits = (box: Rect, frame: Frame): boolean => box.right <= frame.width && box.bottom <= frame.height

const sizeOf = (box: Rect): { readonly width: number; readonly height: number } => ({
  width: box.right - box.left,
  height: box.bottom - box.top,
})

const startOf = (frame: Frame, box: Rect): number => box.top * frame.stride + box.left * PIXEL_BYTES

/** A rectangle of a frame, for the kernels of this thread. */
const pixelsOf = (frame: Frame, box: Rect): Pixels => ({
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
