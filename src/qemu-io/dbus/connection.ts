import { asSidecarError, SidecarError } from '../../core/errors.js'
import type { Limits } from '../../core/limits.js'
import { MessageFramer } from './framer.js'
import {
  bodyOf,
  encodeMessage,
  ERROR,
  METHOD_CALL,
  METHOD_RETURN,
  NO_REPLY_EXPECTED,
  SIGNAL,
  type DbusMessage,
  type MessageHeader,
  type OutgoingMessage,
} from './message.js'
import { SaslClient } from './sasl.js'
import type { DbusValue } from './value.js'

/** A descriptor that whoever holds it closes, once. */
export interface Descriptor {
  readonly fd: number
  close(): void
}

/** The socket below a connection; never blocks. */
export interface DbusTransport {
  /** @returns what came, `undefined` when nothing is there now; length 0 is the end of the stream */
  read(into: Uint8Array): { readonly length: number; readonly fds: readonly Descriptor[] } | undefined
  /** @returns how many bytes were taken, 0 when it would block; the descriptors go with the first of them */
  write(bytes: Uint8Array, fds: readonly Descriptor[]): number
  close(): void
}

/** A method call from the peer; answers are dropped when the peer wants none. */
export interface IncomingCall {
  readonly args: readonly DbusValue[]
  /** Hands over descriptor `index` of the message; the taker closes it. Undefined: there is none, or it is taken. */
  takeFd(index: number): Descriptor | undefined
  /** Answers before the handler returns; without it an empty answer goes out after. */
  reply(signature: string, args: readonly DbusValue[]): void
  refuse(errorName: string, text: string): void
}

/** A method that we implement; `signature` of the arguments is compared before they are decoded. */
export interface DbusMethod {
  readonly signature: string
  /** A SidecarError with scope `message` refuses the call; any other error closes the connection. */
  handle(call: IncomingCall): void
}

/** `undefined` when QEMU answered with an error, whose name then follows. */
export type ReplyListener = (args: readonly DbusValue[] | undefined, errorName: string) => void

export interface MethodCall {
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly signature?: string
  readonly args?: readonly DbusValue[]
  /** Ours until they are sent, then closed. */
  readonly fds?: readonly Descriptor[]
}

export interface DbusSignal {
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly args: readonly DbusValue[]
}

export interface DbusHandlers {
  /** The handshake is over, calls may be made. */
  ready?(): void
  /** Methods by `interface.member`. */
  readonly methods?: ReadonlyMap<string, DbusMethod>
  signal?(signal: DbusSignal): void
  /** A call was refused: unknown method, wrong signature, or its handler said so. */
  refused?(error: SidecarError): void
  /** Comes once, not after {@link DbusConnection.close}. */
  closed(error: SidecarError): void
}

export interface DbusOptions {
  readonly uid: number
  readonly limits: Pick<Limits, 'dbus' | 'fds'>
  /** Bytes that the body of this message may have beyond limit `dbus`; 0 for most. */
  readonly maxBody?: (header: MessageHeader) => number
}

const MESSAGES_PER_TURN = 64
const BYTES_PER_TURN = 64 * 1024 * 1024
const MAX_PENDING_CALLS = 256
const MAX_QUEUED = 256 * 1024

interface Outgoing {
  bytes: Uint8Array
  fds: readonly Descriptor[]
}

const closeAll = (fds: readonly Descriptor[]): void => fds.forEach((fd) => fd.close())

/**
 * One end of a peer-to-peer D-Bus connection, driven by readiness of its socket: synchronous, without timers. What
 * breaks the protocol or a limit closes it; nothing of it throws.
 */
export class DbusConnection {
  readonly #transport: DbusTransport
  readonly #options: DbusOptions
  readonly #handlers: DbusHandlers
  readonly #sasl: SaslClient
  readonly #framer: MessageFramer
  readonly #replies = new Map<number, ReplyListener>()
  readonly #outgoing: Outgoing[] = []
  #queued = 0
  #fds: Descriptor[] = []
  #serial = 0
  #closed = false

