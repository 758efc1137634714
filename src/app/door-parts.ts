import { namesCertificate, type Config } from '../config/index.js'
import type { Clock } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import type { Metrics } from '../metrics/index.js'
import {
  TlsFront,
  tlsFiles,
  WebRoot,
  type SecurityLists,
  type ServerOptions,
  type TlsFiles,
} from '../server/index.js'

/** What stands between the addresses and the link stage, beside plain TCP. */
export interface DoorParts extends Required<Pick<ServerOptions, 'tlsListen' | 'websocketListen'>> {
  /** Not started. */
  readonly tls: TlsFront | undefined
  readonly security: SecurityLists
  readonly webRoot: WebRoot | undefined
}

/**
 * The files that a configuration names for TLS.
 *
 * @throws SidecarError SIDECAR_CONFIG when certificate or key are not there
 */
export const configuredTlsFiles = (config: Config): TlsFiles =>
  tlsFiles({
    dir: config.x509Dir,
    cert: config.x509CertFile,
    key: config.x509KeyFile,
    ca: config.x509CacertFile,
    clientCa: config.tlsClientCa,
  })

/** @throws SidecarError SIDECAR_CONFIG when `web-root` is no directory */
export const doorParts = (
  config: Config,
  { clock, logger, metrics }: { readonly clock: Clock; readonly logger: Logger; readonly metrics: Metrics },
): DoorParts => ({
  tlsListen: config.tlsListen,
  websocketListen: config.websocketListen,
  tls: namesCertificate(config)
    ? new TlsFront({
        files: () => configuredTlsFiles(config),
        ciphers: config.tlsCiphers,
        clientNames: config.tlsClientName,
        clock,
        logger,
        metrics: { reloads: metrics.tlsReloads, expires: metrics.tlsExpires },
      })
    : undefined,
  security: { tls: config.tlsChannel, plain: config.plaintextChannel },
  webRoot: config.webRoot === undefined ? undefined : new WebRoot(config.webRoot),
})
