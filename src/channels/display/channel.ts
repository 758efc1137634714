import type { CodedImage } from '../../codecs/index.js'
import { SidecarError } from '../../core/errors.js'
import { area } from '../../core/region.js'
import type { Change } from '../../display/index.js'
import { CHANNEL_TYPES, displayClient, displayServer } from '../../protocol/index.js'
import type { Channel, ChannelContext } from '../channel.js'
import { ChannelWire } from '../wire.js'
import { preferredSetting } from './codec-choice.js'
import type { DisplayDeps } from './deps.js'
import { Feeder } from './feeder.js'
import { ImageSender } from './image-sender.js'
import { sendFill, sendItem } from './item-sender.js'
import { addChange, replaceSurface } from './outbox.js'
import { MAX_PICTURE_BYTES, PieceCoder, type ReadyPiece } from './piece-coder.js'
import type { DisplayRecord } from './record.js'
import type { DisplayShare } from './share.js'

/** Largest GLZ window a client may ask for, pixels (`protocol-display.md` section 6). */
const MAX_GLZ_WINDOW = 2 ** 25

/** Picture of one console at one client (`protocol-display.md`); DESIGN.md section 5 rules 1, 7 and 8. */
export class DisplayChannel implements Channel {
  readonly type = CHANNEL_TYPES.display
  readonly #record: DisplayRecord
  readonly #wire: ChannelWire
  readonly #context: ChannelContext
  readonly #deps: DisplayDeps
  readonly #coder: PieceCoder
  readonly #feeder: Feeder
  readonly #images: ImageSender
  #detach: (() => void) | undefined

  constructor(record: DisplayRecord, context: ChannelContext, share: DisplayShare, deps: DisplayDeps) {
    this.#record = record
    this.#wire = new ChannelWire(record.wire, context.output)
    this.#context = context
    this.#deps = deps
    this.#images = new ImageSender(record, this.#wire, deps)
    this.#coder = new PieceCoder(record, share, deps, this.#images.headroom, () => {
      context.wake()
    })
    this.#feeder = new Feeder(record.outbox, this.#coder, deps.metrics, (item) => {
      sendItem(this.#wire, record, deps.metrics, item)
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
    this.#coder.openDictionary()
    this.#feeder.takeUp()
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
    let budget = this.#coder.turnPixels
    while (budget > 0 && this.#wire.open) {
      const ready = this.#coder.take()
      if (ready !== undefined) {
        budget -= ready.kind === 'image' && ready.inline ? area(ready.piece.box) : 0
        this.#sendPiece(ready)
      } else if (!this.#feeder.feed()) {
        return this.#coder.length === 0 && model.isStale(console)
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
    this.#coder.close()
  }

  get #ready(): boolean {
    return this.#record.client !== undefined
  }

  /** Something is to be sent, or may be. */
  get #due(): boolean {
    const { outbox, console } = this.#record
    return outbox.taken.length > 0 || outbox.items.length > 0 || this.#deps.model.isStale(console)
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
    this.#coder.openDictionary()
    this.#wire.setAck(this.#deps.ackWindow)
    this.#wire.send(displayServer.invalAllPalettes, {})
    this.#followFrame()
  }

  #followFrame(): void {
    const { outbox, console } = this.#record
    if (!this.#ready) {
      return
    }
    this.#coder.drop()
    replaceSurface(outbox, this.#deps.model.picture(console).frame)
    this.#context.wake()
  }

  #follow(change: Change): void {
    if (!this.#ready) {
      return
    }
    const { outbox } = this.#record
    const inFlight = outbox.taken.map(({ box }) => box)
    if (addChange(outbox, change, inFlight)) {
      this.#deps.metrics.merged.add(1)
    }
    this.#context.wake()
  }

  #sendPiece(ready: ReadyPiece): void {
    if (ready.kind === 'fill') {
      sendFill(this.#wire, this.#deps.metrics, ready)
      return
    }
    const { piece, outcome } = ready
    if (outcome.kind === 'failed') {
      this.#deps.metrics.imagesFailed.add(1, { reason: outcome.reason })
      this.#feeder.again({ ...piece, raw: piece.raw || outcome.reason === 'refused', whole: false })
    } else if (isTooLarge(outcome)) {
      this.#feeder.addBefore([piece.box])
    } else {
      this.#images.send(piece.box, outcome, this.#coder.dictionary)
    }
  }
}

/** Larger than one message should be, and may be cut. */
const isTooLarge = ({ glz, size }: CodedImage): boolean => glz === undefined && size > MAX_PICTURE_BYTES
