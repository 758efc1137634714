import { SidecarError } from '../../core/errors.js'
import type { Counter } from '../../core/metrics.js'
import type { Rect } from '../../core/region.js'
import type { DisplayModel, Frame } from '../../display/index.js'
import {
  CHANNEL_TYPES,
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
import {
  addDamage,
  damageAll,
  newOutbox,
  PRIMARY_SURFACE,
  replaceSurface,
  takePiece,
  type Outbox,
  type OutboxItem,
  type PictureProgress,
} from './outbox.js'
import type { Painter } from './painter.js'

/** Largest GLZ window a client may ask for, pixels (`protocol-display.md` section 6). */
const MAX_GLZ_WINDOW = 2 ** 25

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
  readonly outbox: Outbox
  /** Number of the last image sent. */
  imageNumber: number
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
  outbox: newOutbox(),
  imageNumber: 0,
})

export interface DisplayDeps {
  readonly model: DisplayModel
  readonly painter: Painter
  /** Messages per acknowledgement. */
  readonly ackWindow: number
  readonly metrics: {
    /** Damage fully sent: the client's picture caught up. */
    readonly frames: Counter
    /** Updates merged into damage that waited for a client. */
    readonly merged: Counter
  }
}

/** Picture of one console at one client (`protocol-display.md`); DESIGN.md section 5 rules 1, 7 and 8. */
export class DisplayChannel implements Channel {
  readonly type = CHANNEL_TYPES.display
  readonly #record: DisplayRecord
  readonly #wire: ChannelWire
  readonly #context: ChannelContext
  readonly #deps: DisplayDeps
  #detach: (() => void) | undefined

  constructor(record: DisplayRecord, context: ChannelContext, deps: DisplayDeps) {
    this.#record = record
    this.#wire = new ChannelWire(record.wire, context.output)
    this.#context = context
    this.#deps = deps
  }

  get id(): number {
    return this.#record.console
  }

  get stalled(): boolean {
    return this.#ready && this.#record.outbox.items.length > 0 && !this.#wire.open
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
      damaged: (console, rects) => {
        if (console === this.#record.console) {
          this.#addDamage(rects)
        }
      },
    })
  }

  receive(type: number, body: Uint8Array): void {
    switch (type) {
      case displayClient.init.id: {
        this.#init(displayClient.init.decode(body))
        return
      }
      /* Advice on codecs that this version does not have; checked, and taken note of by nobody. */
      case displayClient.preferredCompression.id: {
        displayClient.preferredCompression.decode(body)
        return
      }
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

  /** At most one painter's piece of pixels a turn, so that input is served in between. */
  pump(): boolean {
    if (!this.#ready) {
      return false
    }
    const { items } = this.#record.outbox
    let budget = this.#deps.painter.maxPixels
    while (budget > 0 && this.#wire.open) {
      const item = items[0]
      if (item === undefined) {
        return false
      }
      if (item.kind === 'damage') {
        budget -= this.#sendPiece(item.rects)
        if (item.rects.length > 0) {
          continue
        }
      } else if (item.kind === 'picture') {
        const frame = this.#paintable
        const pixels = frame === undefined ? 0 : this.#deps.painter.paintRows(frame, item.progress)
        budget -= pixels
        if (pixels > 0 || (frame !== undefined && !this.#sendPicture(frame, item.progress))) {
          continue
        }
      } else {
        this.#sendItem(item)
      }
      items.shift()
      if (item.kind === 'damage' || item.kind === 'picture') {
        this.#deps.metrics.frames.add(1)
      }
    }
    return items.length > 0 && this.#wire.open
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
  }

  get #ready(): boolean {
    return this.#record.client !== undefined
  }

  get #frame(): Frame | undefined {
    return this.#deps.model.picture(this.#record.console).frame
  }

  /** The frame, when it is what the client's surface is for. */
  get #paintable(): Frame | undefined {
    const frame = this.#frame
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
    this.#wire.setAck(this.#deps.ackWindow)
    this.#wire.send(displayServer.invalAllPalettes, {})
    this.#followFrame()
  }

  #followFrame(): void {
    const { outbox } = this.#record
    const frame = this.#frame
    if (!this.#ready) {
      return
    }
    if (frame !== undefined && sameSize(frame, outbox.surface)) {
      damageAll(outbox)
    } else {
      replaceSurface(outbox, frame)
    }
    this.#context.wake()
  }

  #addDamage(rects: readonly Rect[]): void {
    if (!this.#ready) {
      return
    }
    if (addDamage(this.#record.outbox, rects)) {
      this.#deps.metrics.merged.add(1)
    }
    this.#context.wake()
  }

  /** @returns pixels that it took */
  #sendPiece(rects: Rect[]): number {
    const { painter } = this.#deps
    const frame = this.#paintable
    const box = takePiece(rects, painter.maxPixels)
    if (box === undefined || frame === undefined) {
      return 0
    }
    this.#wire.sendFramed(
      displayServer.drawCopy.id,
      painter.paint(frame, this.#nextImage(box), this.#wire.headerSize),
    )
    return (box.right - box.left) * (box.bottom - box.top)
  }

  /** @returns whether all of the picture was sent */
  #sendPicture(frame: Frame, picture: PictureProgress): boolean {
    const body = this.#deps.painter.finishRows(
      frame,
      picture,
      (box) => this.#nextImage(box),
      this.#wire.headerSize,
    )
    this.#wire.sendFramed(displayServer.drawCopy.id, body)
    return picture.sent === frame.height
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
