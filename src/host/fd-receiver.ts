import koffi from 'koffi'
import { SidecarError } from '../core/errors.js'
import { MAX_FDS_PER_MESSAGE, MessageHeader, MSG_CMSG_CLOEXEC, MSG_DONTWAIT } from './message-header.js'
import { OwnedFd } from './owned-fd.js'
import { callFailed, EAGAIN, ECONNRESET, EINTR, EPIPE, lastErrno, libcFunction } from './system-call.js'

const recvmsg: (fd: number, header: Uint8Array, flags: number) => number = libcFunction(
  'int64_t recvmsg(int fd, void *header, int flags)',
)

export type Received =
  /** `size` bytes were written to the front of the buffer; the caller owns `fds`. */
  | { readonly kind: 'data'; readonly size: number; readonly fds: readonly OwnedFd[] }
  | { readonly kind: 'wouldBlock' }
  | { readonly kind: 'ended' }

const WOULD_BLOCK: Received = { kind: 'wouldBlock' }
const ENDED: Received = { kind: 'ended' }
const NO_FDS: readonly OwnedFd[] = []

/** Reads bytes and descriptors from a unix stream socket; one receiver can serve any number of sockets. */
export class FdReceiver {
  readonly #maxFds: number
  readonly #header: MessageHeader

  /** @param maxFds descriptors accepted in one call, 0 to 253 */
  constructor(maxFds: number) {
    if (!Number.isInteger(maxFds) || maxFds < 0 || maxFds > MAX_FDS_PER_MESSAGE) {
      throw new SidecarError('SIDECAR_BUG', 'number of descriptors is out of range', { maxFds })
    }
    this.#maxFds = maxFds
    this.#header = new MessageHeader(maxFds)
  }

  /**
   * Reads what is there into `into`, never waits.
   *
   * @throws SidecarError SIDECAR_LIMIT when more descriptors came than allowed (those that came are closed),
   *   SIDECAR_HOST when the call fails
   */
  receive(fd: number, into: Uint8Array): Received {
    if (into.length === 0) {
      throw new SidecarError('SIDECAR_BUG', 'no room to receive into')
    }
    this.#header.setBytes(koffi.address(into), into.length)
    for (;;) {
      this.#header.roomForFds(this.#maxFds)
      const size = recvmsg(fd, this.#header.bytes, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)
      if (size >= 0) {
        const fds = this.#takeFds()
        if (size > 0) {
          return { kind: 'data', size, fds }
        }
        fds.forEach((owned) => owned.close())
        return ENDED
      }
      const errno = lastErrno()
      if (errno === EAGAIN) {
        return WOULD_BLOCK
      }
      if (errno === ECONNRESET || errno === EPIPE) {
        return ENDED
      }
      if (errno !== EINTR) {
        throw callFailed('recvmsg', errno)
      }
    }
  }

  #takeFds(): readonly OwnedFd[] {
    const cut = this.#header.controlCut
    const numbers = this.#header.receivedFds()
    if (numbers.length === 0 && !cut) {
      return NO_FDS
    }
    const fds = numbers.map((number) => new OwnedFd(number))
    if (cut || fds.length > this.#maxFds) {
      fds.forEach((owned) => owned.close())
      throw new SidecarError('SIDECAR_LIMIT', 'a message carries too many descriptors', { max: this.#maxFds })
    }
    return fds
  }
}
