import type { TicketExpiry } from '../../../src/core/ticket.js'
import test from 'ava'
import fc from 'fast-check'
import {
  formatConfig,
  loadConfig,
  requireForRun,
  type Flag,
  type LoadedConfig,
} from '../../../src/config/index.js'
import { ALL_SETTINGS, environmentName, LATER_SETTINGS, SETTINGS } from '../../../src/config/schema.js'
import { SidecarError } from '../../../src/core/errors.js'
import { DEFAULT_LIMITS } from '../../../src/core/limits.js'

interface Given {
  readonly file?: string
  readonly env?: Readonly<Record<string, string>>
  readonly flags?: readonly (readonly [string, string])[]
}

const PATH = '/etc/vm.yaml'

const load = ({ file, env = {}, flags = [] }: Given): LoadedConfig => {
  const all: Flag[] = flags.map(([key, text]) => ({ key, text }))
  if (file !== undefined) {
    all.push({ key: 'config', text: PATH })
  }
  return loadConfig({ flags: all, environment: env, readFile: () => file ?? '' })
}

const refusal = (given: Given): string => {
  try {
    load(given)
  } catch (error) {
    if (error instanceof SidecarError && error.code === 'SIDECAR_CONFIG') {
      return error.message
    }
    throw error
  }
  return 'accepted'
}

test('defaults', (t) => {
  const { config, warnings } = load({})
  t.like(config, {
    config: undefined,
    qmp: undefined,
    listen: [],
    insecure: false,
    metrics: { kind: 'tcp', host: '127.0.0.1', port: 9464 },
    ticketFile: undefined,
    ticketExpiry: { kind: 'never' },
    disableTicketing: false,
    clients: 'takeover',
    source: 'auto',
    imageCompression: 'auto',
    zlibGlzWanCompression: 'auto',
    maxRefreshRate: 60,
    logLevel: 'info',
  })
  t.deepEqual(config.limits, DEFAULT_LIMITS)
  t.is(warnings.length, 1)
  t.regex(warnings[0] ?? '', /nobody can connect.*ticket-file/)
})

test('every default passes its own reader', (t) => {
  for (const [key, { initialText, kind }] of ALL_SETTINGS) {
    if (!initialText.startsWith('none')) {
      t.true('value' in kind.read([initialText]), key)
    }
  }
})

test('flags win over the environment, that over the file, that over defaults', (t) => {
  const file = 'max-refresh-rate: 10\nlog-level: debug\nclients: share\nlisten: [127.0.0.1:1, 127.0.0.1:2]\n'
  const env = { SPICE_SIDECAR_MAX_REFRESH_RATE: '20', SPICE_SIDECAR_LOG_LEVEL: 'warn' }
  const { config, origins } = load({
    file,
    env,
    flags: [
      ['max-refresh-rate', '30'],
      ['listen', 'unix:/s'],
    ],
  })
  t.is(config.maxRefreshRate, 30)
  t.is(config.logLevel, 'warn')
  t.is(config.clients, 'share')
  t.is(config.source, 'auto')
  t.deepEqual(config.listen, [{ kind: 'unix', path: '/s' }])
  t.deepEqual(origins.get('max-refresh-rate'), { kind: 'flag', name: 'max-refresh-rate' })
  t.deepEqual(origins.get('log-level'), { kind: 'environment', name: 'SPICE_SIDECAR_LOG_LEVEL' })
  t.deepEqual(origins.get('clients'), { kind: 'file', path: PATH, line: 3 })
  t.deepEqual(origins.get('source'), { kind: 'default' })
})

test('a list is a repeated flag, a YAML list, a single YAML value, or commas in the environment', (t) => {
  const expected = [
    { kind: 'tcp', host: '127.0.0.1', port: 5900 },
    { kind: 'unix', path: '/run/s' },
  ]
  const texts = ['127.0.0.1:5900', 'unix:/run/s'] as const
  t.deepEqual(
    load({ flags: texts.map((text) => ['listen', text] as const) }).config.listen,
    expected as never,
  )
  t.deepEqual(load({ file: 'listen:\n- 127.0.0.1:5900\n- unix:/run/s\n' }).config.listen, expected as never)
  t.deepEqual(load({ env: { SPICE_SIDECAR_LISTEN: texts.join(', ') } }).config.listen, expected as never)
  t.is(load({ file: 'listen: unix:/run/s\n' }).config.listen.length, 1)
})

test('the file may be JSON, and its path may come from the environment', (t) => {
  const { config } = loadConfig({
    flags: [],
    environment: { SPICE_SIDECAR_CONFIG: '/a.json' },
    readFile: (path) => JSON.stringify({ qmp: path, insecure: true, 'max-refresh-rate': 25 }),
  })
  t.is(config.qmp, '/a.json')
  t.true(config.insecure)
  t.is(config.maxRefreshRate, 25)
})

