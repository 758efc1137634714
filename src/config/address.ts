import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'

/** A TCP address; `host` is an IP address without brackets or a host name, `port` is 0 to 65535 (0: any free one). */
export interface TcpAddress {
  readonly kind: 'tcp'
  readonly host: string
  readonly port: number
}

/** A unix stream socket; at most {@link MAX_UNIX_PATH_BYTES} bytes of path. */
export interface UnixAddress {
  readonly kind: 'unix'
  readonly path: string
}

export type ListenAddress = TcpAddress | UnixAddress

/** Room for a path in Linux's `sockaddr_un` without the zero byte at its end. */
export const MAX_UNIX_PATH_BYTES = 107

const PORT = /^(?:0|[1-9]\d{0,4})$/
const NAME_PART = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i
const UNIX_PREFIX = 'unix:'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

const isHostName = (text: string): boolean =>
  text.length <= 253 && !/^[\d.]+$/.test(text) && text.split('.').every((part) => NAME_PART.test(part))

/** Reads `ADDR:PORT` or `[ADDR]:PORT`; `undefined` when it is neither. */
export const parseTcpAddress = (text: string): TcpAddress | undefined => {
  const colon = text.lastIndexOf(':')
  const portText = text.slice(colon + 1)
  if (colon <= 0 || !PORT.test(portText) || Number(portText) > 65535) {
    return undefined
  }
  const port = Number(portText)
  const name = text.slice(0, colon)
  if (name.startsWith('[') && name.endsWith(']')) {
    const host = name.slice(1, -1)
    return isIPv6(host) ? { kind: 'tcp', host, port } : undefined
  }
  return isIPv4(name) || isHostName(name) ? { kind: 'tcp', host: name, port } : undefined
}

/** Reads `ADDR:PORT`, `[ADDR]:PORT` or `unix:PATH`; `undefined` when it is none of them. */
export const parseListenAddress = (text: string): ListenAddress | undefined => {
  if (!text.startsWith(UNIX_PREFIX)) {
    return parseTcpAddress(text)
  }
  const path = text.slice(UNIX_PREFIX.length)
  const usable = path !== '' && !path.includes('\0') && Buffer.byteLength(path) <= MAX_UNIX_PATH_BYTES
  return usable ? { kind: 'unix', path } : undefined
}

/** The form that {@link parseListenAddress} reads. */
export const formatAddress = (address: ListenAddress): string => {
  if (address.kind === 'unix') {
    return UNIX_PREFIX + address.path
  }
  return isIPv6(address.host) ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

/** Can only this machine reach it: 127.0.0.0/8, `::1`, the name `localhost`, or a unix socket. */
export const isLoopback = (address: ListenAddress): boolean => {
  if (address.kind === 'unix' || address.host.toLowerCase() === 'localhost') {
    return true
  }
  const family = isIP(address.host)
  return family !== 0 && loopback.check(address.host, family === 4 ? 'ipv4' : 'ipv6')
}

/** Does the address mean every address of this machine: `0.0.0.0` or `::`. */
export const isAnyAddress = (address: TcpAddress): boolean =>
  ['0.0.0.0', '[::]'].includes(canonicalHost(address.host))

/** Would binding both fail: the same path, or the same host and a port that is not 0. */
export const sameAddress = (a: ListenAddress, b: ListenAddress): boolean => {
  if (a.kind === 'unix' || b.kind === 'unix') {
    return a.kind === 'unix' && b.kind === 'unix' && a.path === b.path
  }
  return a.port !== 0 && a.port === b.port && canonicalHost(a.host) === canonicalHost(b.host)
}

const canonicalHost = (host: string): string => {
  if (!isIPv6(host)) {
    return host.toLowerCase()
  }
  const zone = host.indexOf('%')
  const [address, suffix] = zone < 0 ? [host, ''] : [host.slice(0, zone), host.slice(zone)]
  return new URL(`http://[${address}]/`).hostname + suffix
}
