import { SidecarError } from '../core/errors.js'

/** Bytes in front of a body: u16 type and u32 size, or u64 serial, u16 type, u32 size and u32 sub-message list. */
export const MINI_HEADER_SIZE = 6
export const FULL_HEADER_SIZE = 18

export const headerSize = (mini: boolean): number => (mini ? MINI_HEADER_SIZE : FULL_HEADER_SIZE)

const TWO_32 = 2 ** 32

/** Writes a header at `offset`; `serial` is a whole number below 2^53 and stands in full headers only. */
export const encodeHeader = (
  mini: boolean,
  serial: number,
  type: number,
  size: number,
  out: Uint8Array,
  offset: number,
): void => {
  const view = new DataView(out.buffer, out.byteOffset + offset, headerSize(mini))
  if (mini) {
    view.setUint16(0, type, true)
    view.setUint32(2, size, true)
    return
  }
  view.setUint32(0, serial % TWO_32, true)
  view.setUint32(4, Math.floor(serial / TWO_32), true)
  view.setUint16(8, type, true)
  view.setUint32(10, size, true)
  view.setUint32(14, 0, true)
}

/** Puts the offset of a sub-message list in the body into the full header at the start of `bytes`. */
export const setSubList = (bytes: Uint8Array, offset: number): void => {
  new DataView(bytes.buffer, bytes.byteOffset, FULL_HEADER_SIZE).setUint32(14, offset, true)
}

export interface FramerOptions {
  /** Mini headers, when both ends announced them; fixed for the life of a connection. */
  readonly mini: boolean
  /** Largest body accepted for a message type, in bytes; below 0: no such message. */
  readonly maxBody: (type: number) => number
}

/** All that a framer remembers, as a plain copy. */
export interface FramerState {
  /** Serial of the last message handed out, counted from 1; 0 before the first. */
  readonly serial: number
  /** Bytes that came in and belong to no message handed out. */
  readonly pending: Uint8Array
}

export type Framed =
  | {
      readonly kind: 'message'
      readonly type: number
      /** Counted from 1 with mini headers, else as the header says. */
      readonly serial: number
      /** Offset of a sub-message list in the body; 0: none, as always with mini headers. */
      readonly subList: number
      /** May be a view into a pushed chunk. */
      readonly body: Uint8Array
    }
  | { readonly kind: 'needMore' }
  | { readonly kind: 'error'; readonly error: SidecarError }

const NEED_MORE: Framed = { kind: 'needMore' }
const NOTHING = new Uint8Array(0)
/** First room for a body that did not come in one piece; it grows with what really comes. */
const FIRST_ROOM = 4096

/**
 * Cuts the byte stream of a data stage into messages (`protocol-session.md` 2.1). The size that a header declares is
 * judged before a byte of the body is kept. Call {@link next} until it needs more, then push again: memory is then
 * bounded by one header and one body.
 */
export class MessageFramer {
  readonly #options: FramerOptions
  readonly #header: Uint8Array
  readonly #headerView: DataView
  #headerFill = 0
  #body = NOTHING
  #bodyFill = 0
  #type = 0
  #size = 0
  #count: number
  #chunks: Uint8Array[] = []
  /** Chunk and byte in it that come next. */
  #head = 0
  #offset = 0
  #waiting = 0
  #error: SidecarError | undefined

  constructor(options: FramerOptions, state?: FramerState) {
    this.#options = options
    this.#header = new Uint8Array(headerSize(options.mini))
    this.#headerView = new DataView(this.#header.buffer)
    this.#count = state?.serial ?? 0
    if (state !== undefined) {
      this.push(state.pending.slice())
    }
  }

  /** Takes bytes of the stream. The chunk is held by reference: the caller must not write to it any more. */
  push(chunk: Uint8Array): void {
    if (chunk.length > 0 && this.#error === undefined) {
      this.#chunks.push(chunk)
      this.#waiting += chunk.length
    }
  }

  /** Bytes of memory held at present: header, room for the body, and chunks not looked at yet. */
  get heldBytes(): number {
    return this.#headerFill + this.#body.length + this.#waiting
  }

