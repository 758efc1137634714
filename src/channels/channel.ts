import type { ChannelType } from '../protocol/index.js'
import type { ChannelOutput } from './wire.js'

/** Figures of a channel for who administers it, as they go into JSON; those not known are `undefined`. */
export interface ChannelFigures {
  readonly [name: string]: string | number | ChannelFigures | readonly ChannelFigures[] | undefined
}

/**
 * One SPICE channel of one client, after the link stage. It knows no socket, timer or promise: the connection's driver
 * hands it messages, asks it to send, and catches what it throws.
 */
export interface Channel {
  readonly type: ChannelType
  readonly id: number
  /** The link is done; the channel may send its first messages. Called once, and not after a restore. */
  start(): void
  /** Follows what it observes; called once, after `start` or after a restore. */
  attach(): void
  /**
   * Handles one complete message.
   *
   * @throws SidecarError when the peer broke the protocol; the driver closes the channel
   */
  receive(type: number, body: Uint8Array): void
  /** All complete messages of one read were handed over: what was merged meanwhile may go on. */
  settle(): void
  /**
   * Sends what is due while the peer takes it, in turns of bounded work.
   *
   * @returns whether more could be sent at once, in the next turn
   */
  pump(): boolean
  /** The time asked for with {@link ChannelContext.alarm} has come. */
  alarm(): void
  /** Something is due and the peer does not take it. */
  readonly stalled: boolean
  /** All that the channel must remember, as a plain copy (DESIGN.md section 5 rule 8). */
  snapshot(): unknown
  /** How it fares; a channel without has nothing to tell. */
  figures?(): ChannelFigures
  /** Ends all observation and lets go of what it holds in the guest (keys, buttons); callable any number of times. */
  close(): void
}

/** What the driver of a connection does for its channel. */
export interface ChannelContext {
  readonly output: ChannelOutput
  /** Call {@link Channel.pump} soon. */
  wake(): void
  /** Call {@link Channel.alarm} once after `delayMs`; a later call replaces an earlier one. */
  alarm(delayMs: number): void
}
