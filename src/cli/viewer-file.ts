import { SidecarError } from '../core/errors.js'
import { isAnyAddress, type Config, type ListenAddress, type TcpAddress } from '../config/index.js'
import { securityOf, type TlsMaterial } from '../server/index.js'
import { hostSubject } from './host-subject.js'

export interface ViewerFileOptions {
  readonly title: string | undefined
  readonly host: string | undefined
  readonly fullScreen: boolean
  /** HTTP proxy that clients reach this machine through with CONNECT. */
  readonly proxy?: string | undefined
  /** What a client needs to know of the server's certificate. */
  readonly certificate?: TlsMaterial | undefined
  /** Ticket as bytes. */
  readonly ticket: Uint8Array | undefined
  /** The viewer removes the file once it has read it. */
  readonly deleteAfterReading: boolean
}

/**
 * A remote-viewer connection file for the first address that a client can be told (`kubevirt-and-ecosystem.md` 18).
 *
 * @throws SidecarError SIDECAR_CONFIG when no address can be told, or the ticket cannot be written as text
 */
export const viewerFile = (config: Config, options: ViewerFileOptions): string => {
  const secured = tlsEntries(config, options.host, options.certificate)
  const entries: [string, string][] = [
    ['type', 'spice'],
    ...(secured ?? addressEntries(config.listen, options.host)),
  ]
  if (options.ticket !== undefined) {
    entries.push(['password', textOf(options.ticket)])
  }
  if (options.title !== undefined) {
    entries.push(['title', options.title])
  }
  if (options.proxy !== undefined) {
    entries.push(['proxy', proxyUrl(options.proxy)])
  }
  if (options.fullScreen) {
    entries.push(['fullscreen', '1'])
  }
  if (options.deleteAfterReading) {
    entries.push(['delete-this-file', '1'])
  }
  return ['[virt-viewer]', ...entries.map(([key, value]) => `${key}=${escapeValue(value)}`), ''].join('\n')
}

/**
 * `kubevirt-and-ecosystem.md` 18: virt-viewer takes `http://[user:pass@]host:3128`. It makes no use of a path, so one is an
 * error here rather than a surprise there.
 */
const proxyUrl = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (
    url === undefined ||
    url.protocol !== 'http:' ||
    url.hostname === '' ||
    !['', '/'].includes(url.pathname)
  ) {
    throw new SidecarError(
      'SIDECAR_CONFIG',
      `--proxy ${text} is not of the form http://[USER:PASSWORD@]HOST:PORT`,
    )
  }
  return text
}

/** Channels that clients may be told to have TLS on. */
const SECURABLE = ['main', 'display', 'inputs', 'cursor', 'playback', 'record', 'usbredir', 'smartcard']

/** The TLS address and all that a client needs to trust it; a plain port only where a channel has to have one. */
const tlsEntries = (
  { listen, tlsListen, tlsChannel, plaintextChannel }: Config,
  host: string | undefined,
  certificate: TlsMaterial | undefined,
): [string, string][] | undefined => {
  const tellable = (list: readonly ListenAddress[]): TcpAddress | undefined =>
    list.find((address): address is TcpAddress => address.kind === 'tcp' && isTellable(address, host))
  const told = tellable(tlsListen)
  if (told === undefined || certificate === undefined) {
    return undefined
  }
  const plain = plaintextChannel.length === 0 ? undefined : tellable(listen)
  const lists = { tls: tlsChannel, plain: plaintextChannel }
  const secure = SECURABLE.filter((name) => securityOf(name, lists) !== 'plain')
  return [
    ['host', host ?? told.host],
    ['tls-port', String(told.port)],
    ...(plain === undefined ? [] : [['port', String(plain.port)] satisfies [string, string]]),
    ...(certificate.ca === undefined ? [] : [['ca', certificate.ca] satisfies [string, string]]),
    ['host-subject', hostSubject(certificate.leaf.toString())],
    ['secure-channels', secure.join(';')],
  ]
}

const addressEntries = (listen: readonly ListenAddress[], host: string | undefined): [string, string][] => {
  if (listen.length === 0) {
    throw new SidecarError('SIDECAR_CONFIG', 'listen is missing: the file has to name an address')
  }
  const told = listen.find((address) => isTellable(address, host))
  if (told === undefined) {
    throw new SidecarError(
      'SIDECAR_CONFIG',
      host === undefined
        ? 'no listen address is one that a client can be told: give the name of this machine with --host'
        : 'no listen address is a TCP port that other machines can reach and that is known beforehand, so --host does not help',
    )
  }
  return told.kind === 'unix'
    ? [['unix-path', told.path]]
    : [
        ['host', host ?? told.host],
        ['port', String(told.port)],
      ]
}

/** Port 0 is known only once it is open; `--host` is about an address of this machine, not a unix socket. */
const isTellable = (address: ListenAddress, host: string | undefined): boolean => {
  if (address.kind === 'unix') {
    return host === undefined
  }
  return address.port !== 0 && (host !== undefined || !isAnyAddress(address))
}

const textOf = (ticket: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(ticket)
  } catch (error) {
    throw new SidecarError(
      'SIDECAR_CONFIG',
      'the ticket is not UTF-8 text, so it cannot be written into a file',
      {},
      error,
    )
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\t': '\\t', '\r': '\\r' }

/**
 * A value of a GLib key file: backslash escapes, and spaces at its ends as `\s`, since they could be dropped.
 * Other control characters cannot be in a key file.
 *
 * @throws SidecarError SIDECAR_CONFIG for such a control character
 */
export const escapeValue = (value: string): string => {
  const escaped = value
    .replace(/[\\\n\t\r]/g, (c) => ESCAPES[c] ?? '')
    .replace(/^ +| +$/g, (spaces) => '\\s'.repeat(spaces.length))
  if (/\p{Cc}/u.test(escaped)) {
    throw new SidecarError('SIDECAR_CONFIG', 'a value for the viewer file holds a control character')
  }
  return escaped
}
