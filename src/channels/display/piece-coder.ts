import type { EncodeLane, EncodeOutcome, PoolCodec } from '../../codecs/index.js'
import { area, shift, type Rect } from '../../core/region.js'
import type { Frame } from '../../display/index.js'
import { DISPLAY_CAP, hasCap } from '../../protocol/index.js'
import { chooseCodec, isFastLine, jpegQuality, type CompressionSetting } from './codec-choice.js'
import { contentParts, hasDrawn, isSmooth } from './content.js'
import { STEP_SMALLEST } from './flow.js'
import type { DisplayDeps, WanSetting } from './deps.js'
import type { CachedPiece, FillPiece, FramePiece, ImagePiece, PalettePiece } from './outbox.js'
import { findPalette } from './palette-cache.js'
import { PieceCache } from './piece-cache.js'
import { isBrowser, type DisplayRecord } from './record.js'
import { MAX_PALETTE_PIXELS, type ClientDictionary, type DisplayShare, type Pixels } from './share.js'
import { betweenTiles } from './tile-grid.js'

/** A picture that goes as one message has at most so many bytes when it is coded: it has to fit into what may wait (L-out). */
export const MAX_PICTURE_BYTES = 6 * 1024 * 1024

const PIXEL_BYTES = 4

/** The next piece whose turn it is to be sent. */
export type ReadyPiece =
  | FillPiece
  | CachedPiece
  | { readonly kind: 'palette'; readonly piece: PalettePiece; readonly inline: true }
  | {
      readonly kind: 'image'
      readonly piece: ImagePiece
      readonly outcome: EncodeOutcome
      /** Coded on this thread, just now. */
      readonly inline: boolean
    }
  | {
      readonly kind: 'frame'
      readonly piece: FramePiece
      readonly outcome: EncodeOutcome
      readonly inline: boolean
    }

/** What of a display channel hands rectangles of the picture to the coders, and gets images in the same order. */
export class PieceCoder {
  readonly #record: DisplayRecord
  readonly #share: DisplayShare
  readonly #deps: DisplayDeps
  readonly #headroom: number
  readonly #lane: EncodeLane<ImagePiece | FramePiece>
  /** What the client has in its pixmap cache. */
  readonly cache: PieceCache
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
    this.cache = new PieceCache(record, share, deps)
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

  /** Takes part in the dictionary and in the pixmap cache that the client named. */
  openCaches(): void {
    this.cache.open()
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

  /** The frame that a rectangle is to be taken from; `undefined`: the client's surface is not for it, or it is not there. */
  frameOf({ right, bottom }: Rect): Frame | undefined {
    const { paintable } = this
    return paintable !== undefined && right <= paintable.width && bottom <= paintable.height
      ? paintable
      : undefined
  }

  /**
   * Hands in a rectangle of damage.
   *
   * @param whole it is the whole picture
   * @param lossless what the client gets must be exact
   * @returns as {@link submit}
   */
  add(box: Rect, whole: boolean, lossless = false): boolean {
    const color = this.#fillOf(box)
    if (color === undefined) {
      const frame = this.frameOf(box)
      const tiles = frame === undefined ? undefined : this.cache.tilesFor(box, frame)
      const piece: ImagePiece = {
        ...({ kind: 'image', box, whole, raw: false } as const),
        ...(lossless ? { lossless } : {}),
        ...(tiles === undefined ? {} : { tiles }),
      }
      const codec = frame === undefined ? 'raw' : this.#codecOf(piece, frame)
      const taken =
        (frame !== undefined && codec === 'lz' && this.#addPalette(piece, frame)) || this.submit(piece, codec)
      if (taken && tiles !== undefined) {
        this.cache.took(box)
        this.#deps.metrics.cacheMisses.add(1)
      }
      return taken
    }
    this.#record.outbox.taken.push({ kind: 'fill', box, color })
    return true
  }

  /**
   * Takes what the client has of a rectangle of damage out of its pixmap cache.
   *
   * @param whole only if it has all of it, as one image
   * @returns what is left; `box` itself when that is all
   */
  uncached(box: Rect, whole: boolean): readonly Rect[] {
    const frame = this.frameOf(box)
    const plan =
      frame === undefined || this.#fillOf(box) !== undefined ? undefined : this.cache.plan(box, frame, whole)
    if (plan === undefined || plan.parts.length === 0) {
      return [box]
    }
    this.#record.outbox.taken.push(...plan.parts.map((part) => ({ kind: 'cached' as const, ...part })))
    for (const part of plan.parts) {
      this.cache.took(part.box)
    }
    return plan.rest
  }

  /**
   * Takes a piece that goes with a palette: as the client is told of those in order, at the time that it is sent. Where images are
   * shared there are none: each client's palettes are its own.
   */
  #addPalette(piece: ImagePiece, frame: Frame): boolean {
    const { box, tiles, lossless } = piece
    const possible =
      area(box) <= MAX_PALETTE_PIXELS && !isBrowser(this.#record) && !this.#deps.encoders.sharing()
    const few = possible && this.#hasFewColours(box, frame)
    if (few) {
      this.#record.outbox.taken.push({
        ...({ kind: 'palette', box } as const),
        ...(tiles === undefined ? {} : { tiles }),
        ...(lossless === undefined ? {} : { lossless }),
      })
    }
    return few
  }

