import type { CodedImage } from '../../codecs/index.js'
import { SidecarError } from '../../core/errors.js'
import { area, type Rect } from '../../core/region.js'
import type { Change, Drawing } from '../../display/index.js'
import { CHANNEL_TYPES, DISPLAY_CAP, displayClient, displayServer, hasCap } from '../../protocol/index.js'
import { Alarms } from '../alarms.js'
import type { Channel, ChannelContext, ChannelFigures } from '../channel.js'
import { ChannelWire } from '../wire.js'
import { preferredSetting } from './codec-choice.js'
import type { DisplayDeps } from './deps.js'
import { addDrawing } from './drawings.js'
import { Feeder } from './feeder.js'
import { displayFigures, DisplayTally } from './figures.js'
import { FlowControl } from './flow-control.js'
import { ImageSender } from './image-sender.js'
import { adoptLossy, followItem, isExact, markExact } from './lossy.js'
import { sendFill, sendItem } from './item-sender.js'
import {
  addChange,
  replaceHeads,
  replaceSurface,
  type ImagePiece,
  type MonitorsItem,
  type PalettePiece,
} from './outbox.js'
import { PaletteSender } from './palette-sender.js'
import { MAX_PICTURE_BYTES, PieceCoder, type ReadyPiece } from './piece-coder.js'
import type { DisplayRecord } from './record.js'
import { Refiner } from './refiner.js'
import type { DisplayShare } from './share.js'
import { Streams } from './streams/streams.js'
import { preferredNames } from './streams/video-codec.js'

/** Largest GLZ window a client may ask for, pixels (`protocol-display.md` section 6). */
const MAX_GLZ_WINDOW = 2 ** 25

/** Picture of one console at one client (`protocol-display.md`); DESIGN.md section 5 rules 1, 7 and 8. */
export class DisplayChannel implements Channel {
  readonly type = CHANNEL_TYPES.display
  readonly #record: DisplayRecord
  readonly #wire: ChannelWire
  readonly #flow: FlowControl
  readonly #context: ChannelContext
  readonly #deps: DisplayDeps
  readonly #tally: DisplayTally
  readonly #share: DisplayShare
  readonly #coder: PieceCoder
  readonly #feeder: Feeder
  readonly #images: ImageSender
  readonly #palettes: PaletteSender
  readonly #refiner: Refiner
  readonly #streams: Streams | undefined
  readonly #alarms: Alarms<'refine' | 'stall' | 'video'>
  #detach: (() => void) | undefined

