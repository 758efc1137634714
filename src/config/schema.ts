import { LIMIT_RULES, type LimitKey, type Limits } from '../core/limits.js'
import { addressOrOff, listenAddresses, onOff, path, ticketExpiry, whole, word, type Kind } from './kinds.js'

/** Settings are grouped in help and documentation as here, in this order. */
export const GROUPS = ['where', 'who', 'screen', 'limits and logs'] as const
export type Group = (typeof GROUPS)[number]

/** One setting; type, default, names and documentation all come from here. */
export interface Setting<T> {
  readonly group: Group
  readonly kind: Kind<T>
  readonly initial: T
  /** The default in words, where the value alone does not tell. */
  readonly initialText: string
  readonly help: string
}

const setting = <T>(
  group: Group,
  kind: Kind<T>,
  initial: NoInfer<T>,
  initialText: string,
  help: string,
): Setting<T> => ({ group, kind, initial, initialText, help })

/**
 * Every setting but the limits, by its name in file and flags; in the environment it is
 * {@link environmentName}. Names and words are those of QEMU's `-spice` where it has them (DESIGN.md section 4).
 */
export const SETTINGS = {
  config: setting(
    'where',
    path,
    undefined,
    'none',
    'YAML or JSON file with further settings; flags and environment win over it',
  ),
  qmp: setting(
    'where',
    path,
    undefined,
    'none; needed by run',
    'unix socket of a QMP monitor of QEMU that nobody else uses',
  ),
  listen: setting(
    'where',
    listenAddresses,
    [],
    'none; needed by run',
    'address for SPICE clients without TLS; may be repeated; port 0 takes a free one',
  ),
  insecure: setting(
    'where',
    onOff,
    false,
    'false',
    'allow `listen` addresses that other machines can reach, although nothing on them is encrypted',
  ),
  metrics: setting(
    'where',
    addressOrOff,
    { kind: 'tcp', host: '127.0.0.1', port: 9464 },
    '127.0.0.1:9464',
    'address for /metrics, /livez, /healthz and /readyz',
  ),
  'ticket-file': setting(
    'who',
    path,
    undefined,
    'none',
    'file whose first line is the ticket: 1 to 60 bytes; empty locks; readable by its owner only',
  ),
  'ticket-expiry': setting(
    'who',
    ticketExpiry,
    { kind: 'never' },
    'never',
    'when the ticket stops being good for new clients; +SECONDS counts from when it was loaded',
  ),
  'disable-ticketing': setting('who', onOff, false, 'false', 'let everybody in without a ticket'),
  clients: setting<'takeover' | 'refuse' | 'share'>(
    'who',
    word(['takeover', 'refuse', 'share']),
    'takeover',
    'takeover',
    'what a client finds when another one is connected: it replaces it, is refused, or joins it',
  ),
  source: setting<'auto' | 'dbus-display'>(
    'screen',
    word(['auto', 'dbus-display'], ['vfio-user-qxl', 'vhost-user-gpu', 'vnc', 'replay']),
    'auto',
    'auto',
    "way to the guest's screen",
  ),
  'image-compression': setting<'auto' | 'lz' | 'off'>(
    'screen',
    word(
      ['auto', 'lz', 'off'],
      ['auto_glz', 'auto_lz', 'quic', 'glz'],
      'for which this version has no coder',
    ),
    'auto',
    'auto',
    'coding of screen images; auto takes what is best for each',
  ),
  'max-refresh-rate': setting(
    'screen',
    whole(1, 240, 'Hz'),
    60,
    '60',
    'most screen updates a second for one client',
  ),
  'log-level': setting<'error' | 'warn' | 'info' | 'debug'>(
    'limits and logs',
    word(['error', 'warn', 'info', 'debug']),
    'info',
    'info',
    'least urgent log lines to write',
  ),
} as const

type Camel<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S
type Values = {
  readonly [K in keyof typeof SETTINGS as Camel<K>]: (typeof SETTINGS)[K] extends Setting<infer T> ? T : never
}

/** The effective configuration, deeply frozen; keys are the names of the settings in camel case. */
export type Config = Values & { readonly limits: Limits }

/** A configuration that `run` accepts: it says where QEMU is, and `listen` is not empty. */
export type RunConfig = Config & { readonly qmp: string }

export type SettingKey = keyof typeof SETTINGS | `limit-${LimitKey}`

const limitSettings = Object.entries(LIMIT_RULES).map(([key, rule]): [SettingKey, Setting<unknown>] => [
  `limit-${key as LimitKey}`,
  setting<unknown>(
    'limits and logs',
    whole(rule.min, rule.max, rule.unit),
    rule.value,
    String(rule.value),
    `${rule.what} (${rule.id})`,
  ),
])

/** Every setting, limits included, in the order of help and documentation. */
export const ALL_SETTINGS: ReadonlyMap<string, Setting<unknown>> = new Map<string, Setting<unknown>>([
  ...(Object.entries(SETTINGS) as [string, Setting<unknown>][]),
  ...limitSettings,
])

/** Settings of the design that come with a later version: refused by name, not as unknown. */
export const LATER_SETTINGS: readonly string[] = [
  'tls-listen',
  'websocket-listen',
  'web-root',
  'admin',
  'sasl',
  'view-only-ticket-file',
  'allow-from',
  'trusted-proxies',
  'x509-dir',
  'x509-key-file',
  'x509-cert-file',
  'x509-cacert-file',
  'tls-ciphers',
  'tls-channel',
  'plaintext-channel',
  'tls-client-ca',
  'jpeg-wan-compression',
  'zlib-glz-wan-compression',
  'streaming-video',
  'video-codecs',
  'agent',
  'usbredir',
  'smartcard',
  'webdav',
  'port',
  'agent-mouse',
  'disable-copy-paste',
  'disable-agent-file-xfer',
  'clipboard',
  'playback-compression',
  'redis-url',
  'redis-password-file',
  'handover-key-file',
  'incoming',
  'replace',
]

/** Last words of a name that can only mean a secret; the loggers redact fields of these names, too. */
export const SECRET_WORDS: readonly string[] = ['password', 'ticket', 'secret', 'token', 'passphrase']

/** Is `key` the name of a secret itself, as opposed to the name of a file that holds one. */
export const isSecretName = (key: string): boolean =>
  SECRET_WORDS.includes(key.split('-').at(-1) ?? '') || key === 'password-secret'

export const ENVIRONMENT_PREFIX = 'SPICE_SIDECAR_'

/** `max-refresh-rate` is SPICE_SIDECAR_MAX_REFRESH_RATE in the environment. */
export const environmentName = (key: string): string =>
  ENVIRONMENT_PREFIX + key.replaceAll('-', '_').toUpperCase()

/** `max-refresh-rate` is `maxRefreshRate` in {@link Config}. */
export const configName = (key: string): string =>
  key.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
