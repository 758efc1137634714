import type { CodedImage, EncodeLane, LaneEntry } from '../../codecs/index.js'
import { SidecarError } from '../../core/errors.js'
import type { Counter } from '../../core/metrics.js'
import { area, rectOf, type Rect } from '../../core/region.js'
import type { Change, DisplayModel, Frame, Move } from '../../display/index.js'
import {
  CHANNEL_TYPES,
  CLIP_TYPE,
  commonServer,
  DISPLAY_CAP,
  displayClient,
  displayServer,
  hasCap,
  IMAGE_GROUP,
  SURFACE_FLAG,
  SURFACE_FORMAT,
  type DrawCopyImage,
} from '../../protocol/index.js'
import type { Channel, ChannelContext } from '../channel.js'
import { ChannelWire, type WireRecord } from '../wire.js'
import { chooseCodec, preferredSetting, type CompressionSetting } from './codec-choice.js'
import { DRAW_COPY_MAX_PREFIX, drawCopyMessage } from './image-message.js'
import {
  addChange,
  newOutbox,
  PRIMARY_SURFACE,
  replaceSurface,
  takePiece,
  type Outbox,
  type OutboxItem,
  type TakenPiece,
} from './outbox.js'
import type { ClientDictionary, DisplayShare, Encoders } from './share.js'

/** Largest GLZ window a client may ask for, pixels (`protocol-display.md` section 6). */
const MAX_GLZ_WINDOW = 2 ** 25

/** Largest piece of damage in one message, pixels. */
const PIECE_PIXELS = 512 * 1024

/** Pieces at the coders at once: enough for two threads, few enough that what is sent is new. */
const MAX_TAKEN = 6

/** A picture that goes as one message has at most so many bytes when it is coded: it has to fit into what may wait (L-out). */
const MAX_PICTURE_BYTES = 6 * 1024 * 1024

const PIXEL_BYTES = 4

/** Values of `zlib-glz-wan-compression`. */
export type WanSetting = 'auto' | 'always' | 'never'

/** State of a display channel; plain. */
export interface DisplayRecord {
  readonly kind: 'display'
  readonly wire: WireRecord
  /** Console that it shows; the channel's id. */
  readonly console: number
  /** Display channel capability words of the client. */
  readonly caps: readonly number[]
  /** What the client said in INIT; nothing is sent before. */
  client:
    | {
        readonly pixmapCacheId: number
        readonly pixmapCacheSize: bigint
        readonly glzDictionaryId: number
        readonly glzWindowSize: number
      }
    | undefined
  /** What the client asked for with PREFERRED_COMPRESSION. */
  preferred: CompressionSetting | undefined
  readonly outbox: Outbox
  /** Number of the last image sent. */
  imageNumber: number
  /** Id of the next image of the client's GLZ dictionary, as far as this channel knows. */
  nextGlzImage: number
}

export const newDisplayRecord = (
  wire: WireRecord,
  console: number,
  caps: readonly number[],
): DisplayRecord => ({
  kind: 'display',
  wire,
  console,
  caps,
  client: undefined,
  preferred: undefined,
  outbox: newOutbox(),
  imageNumber: 0,
  nextGlzImage: 0,
})

export interface DisplayDeps {
  readonly model: DisplayModel
  readonly encoders: Encoders
  readonly compression: CompressionSetting
  /** `auto`: for clients on slow lines. */
  readonly zlibGlzWan: WanSetting
  /** Messages per acknowledgement. */
  readonly ackWindow: number
  readonly metrics: {
    /** Damage fully handed over for coding: the client's picture is catching up. */
    readonly frames: Counter
    /** Updates merged into damage that waited for a client. */
    readonly merged: Counter
    /** By codec. */
    readonly images: Counter
    readonly imageBytes: Counter
    /** Images that were not coded, by reason. */
    readonly imagesFailed: Counter
    /** Moves sent instead of pixels, and their pixels. */
    readonly moves: Counter
    readonly movedPixels: Counter
  }
}

/** Picture of one console at one client (`protocol-display.md`); DESIGN.md section 5 rules 1, 7 and 8. */
export class DisplayChannel implements Channel {
  readonly type = CHANNEL_TYPES.display
  readonly #record: DisplayRecord
  readonly #wire: ChannelWire
  readonly #context: ChannelContext
  readonly #deps: DisplayDeps
  readonly #share: DisplayShare
  readonly #lane: EncodeLane<TakenPiece>
  readonly #headroom: number
  #dictionary: ClientDictionary | undefined
  #detach: (() => void) | undefined