  /** The next message. After an error there is nothing but that error. */
  next(): Framed {
    if (this.#error !== undefined) {
      return { kind: 'error', error: this.#error }
    }
    if (this.#headerFill < this.#header.length) {
      this.#headerFill += this.#fill(this.#header, this.#headerFill)
      if (this.#headerFill < this.#header.length) {
        return NEED_MORE
      }
      const error = this.#readHeader()
      if (error !== undefined) {
        this.#fail(error)
        return { kind: 'error', error }
      }
    }
    const body = this.#takeBody()
    if (body === undefined) {
      return NEED_MORE
    }
    this.#count += 1
    const serial = this.#options.mini ? this.#count : this.#headerSerial()
    const subList = this.#options.mini ? 0 : this.#headerView.getUint32(14, true)
    this.#headerFill = 0
    return { kind: 'message', type: this.#type, serial, subList, body }
  }

  /** A framer made of this state continues the stream where this one stands, an error included. */
  snapshot(): FramerState {
    const pending = new Uint8Array(this.#headerFill + this.#bodyFill + this.#waiting)
    pending.set(this.#header.subarray(0, this.#headerFill))
    pending.set(this.#body.subarray(0, this.#bodyFill), this.#headerFill)
    let at = this.#headerFill + this.#bodyFill
    for (let i = this.#head; i < this.#chunks.length; i++) {
      const chunk = this.#chunks[i] ?? NOTHING
      const part = i === this.#head ? chunk.subarray(this.#offset) : chunk
      pending.set(part, at)
      at += part.length
    }
    return { serial: this.#count, pending }
  }

  #readHeader(): SidecarError | undefined {
    const at = this.#options.mini ? 0 : 8
    this.#type = this.#headerView.getUint16(at, true)
    this.#size = this.#headerView.getUint32(at + 2, true)
    const max = this.#options.maxBody(this.#type)
    const context = { type: this.#type, size: this.#size, max }
    if (!(max >= 0)) {
      return new SidecarError('SIDECAR_PROTOCOL', 'message of an unknown type', context)
    }
    return this.#size > max
      ? new SidecarError('SIDECAR_LIMIT', 'message is larger than its channel allows', context)
      : undefined
  }

  #headerSerial(): number {
    return this.#headerView.getUint32(4, true) * TWO_32 + this.#headerView.getUint32(0, true)
  }

  #takeBody(): Uint8Array | undefined {
    const size = this.#size
    if (this.#bodyFill === 0) {
      const chunk = this.#chunks[this.#head] ?? NOTHING
      if (chunk.length - this.#offset >= size) {
        const whole = chunk.subarray(this.#offset, this.#offset + size)
        this.#consume(size)
        return whole
      }
    }
    const reachable = Math.min(size, this.#bodyFill + this.#waiting)
    if (reachable > this.#body.length) {
      const grown = new Uint8Array(Math.min(size, Math.max(reachable, 2 * this.#body.length, FIRST_ROOM)))
      grown.set(this.#body.subarray(0, this.#bodyFill))
      this.#body = grown
    }
    this.#bodyFill += this.#fill(this.#body, this.#bodyFill)
    if (this.#bodyFill < size) {
      return undefined
    }
    const body = this.#body
    this.#body = NOTHING
    this.#bodyFill = 0
    return body
  }

  /** Copies waiting bytes to `out` from `at` on. @returns bytes copied */
  #fill(out: Uint8Array, at: number): number {
    let filled = at
    while (filled < out.length && this.#waiting > 0) {
      const chunk = this.#chunks[this.#head] ?? NOTHING
      const part = chunk.subarray(this.#offset, this.#offset + out.length - filled)
      out.set(part, filled)
      filled += part.length
      this.#consume(part.length)
    }
    return filled - at
  }

  #consume(size: number): void {
    this.#offset += size
    this.#waiting -= size
    const chunk = this.#chunks[this.#head]
    if (chunk === undefined || this.#offset < chunk.length) {
      return
    }
    this.#offset = 0
    this.#chunks[this.#head] = NOTHING
    this.#head += 1
    if (this.#waiting === 0) {
      this.#chunks = []
      this.#head = 0
    } else if (this.#head >= 64 && this.#head * 2 >= this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#head)
      this.#head = 0
    }
  }

  #fail(error: SidecarError): void {
    this.#error = error
    this.#chunks = []
    this.#head = 0
    this.#offset = 0
    this.#waiting = 0
  }
}
