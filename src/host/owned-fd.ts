import { SidecarError } from '../core/errors.js'
import { libcFunction } from './system-call.js'

const close: (fd: number) => number = libcFunction('int close(int fd)')

let open = 0

/** Descriptors that this thread owns through {@link OwnedFd}; for leak tests. */
export const openFdCount = (): number => open

/**
 * A descriptor with exactly one owner, who closes it (threat model R11). The number is valid in every thread of the
 * process; the object is not shared: hand over with `take` on one side and `new OwnedFd` on the other.
 */
export class OwnedFd {
  #fd: number

  /** Takes ownership of `fd`. */
  constructor(fd: number) {
    if (!Number.isInteger(fd) || fd < 0) {
      throw new SidecarError('SIDECAR_BUG', 'not a descriptor', { fd })
    }
    this.#fd = fd
    open++
  }

  /** @throws SidecarError SIDECAR_HOST once it is closed or was given away */
  get fd(): number {
    if (this.#fd < 0) {
      throw new SidecarError('SIDECAR_HOST', 'descriptor is closed already')
    }
    return this.#fd
  }

  /** Gives the ownership away: the caller has to close the number. */
  take(): number {
    const fd = this.fd
    this.#fd = -1
    open--
    return fd
  }

  /** Closes it; does nothing the second time. */
  close(): void {
    if (this.#fd < 0) {
      return
    }
    // Linux frees the number whatever close() answers, so it is never called again on a failure.
    close(this.take())
  }
}
