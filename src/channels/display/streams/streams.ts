import type { EncodeOutcome } from '../../../codecs/index.js'
import { area, intersect, isEmpty, type Rect } from '../../../core/region.js'
import type { Drawing } from '../../../display/index.js'
import { DISPLAY_CAP, hasCap } from '../../../protocol/index.js'
import type { ChannelWire } from '../../wire.js'
import type { DisplayDeps, VideoDeps } from '../deps.js'
import { addDamage, type FramePiece, type StreamItem } from '../outbox.js'
import type { PieceCoder } from '../piece-coder.js'
import type { DisplayRecord } from '../record.js'
import type { DisplayShare } from '../share.js'
import { cutDamage } from './claim.js'
import { FrameCoder } from './frame-coder.js'
import { frameSetting, type FrameSetting } from './frame-setting.js'
import {
  forgetLost,
  frameBegun,
  frameHeld,
  lostAtMs,
  newRate,
  nextFrameMs,
  sourceChanged,
} from './rate-control.js'
import { newStamps } from './stamps.js'
import { freeId, type StreamRecord } from './stream-record.js'
import { followAcks, followReport, type Report } from './stream-reports.js'
import { StreamSender } from './stream-sender.js'
import { videoCodecs, type VideoName } from './video-codec.js'

/** Streams that are no more and whose reports are still expected. */
const MAX_ENDED = 16

/** After a frame that could not be coded the next one is tried after this time, ms. */
const RETRY_MS = 200

/** The video streams of one display channel: one for each region of its console that shows video. */
export class Streams {
  readonly #record: DisplayRecord
  readonly #share: DisplayShare
  readonly #deps: DisplayDeps
  readonly #video: VideoDeps
  readonly #frames: FrameCoder
  readonly #sender: StreamSender

  constructor(
    record: DisplayRecord,
    wire: ChannelWire,
    share: DisplayShare,
    deps: DisplayDeps,
    video: VideoDeps,
    coder: PieceCoder,
    headroom: number,
  ) {
    this.#record = record
    this.#share = share
    this.#deps = deps
    this.#video = video
    this.#frames = new FrameCoder(deps.encoders, coder, headroom)
    this.#sender = new StreamSender(record, wire, deps, video, headroom)
  }

  /** What clients show there is not what was drawn last. */
  get boxes(): readonly Rect[] {
    return this.#list.map(({ box }) => box)
  }

  /** A frame could be sent now, if the way to the client were free. */
  get due(): boolean {
    const now = this.#now
    return this.#list.some((stream) => this.#waitMs(stream, now) === 0)
  }

  /** Time until {@link pump} should be called although nothing happened, ms; `undefined`: not by itself. */
  get delayMs(): number | undefined {
    const now = this.#now
    const waits = this.#list.flatMap((stream) => [this.#waitMs(stream, now), this.#lostMs(stream, now)])
    const coming = [...waits, this.#restMs, this.#lookInMs].flatMap((wait = 0) => (wait > 0 ? [wait] : []))
    return coming.length === 0 ? undefined : Math.min(...coming)
  }

  /** Time until the picture should be looked at although nothing can be sent, ms. */
  get lookMs(): number {
    return this.#video.watch.lookMs(this.#record.console)
  }

  get #restMs(): number | undefined {
    return this.#list.length === 0 ? undefined : this.#video.watch.restMs(this.#record.console)
  }

