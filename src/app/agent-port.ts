import { resolve } from 'node:path'
import type { VdagentLink } from '../devices/index.js'
import type { QmpClient } from '../qmp/index.js'

/** The socket that a character device listens on, out of the name that QEMU gives it (`qemu-integration.md` section 5). */
const socketPath = (filename: string): string | undefined =>
  /^(?:disconnected:)?unix:(.+?)(?:,server(?:=on)?)?$/.exec(filename)?.[1]

/**
 * Tells the link when the guest has closed its end of the agent's port: QEMU keeps the socket then. It says so only of
 * a port whose device has an id, once a second at most; without, an agent counts as there until the guest restarts or
 * the next agent announces itself.
 *
 * @param path the socket, as QEMU was given it
 */
export const watchAgentPort = (
  qmp: Pick<QmpClient, 'onEvent' | 'execute'>,
  path: string,
  link: Pick<VdagentLink, 'portClosed'>,
): void => {
  const ask = async (): Promise<void> => {
    try {
      const chardevs = await qmp.execute('query-chardev')
      const port = chardevs.find(({ filename }) => resolve(socketPath(filename) ?? '/') === resolve(path))
      if (port?.frontendOpen === false) {
        link.portClosed()
      }
    } catch {
      // A monitor that is gone says so itself.
    }
  }
  qmp.onEvent((event) => {
    if (event.name === 'RESET') {
      link.portClosed()
    } else if (event.name === 'VSERPORT_CHANGE' && !event.data.open) {
      void ask()
    }
  })
}
