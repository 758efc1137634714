import { formatAddress, type ListenAddress } from './address.js'
import type { TicketExpiry } from '../core/ticket.js'
import type { LoadedConfig } from './load.js'
import { formatOrigin } from './origin.js'
import { ALL_SETTINGS, configName, GROUPS, type Config } from './schema.js'
import type { Cidr } from './source-kinds.js'

/**
 * The effective configuration as YAML that can be loaded again, with the origin of each value as a comment. There is
 * no secret in it: secrets are only ever named by their file.
 */
export const formatConfig = ({ config, origins }: LoadedConfig): string => {
  const lines: string[] = []
  for (const group of GROUPS) {
    lines.push(`# ${group}`)
    for (const [key, setting] of ALL_SETTINGS) {
      if (setting.group === group) {
        const text = yamlOf(valueOf(config, key))
        const origin = origins.get(key)
        const comment = origin === undefined ? '' : ` # ${oneLine(formatOrigin(origin))}`
        lines.push(
          text === undefined || key === 'config'
            ? `# ${key}: ${text ?? 'none'}${comment}`
            : `${key}: ${text}${comment}`,
        )
      }
    }
  }
  return lines.join('\n') + '\n'
}

const valueOf = (config: Config, key: string): unknown => {
  if (key.startsWith('limit-')) {
    return (config.limits as Readonly<Record<string, unknown>>)[key.slice('limit-'.length)]
  }
  const value = (config as Readonly<Record<string, unknown>>)[configName(key)]
  return key === 'metrics' ? (value ?? 'off') : value
}

const yamlOf = (value: unknown): string | undefined => {
  if (Array.isArray(value)) {
    return `[${value.map((item) => yamlOf(item) ?? '').join(', ')}]`
  }
  if (typeof value === 'object' && value !== null) {
    return yamlOf(textOf(value as ListenAddress | TicketExpiry | Cidr))
  }
  if (typeof value === 'string') {
    return /^[a-z][\w/.-]*$/i.test(value) && !/^(?:true|false|null|nan|inf)$/i.test(value)
      ? value
      : JSON.stringify(value)
  }
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

const textOf = (value: ListenAddress | TicketExpiry | Cidr): string => {
  if (!('kind' in value)) {
    return `${value.address}/${value.prefix}`
  }
  switch (value.kind) {
    case 'tcp':
    case 'unix':
      return formatAddress(value)
    case 'never':
    case 'now':
      return value.kind
    case 'after':
      return `+${value.seconds}`
    case 'at':
      return String(value.unixSeconds)
  }
}

const oneLine = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]/gu, '?')