  /** Few enough for a palette, and for the bytes that it takes, unless the client has one. */
  #hasFewColours(box: Rect, frame: Frame): boolean {
    const colours = this.#deps.encoders.palette(pixelsOf(frame, box))?.sort()
    return (
      colours !== undefined &&
      (colours.length * PIXEL_BYTES <= area(box) || findPalette(this.#record.palettes, colours) !== undefined)
    )
  }

  /** What is in a rectangle now; `undefined`: it is not there any more. */
  pixelsOf(box: Rect): Pixels | undefined {
    const frame = this.frameOf(box)
    return frame && pixelsOf(frame, box)
  }

  /** A piece of a record that was taken somewhere: what it says of its pixels may not hold here. */
  adopted<P extends ImagePiece | PalettePiece>(piece: P): P {
    const frame = this.frameOf(piece.box)
    return frame === undefined ? piece : this.cache.checked(piece, frame)
  }

  /** Parts a rectangle of damage by what is in it, where the codec depends on that. */
  parts(box: Rect): Rect[] {
    const pixels = this.#setting.startsWith('auto') ? this.pixelsOf(box) : undefined
    return pixels === undefined
      ? [box]
      : betweenTiles(
          box,
          contentParts(pixels).map((part) => shift(part, box.left, box.top)),
        )
  }

  /** What another client cut off the top left of a rectangle, where following it means that the image is coded once. */
  cutOfOthers(rect: Rect, mostPixels: number): Rect | undefined {
    const { encoders, model } = this.#deps
    const { console } = this.#record
    if (!encoders.sharing()) {
      return undefined
    }
    const versionOf = (box: Rect): number => model.versionOf(console, box)
    const cut = encoders.cuts.find(console, rect, mostPixels, this.#share.owner, versionOf)
    return cut !== undefined && area(cut) <= this.maxPixels ? cut : undefined
  }

  /** Would a rectangle of damage go as JPEG, which takes few bytes for many pixels? */
  goesLossy(box: Rect): boolean {
    const frame = this.#mayLose ? this.frameOf(box) : undefined
    const piece = { kind: 'image', box, whole: false, raw: false } as const
    return frame !== undefined && this.#codecOf(piece, frame) === 'jpeg'
  }

  /**
   * @param known the codec for it as it is now
   * @returns whether the coders took it, or it is no more wanted
   */
  submit(piece: ImagePiece, known?: PoolCodec): boolean {
    const { box, whole } = piece
    const frame = this.frameOf(box)
    if (frame === undefined) {
      return true
    }
    const block = blockOf(frame, box)
    const { width, height } = block
    const codec = known ?? this.#codecOf(piece, frame)
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
        : this.#lane.submit(
            {
              codec: codec === 'glz' ? 'lz' : codec,
              block,
              headroom,
              bands,
              options: codec === 'jpeg' ? { quality: jpegQuality(this.#share.line().bitsPerSecond) } : {},
              key: () => this.keyOf(box),
            },
            piece,
          )
    if (taken) {
      this.#record.outbox.taken.push(piece)
    }
    if (taken && codec !== 'glz' && encoders.sharing()) {
      const { console } = this.#record
      encoders.cuts.note(console, box, this.#deps.model.versionOf(console, box), this.#share.owner)
    }
    return taken
  }

  /**
   * Hands in a frame of a video stream.
   *
   * @returns whether the coders took it
   */
  submitFrame(piece: FramePiece, job: Parameters<EncodeLane<FramePiece>['submit']>[0]): boolean {
    const taken = this.#lane.submit(job, piece)
    if (taken) {
      this.#record.outbox.taken.push(piece)
    }
    return taken
  }

  /** The next piece in order, once it is coded; it is the first of `taken` in the outbox no more. */
  take(): ReadyPiece | undefined {
    const { taken } = this.#record.outbox
    const [first] = taken
    if (first?.kind === 'fill' || first?.kind === 'cached') {
      taken.shift()
      return first
    }
    if (first?.kind === 'palette') {
      taken.shift()
      return { kind: 'palette', piece: first, inline: true }
    }
    const entry = this.#lane.take()
    if (entry === undefined) {
      return undefined
    }
    taken.shift()
    const { tag, outcome, inline } = entry
    return tag.kind === 'frame'
      ? { kind: 'frame', piece: tag, outcome, inline }
      : { kind: 'image', piece: tag, outcome, inline }
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
    return this.#isOn(this.#deps.zlibGlzWan)
  }

  /** Bytes count more than the time it takes to save them. */
  get #isSlow(): boolean {
    return this.#share.line().lowBandwidth || this.#record.flow.step >= STEP_SMALLEST
  }

  /** May images lose detail, if they are photos? */
  get #mayLose(): boolean {
    return this.#setting === 'jpeg' || this.#isOn(this.#deps.jpegWan)
  }

  #isOn(setting: WanSetting): boolean {
    return setting === 'always' || (setting === 'auto' && this.#isSlow)
  }

  /** Names the pixels of a rectangle, for all clients. */
  keyOf(box: Rect): string {
    const { console } = this.#record
    const { left, top, right, bottom } = box
    return [console, left, top, right, bottom, this.#deps.model.versionOf(console, box)].join()
  }

  /** The colour of a rectangle, 0x00RRGGBB, if it has just one. */
  #fillOf(box: Rect): number | undefined {
    const pixels = this.#setting === 'off' ? undefined : this.pixelsOf(box)
    return pixels && this.#deps.encoders.solidColour(pixels)
  }

  get #setting(): CompressionSetting {
    return this.#record.preferred ?? this.#deps.compression
  }

  #codecOf({ box, whole, raw, lossless = false }: ImagePiece, frame: Frame): PoolCodec {
    if (raw) {
      return 'raw'
    }
    const { encoders } = this.#deps
    const { width, height } = sizeOf(box)
    const tooLargeToPromise = whole && width * height * PIXEL_BYTES > MAX_PICTURE_BYTES
    const setting = this.#setting
    return chooseCodec({
      setting,
      width,
      height,
      lz4: hasCap(this.#record.caps, DISPLAY_CAP.lz4Compression),
      available: encoders.available,
      glzWindow: tooLargeToPromise ? 0 : (this.#dictionary?.windowPixels ?? 0),
      lossy: !lossless && this.#mayLose,
      shared: encoders.sharing() && isFastLine(this.#share.line().bitsPerSecond),
      isSmooth: () => isSmooth(pixelsOf(frame, box)),
      isPhoto: () => encoders.isPhoto(pixelsOf(frame, box)) && !hasDrawn(pixelsOf(frame, box)),
    })
  }
}

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
export const blockOf = (frame: Frame, box: Rect) =>
  ({
    ...sizeOf(box),
    memory: frame.pixels.buffer,
    offset: frame.pixels.byteOffset + startOf(frame, box),
    format: 'rgb32',
    stride: frame.stride,
    topDown: true,
  }) as const