  constructor(record: DisplayRecord, context: ChannelContext, share: DisplayShare, deps: DisplayDeps) {
    this.#record = record
    this.#wire = new ChannelWire(record.wire, context.output)
    this.#context = context
    this.#share = share
    this.#deps = deps
    this.#headroom = this.#wire.headerSize + DRAW_COPY_MAX_PREFIX
    this.#lane = deps.encoders.lane(share.owner, () => {
      context.wake()
    })
  }

  get id(): number {
    return this.#record.console
  }

  get stalled(): boolean {
    return this.#ready && this.#due && !this.#wire.open
  }

  start(): void {
    return
  }

  attach(): void {
    const { model } = this.#deps
    this.#detach = model.observe({
      frameChanged: (console) => {
        if (console === this.#record.console) {
          this.#followFrame()
        }
      },
      stale: (console) => {
        if (console === this.#record.console && this.#ready) {
          this.#context.wake()
        }
      },
      changed: (console, change) => {
        if (console === this.#record.console) {
          this.#follow(change)
        }
      },
    })
    this.#openDictionary()
    this.#takeUp()
  }

  receive(type: number, body: Uint8Array): void {
    switch (type) {
      case displayClient.init.id: {
        this.#init(displayClient.init.decode(body))
        return
      }
      case displayClient.preferredCompression.id: {
        const { compression } = displayClient.preferredCompression.decode(body)
        this.#record.preferred = preferredSetting(compression) ?? this.#record.preferred
        return
      }
      /* Advice on video, of which there is none; checked, and taken note of by nobody. */
      case displayClient.preferredVideoCodecType.id: {
        displayClient.preferredVideoCodecType.decode(body)
        return
      }
      case displayClient.streamReport.id: {
        throw new SidecarError('SIDECAR_PROTOCOL', 'report on a video stream that was never created', {
          type,
        })
      }
      default: {
        if (!this.#wire.receiveCommon(type, body)) {
          throw new SidecarError('SIDECAR_PROTOCOL', 'unknown or untimely message on a display channel', {
            type,
          })
        }
      }
    }
  }

  settle(): void {
    return
  }

  /**
   * Brings the picture up to date, sends what is coded, and hands the next pieces to the coders; at most one piece of pixels a
   * turn is coded on this thread, so that input is served in between.
   */
  pump(): boolean {
    const { model } = this.#deps
    const { console } = this.#record
    if (!this.#ready) {
      return false
    }
    if (this.#wire.open && model.isStale(console)) {
      model.refresh(console)
    }
    let budget = this.#lane.turnPixels
    while (budget > 0 && this.#wire.open) {
      const entry = this.#lane.take()
      if (entry !== undefined) {
        budget -= entry.inline ? area(entry.tag.box) : 0
        this.#sendEntry(entry)
      } else if (!this.#feed()) {
        return this.#lane.length === 0 && model.isStale(console)
      }
    }
    return this.#due && this.#wire.open
  }

  alarm(): void {
    return
  }

  snapshot(): DisplayRecord {
    return structuredClone(this.#record)
  }

  close(): void {
    this.#detach?.()
    this.#detach = undefined
    this.#lane.close()
  }

  get #ready(): boolean {
    return this.#record.client !== undefined
  }

  /** Something is to be sent, or may be. */
  get #due(): boolean {
    const { outbox, console } = this.#record
    return outbox.taken.length > 0 || outbox.items.length > 0 || this.#deps.model.isStale(console)
  }

  /** The frame, when it is what the client's surface is for. */
  get #paintable(): Frame | undefined {
    const { frame } = this.#deps.model.picture(this.#record.console)
    return frame !== undefined && sameSize(frame, this.#record.outbox.sent) ? frame : undefined
  }

  #init(init: NonNullable<DisplayRecord['client']>): void {
    if (this.#record.client !== undefined) {
      throw new SidecarError('SIDECAR_PROTOCOL', 'second INIT on a display channel')
    }
    const { pixmapCacheSize, glzWindowSize } = init
    if (pixmapCacheSize < 0n || glzWindowSize < 0 || glzWindowSize > MAX_GLZ_WINDOW) {
      throw new SidecarError('SIDECAR_PROTOCOL', 'cache or dictionary size out of range in display INIT', {
        pixmapCacheSize: pixmapCacheSize.toString(),
        glzWindowSize,
      })
    }
    this.#record.client = init
    this.#openDictionary()
    this.#wire.setAck(this.#deps.ackWindow)
    this.#wire.send(displayServer.invalAllPalettes, {})
    this.#followFrame()
  }

  #openDictionary(): void {
    const { client, nextGlzImage } = this.#record
    if (client !== undefined) {
      this.#dictionary = this.#share.dictionary(client.glzDictionaryId, client.glzWindowSize, nextGlzImage)
    }
  }

  #followFrame(): void {
    const { outbox, console } = this.#record
    if (!this.#ready) {
      return
    }
    this.#lane.drop()
    outbox.taken = [...this.#lane.tags]
    replaceSurface(outbox, this.#deps.model.picture(console).frame)
    this.#context.wake()
  }

  #follow(change: Change): void {
    if (!this.#ready) {
      return
    }
    const { outbox } = this.#record
    if (
      addChange(
        outbox,
        change,
        outbox.taken.map(({ box }) => box),
      )
    ) {
      this.#deps.metrics.merged.add(1)
    }
    this.#context.wake()
  }

  /** What was at the coders when the record was taken goes there again. */
  #takeUp(): void {
    const { outbox } = this.#record
    const { taken } = outbox
    outbox.taken = []
    for (const piece of taken) {
      if (!this.#submit(piece)) {
        outbox.items.unshift({ kind: 'damage', rects: [piece.box] })
      }
    }
  }

  /**
   * Handles the next item: what is coded goes to the coders, anything else is sent once they are done with what came before.
   *
   * @returns whether there is more to do at once
   */
  #feed(): boolean {
    const { outbox } = this.#record
    const item = outbox.items[0]
    if (item === undefined) {
      return false
    }
    if (item.kind === 'damage') {
      return this.#feedDamage(item.rects)
    }
    if (outbox.taken.length > 0) {
      return false
    }
    outbox.items.shift()
    if (item.kind === 'picture') {
      this.#feedPicture()
    } else {
      this.#sendItem(item)
    }
    return true
  }

  #feedDamage(rects: Rect[]): boolean {
    const { outbox } = this.#record
    const box =
      outbox.taken.length < MAX_TAKEN
        ? takePiece(rects, Math.min(PIECE_PIXELS, this.#lane.maxPixels))
        : undefined
    if (box !== undefined && !this.#submit({ box, whole: false, raw: false })) {
      rects.unshift(box)
      return false
    }
    if (rects.length === 0) {
      outbox.items.shift()
      this.#deps.metrics.frames.add(1)
    }
    return box !== undefined || rects.length === 0
  }

  /** The whole surface as one image where it fits, else as damage. */
  #feedPicture(): void {
    const frame = this.#paintable
    const { metrics } = this.#deps
    metrics.frames.add(1)
    if (frame === undefined) {
      return
    }
    const box = rectOf(0, 0, frame.width, frame.height)
    if (area(box) > this.#lane.maxPixels || !this.#submit({ box, whole: true, raw: false })) {
      this.#addBefore([box])
    }
  }

  /** Damage that goes before what waits. */
  #addBefore(rects: Rect[]): void {
    this.#record.outbox.items.unshift({ kind: 'damage', rects })
  }

  /** @returns whether the coders took it, or it is no more wanted */
  #submit(piece: TakenPiece): boolean {
    const frame = this.#paintable
    const { box, whole } = piece
    if (frame === undefined || box.right > frame.width || box.bottom > frame.height) {
      return true
    }
    const width = box.right - box.left
    const height = box.bottom - box.top
    const start = box.top * frame.stride + box.left * PIXEL_BYTES
    const block = {
      memory: frame.pixels.buffer,
      offset: frame.pixels.byteOffset + start,
      format: 'rgb32',
      width,
      height,
      stride: frame.stride,
      topDown: true,
    } as const
    const pixels = frame.pixels.subarray(start)
    const codec = this.#codecOf(piece, width, height, () =>
      this.#deps.encoders.isPhoto({ pixels, width, height, stride: frame.stride }),
    )
    const headroom = this.#headroom
    const bands =
      whole && (codec === 'lz' || codec === 'raw') ? this.#deps.encoders.bandsFor(width * height) : 1
    const taken =
      codec === 'glz' && this.#dictionary !== undefined
        ? this.#lane.submit(
            {
              codec,
              dictionary: this.#dictionary.number,
              channel: this.id,
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

  /** Is what GLZ coded packed once more, which takes far longer to code and fewer bytes? */
  get #deflates(): boolean {
    const { zlibGlzWan } = this.#deps
    return zlibGlzWan === 'always' || (zlibGlzWan === 'auto' && this.#share.slowLine())
  }

  #codecOf({ whole, raw }: TakenPiece, width: number, height: number, isPhoto: () => boolean) {
    const { compression, encoders } = this.#deps
    if (raw) {
      return 'raw'
    }
    const tooLargeToPromise = whole && width * height * PIXEL_BYTES > MAX_PICTURE_BYTES
    return chooseCodec({
      setting: this.#record.preferred ?? compression,
      width,
      height,
      lz4: hasCap(this.#record.caps, DISPLAY_CAP.lz4Compression),
      available: encoders.available,
      glzWindow: tooLargeToPromise ? 0 : (this.#dictionary?.windowPixels ?? 0),
      isPhoto,
    })
  }

  #sendEntry({ tag, outcome }: LaneEntry<TakenPiece>): void {
    const { outbox } = this.#record
    outbox.taken.shift()
    if (outcome.kind === 'failed') {
      this.#deps.metrics.imagesFailed.add(1, { reason: outcome.reason })
      const again = { ...tag, raw: tag.raw || outcome.reason === 'refused', whole: false }
      if (area(tag.box) > this.#lane.maxPixels || !this.#submit(again)) {
        this.#addBefore([tag.box])
      }
      return
    }
    if (outcome.glz === undefined && outcome.size > MAX_PICTURE_BYTES) {
      this.#addBefore([tag.box])
      return
    }
    this.#sendImage(tag.box, outcome)
  }

  #sendImage(box: Rect, image: CodedImage): void {
    const { metrics } = this.#deps
    const ledger = image.glz === undefined ? undefined : this.#dictionary?.ledger
    if (image.glz !== undefined && ledger !== undefined) {
      const waits = ledger.waitsFor(image.glz, this.id)
      if (waits.length > 0) {
        this.#wire.send(commonServer.waitForChannels, {
          waits: waits.map(({ channelType, channelId, serial }) => ({
            channelType,
            channelId,
            serial: BigInt(serial),
          })),
        })
      }
    }
    const message = drawCopyMessage(
      image,
      this.#deps.encoders.join(image),
      this.#nextImage(box),
      this.#headroom,
      this.#wire.headerSize,
    )
    this.#wire.sendFramed(displayServer.drawCopy.id, message)
    if (image.glz !== undefined && ledger !== undefined) {
      ledger.sent(image.glz, this.id, this.#record.wire.sentSerial)
      this.#record.nextGlzImage = ledger.nextId
    }
    const labels = { codec: image.codec }
    metrics.images.add(1, labels)
    metrics.imageBytes.add(image.size, labels)
  }

  #nextImage(box: Rect): DrawCopyImage {
    this.#record.imageNumber += 1
    return {
      surfaceId: PRIMARY_SURFACE,
      box,
      imageIdLow: IMAGE_GROUP.red,
      imageIdHigh: this.#record.imageNumber >>> 0,
    }
  }

  #sendMove({ to, dx, dy }: Move): void {
    const { metrics } = this.#deps
    metrics.moves.add(1)
    metrics.movedPixels.add(area(to))
    this.#wire.send(displayServer.copyBits, {
      surfaceId: PRIMARY_SURFACE,
      box: to,
      clip: { type: CLIP_TYPE.none },
      srcPos: { x: to.left - dx, y: to.top - dy },
    })
  }

  #sendItem(item: Exclude<OutboxItem, { kind: 'damage' | 'picture' }>): void {
    const { outbox } = this.#record
    switch (item.kind) {
      case 'surfaceCreate': {
        const { width, height } = item
        outbox.sent = { width, height }
        this.#wire.send(displayServer.surfaceCreate, {
          surfaceId: PRIMARY_SURFACE,
          width,
          height,
          format: SURFACE_FORMAT.xrgb32,
          flags: SURFACE_FLAG.primary,
        })
        return
      }
      case 'surfaceDestroy': {
        outbox.sent = undefined
        this.#wire.send(displayServer.surfaceDestroy, { surfaceId: PRIMARY_SURFACE })
        return
      }
      case 'monitorsConfig': {
        if (hasCap(this.#record.caps, DISPLAY_CAP.monitorsConfig)) {
          const { width, height } = item
          const head = { monitorId: 0, surfaceId: PRIMARY_SURFACE, width, height, x: 0, y: 0, flags: 0 }
          this.#wire.send(displayServer.monitorsConfig, { maxAllowed: 1, heads: [head] })
        }
        return
      }
      case 'copyBits': {
        this.#sendMove(item.move)
        return
      }
      case 'mark': {
        this.#wire.send(displayServer.mark, {})
      }
    }
  }
}

const sameSize = (
  frame: { readonly width: number; readonly height: number },
  surface: { readonly width: number; readonly height: number } | undefined,
): boolean => surface?.width === frame.width && surface.height === frame.height
