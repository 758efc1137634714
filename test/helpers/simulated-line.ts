import { DisplayChannel, DisplayShare, newDisplayRecord, newWireRecord } from '../../src/channels/index.js'
import type { ChannelContext, DisplayDeps, DisplayRecord, LineFacts } from '../../src/channels/index.js'
import { noCounter } from '../../src/core/metrics.js'
import { rectOf } from '../../src/core/region.js'
import { DisplayModel } from '../../src/display/index.js'
import { createPictureStore } from '../../src/kernels/index.js'
import { capsOf, DISPLAY_CAP, displayClient, MessageFramer } from '../../src/protocol/index.js'
import { tell, type Sent } from './channel-rig.js'
import { ClientAnswers } from './client-answers.js'
import { displayDeps } from './display-deps.js'
import { FakeClock } from './fake-clock.js'
import { act, guestOf, type Act, type GuestScreen } from './guest-screen.js'
import { inlineEncoders, WINDOW_BYTES } from './inline-encoders.js'
import { PaintedSurface } from './painted.js'
import { pictureOf } from './picture-of.js'

const INIT = { pixmapCacheId: 1, pixmapCacheSize: 0n, glzDictionaryId: 1, glzWindowSize: 0 }

export interface LineShape {
  readonly bitsPerSecond: number
  readonly roundTripMs: number
  /** Time that the client takes for a byte, milliseconds. */
  readonly handlingMs?: number
}

/** Things that arrive in the order in which they were sent, with one timer for all of them. */
class Pipe {
  readonly #clock: FakeClock
  readonly #underWay: { readonly atMs: number; readonly arrive: () => void }[] = []

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  send(atMs: number, arrive: () => void): void {
    this.#underWay.push({ atMs, arrive })
    if (this.#underWay.length === 1) {
      this.#wait(atMs)
    }
  }

  #wait(atMs: number): void {
    this.#clock.after(atMs - this.#clock.nowMs(), () => {
      const now = this.#clock.nowMs()
      for (
        let first = this.#underWay[0];
        first !== undefined && first.atMs <= now;
        first = this.#underWay[0]
      ) {
        first.arrive()
        this.#underWay.shift()
      }
      if (this.#underWay[0] !== undefined) {
        this.#wait(this.#underWay[0].atMs)
      }
    })
  }
}

/** A message, when it was sent and when the client had it. */
export interface Handled extends Sent {
  readonly sentMs: number
  readonly atMs: number
}

/**
 * A display channel and its client with a line of a rate and a delay between them, on a clock that the test turns. The sockets on
 * the way take all that is sent, as the kernel's do: what is too much waits in front of the line.
 */
export class SimulatedLine implements ChannelContext {
  readonly clock = new FakeClock()
  readonly model = new DisplayModel(createPictureStore)
  readonly guest: GuestScreen
  record: DisplayRecord
  readonly surface = new PaintedSurface()
  channel: DisplayChannel
  readonly output = this
  readonly hasRoom = true
  shape: LineShape
  /** What the pings told. */
  facts: LineFacts = { roundTripMs: undefined, bitsPerSecond: undefined, lowBandwidth: false }
  /** All messages in order. */
  readonly handled: Handled[] = []
  /** Most bytes unacknowledged and most time that a byte waited in front of the line, since the test set it to 0. */
  mostInFlight = 0
  longestWaitMs = 0
  bytesHandled = 0
  readonly #answers: ClientAnswers
  readonly #framer = new MessageFramer({ mini: true, maxBody: () => 2 ** 30 })
  readonly #down = new Pipe(this.clock)
  readonly #up = new Pipe(this.clock)
  readonly #paints: boolean
  readonly #make: (record: DisplayRecord) => DisplayChannel
  #freeMs = 0
  #clientFreeMs = 0
  #woken = false
  #alarm: { cancel(): void } | undefined