  get #lookInMs(): number | undefined {
    return this.#deps.model.isStale(this.#record.console) ? this.lookMs : undefined
  }

  /** After a restore. */
  attach(): void {
    this.#video.opened(this.#list.length)
  }

  /** A frame of a record that was at the coders when that was taken. */
  takeUp(piece: FramePiece): void {
    if (this.#frames.submit(piece) !== 'taken') {
      const stream = this.#list.find(({ uniqueId }) => uniqueId === piece.stream)
      if (stream !== undefined) {
        stream.due = true
      }
    }
  }

  close(): void {
    this.#frames.close()
    this.#video.opened(-this.#list.length)
  }

  /**
   * Begins and ends streams as the picture has it, and hands in frames that are due.
   *
   * @param open the way to the client is free
   */
  pump(open: boolean): void {
    const regions = this.#video.watch.regions(this.#record.console)
    for (const stream of [...this.#list]) {
      if (!regions.some(({ id }) => id === stream.region)) {
        this.#end(stream, 'rest')
      }
    }
    if (this.#record.outbox.surface !== undefined) {
      for (const { id, box } of regions) {
        if (!this.#list.some(({ region }) => region === id)) {
          this.#begin(id, box)
        }
      }
    }
    for (const stream of this.#list) {
      this.#feed(stream, open)
    }
  }

  /** The picture changed: what lies under a stream comes with its next frame. */
  claim(): void {
    const { outbox } = this.#record
    for (const stream of this.#list) {
      if (cutDamage(outbox, stream.box)) {
        this.#touch(stream)
      }
    }
  }

  /** Something was drawn there that the client does itself. */
  drawn(drawing: Drawing): void {
    const rects = drawing.kind === 'move' ? [drawing.move.to] : drawing.rects
    for (const stream of this.#list) {
      if (rects.some((rect) => !isEmpty(intersect(rect, stream.box)))) {
        this.#touch(stream)
      }
    }
  }

  /** The surface is replaced; what waited for the old one is dropped already. */
  reset(): void {
    const { outbox } = this.#record
    const open = this.#list.filter((stream) => stream.open)
    for (const stream of [...this.#list]) {
      this.#forget(stream, 'surface')
    }
    outbox.items.unshift(...open.map(({ id }) => ({ kind: 'streamDestroy' as const, id })))
  }

  send(item: StreamItem): void {
    this.#sender.item(item)
  }

  /** A frame came from the coders. */
  frame(piece: FramePiece, outcome: EncodeOutcome): void {
    const stream = this.#list.find(({ uniqueId }) => uniqueId === piece.stream)
    if (stream?.open !== true) {
      return
    }
    if (outcome.kind === 'coded') {
      this.#sender.frame(stream, outcome, piece)
      return
    }
    this.#video.metrics.dropped.add(1, { reason: 'failed' })
    this.#deps.metrics.imagesFailed.add(1, { reason: outcome.reason })
    stream.due = true
    stream.keyFrame = true
    stream.rate.frameMs = this.#now + RETRY_MS
    if (outcome.reason === 'refused') {
      this.#fail(stream)
    }
  }

  /**
   * A client's report.
   *
   * @returns whether it makes sense
   */
  report(report: Report): boolean {
    const reported = followReport(this.#record, report, this.#roundTripMs, this.#now)
    if (reported.kind === 'frames') {
      this.#video.metrics.dropped.add(reported.late, { reason: 'late' })
    }
    if (reported.kind === 'undecodable') {
      this.#fail(reported.stream)
    }
    return reported.kind !== 'nonsense'
  }

  /** The client acknowledged messages. */
  acknowledged(): void {
    if (!this.#reports) {
      followAcks(this.#record, this.#roundTripMs, this.#now)
    }
  }

  /** What the client prefers changed: streams that would have another codec now begin anew. */
  followCodecs(): void {
    const best = this.#codecs[0]
    for (const stream of [...this.#list]) {
      if (stream.codec !== best) {
        this.#end(stream, 'codec')
      }
    }
  }

  get #list(): StreamRecord[] {
    return this.#record.streams.list
  }

  get #now(): number {
    return this.#deps.clock.nowMs()
  }

  get #roundTripMs(): number | undefined {
    return this.#record.flow.roundTripMs ?? this.#share.line().roundTripMs
  }

  /** Clients in browsers say that they take frames of other sizes, and show them so; they do not compose. */
  get #scales(): boolean {
    const { caps } = this.#record
    return hasCap(caps, DISPLAY_CAP.sizedStream) && hasCap(caps, DISPLAY_CAP.composite)
  }

  get #reports(): boolean {
    return hasCap(this.#record.caps, DISPLAY_CAP.streamReport)
  }

  get #codecs(): VideoName[] {
    const { caps, streams } = this.#record
    const { available } = this.#deps.encoders
    return videoCodecs({
      caps,
      preferred: streams.preferred,
      configured: this.#video.codecs,
      failed: streams.failed,
      isAvailable: (name) => (name === 'mjpeg' ? available.jpeg : available.video.includes(name)),
    })
  }

  #begin(region: number, box: Rect): void {
    const { outbox, streams } = this.#record
    const [codec] = this.#codecs
    const leaving = outbox.items.flatMap((item) => (item.kind === 'streamDestroy' ? [item.id] : []))
    const id = freeId([...this.#list.map((stream) => stream.id), ...leaving])
    if (codec === undefined || id === undefined) {
      return
    }
    const now = this.#now
    const lineBps = this.#share.line().bitsPerSecond
    streams.lastUniqueId += 1
    const rate = newRate(lineBps, now)
    rate.targetBps = streams.lastBps ?? rate.targetBps
    const stream: StreamRecord = {
      ...{ id, uniqueId: streams.lastUniqueId, region, box, codec },
      ...{ open: false, due: true, heldMs: undefined, keyFrame: true, unreported: 0, rate },
      stamps: newStamps(lineBps, now),
    }
    this.#list.push(stream)
    outbox.items.push({ kind: 'streamCreate', stream: stream.uniqueId })
    cutDamage(outbox, box)
    this.#video.opened(1)
    this.#video.metrics.started.add(1, { codec })
  }

  /** The exact pixels follow. */
  #end(stream: StreamRecord, reason: string): void {
    const { outbox } = this.#record
    if (stream.open) {
      outbox.items.unshift({ kind: 'streamDestroy', id: stream.id })
    } else {
      outbox.items = outbox.items.filter(
        (item) => item.kind !== 'streamCreate' || item.stream !== stream.uniqueId,
      )
    }
    this.#forget(stream, reason)
    if (!outbox.items.some(({ kind }) => kind === 'picture')) {
      addDamage(outbox, [stream.box])
    }
  }

  #forget(stream: StreamRecord, reason: string): void {
    const { streams } = this.#record
    streams.list = streams.list.filter((each) => each !== stream)
    streams.lastBps = stream.rate.targetBps
    if (stream.open) {
      streams.ended.push({ uniqueId: stream.uniqueId, reports: stream.unreported + 1 })
      streams.ended = streams.ended.slice(-MAX_ENDED)
    }
    this.#frames.closeStream(stream.uniqueId)
    this.#video.opened(-1)
    this.#video.metrics.ended.add(1, { reason })
  }

  /** Another codec has to do, or none. */
  #fail(stream: StreamRecord): void {
    const { failed } = this.#record.streams
    if (!failed.includes(stream.codec)) {
      failed.push(stream.codec)
    }
    this.#end(stream, 'codec')
  }

  #touch(stream: StreamRecord): void {
    if (stream.due) {
      this.#video.metrics.dropped.add(1, { reason: 'rate' })
    }
    stream.due = true
    sourceChanged(stream.rate, this.#now)
  }

  #setting(stream: StreamRecord): FrameSetting {
    return frameSetting(stream.rate, {
      byQuality: stream.codec === 'mjpeg',
      canHalve: this.#scales,
      pixels: area(stream.box),
    })
  }

  /** Time until the next frame may go to the coders, ms; `undefined`: not by itself. */
  #waitMs(stream: StreamRecord, now: number): number | undefined {
    if (!stream.open || !stream.due || this.#isCoding(stream)) {
      return undefined
    }
    const next = nextFrameMs(stream.rate, this.#setting(stream), this.#reports, now)
    return next === undefined ? undefined : Math.max(0, next - now)
  }

  #lostMs({ rate }: StreamRecord, now: number): number | undefined {
    const atMs = lostAtMs(rate)
    return atMs === undefined ? undefined : atMs - now
  }

  #isCoding({ uniqueId }: StreamRecord): boolean {
    return this.#record.outbox.taken.some((piece) => piece.kind === 'frame' && piece.stream === uniqueId)
  }

  #feed(stream: StreamRecord, open: boolean): void {
    const now = this.#now
    forgetLost(stream.rate, this.#reports, now)
    if (this.#waitMs(stream, now) !== 0) {
      return
    }
    if (!open) {
      stream.heldMs ??= now
      return
    }
    if (stream.heldMs !== undefined) {
      frameHeld(stream.rate, now - stream.heldMs, now)
      stream.heldMs = undefined
    }
    const setting = this.#setting(stream)
    const { uniqueId, box, codec, keyFrame } = stream
    const taken = this.#frames.submit({
      ...{ kind: 'frame', stream: uniqueId, box, codec, setting, keyFrame, ptsMs: Math.floor(now) },
    })
    if (taken === 'none') {
      this.#fail(stream)
    } else if (taken === 'taken') {
      stream.due = false
      stream.keyFrame = false
      frameBegun(stream.rate, setting, now)
      this.#video.metrics.fps.observe(setting.fps)
      this.#video.metrics.quality.observe(setting.quality)
    }
  }
}
