import { ByteReader } from '../core/bytes.js'
import { SidecarError } from '../core/errors.js'
import { AGENT_HEADER_SIZE, AGENT_PROTOCOL, agentHeader } from './vdagent.js'

/** All that a reassembler remembers, as a plain copy. */
export interface AgentReassemblerState {
  /** Type and data size of the message under way; meaningless between messages. */
  readonly type: number
  readonly size: number
  /** Data bytes of it that are still to come; 0 between messages. */
  readonly remaining: number
  /** Data bytes of it so far, when it is kept whole. */
  readonly kept: Uint8Array
}

/** What one piece of the agent stream is. */
export type AgentPiece =
  | {
      readonly kind: 'piece'
      /** Type and data size of the message that the piece belongs to. */
      readonly type: number
      readonly size: number
      /** It begins its message, with the 20 bytes of the header. */
      readonly first: boolean
      /** It ends its message. */
      readonly last: boolean
      /** With the last piece: all data of the message, unless it is larger than the limit. */
      readonly data: Uint8Array | undefined
    }
  | { readonly kind: 'error'; readonly error: SidecarError }

const NOTHING = new Uint8Array(0)

/**
 * Follows the agent messages in a stream of pieces, one direction and one port (`protocol-session.md` 3.7). The pieces
 * themselves are passed on by the caller; a message is kept whole only up to a limit. The header must stand complete in
 * the first piece of its message, and no piece goes beyond the end of its message.
 */
export class AgentReassembler {
  readonly #limit: number
  #type: number
  #size: number
  #remaining: number
  #kept: Uint8Array
  #error: SidecarError | undefined

  /** `limit`: data bytes of a message that is kept whole. */
  constructor({ limit }: { readonly limit: number }, state?: AgentReassemblerState) {
    this.#limit = limit
    this.#type = state?.type ?? 0
    this.#size = state?.size ?? 0
    this.#remaining = state?.remaining ?? 0
    this.#kept = NOTHING
    if (state !== undefined && this.#remaining > 0) {
      this.#kept = this.#roomFor(this.#size)
      this.#kept.set(state.kept.subarray(0, this.#kept.length))
    }
  }

  /** A message is under way. */
  get midMessage(): boolean {
    return this.#remaining > 0
  }

  /** Judges the next piece. After an error there is nothing but that error. */
  push(piece: Uint8Array): AgentPiece {
    if (this.#error !== undefined) {
      return { kind: 'error', error: this.#error }
    }
    return this.#remaining === 0 ? this.#begin(piece) : this.#take(piece, false)
  }

  snapshot(): AgentReassemblerState {
    return {
      type: this.#type,
      size: this.#size,
      remaining: this.#remaining,
      kept: this.#kept.slice(0, this.#remaining === 0 ? 0 : this.#size - this.#remaining),
    }
  }

  #begin(piece: Uint8Array): AgentPiece {
    if (piece.length < AGENT_HEADER_SIZE) {
      return this.#fail('agent message begins without its whole header', piece.length)
    }
    const { protocol, type, size } = agentHeader.decode(new ByteReader(piece))
    if (protocol !== AGENT_PROTOCOL) {
      return this.#fail('agent message of an unknown protocol', protocol)
    }
    this.#type = type
    this.#size = size
    this.#remaining = size
    this.#kept = this.#roomFor(size)
    return this.#take(piece.subarray(AGENT_HEADER_SIZE), true)
  }

  #take(data: Uint8Array, first: boolean): AgentPiece {
    if (data.length > this.#remaining) {
      return this.#fail('agent bytes go beyond the end of their message', data.length - this.#remaining)
    }
    if (this.#kept.length > 0) {
      this.#kept.set(data, this.#size - this.#remaining)
    }
    this.#remaining -= data.length
    const last = this.#remaining === 0
    const whole = last && this.#size <= this.#limit ? this.#kept : undefined
    if (last) {
      this.#kept = NOTHING
    }
    return { kind: 'piece', type: this.#type, size: this.#size, first, last, data: whole }
  }

  #roomFor(size: number): Uint8Array {
    return size <= this.#limit ? new Uint8Array(size) : NOTHING
  }

  #fail(text: string, value: number): AgentPiece {
    this.#error = new SidecarError('SIDECAR_PROTOCOL', text, { value })
    this.#kept = NOTHING
    return { kind: 'error', error: this.#error }
  }
}
