import { LIMIT_RULES, type LimitKey, type Limits } from '../core/limits.js'
import { addressOrOff, listenAddresses, onOff, path, ticketExpiry, whole, word, type Kind } from './kinds.js'
import { cidrs, unixSocket } from './source-kinds.js'
import { channelNames, cipherNames, clientNames } from './tls-kinds.js'
import { AUTO_VIDEO_CODECS, videoCodecs } from './video-kinds.js'

/** Settings are grouped in help and documentation as here, in this order. */
export const GROUPS = ['where', 'who', 'TLS', 'screen', 'devices', 'limits and logs'] as const
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
  'tls-listen': setting(
    'where',
    listenAddresses,
    [],
    'none',
    'address for SPICE clients with TLS; may be repeated; one that is also in `listen` takes both',
  ),
  'websocket-listen': setting(
    'where',
    listenAddresses,
    [],
    'none',
    'address for web clients alone, with TLS where a certificate is set; the other addresses take them, too',
  ),
  'web-root': setting(
    'where',
    path,
    undefined,
    'none',
    'directory of a web client, whose files are served on all addresses',
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
  admin: setting(
    'where',
    unixSocket,
    undefined,
    'none',
    'unix socket for local control of tickets and clients, for root and the own user only',
  ),
  'ticket-file': setting(
    'who',
    path,
    undefined,
    'none',
    'file whose first line is the ticket: 1 to 60 bytes; empty locks; closed to all but its owner and readers of its group',
  ),
  'ticket-expiry': setting(
    'who',
    ticketExpiry,
    { kind: 'never' },
    'never',
    'when the ticket stops being good for new clients; +SECONDS counts from when it was loaded',
  ),
  'ticket-single-use': setting(
    'who',
    onOff,
    false,
    'false',
    'a ticket begins one session with all its channels and is then spent',
  ),
  'view-only-ticket-file': setting(
    'who',
    path,
    undefined,
    'none',
    'file of a second ticket, as in ticket-file; its sessions see the screen and change nothing',
  ),
  sasl: setting(
    'who',
    onOff,
    false,
    'false',
    'users authenticate by SASL in place of a ticket, configured as for QEMU in its file qemu.conf; needs libsasl2',
  ),
  'disable-ticketing': setting('who', onOff, false, 'false', 'let everybody in without a ticket'),
  clients: setting<'takeover' | 'refuse' | 'share'>(
    'who',
    word(['takeover', 'refuse', 'share']),
    'takeover',
    'takeover',
    'what a client finds when another one is connected: it replaces it, is refused, or joins it',
  ),
  'allow-from': setting(
    'who',
    cidrs,
    [],
    'none, from everywhere',
    'addresses that clients may come from; may be repeated; unix sockets are always allowed',
  ),
  'trusted-proxies': setting(
    'who',
    cidrs,
    [],
    'none',
    'addresses of proxies that send a PROXY protocol version 2 header before anything else; may be repeated',
  ),
  'session-idle-timeout': setting(
    'who',
    whole(0, 31_536_000, 'seconds'),
    0,
    '0',
    'ends a session without a key or pointer message for so many seconds; 0 never does',
  ),
  'session-max-duration': setting(
    'who',
    whole(0, 31_536_000, 'seconds'),
    0,
    '0',
    'ends a session so many seconds after it began; 0 never does',
  ),
  'x509-dir': setting(
    'TLS',
    path,
    undefined,
    'none',
    'directory with server-cert.pem, server-key.pem and ca-cert.pem, or tls.crt, tls.key and ca.crt',
  ),
  'x509-cert-file': setting(
    'TLS',
    path,
    undefined,
    'none',
    'certificate of the server, with its chain, in place of that in x509-dir',
  ),
  'x509-key-file': setting(
    'TLS',
    path,
    undefined,
    'none',
    'private key of the server, without passphrase and closed to others, in place of that in x509-dir',
  ),
  'x509-cacert-file': setting(
    'TLS',
    path,
    undefined,
    'none',
    'authority that issued the certificate, told to clients in connection files, in place of that in x509-dir',
  ),
  'tls-ciphers': setting(
    'TLS',
    cipherNames,
    undefined,
    'none',
    'cipher suites in the words of OpenSSL, in place of ECDHE with AES-GCM or ChaCha20',
  ),
  'tls-channel': setting(
    'TLS',
    channelNames,
    [],
    'none',
    'channel that only comes in with TLS, or `default` for all that are not named; may be repeated',
  ),
  'plaintext-channel': setting(
    'TLS',
    channelNames,
    [],
    'none',
    'channel that only comes in without TLS, or `default`; may be repeated',
  ),
  'tls-client-ca': setting(
    'TLS',
    path,
    undefined,
    'none',
    'authorities of client certificates; with it, every client needs one',
  ),
  'tls-client-name': setting(
    'TLS',
    clientNames,
    [],
    'none, everybody with a certificate of `tls-client-ca`',
    'name that a client certificate must have: its subject (CN=…,O=…), its common name, or a DNS, e-mail or URI name; may be repeated',
  ),
  source: setting<'auto' | 'dbus-display'>(
    'screen',
    word(['auto', 'dbus-display'], ['vfio-user-qxl', 'vhost-user-gpu', 'vnc', 'replay']),
    'auto',
    'auto',
    "way to the guest's screen",
  ),
  'image-compression': setting<
    'auto' | 'auto_glz' | 'auto_lz' | 'quic' | 'glz' | 'lz' | 'lz4' | 'jpeg' | 'off'
  >(
    'screen',
    word(['auto', 'auto_glz', 'auto_lz', 'quic', 'glz', 'lz', 'lz4', 'jpeg', 'off']),
    'auto',
    'auto',
    'coding of screen images; auto takes what is best for each, jpeg loses detail until the picture comes to rest, a codec that client or machine lack is replaced by lz',
  ),
  'jpeg-wan-compression': setting<'auto' | 'always' | 'never'>(
    'screen',
    word(['auto', 'always', 'never']),
    'auto',
    'auto',
    'send photos as JPEG first and without loss when they come to rest; auto does so for clients whose line is slower than 10 Mbit/s',
  ),
  'zlib-glz-wan-compression': setting<'auto' | 'always' | 'never'>(
    'screen',
    word(['auto', 'always', 'never']),
    'auto',
    'auto',
    'pack images that GLZ coded once more with zlib; auto does so for clients whose line is slower than 10 Mbit/s',
  ),
  'streaming-video': setting<'off' | 'all' | 'filter'>(
    'screen',
    word(['off', 'all', 'filter']),
    'filter',
    'filter',
    'send what changes all the time as video: filter does so with photos and film, all with anything',
  ),
  'video-codecs': setting(
    'screen',
    videoCodecs,
    AUTO_VIDEO_CODECS,
    'auto',
    `codecs of video, the best first; of those that client and machine have the first is taken, and a client may ask for another order; auto is ${AUTO_VIDEO_CODECS.join(';')}`,
  ),
  'max-refresh-rate': setting(
    'screen',
    whole(1, 240, 'Hz'),
    60,
    '60',
    'most screen updates a second for one client',
  ),
  agent: setting(
    'devices',
    path,
    undefined,
    'none',
    'unix socket of the character device of QEMU behind the port com.redhat.spice.0, for the spice-vdagent of the guest; clients lay out heads through it where the display device cannot',
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
