/** One limit of the threat model: its value, its unit and what happens when it is reached. */
export interface LimitRule {
  /** Name in the threat model, section 7. */
  readonly id: string
  readonly value: number
  readonly unit: string
  readonly min: number
  readonly max: number
  readonly what: string
  readonly onReaching: string
}

const limit = (
  id: string,
  value: number,
  unit: string,
  [min, max]: readonly [number, number],
  what: string,
  onReaching: string,
): LimitRule => ({ id, value, unit, min, max, what, onReaching })

const MiB = 1024 * 1024

/**
 * Limits in force, by the key under which each is configured (`limit-<key>`). Values and ids: threat model
 * section 7.
 */
export const LIMIT_RULES = {
  pending: limit(
    'L-pending',
    64,
    'connections',
    [1, 4096],
    'connections before authentication, all sources',
    'refuse',
  ),
  'pending-source': limit(
    'L-pending-src',
    32,
    'connections',
    [1, 4096],
    'connections before authentication, one source',
    'refuse',
  ),
  'stage-ms': limit('L-stage', 10_000, 'ms', [100, 600_000], 'accept to end of authentication', 'close'),
  'source-burst': limit(
    'L-rate-src',
    30,
    'connections',
    [1, 10_000],
    'new connections of one source at once',
    'refuse',
  ),
  'source-rate': limit(
    'L-rate-src',
    5,
    'connections/s',
    [1, 10_000],
    'new connections of one source after that',
    'refuse',
  ),
  'auth-source': limit(
    'L-auth',
    5,
    'failures/minute',
    [1, 10_000],
    'failed authentications of one source',
    'refuse the source for 2 s, each time twice as long up to 300 s',
  ),
  'auth-all': limit(
    'L-auth',
    60,
    'failures/minute',
    [1, 100_000],
    'failed authentications of all sources',
    'serve only sources without a failure',
  ),
  'auth-sources': limit(
    'L-auth',
    10_000,
    'sources',
    [100, 1_000_000],
    'sources whose failures are remembered',
    'forget the one that failed longest ago',
  ),
  'answer-ms': limit(
    'L-auth',
    50,
    'ms',
    [0, 1000],
    'time from a ticket to its answer, good or bad',
    'answer',
  ),
  keys: limit(
    'L-keys',
    8,
    'key pairs',
    [1, 64],
    'ready ticket key pairs',
    'wait within the stage, then refuse',
  ),
  link: limit('L-link', 4096, 'bytes', [18, 4096], 'link message', 'INVALID_DATA'),
  caps: limit('L-caps', 32, 'words', [1, 1024], 'capability words, common and channel each', 'INVALID_DATA'),
  clients: limit('L-clients', 8, 'clients', [1, 64], 'clients with `clients: share`', 'refuse'),
  channels: limit('L-chan', 32, 'channels', [4, 256], 'channels of one client', 'CHANNEL_NOT_AVAILABLE'),
  'message-main': limit(
    'L-msg',
    64 * 1024,
    'bytes',
    [1024, 16 * MiB],
    'message body from the client, main',
    'close channel',
  ),
  'message-display': limit(
    'L-msg',
    4096,
    'bytes',
    [256, 16 * MiB],
    'message body from the client, display and cursor',
    'close channel',
  ),
  'message-inputs': limit(
    'L-msg',
    256,
    'bytes',
    [64, 16 * MiB],
    'message body from the client, inputs',
    'close channel',
  ),
  'agent-message': limit(
    'L-agent',
    8192,
    'bytes',
    [1024, MiB],
    'agent message kept whole',
    'drop the message',
  ),
  'input-rate': limit(
    'L-input',
    1000,
    'messages/s',
    [50, 100_000],
    'input messages of one client',
    'merge motion; pause reading',
  ),
  'input-burst': limit(
    'L-input',
    2000,
    'messages',
    [50, 100_000],
    'input messages of one client at once',
    'merge motion; pause reading',
  ),
  'ack-window': limit(
    'L-ack',
    20,
    'messages',
    [4, 128],
    'messages per acknowledgement; twice as many may be unacknowledged',
    'stop sending',
  ),
  'ack-stall-ms': limit(
    'L-ack',
    30_000,
    'ms',
    [1000, 600_000],
    'time without progress of a client that blocks its channel',
    'close client as slow reader',
  ),
  'out-soft': limit(
    'L-out',
    8 * MiB,
    'bytes',
    [64 * 1024, 256 * MiB],
    'bytes waiting for one client',
    'close as slow reader after 10 s',
  ),
  'out-hard': limit(
    'L-out',
    32 * MiB,
    'bytes',
    [MiB, 1024 * MiB],
    'bytes waiting for one client',
    'close as slow reader at once',
  ),
  heads: limit('L-heads', 16, 'heads', [1, 16], 'heads of one guest', 'refuse the layout'),
  'head-side': limit(
    'L-heads',
    8192,
    'pixels',
    [640, 16384],
    'width or height asked of a head',
    'refuse the layout',
  ),
  'image-side': limit(
    'L-image',
    16384,
    'pixels',
    [640, 32768],
    'width or height of a scanout or image',
    'drop, keep the last good frame',
  ),
  'image-pixels': limit(
    'L-image',
    64 * MiB,
    'pixels',
    [640 * 480, 256 * MiB],
    'pixels of a scanout or image',
    'drop, keep the last good frame',
  ),
  'cursor-side': limit(
    'L-cursor',
    512,
    'pixels',
    [16, 4096],
    'width or height of a pointer shape',
    'keep the old shape',
  ),
  fds: limit('L-fds', 4, 'descriptors', [1, 16], 'descriptors in one D-Bus message', 'close the connection'),
  dbus: limit(
    'L-dbus',
    64 * 1024,
    'bytes',
    [4096, 16 * MiB],
    'D-Bus message without pixels',
    'close the connection',
  ),
  'qmp-line': limit('L-qmp', MiB, 'bytes', [4096, 64 * MiB], 'one line from QMP', 'close and reconnect'),
  'qmp-depth': limit('L-qmp', 32, 'levels', [8, 256], 'nesting of a QMP line', 'close and reconnect'),
  'qmp-pending': limit(
    'L-qmp',
    64,
    'commands',
    [4, 4096],
    'QMP commands waiting for a reply',
    'refuse the command',
  ),
  'log-warnings': limit(
    'L-log',
    10,
    'lines/minute',
    [1, 10_000],
    'warnings of one scope',
    'count what is left out',
  ),
  'http-requests': limit('L-http', 5, 'requests', [1, 100], 'requests at once on the metrics port', '503'),
  'watchdog-ms': limit(
    'L-watchdog',
    5000,
    'ms',
    [1000, 60_000],
    'time without a turn of the QEMU worker while listeners are held',
    'the kernel ends the process',
  ),
} as const satisfies Record<string, LimitRule>

export type LimitKey = keyof typeof LIMIT_RULES

/** Value of each limit, as configured. */
export type Limits = Readonly<Record<LimitKey, number>>

export const DEFAULT_LIMITS: Limits = Object.freeze(
  Object.fromEntries(Object.entries(LIMIT_RULES).map(([key, rule]) => [key, rule.value])),
) as Limits
