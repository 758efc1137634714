import { createRequire } from 'node:module'
import type * as Yaml from 'yaml'
import { configError, type Origin } from './origin.js'
import { ALL_SETTINGS, ENVIRONMENT_PREFIX, environmentName } from './schema.js'

/** A value as it was written, before anything is known about its key. */
export interface RawSetting {
  readonly key: string
  readonly texts: readonly string[]
  readonly origin: Origin
}

export interface Layer {
  readonly settings: readonly RawSetting[]
  readonly warnings: readonly string[]
}

/** A flag as the command line had it: `--listen A` is `{ key: 'listen', text: 'A' }`. */
export interface Flag {
  readonly key: string
  readonly text: string
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Loaded only for a process that has a configuration file: it keeps 12 MB for good. */
const loadYaml = (): typeof Yaml => createRequire(import.meta.url)('yaml') as typeof Yaml

/** Longest configuration file, characters. */
const MAX_FILE = 256 * 1024
const MAX_LIST = 256

/**
 * Settings of a YAML or JSON file. Values keep the text that was written, so that `+30` and `0x10` mean the same
 * here as in a flag.
 *
 * @throws SidecarError SIDECAR_CONFIG when it is not a mapping of names to plain values and lists of them
 */
export const fileLayer = (path: string, text: string): Layer => {
  const yaml = loadYaml()
  const lines = new yaml.LineCounter()
  const at = (offset: number): Origin => ({ kind: 'file', path, line: lines.linePos(offset).line })
  if (text.length > MAX_FILE) {
    throw configError(`the configuration file ${path} has more than ${MAX_FILE} characters`)
  }
  const document = yaml.parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    strict: true,
    logLevel: 'error',
  })
  const [wrong] = document.errors
  if (wrong !== undefined) {
    const reason = wrong.code === 'DUPLICATE_KEY' ? 'has the same key twice' : 'is not valid YAML'
    throw configError(`the configuration file ${reason}`, at(wrong.pos[0]), { yaml: wrong.code })
  }
  const root = document.contents
  if (root === null) {
    return { settings: [], warnings: [] }
  }
  if (!yaml.isMap(root)) {
    throw configError('the configuration file must be a mapping of settings to values', at(root.range[0]))
  }
  const settings = root.items.map(({ key, value }): RawSetting => {
    const origin = at(key.range[0])
    if (!yaml.isScalar(key) || typeof key.value !== 'string') {
      throw configError('the configuration file has a key that is not the name of a setting', origin)
    }
    return { key: key.value, texts: textsOf(yaml, key.value, value, origin), origin }
  })
  return { settings, warnings: [] }
}

const textsOf = (
  yaml: typeof Yaml,
  key: string,
  node: Yaml.ParsedNode | null,
  origin: Origin,
): readonly string[] => {
  const items = yaml.isSeq<Yaml.ParsedNode>(node) ? node.items : [node]
  if (items.length > MAX_LIST) {
    throw configError(`${key} has more than ${MAX_LIST} values`, origin)
  }
  return items.map((item) => {
    if (yaml.isAlias(item) || yaml.isMap(item) || yaml.isSeq(item)) {
      throw configError(`${key} must be a plain value or a list of plain values`, origin)
    }
    if (item === null || item.value === null) {
      throw configError(`${key} has no value`, origin)
    }
    return typeof item.value === 'string' ? item.value : item.source
  })
}

/** What Kubernetes puts into the environment for a Service whose name is `spice-sidecar`. */
const SERVICE_LINK = /^SPICE_SIDECAR_(?:SERVICE_HOST|SERVICE_PORT(?:_.*)?|PORT_\d+_(?:TCP|UDP)(?:_.*)?)$/
const SERVICE_PORT = 'SPICE_SIDECAR_PORT'

/** Settings of the environment; a list is separated by commas. */
export const environmentLayer = (environment: Environment): Layer => {
  const known = new Map([...ALL_SETTINGS.keys()].map((key) => [environmentName(key), key]))
  const warnings: string[] = []
  const settings: RawSetting[] = []
  for (const [name, text] of Object.entries(environment).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!name.startsWith(ENVIRONMENT_PREFIX) || text === undefined) {
      continue
    }
    if (SERVICE_LINK.test(name) || (name === SERVICE_PORT && /^(?:tcp|udp):/.test(text))) {
      warnings.push(
        `${name} looks like a Kubernetes service link and is ignored; set enableServiceLinks: false`,
      )
      continue
    }
    const key = known.get(name) ?? name.slice(ENVIRONMENT_PREFIX.length).toLowerCase().replaceAll('_', '-')
    const many = ALL_SETTINGS.get(key)?.kind.many === true
    const texts = many ? text.split(',').map((part) => part.trim()) : [text]
    settings.push({ key, texts, origin: { kind: 'environment', name } })
  }
  return { settings, warnings }
}

/** Settings of the command line; a repeated flag is a list. */
export const flagLayer = (flags: readonly Flag[]): Layer => {
  const byKey = new Map<string, string[]>()
  for (const { key, text } of flags) {
    byKey.set(key, [...(byKey.get(key) ?? []), text])
  }
  const settings = [...byKey].map(([key, texts]): RawSetting => {
    const origin: Origin = { kind: 'flag', name: key }
    if (texts.length > 1 && ALL_SETTINGS.get(key)?.kind.many === false) {
      throw configError(`${key} is given ${texts.length} times, but takes one value`, origin)
    }
    return { key, texts, origin }
  })
  return { settings, warnings: [] }
}
