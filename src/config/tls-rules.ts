import { formatAddress, isLoopback, sameAddress, type ListenAddress } from './address.js'
import { configError, type Origin } from './origin.js'
import type { Config } from './schema.js'

type Origins = ReadonlyMap<string, Origin>

/** Is a certificate named, so that web sockets and `tls-listen` can have TLS. */
export const namesCertificate = ({ x509Dir, x509CertFile, x509KeyFile }: Config): boolean =>
  x509Dir !== undefined || x509CertFile !== undefined || x509KeyFile !== undefined

/**
 * Rules between the settings of TLS and WebSocket.
 *
 * @returns warnings
 * @throws SidecarError SIDECAR_CONFIG for a contradiction
 */
export const checkTls = (config: Config, origins: Origins): readonly string[] => {
  const { tlsListen, websocketListen, listen, insecure, metrics, plaintextChannel } = config
  const hasCertificate = namesCertificate(config)
  if (tlsListen.length > 0 && !hasCertificate) {
    throw configError(
      'tls-listen needs a certificate: set x509-dir, or x509-cert-file and x509-key-file',
      origins.get('tls-listen'),
    )
  }
  const unix = tlsListen.find(({ kind }) => kind === 'unix')
  if (unix !== undefined) {
    throw configError(
      `tls-listen has ${formatAddress(unix)}, but clients have no TLS on unix sockets: use listen`,
      origins.get('tls-listen'),
    )
  }
  const reachable = websocketListen.find((address) => !isLoopback(address))
  if (reachable !== undefined && !hasCertificate && !insecure) {
    throw configError(
      `websocket-listen has ${formatAddress(reachable)}, which other machines can reach without encryption: set x509-dir, use a loopback or unix address, or allow it with insecure`,
      origins.get('websocket-listen'),
    )
  }
  checkTwice(tlsListen, 'tls-listen', metrics, origins)
  checkTwice(websocketListen, 'websocket-listen', metrics, origins)
  const shared = websocketListen.find((address) =>
    [...listen, ...tlsListen].some((other) => sameAddress(other, address)),
  )
  if (shared !== undefined) {
    throw configError(
      `websocket-listen has ${formatAddress(shared)}, which takes web clients anyhow`,
      origins.get('websocket-listen'),
    )
  }
  checkChannels(config, origins)
  if (config.tlsClientName.length > 0 && config.tlsClientCa === undefined) {
    throw configError('tls-client-name needs tls-client-ca', origins.get('tls-client-name'))
  }
  const warnings: string[] = []
  if (tlsListen.length === 0 && websocketListen.length === 0 && hasCertificate) {
    warnings.push('there is a certificate, but no tls-listen address to use it on')
  }
  const open = listen.find((address) => !isLoopback(address))
  if (open !== undefined && tlsListen.length > 0 && config.tlsChannel.length === 0) {
    warnings.push(
      `listen has ${formatAddress(open)} beside tls-listen, so other machines may connect without encryption: tls-channel default sends them to TLS`,
    )
  }
  if (plaintextChannel.length > 0 && tlsListen.length > 0) {
    warnings.push('plaintext-channel: stock clients that came with TLS do not open a channel without it')
  }
  return warnings
}

const checkTwice = (
  list: readonly ListenAddress[],
  key: string,
  metrics: ListenAddress | undefined,
  origins: Origins,
): void => {
  list.forEach((address, i) => {
    if (list.slice(0, i).some((other) => sameAddress(other, address))) {
      throw configError(`${key} has ${formatAddress(address)} twice`, origins.get(key))
    }
    if (metrics !== undefined && sameAddress(metrics, address)) {
      throw configError(`${key} and metrics are both ${formatAddress(address)}`, origins.get(key))
    }
  })
}

const checkChannels = ({ tlsChannel, plaintextChannel, tlsListen }: Config, origins: Origins): void => {
  const both = tlsChannel.find((name) => plaintextChannel.includes(name))
  if (both !== undefined) {
    throw configError(`tls-channel and plaintext-channel both have ${both}`, origins.get('plaintext-channel'))
  }
  if (tlsChannel.length > 0 && tlsListen.length === 0) {
    throw configError('tls-channel needs tls-listen', origins.get('tls-channel'))
  }
}
