import { ftruncateSync } from 'node:fs'
import { OwnedFd } from './owned-fd.js'
import { checkCall, libcFunction, nodeCall } from './system-call.js'

const memfdCreate: (name: string, flags: number) => number = libcFunction(
  'int memfd_create(const char *name, unsigned int flags)',
)
const fcntl: (fd: number, command: number, value: number) => number = libcFunction(
  'int fcntl(int fd, int command, int value)',
)

const MFD_CLOEXEC = 1
const MFD_ALLOW_SEALING = 2
const F_ADD_SEALS = 1033
const F_GET_SEALS = 1034

export const F_SEAL_SEAL = 1
export const F_SEAL_SHRINK = 2
export const F_SEAL_GROW = 4
export const F_SEAL_WRITE = 8

/**
 * Memory behind a descriptor, all zero. `sealed`: its size is fixed for good, so that whoever maps it cannot be hit
 * by SIGBUS (threat model R12).
 *
 * @param name shown in `/proc`, for people only
 * @param size bytes
 * @throws SidecarError SIDECAR_HOST
 */
export const createMemfd = (
  name: string,
  size: number,
  options: { readonly sealed?: boolean } = {},
): OwnedFd => {
  const owned = new OwnedFd(checkCall('memfd_create', memfdCreate(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)))
  try {
    nodeCall('ftruncate', () => ftruncateSync(owned.fd, size))
    if (options.sealed === true) {
      checkCall('fcntl F_ADD_SEALS', fcntl(owned.fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
    }
    return owned
  } catch (error) {
    owned.close()
    throw error
  }
}

/** The seals of a memory descriptor as F_SEAL_ bits, or undefined when this kind of file has none. */
export const sealsOf = (fd: number): number | undefined => {
  const seals = fcntl(fd, F_GET_SEALS, 0)
  return seals < 0 ? undefined : seals
}