test('an empty file changes nothing', (t) => {
  t.is(load({ file: '' }).config.clients, 'takeover')
  t.is(load({ file: '# only a comment\n' }).config.clients, 'takeover')
})

test('the configuration is deeply frozen', (t) => {
  const { config } = load({ flags: [['listen', '127.0.0.1:5900']] })
  t.true(Object.isFrozen(config))
  t.true(Object.isFrozen(config.limits))
  t.true(Object.isFrozen(config.listen))
  t.true(Object.isFrozen(config.listen[0]))
  t.true(Object.isFrozen(config.ticketExpiry))
})

test('limits are read by their key', (t) => {
  const { config } = load({ flags: [['limit-clients', '2']], env: { SPICE_SIDECAR_LIMIT_OUT_SOFT: '65536' } })
  t.is(config.limits.clients, 2)
  t.is(config.limits['out-soft'], 65536)
  t.is(config.limits.heads, DEFAULT_LIMITS.heads)
})

const expiry = test.macro({
  exec(t, text: string, value: TicketExpiry) {
    t.deepEqual(load({ flags: [['ticket-expiry', text]] }).config.ticketExpiry, value)
    t.deepEqual(load({ file: `ticket-expiry: ${text}\n` }).config.ticketExpiry, value)
  },
  title: (_, text: string) => `ticket-expiry ${text}, in a flag and in the file`,
})
test(expiry, 'never', { kind: 'never' })
test(expiry, 'now', { kind: 'now' })
test(expiry, '+30', { kind: 'after', seconds: 30 })
test(expiry, '1893456000', { kind: 'at', unixSeconds: 1893456000 })

const refused = test.macro({
  exec(t, given: Given, pattern: RegExp) {
    t.regex(refusal(given), pattern)
  },
  title: (title = '') => `refused: ${title}`,
})

const flag = (key: string, text: string): Given => ({ flags: [[key, text]] })

