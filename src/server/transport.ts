import type { Socket } from 'node:net'

/** What the user of a transport is told. */
export interface TransportHandler {
  data(chunk: Uint8Array): void
  /** The peer will send nothing more. */
  end(): void
  failed(error: Error): void
  closed(): void
}

/**
 * The byte stream of one connection, whatever carries it: a socket, TLS, or WebSocket frames. It is paused until
 * `resume`, and has one user at a time.
 */
export interface Transport {
  /** `undefined` for a unix socket. */
  readonly remoteAddress: string | undefined
  /** Encrypted by this process. */
  readonly secure: boolean
  /** A unix socket: its bytes never leave this machine. */
  readonly local: boolean
  /** Subject of the client's certificate, where TLS asked for one. */
  readonly certificate?: string | undefined
  /** Bytes written and not taken by the system's socket yet. */
  readonly waitingBytes: number
  /** As `waitingBytes`, and counting the bytes of a write that the system has begun to take. */
  readonly unsentBytes: number
  /** Replaces the user; without one, nothing that happens is heard. */
  use(handler: TransportHandler | undefined): void
  pause(): void
  resume(): void
  /** `bytes` stay untouched until `written`, which is called once they were handed to the system. */
  write(bytes: Uint8Array, written?: () => void): void
  /** Closes after what was written has gone out. */
  end(): void
  /** Closes at once. */
  destroy(): void
}

/**
 * Bytes handed to the system and not taken by it yet. Node shows them only on the handle below its socket; without one
 * there are none.
 */
export const handleQueue = (socket: Socket): number => {
  const handle: unknown = Reflect.get(socket, '_handle')
  const queued: unknown =
    typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'writeQueueSize') : undefined
  return typeof queued === 'number' ? queued : 0
}

/** A plain socket. */
export class SocketTransport implements Transport {
  readonly secure: boolean = false
  readonly local: boolean
  readonly remoteAddress: string | undefined
  readonly #socket: Socket
  #user: TransportHandler | undefined

  /** `socket` is paused. */
  constructor(socket: Socket, local: boolean) {
    this.#socket = socket
    this.local = local
    this.remoteAddress = local ? undefined : socket.remoteAddress
    socket.pause()
    socket.on('data', (chunk: Buffer) => this.#user?.data(chunk))
    socket.on('end', () => this.#user?.end())
    socket.on('error', (error) => this.#user?.failed(error))
    socket.on('close', () => this.#user?.closed())
  }

  get waitingBytes(): number {
    return this.#socket.writableLength
  }

  get unsentBytes(): number {
    return handleQueue(this.#socket) + this.#socket.writableLength
  }

  use(handler: TransportHandler | undefined): void {
    this.#user = handler
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  write(bytes: Uint8Array, written?: () => void): void {
    this.#socket.write(bytes, written)
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
