import type { Socket } from 'node:net'
import type { Clock, Timer } from '../core/clock.js'
import { sendWithFds } from '../host/index.js'
import { socketFd } from './socket-fd.js'

/** How long to wait before a descriptor is offered again to a socket that took nothing. */
const RETRY_MS = 10

interface Outgoing {
  readonly bytes: Uint8Array
  readonly fd: number | undefined
}

/**
 * Sends commands in order, some with a descriptor. A descriptor goes out beside the socket object, so only while that
 * one has nothing queued; what comes later waits meanwhile. The queue is as long as the commands that wait for a reply.
 */
export class Outbox {
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #failed: (error: unknown) => void
  readonly #queue: Outgoing[] = []
  #retry: Timer | undefined
  #closed = false

  constructor(socket: Socket, clock: Clock, failed: (error: unknown) => void) {
    this.#socket = socket
    this.#clock = clock
    this.#failed = failed
  }

  /** `fd` stays the caller's, who keeps it open until the command has its reply or has failed. */
  send(bytes: Uint8Array, fd: number | undefined): void {
    this.#queue.push({ bytes, fd })
    this.#flush()
  }

  /** Forgets what was not sent. */
  close(): void {
    this.#closed = true
    this.#queue.length = 0
    this.#retry?.cancel()
  }

  readonly #flush = (): void => {
    for (let head = this.#queue[0]; head !== undefined && !this.#closed; head = this.#queue[0]) {
      if (!this.#sendOne(head)) {
        return
      }
      this.#queue.shift()
    }
  }

  #sendOne({ bytes, fd }: Outgoing): boolean {
    if (fd === undefined) {
      this.#socket.write(bytes, this.#flush)
      return true
    }
    if (this.#socket.writableLength > 0) {
      // The callback of the last write flushes again.
      return false
    }
    let sent: number | 'wouldBlock'
    try {
      sent = sendWithFds(socketFd(this.#socket), bytes, [fd])
    } catch (error) {
      this.#failed(error)
      return false
    }
    if (sent === 'wouldBlock') {
      this.#retry?.cancel()
      this.#retry = this.#clock.after(RETRY_MS, this.#flush)
      return false
    }
    if (sent < bytes.length) {
      this.#socket.write(bytes.subarray(sent), this.#flush)
    }
    return true
  }
}