test(
  'unknown flag, with the nearest name',
  refused,
  flag('lisen', 'x'),
  /^"lisen" is no setting; did you mean listen\? \(flag --lisen\)$/,
)
test(
  'unknown variable, with the nearest variable',
  refused,
  { env: { SPICE_SIDECAR_LOGLEVEL: 'x' } },
  /did you mean SPICE_SIDECAR_LOG_LEVEL\?/,
)
test(
  'unknown key of the file, with its line',
  refused,
  { file: 'qmp: /q\nmax-refresh: 3\n' },
  /\(\/etc\/vm\.yaml:2\)$/,
)
test('a name near to nothing', refused, flag('zzzzzzzzzz', 'x'), /^"zzzzzzzzzz" is no setting \(/)
test('names of the prototype', refused, { file: '__proto__: 1\n' }, /is no setting/)
test('constructor', refused, { env: { SPICE_SIDECAR_CONSTRUCTOR: '1' } }, /is no setting/)
test(
  'a setting of a later version',
  refused,
  flag('redis-url', 'redis://x'),
  /^redis-url is not built in this version/,
)
test(
  'a source of a later version',
  refused,
  flag('source', 'vnc'),
  /^source is "vnc", which is not built in this version; allowed are auto and dbus-display/,
)
test(
  'an unknown word',
  refused,
  flag('clients', 'many'),
  /^clients is "many", but must be takeover, refuse or share \(flag --clients\)$/,
)
test(
  'a boolean that is none',
  refused,
  { file: 'insecure: maybe\n' },
  /^insecure is "maybe", but must be true or false \(\/etc\/vm\.yaml:1\)$/,
)
for (const text of ['0', '241', '-1', '1.5', '1e2', '0x10', '', ' 60', 'NaN']) {
  test(
    `max-refresh-rate ${JSON.stringify(text)}`,
    refused,
    flag('max-refresh-rate', text),
    /a whole number of Hz from 1 to 240/,
  )
}
test(
  'a limit above its maximum',
  refused,
  flag('limit-clients', '65'),
  /^limit-clients is "65".*clients from 1 to 64/,
)
test('a limit below its minimum', refused, flag('limit-link', '17'), /from 18 to 4096/)
test('an unknown limit', refused, flag('limit-client', '3'), /did you mean limit-clients\?/)
test(
  'out-soft above out-hard',
  refused,
  flag('limit-out-soft', '268435456'),
  /^limit-out-soft must not be above limit-out-hard/,
)
test('an empty path', refused, flag('qmp', ''), /^qmp is "", but must be a path/)
for (const text of ['soon', '+', '-3', '+1x', '99999999999999', '']) {
  test(
    `ticket-expiry ${JSON.stringify(text)}`,
    refused,
    flag('ticket-expiry', text),
    /never, now, \+SECONDS or seconds since 1970/,
  )
}
test(
  'a flag given twice',
  refused,
  {
    flags: [
      ['qmp', '/a'],
      ['qmp', '/b'],
    ],
  },
  /^qmp is given 2 times, but takes one value/,
)
test(
  'a YAML list for one value',
  refused,
  { file: 'qmp: [/a, /b]\n' },
  /^qmp is a list, but must be one value/,
)
test(
  'a YAML mapping for a value',
  refused,
  { file: 'listen: {port: 1}\n' },
  /^listen must be a plain value or a list of plain values/,
)
test('a YAML key without value', refused, { file: 'qmp:\n' }, /^qmp has no value/)
test(
  'a YAML key given twice',
  refused,
  { file: 'qmp: /a\nqmp: /b\n' },
  /has the same key twice \(\/etc\/vm\.yaml:2\)/,
)
test('a YAML alias', refused, { file: 'qmp: &a /x\nticket-file: *a\n' }, /^ticket-file must be a plain value/)
test('broken YAML', refused, { file: 'qmp: [1\nlisten: "' }, /is not valid YAML/)
test('YAML that is a list', refused, { file: '- qmp\n' }, /must be a mapping of settings to values/)
test('YAML that is a word', refused, { file: 'qmp' }, /must be a mapping of settings to values/)
test('a YAML key that is a number', refused, { file: '1: 2\n' }, /a key that is not the name of a setting/)
test('two YAML documents', refused, { file: 'qmp: /a\n---\nqmp: /b\n' }, /is not valid YAML/)
test('a huge file', refused, { file: `# ${'x'.repeat(300_000)}` }, /more than 262144 characters/)
test(
  'config in the file',
  refused,
  { file: 'config: /b\n' },
  /^config cannot be set in the configuration file itself/,
)
test(
  'ticket-file with disable-ticketing',
  refused,
  { file: 'ticket-file: /t\n', flags: [['disable-ticketing', 'true']] },
  /^ticket-file and disable-ticketing exclude each other/,
)
test(
  'a plain address that others reach',
  refused,
  flag('listen', '0.0.0.0:5900'),
  /^listen has 0\.0\.0\.0:5900, which other machines can reach without encryption.*insecure/,
)
test(
  'one address of several that others reach',
  refused,
  {
    flags: [
      ['listen', '127.0.0.1:1'],
      ['listen', '[2001:db8::1]:2'],
    ],
  },
  /\[2001:db8::1\]:2/,
)
test(
  'the same address twice',
  refused,
  {
    flags: [
      ['listen', '[::1]:5900'],
      ['listen', '[0:0::1]:5900'],
    ],
  },
  /^listen has \[0:0::1\]:5900 twice/,
)
test(
  'the same unix path twice',
  refused,
  {
    flags: [
      ['listen', 'unix:/a'],
      ['listen', 'unix:/a'],
    ],
  },
  /twice/,
)
test(
  'listen and metrics at the same address',
  refused,
  flag('listen', '127.0.0.1:9464'),
  /^listen and metrics are both 127\.0\.0\.1:9464/,
)
test(
  'seventeen addresses',
  refused,
  { env: { SPICE_SIDECAR_LISTEN: Array.from({ length: 17 }, (_, i) => `127.0.0.1:${i + 1}`).join() } },
  /has 17 addresses, but at most 16/,
)
test('an empty variable', refused, { env: { SPICE_SIDECAR_LISTEN: '' } }, /^listen has "", but must be/)

for (const key of [
  'ticket',
  'password',
  'ticket-password',
  'spice-password',
  'password-secret',
  'view-only-ticket',
]) {
  test(`N-K8S-05: ${key} itself is refused wherever it is written, and not repeated`, (t) => {
    const secret = 'hunter2-Xq'
    const places: Given[] = [
      flag(key, secret),
      { env: { [environmentName(key)]: secret } },
      { file: `${key}: ${secret}\n` },
    ]
    for (const place of places) {
      const sentence = refusal(place)
      t.regex(sentence, new RegExp(`^${key} is a secret, which is only taken from a file.*ticket-file`))
      t.false(sentence.includes(secret))
    }
  })
}

test('an unreadable file is an error that names it', (t) => {
  const missing = Object.assign(new Error('no such file'), { code: 'ENOENT' })
  const error = t.throws(
    () =>
      loadConfig({
        flags: [{ key: 'config', text: '/none.yaml' }],
        environment: {},
        readFile: () => {
          throw missing
        },
      }),
    { instanceOf: SidecarError, code: 'SIDECAR_CONFIG' },
  )
  t.is(error.message, 'the configuration file /none.yaml cannot be read: ENOENT (flag --config)')
})

test('an error of a value shows it escaped and cut', (t) => {
  const sentence = refusal(flag('clients', `\u001b[31m\n${'x'.repeat(5000)}`))
  t.true(sentence.length < 300)
  t.false(/\p{Cc}/u.test(sentence))
})

test('service links of Kubernetes are no settings, and a warning says so', (t) => {
  const env = {
    SPICE_SIDECAR_SERVICE_HOST: '10.0.0.1',
    SPICE_SIDECAR_SERVICE_PORT: '5900',
    SPICE_SIDECAR_SERVICE_PORT_SPICE: '5900',
    SPICE_SIDECAR_PORT: 'tcp://10.0.0.1:5900',
    SPICE_SIDECAR_PORT_5900_TCP: 'tcp://10.0.0.1:5900',
    SPICE_SIDECAR_PORT_5900_TCP_ADDR: '10.0.0.1',
  }
  const links = load({ env }).warnings.filter((warning) => warning.includes('enableServiceLinks'))
  t.is(links.length, Object.keys(env).length)
  t.regex(refusal({ env: { SPICE_SIDECAR_PORT: '5900' } }), /^port is not built in this version/)
})

test('other variables are nobody’s business', (t) => {
  t.notThrows(() => load({ env: { PATH: '/bin', SPICE_SIDECARX: '1', spice_sidecar_qmp: 'x' } }))
})

test('insecure allows what it is for; disable-ticketing there earns a warning', (t) => {
  const { config, warnings } = load({
    flags: [
      ['listen', '0.0.0.0:5900'],
      ['insecure', 'true'],
      ['disable-ticketing', 'true'],
    ],
  })
  t.is(config.listen.length, 1)
  t.is(warnings.length, 1)
  t.regex(warnings[0] ?? '', /lets everybody in/)
})

test('two addresses with port 0 are not the same', (t) => {
  t.is(
    load({
      flags: [
        ['listen', '127.0.0.1:0'],
        ['listen', '127.0.0.1:0'],
        ['metrics', '127.0.0.1:0'],
      ],
    }).config.listen.length,
    2,
  )
})

test('run needs qmp and listen', (t) => {
  t.throws(() => requireForRun(load(flag('listen', '127.0.0.1:1')).config), {
    message: /^qmp is missing/,
    code: 'SIDECAR_CONFIG',
  })
  t.throws(() => requireForRun(load(flag('qmp', '/q')).config), {
    message: /^listen is missing/,
    code: 'SIDECAR_CONFIG',
  })
  const config = requireForRun(
    load({
      flags: [
        ['qmp', '/q'],
        ['listen', '127.0.0.1:1'],
      ],
    }).config,
  )
  t.is(config.qmp, '/q')
  t.true(Object.isFrozen(config))
})

test('what check-config prints loads to the same configuration', (t) => {
  const flags = [
    ['listen', '[::1]:5900'],
    ['listen', 'unix:/run/with space: and # sign'],
    ['metrics', 'off'],
    ['qmp', '/run/true'],
    ['ticket-file', 'yes: "no"'],
    ['ticket-expiry', '+30'],
    ['limit-clients', '3'],
  ] as const
  const loaded = load({ flags })
  const text = formatConfig(loaded)
  const again = load({ file: text })
  t.deepEqual({ ...again.config, config: undefined }, loaded.config)
  t.regex(text, /^limit-clients: 3 # flag --limit-clients$/m)
  t.regex(text, /^metrics: off # flag --metrics$/m)
  t.regex(text, /^# config: none # default$/m)
})

test('the name of a setting later is not one now', (t) => {
  for (const key of LATER_SETTINGS) {
    t.false(ALL_SETTINGS.has(key), key)
  }
})

test('names of variables are one to one', (t) => {
  t.is(new Set([...ALL_SETTINGS.keys()].map(environmentName)).size, ALL_SETTINGS.size)
  t.is(environmentName('limit-out-soft'), 'SPICE_SIDECAR_LIMIT_OUT_SOFT')
})

test('any file text gives a configuration or SIDECAR_CONFIG', (t) => {
  const key = fc.oneof(fc.constantFrom(...Object.keys(SETTINGS), 'limit-clients'), fc.string())
  const line = fc.tuple(key, fc.oneof(fc.string(), fc.json())).map(([name, value]) => `${name}: ${value}`)
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(line).map((lines) => lines.join('\n')),
    fc.json(),
  )
  fc.assert(
    fc.property(text, (file) => {
      refusal({ file })
    }),
    { numRuns: 500 },
  )
  t.pass()
})