  constructor(record: DisplayRecord, context: ChannelContext, share: DisplayShare, all: DisplayDeps) {
    this.#tally = new DisplayTally(all)
    const { deps } = this.#tally
    this.#record = record
    this.#flow = new FlowControl(record, share.line, deps)
    this.#wire = new ChannelWire(record.wire, context.output, this.#flow)
    this.#context = context
    this.#alarms = new Alarms(context, deps.clock)
    this.#deps = deps
    this.#share = share
    this.#images = new ImageSender(record, this.#wire, deps)
    this.#coder = new PieceCoder(record, share, deps, this.#images.headroom, () => {
      context.wake()
    })
    this.#palettes = new PaletteSender(record, this.#wire, deps, this.#coder, this.#images)
    this.#feeder = new Feeder(record.outbox, this.#coder, deps.metrics, this.#flow, (item) => {
      if (item.kind === 'streamCreate' || item.kind === 'streamDestroy') {
        this.#streams?.send(item)
        return
      }
      sendItem(this.#wire, record, deps.metrics, item)
      followItem(record.lossy, item, deps.clock.nowMs())
    })
    this.#streams =
      deps.video &&
      new Streams(record, this.#wire, share, deps, deps.video, this.#coder, this.#images.headroom)
    this.#refiner = new Refiner(record, share, deps, this.#coder, this.#flow)
  }

  get id(): number {
    return this.#record.console
  }

  get stalled(): boolean {
    const due = this.#due || this.#streams?.due === true
    return this.#ready && due && (!this.#wire.open || this.#flow.stallsInMs === 0)
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
      headsChanged: (console) => {
        if (console === this.#record.console) {
          this.#followHeads()
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
      drawn: (console, drawing) => {
        if (console === this.#record.console) {
          this.#followDrawing(drawing)
        }
      },
    })
    this.#flow.adopt()
    this.#openCaches()
    adoptLossy(this.#record.lossy, this.#deps.clock.nowMs())
    this.#feeder.takeUp((frame) => this.#streams?.takeUp(frame))
    this.#streams?.attach()
    this.#armRefiner()
    this.#armStreams()
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
      case displayClient.preferredVideoCodecType.id: {
        const { codecs } = displayClient.preferredVideoCodecType.decode(body)
        this.#record.streams.preferred = preferredNames(codecs)
        this.#streams?.followCodecs()
        this.#context.wake()
        return
      }
      case displayClient.streamReport.id: {
        this.#report(body)
        return
      }
      default: {
        if (!this.#wire.receiveCommon(type, body)) {
          throw new SidecarError('SIDECAR_PROTOCOL', 'unknown or untimely message on a display channel', {
            type,
          })
        }
        this.#streams?.acknowledged()
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
    this.#flow.review()
    // Before the client's first answer nobody knows what is too much: what was sent until then has to be asked about now.
    this.#flow.ask(this.#wire)
    const canSend = this.#wire.open && this.#flow.gate !== 'shut'
    if (model.isStale(console) && (canSend || this.#streams?.lookMs === 0)) {
      model.refresh(console)
    }
    this.#streams?.pump(canSend && !this.#flow.starved)
    this.#armStreams()
    let budget = this.#coder.turnPixels
    while (budget > 0 && this.#wire.open) {
      const ready = this.#flow.mayFinish ? this.#coder.take() : undefined
      if (ready !== undefined) {
        budget -= 'inline' in ready && ready.inline ? area(ready.piece.box) : 0
        this.#sendPiece(ready)
        this.#flow.ask(this.#wire)
      } else if (!this.#feed()) {
        return this.#rest()
      }
    }
    this.#armRefiner()
    return this.#due && this.#wire.open && this.#flow.gate !== 'shut'
  }

  /** @returns whether there is more to do at once */
  #feed(): boolean {
    const { gate } = this.#flow
    return this.#feeder.feed(gate) || (gate === 'open' && this.#caughtUp && this.#refiner.feed())
  }

  /** Nothing more can be done now. */
  #rest(): boolean {
    const { gate, stallsInMs } = this.#flow
    if (gate === 'open') {
      this.#flow.idle()
    } else if (this.#due && stallsInMs > 0 && stallsInMs < Infinity && !this.#alarms.has('stall')) {
      this.#alarms.set('stall', stallsInMs)
    }
    this.#armRefiner()
    return gate !== 'shut' && this.#coder.length === 0 && this.#deps.model.isStale(this.#record.console)
  }

  alarm(): void {
    if (this.#alarms.due().length > 0) {
      this.#context.wake()
    }
  }

  snapshot(): DisplayRecord {
    return structuredClone(this.#record)
  }

  figures(): ChannelFigures {
    return displayFigures(this.#record, this.#tally)
  }

  close(): void {
    this.#detach?.()
    this.#detach = undefined
    this.#streams?.close()
    this.#coder.close()
    this.#share.pixmaps.forgetChannel(this.#record.console)
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
    this.#openCaches()
    this.#wire.setAck(this.#deps.ackWindow)
    this.#wire.send(displayServer.invalAllPalettes, {})
    this.#followFrame()
  }

  #openCaches(): void {
    this.#coder.openCaches()
    this.#images.openCache(this.#coder.cache.pixmaps)
  }

  #followFrame(): void {
    const { outbox, console } = this.#record
    if (!this.#ready) {
      return
    }
    this.#coder.drop()
    replaceSurface(outbox, this.#deps.model.picture(console).frame, this.#monitors)
    this.#streams?.reset()
    this.#context.wake()
  }

  #followHeads(): void {
    if (this.#ready) {
      replaceHeads(this.#record.outbox, this.#monitors)
      this.#context.wake()
    }
  }

  get #monitors(): MonitorsItem {
    const { model } = this.#deps
    const { console } = this.#record
    const { heads } = model.picture(console)
    return { kind: 'monitorsConfig', heads, maxAllowed: model.maxHeads(console) }
  }

  #follow(change: Change): void {
    if (!this.#ready) {
      return
    }
    const { outbox } = this.#record
    this.#tally.due()
    if (addChange(outbox, change, this.#unsettled)) {
      this.#deps.metrics.merged.add(1)
    }
    this.#streams?.claim()
    this.#context.wake()
  }

  #followDrawing(drawing: Drawing): void {
    if (!this.#ready) {
      return
    }
    const { outbox, lossy, caps } = this.#record
    addDrawing(outbox, drawing, {
      inFlight: this.#unsettled,
      isExact: (rect) => isExact(lossy, rect),
      // Clients that compose have a whole canvas; those in browsers take every raster operation for a copy.
      paintsOnto: hasCap(caps, DISPLAY_CAP.composite),
    })
    this.#streams?.claim()
    this.#streams?.drawn(drawing)
    this.#context.wake()
  }

  /** The picture is what the guest shows, as far as it told. */
  get #caughtUp(): boolean {
    return !this.#deps.model.isStale(this.#record.console)
  }

  /** Where the client has pixels of another time: what is being coded, and video. */
  get #unsettled(): readonly Rect[] {
    const { taken } = this.#record.outbox
    return [...taken.map(({ box }) => box), ...(this.#streams?.boxes ?? [])]
  }

  #report(body: Uint8Array): void {
    const report = displayClient.streamReport.decode(body)
    if (this.#streams?.report(report) !== true) {
      this.#wire.strange('report')
    }
    this.#context.wake()
  }

  /** Wakes up when a frame is due, video may be over, or the picture has to be looked at. */
  #armStreams(): void {
    const delayMs = this.#streams?.delayMs
    if (delayMs === undefined) {
      this.#alarms.clear('video')
    } else {
      this.#alarms.set('video', delayMs)
    }
  }

  /** Wakes up when something lossy may have come to rest. */
  #armRefiner(): void {
    const delayMs = this.#wire.open ? this.#refiner.delayMs : undefined
    if (delayMs !== undefined && !this.#alarms.has('refine')) {
      this.#alarms.set('refine', delayMs)
    }
  }

  #sendPiece(ready: ReadyPiece): void {
    if (ready.kind === 'fill') {
      sendFill(this.#wire, this.#deps.metrics, ready)
      markExact(this.#record.lossy, ready.box)
      return
    }
    if (ready.kind === 'cached') {
      if (!this.#images.sendCached(ready)) {
        this.#feeder.addBefore([ready.box])
      }
      return
    }
    if (ready.kind === 'frame') {
      this.#streams?.frame(ready.piece, ready.outcome)
      return
    }
    if (ready.kind === 'palette') {
      this.#sendPalette(ready.piece)
      return
    }
    const { piece, outcome } = ready
    if (outcome.kind === 'failed') {
      this.#deps.metrics.imagesFailed.add(1, { reason: outcome.reason })
      this.#feeder.again({ ...piece, raw: piece.raw || outcome.reason === 'refused', whole: false })
    } else if (isTooLarge(outcome)) {
      this.#feeder.addBefore([piece.box])
    } else {
      const kept = this.#coder.cache.keeps(piece, outcome)
      this.#images.send(piece.box, outcome, this.#coder.dictionary, kept)
      this.#imageSent(piece, outcome.size)
    }
  }

  #sendPalette(piece: PalettePiece): void {
    const size = this.#palettes.send(piece)
    if (size === undefined) {
      this.#feeder.again({ ...piece, kind: 'image', whole: false, raw: false })
    } else if (size > 0) {
      this.#imageSent(piece, size)
    }
  }

  #imageSent({ box, lossless }: Pick<ImagePiece, 'box' | 'lossless'>, size: number): void {
    this.#flow.imageSent(area(box), size)
    if (lossless === true) {
      this.#refiner.sent(box, size)
    }
  }
}

/** Larger than one message should be, and may be cut. */
const isTooLarge = ({ glz, size }: CodedImage): boolean => glz === undefined && size > MAX_PICTURE_BYTES