  constructor(transport: DbusTransport, options: DbusOptions, handlers: DbusHandlers) {
    this.#transport = transport
    this.#options = options
    this.#handlers = handlers
    this.#sasl = new SaslClient(options.uid)
    this.#framer = new MessageFramer({
      maxFields: options.limits.dbus,
      maxBody: (header) => Math.max(options.limits.dbus, options.maxBody?.(header) ?? 0),
    })
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Bytes that the peer has not taken yet; while there are some, {@link writable} wants to be called. */
  get queuedBytes(): number {
    return this.#queued
  }

  /** Begins the handshake. */
  start(): void {
    this.#guard(() => this.#enqueue(this.#sasl.start(), []))
  }

  /** The socket has something to read. Takes a bounded part of it; the rest is for the next turn (R4). */
  readable(): void {
    this.#guard(() => {
      let messages = 0
      let bytes = 0
      while (!this.#closed && messages < MESSAGES_PER_TURN && bytes < BYTES_PER_TURN) {
        const target = this.#sasl.done ? this.#framer.target() : this.#sasl.target()
        const got = this.#transport.read(target)
        if (got === undefined) {
          return
        }
        this.#fds.push(...got.fds)
        if (this.#fds.length > this.#options.limits.fds) {
          throw new SidecarError('SIDECAR_LIMIT', 'd-bus peer sent too many descriptors')
        }
        if (got.length === 0) {
          throw new SidecarError('SIDECAR_PEER_GONE', 'd-bus peer closed the connection')
        }
        bytes += got.length
        messages += this.#took(got.length) ? 1 : 0
      }
    })
  }

  /** The socket takes bytes again. */
  writable(): void {
    this.#guard(() => this.#flush())
  }

  /**
   * Calls a method of the peer; without `onReply` the peer is told not to answer.
   *
   * @returns false when the connection is closed
   */
  call(call: MethodCall, onReply?: ReplyListener): boolean {
    const fds = call.fds ?? []
    if (this.#closed) {
      closeAll(fds)
      return false
    }
    this.#guard(() => {
      if (onReply !== undefined && this.#replies.size >= MAX_PENDING_CALLS) {
        closeAll(fds)
        throw new SidecarError('SIDECAR_LIMIT', 'd-bus peer does not answer')
      }
      const flags = onReply === undefined ? NO_REPLY_EXPECTED : 0
      const serial = this.#send({ ...call, type: METHOD_CALL, flags, fds: fds.length }, fds)
      if (onReply !== undefined) {
        this.#replies.set(serial, onReply)
      }
    })
    return !this.#closed
  }

  /** Closes the socket and every descriptor that nobody took; may be called any number of times. */
  close(): void {
    if (this.#closed) {
      return
    }
    this.#closed = true
    closeAll(this.#fds)
    this.#fds = []
    for (const { fds } of this.#outgoing) {
      closeAll(fds)
    }
    this.#outgoing.length = 0
    this.#queued = 0
    this.#replies.clear()
    this.#transport.close()
  }

  /** Runs a step; its failure closes the connection and is reported once. */
  #guard(step: () => void): void {
    if (this.#closed) {
      return
    }
    try {
      step()
    } catch (thrown) {
      this.close()
      this.#handlers.closed(asSidecarError(thrown))
    }
  }

  /** @returns whether a message was complete and has been handled */
  #took(length: number): boolean {
    if (!this.#sasl.done) {
      this.#authenticate(length)
      return false
    }
    const message = this.#framer.filled(length)
    if (message !== undefined) {
      this.#dispatch(message)
    }
    return message !== undefined
  }

  #authenticate(length: number): void {
    const answer = this.#sasl.filled(length)
    if (answer === undefined) {
      return
    }
    this.#enqueue(answer, [])
    if (this.#sasl.done) {
      this.#handlers.ready?.()
    }
  }

  #dispatch(message: DbusMessage): void {
    const { header } = message
    if (header.fds > this.#options.limits.fds || header.fds !== this.#fds.length) {
      throw new SidecarError('SIDECAR_PROTOCOL', 'd-bus message came with the wrong number of descriptors', {
        announced: header.fds,
        came: this.#fds.length,
      })
    }
    const fds: (Descriptor | undefined)[] = this.#fds
    this.#fds = []
    try {
      switch (header.type) {
        case METHOD_CALL:
          this.#called(message, fds)
          break
        case SIGNAL:
          this.#handlers.signal?.({
            path: header.path,
            interface: header.interface,
            member: header.member,
            args: bodyOf(message),
          })
          break
        case METHOD_RETURN:
        case ERROR:
          this.#answered(message)
          break
      }
    } finally {
      fds.forEach((fd) => fd?.close())
    }
  }

  #answered(message: DbusMessage): void {
    const { type, replySerial } = message.header
    const listener = this.#replies.get(replySerial)
    if (listener === undefined) {
      if (replySerial > this.#serial) {
        throw new SidecarError('SIDECAR_PROTOCOL', 'd-bus peer answered a call that was never made')
      }
      return
    }
    this.#replies.delete(replySerial)
    if (type === METHOD_RETURN) {
      listener(bodyOf(message), '')
    } else {
      listener(undefined, message.header.errorName.slice(0, 128))
    }
  }

  #called(message: DbusMessage, fds: (Descriptor | undefined)[]): void {
    const { header } = message
    let answered = (header.flags & NO_REPLY_EXPECTED) !== 0
    const answer = (reply: OutgoingMessage): void => {
      if (!answered && !this.#closed) {
        answered = true
        this.#send({ ...reply, replySerial: header.serial, flags: NO_REPLY_EXPECTED }, [])
      }
    }
    const refuse = (errorName: string, text: string): void =>
      answer({ type: ERROR, errorName, signature: 's', args: [text] })
    const method = this.#handlers.methods?.get(`${header.interface}.${header.member}`)
    if (method === undefined) {
      refuse('org.freedesktop.DBus.Error.UnknownMethod', 'no such method')
      this.#handlers.refused?.(new SidecarError('SIDECAR_PROTOCOL', 'd-bus method is not known'))
      return
    }
    if (header.signature !== method.signature) {
      refuse('org.freedesktop.DBus.Error.InvalidArgs', 'wrong signature')
      this.#handlers.refused?.(new SidecarError('SIDECAR_PROTOCOL', 'd-bus call has the wrong signature'))
      return
    }
    try {
      method.handle({
        args: bodyOf(message),
        takeFd: (index) => {
          const fd = fds[index]
          fds[index] = undefined
          return fd
        },
        reply: (signature, args) => answer({ type: METHOD_RETURN, signature, args }),
        refuse,
      })
      answer({ type: METHOD_RETURN })
    } catch (thrown) {
      const error = asSidecarError(thrown)
      if (error.scope !== 'message') {
        throw error
      }
      refuse('org.freedesktop.DBus.Error.InvalidArgs', error.message)
      this.#handlers.refused?.(error)
    }
  }

  #send(message: OutgoingMessage, fds: readonly Descriptor[]): number {
    this.#serial = this.#serial === 0xffffffff ? 1 : this.#serial + 1
    let bytes: Uint8Array
    try {
      bytes = encodeMessage(message, this.#serial)
    } catch (thrown) {
      closeAll(fds)
      throw thrown
    }
    this.#enqueue(bytes, fds)
    return this.#serial
  }

  #enqueue(bytes: Uint8Array, fds: readonly Descriptor[]): void {
    this.#outgoing.push({ bytes, fds })
    this.#queued += bytes.length
    this.#flush()
    if (this.#queued > MAX_QUEUED) {
      throw new SidecarError('SIDECAR_LIMIT', 'd-bus peer does not take what we send', {
        bytes: this.#queued,
      })
    }
  }

  #flush(): void {
    let next = this.#outgoing[0]
    while (next !== undefined) {
      const sent = this.#transport.write(next.bytes, next.fds)
      if (sent === 0) {
        return
      }
      closeAll(next.fds)
      next.fds = []
      this.#queued -= sent
      next.bytes = next.bytes.subarray(sent)
      if (next.bytes.length === 0) {
        this.#outgoing.shift()
      }
      next = this.#outgoing[0]
    }
  }
}
