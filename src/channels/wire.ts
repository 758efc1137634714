import { SidecarError } from '../core/errors.js'
import { commonClient, commonServer, encodeHeader, headerSize, type Message } from '../protocol/index.js'
import {
  acknowledge,
  addSent,
  newFlight,
  synchronise,
  type Answered,
  type Delivery,
  type Flight,
} from './flight.js'

/** What a client may say that makes no sense and does no harm; a closed set, for the metrics. */
export type Strange = 'ack' | 'agent' | 'pong' | 'report' | 'sub-list' | 'surplus'

/** Where the bytes of a channel go; the server's connection, or a test. */
export interface ChannelOutput {
  /** Takes one complete message, header included; never fails, may be called after the end. */
  write(message: Uint8Array): void
  /** The peer takes bytes: what waits is below the level at which a channel should hold new frames back. */
  readonly hasRoom: boolean
  /**
   * The client said something that makes no sense and was let pass.
   *
   * @throws SidecarError SIDECAR_LIMIT when it does so too often
   */
  strange(kind: Strange): void
}

/**
 * Everything the data stage of a channel must remember (`protocol-session.md` 2.1 and 2.3), as one plain record:
 * taking it at a message boundary and restoring it elsewhere continues the byte stream.
 */
export interface WireRecord {
  /** Mini headers, as both ends agreed at the link stage. */
  readonly mini: boolean
  /** Serial of the last message sent; they start at 1. */
  sentSerial: number
  /** Generation of the last SET_ACK; 0 while none was sent. */
  ackGeneration: number
  /** Messages per acknowledgement, from the last SET_ACK. */
  ackWindow: number
  /** Generation that the client last confirmed with ACK_SYNC. */
  syncedGeneration: number
  /** Messages sent and not acknowledged since the first SET_ACK. */
  unacked: number
  /** Their bytes and times. */
  readonly flight: Flight
  /** Acknowledgements and PONGs that made no sense. */
  strange: number
}

export const newWireRecord = (mini: boolean): WireRecord => ({
  mini,
  sentSerial: 0,
  ackGeneration: 0,
  ackWindow: 0,
  syncedGeneration: 0,
  unacked: 0,
  flight: newFlight(),
  strange: 0,
})

/** Who wants to know how fast messages arrive. */
export interface DeliveryMeter {
  nowMs(): number
  /** The client acknowledged messages. */
  delivered(delivery: Delivery): void
}

const NO_METER: DeliveryMeter = { nowMs: () => 0, delivered: () => undefined }

/** Sends messages of one channel and keeps its acknowledgement window. */
export class ChannelWire {
  readonly record: WireRecord
  readonly #output: ChannelOutput
  readonly #meter: DeliveryMeter

  constructor(record: WireRecord, output: ChannelOutput, meter = NO_METER) {
    this.record = record
    this.#output = output
    this.#meter = meter
  }

  /** May another message with a frame in it be sent: the client acknowledged enough and its socket has room. */
  get open(): boolean {
    return !this.ackBlocked && this.#output.hasRoom
  }

  /** More than twice the window is unacknowledged (`protocol-session.md` 2.3). */
  get ackBlocked(): boolean {
    return this.record.ackGeneration !== 0 && this.record.unacked > 2 * this.record.ackWindow
  }

  send<T>(message: Message<T>, value: T): void {
    const body = message.encode(value)
    const start = headerSize(this.record.mini)
    const bytes = new Uint8Array(start + body.length)
    bytes.set(body, start)
    this.sendFramed(message.id, bytes)
  }

  /** Bytes to leave free in front of a body that is handed to {@link sendFramed}. */
  get headerSize(): number {
    return headerSize(this.record.mini)
  }

  /** Sends a message whose body stands behind {@link headerSize} free bytes; the bytes belong to the output now. */
  sendFramed(type: number, bytes: Uint8Array): void {
    const { record } = this
    record.sentSerial += 1
    if (record.ackGeneration !== 0) {
      record.unacked += 1
      addSent(record.flight, bytes.length, record, this.#meter.nowMs())
    }
    encodeHeader(record.mini, record.sentSerial, type, bytes.length - headerSize(record.mini), bytes, 0)
    this.#output.write(bytes)
  }

  /**
   * Opens a new acknowledgement window; the message itself counts as the first of it. The client answers at once, and with that
   * acknowledges all that came before.
   */
  setAck(window: number): void {
    const { record } = this
    record.ackGeneration += 1
    record.ackWindow = window
    this.send(commonServer.setAck, { generation: record.ackGeneration, window })
    record.flight.unasked = 0
  }

  /**
   * Handles the messages that mean the same on every channel.
   *
   * @returns whether `type` was one of them
   * @throws SidecarError SIDECAR_PROTOCOL for a migration message outside a migration
   */
  receiveCommon(type: number, body: Uint8Array): boolean {
    const { record } = this
    switch (type) {
      case commonClient.ackSync.id: {
        const { generation } = commonClient.ackSync.decode(body)
        if (generation !== 0 && generation >= record.syncedGeneration && generation <= record.ackGeneration) {
          record.syncedGeneration = generation
          this.#answered(synchronise(record.flight, generation, this.#meter.nowMs()))
        } else {
          this.strange('ack')
        }
        return true
      }
      case commonClient.ack.id: {
        this.#acknowledge()
        return true
      }
      case commonClient.pong.id: {
        commonClient.pong.decode(body)
        this.strange('pong')
        return true
      }
      case commonClient.disconnecting.id: {
        commonClient.disconnecting.decode(body)
        return true
      }
      case commonClient.migrateFlushMark.id:
      case commonClient.migrateData.id: {
        throw new SidecarError('SIDECAR_PROTOCOL', 'migration message outside a migration', { type })
      }
      default: {
        return false
      }
    }
  }

  /**
   * Counts what made no sense and was let pass.
   *
   * @throws SidecarError SIDECAR_LIMIT when the client does so too often
   */
  strange(kind: Strange): void {
    this.record.strange += 1
    this.#output.strange(kind)
  }

  #acknowledge(): void {
    const { flight, syncedGeneration } = this.record
    const answered =
      syncedGeneration === 0 ? undefined : acknowledge(flight, syncedGeneration, this.#meter.nowMs())
    if (answered === undefined) {
      this.strange('ack')
      return
    }
    this.#answered(answered)
  }

  #answered({ messages, delivery }: Answered): void {
    this.record.unacked -= messages
    if (delivery !== undefined) {
      this.#meter.delivered(delivery)
    }
  }
}
