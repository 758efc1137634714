import { OwnedFd } from './owned-fd.js'
import { callFailed, checkCall, EAGAIN, EINTR, lastErrno, libcFunction } from './system-call.js'

const eventfd: (initial: number, flags: number) => number = libcFunction(
  'int eventfd(unsigned int initial, int flags)',
)
const write: (fd: number, bytes: Uint8Array, size: number) => number = libcFunction(
  'int64_t write(int fd, const void *bytes, size_t size)',
)
const read: (fd: number, bytes: Uint8Array, size: number) => number = libcFunction(
  'int64_t read(int fd, void *bytes, size_t size)',
)

const EFD_NONBLOCK = 0x800
const EFD_CLOEXEC = 0x80000

const ONE = new Uint8Array(BigUint64Array.of(1n).buffer)
const scratch = new Uint8Array(new ArrayBuffer(8))

const completed = (call: string, result: number): boolean => {
  if (result >= 0) {
    return true
  }
  const errno = lastErrno()
  if (errno === EAGAIN || errno === EINTR) {
    return false
  }
  throw callFailed(call, errno)
}

/**
 * Wakes whoever polls the eventfd `fd`, also from a thread that knows only the number. The owner must not close it
 * before the last thread that knows it has stopped signalling.
 *
 * @throws SidecarError SIDECAR_HOST
 */
export const signalEventFd = (fd: number): void => {
  // A full counter (EAGAIN) is readable already: nothing is lost.
  completed('write to eventfd', write(fd, ONE, 8))
}

/** A descriptor that is readable from `signal` until `drain`. */
export class EventFd {
  readonly #owned: OwnedFd

  constructor(owned: OwnedFd) {
    this.#owned = owned
  }

  get fd(): number {
    return this.#owned.fd
  }

  signal(): void {
    signalEventFd(this.#owned.fd)
  }

  /** Makes it unreadable again; says whether it had been signalled. */
  drain(): boolean {
    return completed('read from eventfd', read(this.#owned.fd, scratch, 8))
  }

  close(): void {
    this.#owned.close()
  }
}

/** @throws SidecarError SIDECAR_HOST */
export const createEventFd = (): EventFd =>
  new EventFd(new OwnedFd(checkCall('eventfd', eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC))))
