import { SidecarError } from '../../core/errors.js'
import {
  decodeFields,
  decodeFixedHeader,
  FIXED_HEADER_SIZE,
  type DbusMessage,
  type FixedHeader,
  type MessageHeader,
} from './message.js'

const EMPTY = new Uint8Array(0)
const SMALL = 16 * 1024

/** Bodies in a row that are much smaller than the buffer, after which it shrinks. */
const OVERSIZED = 256

/** Memory that does not move: system calls write into it. */
const offHeap = (size: number): Uint8Array<ArrayBuffer> => new Uint8Array(new ArrayBuffer(size))

export interface FramerLimits {
  /** Bytes of the header's field array. */
  readonly maxFields: number
  /** Bytes of the body that a message with this header may have; asked before a body byte is kept (threat model R16). */
  maxBody(header: MessageHeader): number
}

/**
 * Cuts a byte stream into messages without copying: the caller reads from its socket into {@link target}, which is
 * never longer than what is missing of the present part, and reports with {@link filled}. Because of this no byte of
 * a following message, and so none of its descriptors, is read before the present one is complete.
 *
 * Buffers are kept for the next message, HOT PATH: a message per flush of the guest, 8 MB each from QEMU 7.2.
 */
export class MessageFramer {
  readonly #limits: FramerLimits
  readonly #fixed = offHeap(FIXED_HEADER_SIZE)
  #fields: Uint8Array = EMPTY
  readonly #small = offHeap(SMALL)
  #large: Uint8Array = EMPTY
  #oversized = 0
  #fixedHeader: FixedHeader | undefined
  #header: MessageHeader | undefined
  #part: Uint8Array
  #have = 0

  constructor(limits: FramerLimits) {
    this.#limits = limits
    this.#part = this.#fixed
  }

  /** True between messages. */
  get idle(): boolean {
    return this.#part === this.#fixed && this.#have === 0
  }

  /** Where the next bytes belong; never empty. A body that was handed out before is overwritten. */
  target(): Uint8Array {
    return this.#have === 0 ? this.#part : this.#part.subarray(this.#have)
  }

  /**
   * `length` bytes were put at the start of {@link target}.
   *
   * @returns the message that they complete
   * @throws SidecarError SIDECAR_PROTOCOL or SIDECAR_LIMIT; the stream cannot be used any further
   */
  filled(length: number): DbusMessage | undefined {
    this.#have += length
    if (this.#have < this.#part.length) {
      return undefined
    }
    if (this.#fixedHeader === undefined) {
      return this.#startFields(decodeFixedHeader(this.#fixed))
    }
    return this.#header === undefined ? this.#startBody(this.#fixedHeader) : this.#finish(this.#header)
  }

  #startFields(fixed: FixedHeader): DbusMessage | undefined {
    if (fixed.fieldsLength > this.#limits.maxFields) {
      throw new SidecarError('SIDECAR_LIMIT', 'd-bus header is too long', { length: fixed.fieldsLength })
    }
    this.#fixedHeader = fixed
    const padded = Math.ceil(fixed.fieldsLength / 8) * 8
    this.#fields = offHeap(FIXED_HEADER_SIZE + padded)
    this.#fields.set(this.#fixed)
    this.#part = this.#fields
    this.#have = FIXED_HEADER_SIZE
    return padded === 0 ? this.#startBody(fixed) : undefined
  }

  #startBody(fixed: FixedHeader): DbusMessage | undefined {
    const end = FIXED_HEADER_SIZE + fixed.fieldsLength
    if (this.#fields.subarray(end).some((byte) => byte !== 0)) {
      throw new SidecarError('SIDECAR_PROTOCOL', 'd-bus padding is not zero')
    }
    const header = decodeFields(fixed, this.#fields.subarray(0, end))
    if (header.bodyLength > this.#limits.maxBody(header)) {
      throw new SidecarError('SIDECAR_LIMIT', 'd-bus message is too long', { length: header.bodyLength })
    }
    this.#header = header
    this.#part = this.#room(header.bodyLength)
    this.#have = 0
    return header.bodyLength === 0 ? this.#finish(header) : undefined
  }

  /** Small bodies and bodies with pixels have a buffer each, so that pointer moves between frames cost no allocation. */
  #room(length: number): Uint8Array {
    if (length <= SMALL) {
      return this.#small.subarray(0, length)
    }
    this.#oversized = length * 16 < this.#large.length ? this.#oversized + 1 : 0
    if (length > this.#large.length || this.#oversized > OVERSIZED) {
      this.#large = offHeap(length)
      this.#oversized = 0
    }
    return this.#large.subarray(0, length)
  }

  #finish(header: MessageHeader): DbusMessage {
    const body = this.#part
    this.#fixedHeader = undefined
    this.#header = undefined
    this.#fields = EMPTY
    this.#part = this.#fixed
    this.#have = 0
    return { header, body }
  }
}
