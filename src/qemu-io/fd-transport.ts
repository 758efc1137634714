import { sendWithFds, type FdReceiver } from '../host/index.js'
import type { DbusTransport, Descriptor } from './dbus/index.js'

const NO_FDS: readonly number[] = []

/** A unix stream socket under a D-Bus connection. */
export class FdTransport implements DbusTransport {
  readonly #socket: Descriptor
  readonly #receiver: FdReceiver
  readonly #closing: () => void

  /** Owns `socket`; `closing` is called before it is closed. */
  constructor(socket: Descriptor, receiver: FdReceiver, closing: () => void) {
    this.#socket = socket
    this.#receiver = receiver
    this.#closing = closing
  }

  read(into: Uint8Array): { readonly length: number; readonly fds: readonly Descriptor[] } | undefined {
    const got = this.#receiver.receive(this.#socket.fd, into)
    switch (got.kind) {
      case 'data':
        return { length: got.size, fds: got.fds }
      case 'ended':
        return { length: 0, fds: [] }
      case 'wouldBlock':
        return undefined
    }
  }

  write(bytes: Uint8Array, fds: readonly Descriptor[]): number {
    const numbers = fds.length === 0 ? NO_FDS : fds.map(({ fd }) => fd)
    const sent = sendWithFds(this.#socket.fd, bytes, numbers)
    return sent === 'wouldBlock' ? 0 : sent
  }

  close(): void {
    this.#closing()
    this.#socket.close()
  }
}
