import { socketPair, type OwnedFd } from '../host/index.js'
import type { QmpClient } from './client.js'

let opened = 0

/**
 * A fresh main D-Bus connection to QEMU's display: the caller owns our end of the socket. QEMU closes the one it had
 * before (qemu-integration.md 2.1 and 2.2).
 *
 * @throws SidecarError as {@link QmpClient.execute}; SIDECAR_HOST when there are no sockets left
 */
export const openDbusDisplay = async (client: QmpClient): Promise<OwnedFd> => {
  const [ours, theirs] = socketPair()
  opened++
  const fdname = `spice-sidecar-display-${opened}`
  try {
    await client.executeWithFd('getfd', { fdname }, theirs.fd)
    try {
      await client.execute('add_client', { protocol: '@dbus-display', fdname })
    } catch (error) {
      // QEMU may have kept its copy under the name; when it did not, it refuses this, and that is fine too.
      await client.execute('closefd', { fdname }).catch(() => undefined)
      throw error
    }
    return ours
  } catch (error) {
    ours.close()
    throw error
  } finally {
    theirs.close()
  }
}