  constructor(
    shape: LineShape,
    options: Partial<DisplayDeps> & {
      readonly size?: readonly [number, number]
      readonly paints?: boolean
    } = {},
  ) {
    const { size: [width, height] = [320, 200], paints = true, ...own } = options
    this.#paints = paints
    this.shape = shape
    this.guest = guestOf(width, height, 0)
    act(this.guest, { kind: 'fill', rect: rectOf(0, 0, width, height), colour: 0 })
    const encoders = inlineEncoders(this.clock)
    this.record = newDisplayRecord(newWireRecord(true), 0, capsOf([DISPLAY_CAP.monitorsConfig]))
    const share = new DisplayShare(encoders, WINDOW_BYTES, noCounter, () => this.facts)
    const deps = displayDeps({ model: this.model, encoders, clock: this.clock, ...own })
    this.#make = (record) => new DisplayChannel(record, this, share, deps)
    this.channel = this.#make(this.record)
    this.#answers = new ClientAnswers((message, value) => this.#say(() => tell(this.channel, message, value)))
    this.model.consolesChanged([{ index: 0, label: 'a', head: 0 }])
    this.model.scanout(0, { generation: 1, ...this.guest })
    this.channel.attach()
    tell(this.channel, displayClient.init, INIT)
    this.wake()
  }

  /** The guest draws. */
  draw(what: Act): void {
    act(this.guest, what)
    this.model.damage(0, [what.rect])
  }

  /** Lets time pass; `each` is called every `everyMs`. */
  run(ms: number, everyMs = ms, each: (frame: number) => void = () => undefined): void {
    for (let frame = 0; frame * everyMs < ms; frame++) {
      each(frame)
      this.clock.advance(everyMs)
    }
  }

  /** The channel goes on as another one that has its record. */
  restore(): void {
    this.record = this.channel.snapshot()
    this.channel.close()
    this.channel = this.#make(this.record)
    this.channel.attach()
    this.wake()
  }

  /** Nothing goes through the line for so long. */
  hold(ms: number): void {
    this.#freeMs = Math.max(this.#freeMs, this.clock.nowMs()) + ms
  }

  /** Forgets what was measured. */
  measure(): void {
    this.mostInFlight = 0
    this.longestWaitMs = 0
    this.bytesHandled = 0
  }

  /** Bytes that the line holds. */
  get holds(): number {
    return (this.shape.bitsPerSecond * this.shape.roundTripMs) / 8000
  }

  get isExact(): boolean {
    return Buffer.compare(this.surface.pixels, pictureOf({ generation: 1, ...this.guest })) === 0
  }

  write(bytes: Uint8Array): void {
    const now = this.clock.nowMs()
    const { bitsPerSecond, roundTripMs } = this.shape
    this.longestWaitMs = Math.max(this.longestWaitMs, this.#freeMs - now)
    this.#freeMs = Math.max(now, this.#freeMs) + (bytes.length * 8000) / bitsPerSecond
    this.#framer.push(bytes.slice())
    const framed = this.#framer.next()
    if (framed.kind !== 'message') {
      throw new Error('a write is no message')
    }
    const atMs = Math.max(this.#clientFreeMs, this.#freeMs + roundTripMs / 2)
    this.#clientFreeMs = atMs + bytes.length * (this.shape.handlingMs ?? 0)
    const message = { type: framed.type, body: framed.body.slice(), sentMs: now, atMs }
    this.#down.send(atMs, () => {
      this.bytesHandled += bytes.length
      this.#answers.handled(message)
      this.handled.push(message)
      if (this.#paints) {
        this.surface.follow([message])
      }
    })
  }

  strange(): void {
    throw new Error('a stock client says nothing strange')
  }

  wake(): void {
    if (!this.#woken) {
      this.#woken = true
      this.clock.after(0, () => {
        this.#woken = false
        if (this.channel.pump()) {
          this.wake()
        }
        this.mostInFlight = Math.max(this.mostInFlight, this.record.wire.flight.bytes)
      })
    }
  }

  alarm(delayMs: number): void {
    this.#alarm?.cancel()
    this.#alarm = this.clock.after(delayMs, () => this.channel.alarm())
  }

  #say(speak: () => void): void {
    this.#up.send(this.clock.nowMs() + this.shape.roundTripMs / 2, () => {
      speak()
      this.wake()
    })
  }
}
