import { SidecarError } from '../core/errors.js'
import { OwnedFd } from './owned-fd.js'
import { callFailed, checkCall, EINTR, lastErrno, libcFunction } from './system-call.js'

const epollCreate: (flags: number) => number = libcFunction('int epoll_create1(int flags)')
const epollCtl: (epoll: number, operation: number, fd: number, event: Uint8Array) => number = libcFunction(
  'int epoll_ctl(int epoll, int operation, int fd, void *event)',
)
const epollWait: (epoll: number, events: Uint8Array, max: number, timeoutMs: number) => number = libcFunction(
  'int epoll_wait(int epoll, void *events, int max, int timeoutMs)',
)

const EPOLL_CLOEXEC = 0x80000
const EPOLL_CTL_ADD = 1
const EPOLL_CTL_DEL = 2
const EPOLL_CTL_MOD = 3
const EPOLLIN = 0x1
const EPOLLOUT = 0x4
const EPOLLERR = 0x8
const EPOLLHUP = 0x10
const EPOLLRDHUP = 0x2000

/** `struct epoll_event` is packed on x86-64 only. */
const EVENT_SIZE = process.arch === 'x64' ? 12 : 16
const DATA_OFFSET = EVENT_SIZE - 8

/** Events taken from the kernel in one call; the rest comes with the next one. */
const EVENTS_PER_WAIT = 64

/** What to wait for; hang-ups and errors are always reported. */
export interface Interest {
  readonly readable?: boolean
  readonly writable?: boolean
}

export interface ReadyFd {
  readonly fd: number
  readonly readable: boolean
  readonly writable: boolean
  /** The other end closed or shut down its side, or the descriptor is in error; there may still be bytes to read. */
  readonly hangup: boolean
}

const READABLE: Interest = { readable: true }

const maskOf = (interest: Interest): number =>
  EPOLLRDHUP | (interest.readable === true ? EPOLLIN : 0) | (interest.writable === true ? EPOLLOUT : 0)

/** Level-triggered waiting on descriptors; `wait` blocks its thread. */
export class Epoll {
  readonly #owned = new OwnedFd(checkCall('epoll_create1', epollCreate(EPOLL_CLOEXEC)))
  readonly #events = new Uint8Array(new ArrayBuffer(EVENT_SIZE * EVENTS_PER_WAIT))
  readonly #eventView = new DataView(this.#events.buffer)
  readonly #change = new Uint8Array(new ArrayBuffer(EVENT_SIZE))
  readonly #changeView = new DataView(this.#change.buffer)
  readonly #ready: { fd: number; readable: boolean; writable: boolean; hangup: boolean }[] = []
  readonly #result: ReadyFd[] = []

  /** @throws SidecarError SIDECAR_HOST, also when `fd` is in the set already or cannot be waited for */
  add(fd: number, interest: Interest = READABLE): void {
    this.#control('epoll_ctl add', EPOLL_CTL_ADD, fd, maskOf(interest))
  }

  /** @throws SidecarError SIDECAR_HOST */
  modify(fd: number, interest: Interest): void {
    this.#control('epoll_ctl modify', EPOLL_CTL_MOD, fd, maskOf(interest))
  }

  /**
   * Takes `fd` out of the set; do this before closing it.
   *
   * @throws SidecarError SIDECAR_HOST
   */
  remove(fd: number): void {
    this.#control('epoll_ctl remove', EPOLL_CTL_DEL, fd, 0)
  }

  /**
   * Waits until a descriptor is ready, at most `timeoutMs` milliseconds (rounded up, 0 does not wait). The array and
   * its rows are reused by the next call. There is no endless wait: a thread that blocks for ever keeps the process
   * from ending (qemu-integration.md 1.3).
   *
   * @throws SidecarError SIDECAR_HOST
   */
  wait(timeoutMs: number): readonly ReadyFd[] {
    if (!(timeoutMs >= 0 && timeoutMs <= 0x7fffffff)) {
      throw new SidecarError('SIDECAR_BUG', 'time to wait is out of range', { timeoutMs })
    }
    this.#result.length = 0
    const count = epollWait(this.#owned.fd, this.#events, EVENTS_PER_WAIT, Math.ceil(timeoutMs))
    if (count < 0) {
      const errno = lastErrno()
      if (errno === EINTR) {
        return this.#result
      }
      throw callFailed('epoll_wait', errno)
    }
    for (let i = 0; i < count; i++) {
      const mask = this.#eventView.getUint32(i * EVENT_SIZE, true)
      const row = (this.#ready[i] ??= { fd: -1, readable: false, writable: false, hangup: false })
      row.fd = this.#eventView.getInt32(i * EVENT_SIZE + DATA_OFFSET, true)
      row.readable = (mask & EPOLLIN) !== 0
      row.writable = (mask & EPOLLOUT) !== 0
      row.hangup = (mask & (EPOLLHUP | EPOLLRDHUP | EPOLLERR)) !== 0
      this.#result.push(row)
    }
    return this.#result
  }

  close(): void {
    this.#owned.close()
  }

  #control(call: string, operation: number, fd: number, mask: number): void {
    this.#changeView.setUint32(0, mask, true)
    this.#changeView.setInt32(DATA_OFFSET, fd, true)
    checkCall(call, epollCtl(this.#owned.fd, operation, fd, this.#change))
  }
}
