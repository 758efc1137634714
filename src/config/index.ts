export { formatAddress, isAnyAddress, isLoopback, parseListenAddress, parseTcpAddress } from './address.js'
export type { ListenAddress, TcpAddress, UnixAddress } from './address.js'
export { formatConfig } from './format.js'
export { listed, quoted } from './kinds.js'
export type { Environment, Flag } from './layers.js'
export { loadConfig, reasonOf } from './load.js'
export type { ConfigSources, LoadedConfig } from './load.js'
export { nearestName } from './nearest.js'
export { configError, formatOrigin } from './origin.js'
export type { Origin } from './origin.js'
export { requireForRun } from './rules.js'
export {
  ALL_SETTINGS,
  ENVIRONMENT_PREFIX,
  environmentName,
  GROUPS,
  isSecretName,
  SECRET_WORDS,
} from './schema.js'
export type { Config, Group, RunConfig, Setting } from './schema.js'
export type { Cidr } from './source-kinds.js'
export { namesCertificate } from './tls-rules.js'
export { readTicketFile, ticketOf } from './ticket-file.js'
