import { area } from '../../core/region.js'
import { adoptFlight, owedSinceMs, setIdle, type Delivery } from '../flight.js'
import type { ChannelWire, DeliveryMeter } from '../wire.js'
import type { DisplayDeps } from './deps.js'
import {
  ackWindowFor,
  addDensity,
  adoptFlow,
  asksNow,
  gateOf,
  learn,
  piecePixels,
  SLOW_STEPS,
  slowStep,
  STEP_ECHO_ONLY,
  STEP_NO_VIDEO,
  type Gate,
  type Line,
} from './flow.js'
import type { DisplayRecord } from './record.js'

/**
 * So much is on its way to any client that is not on the slowest of lines, bytes; what is more gets time at the rate of such a line
 * before its client counts as stalled, bytes a millisecond.
 */
const STALL_BYTES = 256 * 1024
const STALL_RATE = 32

/** Says when and how much a display channel may send, from what its client acknowledges and when. */
export class FlowControl implements DeliveryMeter {
  readonly #record: DisplayRecord
  readonly #line: () => Line
  readonly #deps: Pick<DisplayDeps, 'ackWindow' | 'clock' | 'limits' | 'metrics'>

  constructor(
    record: DisplayRecord,
    line: () => Line,
    deps: Pick<DisplayDeps, 'ackWindow' | 'clock' | 'limits' | 'metrics'>,
  ) {
    this.#record = record
    this.#line = line
    this.#deps = deps
  }

  /** Takes over the record of another channel, or a new one. */
  adopt(): void {
    adoptFlight(this.#record.wire.flight, this.nowMs())
    adoptFlow(this.#record.flow, this.nowMs())
  }

  nowMs(): number {
    return this.#deps.clock.nowMs()
  }

  delivered(delivery: Delivery): void {
    const { flow, wire } = this.#record
    learn(flow, wire.flight, delivery, this.#line(), this.nowMs())
  }

  /** What may be sent or handed to the coders now. */
  get gate(): Gate {
    const { flow, wire, outbox } = this.#record
    if (this.#begins) {
      return 'open'
    }
    const pixels = outbox.taken.reduce(
      (sum, piece) => sum + (piece.kind === 'image' ? area(piece.box) : 0),
      0,
    )
    const gate = gateOf(flow, wire.flight, pixels * flow.density, this.#line())
    return gate === 'open' && flow.step >= STEP_ECHO_ONLY ? 'small' : gate
  }

  /** May what is coded be sent now? */
  get mayFinish(): boolean {
    return this.#sentGate !== 'shut'
  }

  /** For how long the client may still be busy with what was sent before it counts as stalled, milliseconds; 0: it is. */
  get stallsInMs(): number {
    if (this.#sentGate === 'open') {
      return Infinity
    }
    const { flight } = this.#record.wire
    const sinceMs = owedSinceMs(flight) ?? this.nowMs()
    return Math.max(0, sinceMs + (flight.bytes - STALL_BYTES) / STALL_RATE - this.nowMs())
  }

  /** The first picture of a client that has not answered yet: it needs all of it, and there is nothing to go by but its window. */
  get #begins(): boolean {
    const { wire, outbox } = this.#record
    return wire.syncedGeneration === 0 && outbox.items.some(({ kind }) => kind === 'mark')
  }

  get #sentGate(): Gate {
    const { flow, wire } = this.#record
    return this.#begins ? 'open' : gateOf(flow, wire.flight, 0, this.#line())
  }

  /** The client reads so slowly that it gets no frames of videos. */
  get starved(): boolean {
    return this.#record.flow.step >= STEP_NO_VIDEO
  }

  /**
   * Largest rectangle that may go as one image, pixels.
   *
   * @param density bytes of a pixel, where more is known of it than what images took of late
   */
  piecePixels(most: number, density?: number): number {
    return this.#begins ? most : piecePixels(this.#record.flow, this.#line(), most, density)
  }

  /** Looks at how far behind the client is. */
  review(): void {
    const { flow, wire } = this.#record
    const sinceMs = owedSinceMs(wire.flight)
    const step = slowStep(sinceMs === undefined ? 0 : this.nowMs() - sinceMs, this.#deps.limits)
    for (const name of SLOW_STEPS.slice(flow.step + 1, step + 1)) {
      this.#deps.metrics.slowSteps.add(1, { step: name })
    }
    flow.step = step
  }

  /** An image of so many pixels and bytes was sent. */
  imageSent(pixels: number, bytes: number): void {
    addDensity(this.#record.flow, pixels, bytes)
  }

  /** Asks for an acknowledgement where one is wanted before the window is full. */
  ask(wire: ChannelWire): void {
    const { flow } = this.#record
    const { flight, unacked, ackWindow } = wire.record
    const line = this.#line()
    if (wire.record.syncedGeneration > 0 && !wire.ackBlocked && asksNow(flow, flight, line)) {
      const base = Math.max(ackWindow, this.#deps.ackWindow)
      wire.setAck(ackWindowFor(flow, line, base, flight.bytes / unacked))
    }
  }

  /** All that there was to send is sent, or with the coders. */
  idle(): void {
    setIdle(this.#record.wire.flight)
  }
}
