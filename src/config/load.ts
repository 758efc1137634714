import { configError, type Origin } from './origin.js'
import {
  environmentLayer,
  fileLayer,
  flagLayer,
  type Environment,
  type Flag,
  type Layer,
  type RawSetting,
} from './layers.js'
import { nearestName } from './nearest.js'
import { checkRules } from './rules.js'
import {
  ALL_SETTINGS,
  configName,
  environmentName,
  isSecretName,
  LATER_SETTINGS,
  type Config,
} from './schema.js'

export interface ConfigSources {
  readonly flags: readonly Flag[]
  readonly environment: Environment
  /** Text of a file; may throw anything. */
  readonly readFile: (path: string) => string
}

export interface LoadedConfig {
  readonly config: Config
  /** Where each setting came from, by its name. */
  readonly origins: ReadonlyMap<string, Origin>
  /** Whole sentences for a person. */
  readonly warnings: readonly string[]
}

interface Entry {
  readonly value: unknown
  readonly origin: Origin
}

/**
 * The effective configuration: defaults, then the file, the environment and the flags, each over the one before.
 *
 * @throws SidecarError SIDECAR_CONFIG with one sentence
 */
export const loadConfig = ({ flags, environment, readFile }: ConfigSources): LoadedConfig => {
  const entries = new Map<string, Entry>()
  for (const [key, { initial }] of ALL_SETTINGS) {
    entries.set(key, { value: initial, origin: { kind: 'default' } })
  }
  const upper = [environmentLayer(environment), flagLayer(flags)]
  upper.forEach((layer) => apply(entries, layer))
  const path = entries.get('config')?.value
  if (typeof path === 'string') {
    const file = fileLayer(path, readText(readFile, path, entries.get('config')?.origin))
    apply(entries, file)
    upper.forEach((layer) => apply(entries, layer))
  }
  const config = build(entries)
  const origins = new Map([...entries].map(([key, { origin }]) => [key, origin]))
  const warnings = [...upper.flatMap((layer) => layer.warnings), ...checkRules(config, origins)]
  return { config, origins, warnings }
}

const readText = (readFile: (path: string) => string, path: string, origin: Origin | undefined): string => {
  try {
    return readFile(path)
  } catch (error) {
    throw configError(`the configuration file ${path} cannot be read: ${reasonOf(error)}`, origin)
  }
}

/** Short cause of a failed file operation, such as `ENOENT`. */
export const reasonOf = (error: unknown): string => {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    return error.code
  }
  return error instanceof Error ? error.message : String(error)
}

const apply = (entries: Map<string, Entry>, { settings }: Layer): void => {
  for (const raw of settings) {
    const known = ALL_SETTINGS.get(raw.key)
    if (known === undefined) {
      throw unknownKey(raw)
    }
    if (raw.key === 'config' && raw.origin.kind === 'file') {
      throw configError('config cannot be set in the configuration file itself', raw.origin)
    }
    const parsed = known.kind.read(raw.texts)
    if ('problem' in parsed) {
      throw configError(`${raw.key} ${parsed.problem}`, raw.origin)
    }
    entries.set(raw.key, { value: parsed.value, origin: raw.origin })
  }
}

const unknownKey = ({ key, origin }: RawSetting): Error => {
  const name = key.length > MAX_KEY ? `${key.slice(0, MAX_KEY)}…` : key
  if (isSecretName(key)) {
    return configError(
      `${name} is a secret, which is only taken from a file: name that file with ticket-file`,
      origin,
    )
  }
  if (LATER_SETTINGS.includes(key)) {
    return configError(`${name} is not built in this version`, origin)
  }
  const near = nearestName(key, ALL_SETTINGS.keys())
  const shown = near === undefined || origin.kind !== 'environment' ? near : environmentName(near)
  return configError(
    `${JSON.stringify(name)} is no setting${shown === undefined ? '' : `; did you mean ${shown}?`}`,
    origin,
  )
}

const MAX_KEY = 60

const build = (entries: ReadonlyMap<string, Entry>): Config => {
  const values: Record<string, unknown> = {}
  const limits: Record<string, unknown> = {}
  for (const [key, { value }] of entries) {
    if (key.startsWith('limit-')) {
      limits[key.slice('limit-'.length)] = value
    } else {
      values[configName(key)] = value
    }
  }
  return deepFreeze({ ...values, limits }) as Config
}

const deepFreeze = (value: object): object => {
  Object.values(value).forEach((inner: unknown) => {
    if (typeof inner === 'object' && inner !== null) {
      deepFreeze(inner)
    }
  })
  return Object.freeze(value)
}
