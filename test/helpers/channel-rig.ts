import type { Channel, ChannelContext, Strange } from '../../src/channels/index.js'
import { commonServer, MessageFramer, type Message } from '../../src/protocol/index.js'

/** One message that a channel sent. */
export interface Sent {
  readonly type: number
  readonly body: Uint8Array
}

/** Stands in for a connection: keeps what a channel writes, and counts what it asks for. */
export class RecordingContext implements ChannelContext {
  readonly output = this
  readonly bytes: Uint8Array[] = []
  readonly alarms: number[] = []
  readonly odd: Strange[] = []
  wakes = 0
  hasRoom = true

  write(message: Uint8Array): void {
    this.bytes.push(message.slice())
  }

  strange(kind: Strange): void {
    this.odd.push(kind)
  }

  wake(): void {
    this.wakes += 1
  }

  alarm(delayMs: number): void {
    this.alarms.push(delayMs)
  }

  /** Everything written so far, as one block. */
  written(): Uint8Array {
    return Uint8Array.from(this.bytes.flatMap((bytes) => [...bytes]))
  }

  /** Messages written since the last call, with mini headers. */
  take(): Sent[] {
    const framer = new MessageFramer({ mini: true, maxBody: () => 2 ** 30 })
    framer.push(this.written())
    this.bytes.length = 0
    const sent: Sent[] = []
    for (let framed = framer.next(); framed.kind === 'message'; framed = framer.next()) {
      sent.push({ type: framed.type, body: framed.body.slice() })
    }
    return sent
  }

  /** Ids of the messages written since the last call. */
  takeIds(): number[] {
    return this.take().map(({ type }) => type)
  }
}

/** Hands a client message to a channel as its driver does. */
export const tell = <T>(channel: Channel, message: Message<T>, value: T): void => {
  channel.receive(message.id, message.encode(value))
  channel.settle()
}

/** Calls pump until nothing more can be sent now. */
export const pumpAll = (channel: Channel): number => {
  let turns = 1
  while (channel.pump()) {
    turns += 1
  }
  return turns
}

export const SET_ACK = commonServer.setAck.id
