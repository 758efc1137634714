import type { Socket } from 'node:net'
import { SidecarError } from '../core/errors.js'

/**
 * The descriptor under a connected socket. Node has no public way to it; sending on it is safe while nothing is
 * queued in the socket (qemu-integration.md 1.3). The socket stays its owner.
 *
 * @throws SidecarError SIDECAR_HOST when the socket has none (any more)
 */
export const socketFd = (socket: Socket): number => {
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: unknown } | null }
  const fd = handle?.fd
  if (typeof fd !== 'number' || fd < 0) {
    throw new SidecarError('SIDECAR_HOST', 'the socket has no descriptor')
  }
  return fd
}
