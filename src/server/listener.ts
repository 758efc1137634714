import { lstatSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { SidecarError } from '../core/errors.js'

/** Where to listen; the form of the `listen` setting. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** A bound address, ready for logs: the real port, brackets around IPv6. */
export interface BoundListener {
  readonly address: string
  close(): Promise<void>
}

const DEFAULT_BACKLOG = 64

const nameOf = (address: ListenAddress): string => {
  if (address.kind === 'unix') {
    return `unix:${address.path}`
  }
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code

const listenOnce = (server: Server, address: ListenAddress, backlog: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(
      address.kind === 'unix'
        ? { path: address.path, backlog }
        : { host: address.host, port: address.port, ipv6Only: address.host.includes(':'), backlog },
      () => {
        server.removeListener('error', reject)
        resolve()
      },
    )
  })

/** Nobody answers on this socket path. */
const isDead = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(false)
    })
    probe.once('error', (error) => resolve(isCode(error, 'ECONNREFUSED')))
  })

/** Removes what a dead process of ours left at a socket path; refuses to touch anything else (threat model B3). */
const removeLeftover = async (path: string): Promise<boolean> => {
  const status = lstatSync(path)
  const ours = status.isSocket() && status.uid === process.getuid?.()
  if (ours && (await isDead(path))) {
    unlinkSync(path)
    return true
  }
  return false
}

const bindError = (address: ListenAddress, setting: string, cause: unknown): SidecarError => {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new SidecarError(
    'SIDECAR_CONFIG',
    `cannot listen on ${nameOf(address)}: ${why}; choose another address for ${setting}`,
    {},
    cause,
  )
}

/**
 * Binds one address. Connections are handed over paused: nothing is read before somebody asks. `setting` is named in
 * errors. All connections that the kernel keeps ready, up to `backlog`, are taken in one turn of the event loop.
 *
 * @throws SidecarError SIDECAR_CONFIG when the address cannot be bound
 */
export const listenOn = async (
  address: ListenAddress,
  connected: (socket: Socket) => void,
  setting = 'listen',
  backlog = DEFAULT_BACKLOG,
): Promise<BoundListener> => {
  const server = createServer({ pauseOnConnect: true, noDelay: true, keepAlive: true }, connected)
  try {
    await listenOnce(server, address, backlog)
  } catch (error) {
    if (address.kind !== 'unix' || !isCode(error, 'EADDRINUSE') || !(await removeLeftover(address.path))) {
      throw bindError(address, setting, error)
    }
    await listenOnce(server, address, backlog).catch((again: unknown) => {
      throw bindError(address, setting, again)
    })
  }
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0
  return {
    address: nameOf(address.kind === 'tcp' ? { ...address, port } : address),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
      }),
  }
}
