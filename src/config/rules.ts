import { formatAddress, isLoopback, sameAddress, type ListenAddress } from './address.js'
import { configError, type Origin } from './origin.js'
import type { Config, RunConfig } from './schema.js'
import { checkTls } from './tls-rules.js'

type Origins = ReadonlyMap<string, Origin>

/**
 * Rules between settings.
 *
 * @returns warnings: sentences about what is allowed but probably not wanted
 * @throws SidecarError SIDECAR_CONFIG for a contradiction
 */
export const checkRules = (config: Config, origins: Origins): readonly string[] => {
  checkListen(config, origins)
  if (config.limits['out-soft'] > config.limits['out-hard']) {
    throw configError('limit-out-soft must not be above limit-out-hard', origins.get('limit-out-soft'))
  }
  return [...checkTls(config, origins), ...checkTicket(config, origins)]
}

const checkListen = ({ listen, insecure, metrics }: Config, origins: Origins): void => {
  const origin = origins.get('listen')
  listen.forEach((address, i) => {
    if (!insecure && !isLoopback(address)) {
      throw configError(
        `listen has ${formatAddress(address)}, which other machines can reach without encryption: use a loopback or unix address, or allow it with insecure`,
        origin,
      )
    }
    if (listen.slice(0, i).some((other) => sameAddress(other, address))) {
      throw configError(`listen has ${formatAddress(address)} twice`, origin)
    }
    if (metrics !== undefined && sameAddress(metrics, address)) {
      throw configError(`listen and metrics are both ${formatAddress(address)}`, origin)
    }
  })
}

const checkTicket = (config: Config, origins: Origins): readonly string[] => {
  if (config.ticketFile !== undefined && config.disableTicketing) {
    throw configError(
      'ticket-file and disable-ticketing exclude each other',
      origins.get('disable-ticketing'),
    )
  }
  const warnings: string[] = []
  if (config.sasl) {
    return config.ticketFile === undefined ? [] : ['ticket-file has no effect with sasl']
  }
  if (config.viewOnlyTicketFile !== undefined && config.disableTicketing) {
    throw configError(
      'view-only-ticket-file and disable-ticketing exclude each other',
      origins.get('disable-ticketing'),
    )
  }
  const canGetTicket =
    config.ticketFile !== undefined || config.viewOnlyTicketFile !== undefined || config.admin !== undefined
  if (!canGetTicket && !config.disableTicketing) {
    warnings.push(
      'there is no ticket, so nobody can connect: set ticket-file, or disable-ticketing to let everybody in',
    )
  }
  if (config.ticketFile === undefined && config.ticketExpiry.kind !== 'never') {
    warnings.push('ticket-expiry has no effect without ticket-file')
  }
  const reachable = (address: ListenAddress): boolean => !isLoopback(address)
  if (config.disableTicketing && config.listen.some(reachable)) {
    warnings.push('disable-ticketing lets everybody in who can reach a listen address that is not loopback')
  }
  return warnings
}

/**
 * What `run` needs beyond a valid configuration.
 *
 * @throws SidecarError SIDECAR_CONFIG when `qmp` or `listen` is missing
 */
export const requireForRun = (config: Config): RunConfig => {
  const { qmp } = config
  if (qmp === undefined) {
    throw configError("qmp is missing: give the path of QEMU's QMP socket")
  }
  if (config.listen.length + config.tlsListen.length + config.websocketListen.length === 0) {
    throw configError('listen is missing: give at least one address for clients, such as 127.0.0.1:5900')
  }
  return Object.freeze({ ...config, qmp })
}
