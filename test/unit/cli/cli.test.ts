import test from 'ava'
import fc from 'fast-check'
import { EXIT, runCli, type CliIo, type HttpAnswer } from '../../../src/cli/index.js'
import { ALL_SETTINGS, type RunConfig } from '../../../src/config/index.js'
import { SidecarError } from '../../../src/core/errors.js'

interface World {
  readonly env?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string>>
  readonly tickets?: Readonly<Record<string, string>>
  readonly input?: string
  readonly answer?: HttpAnswer | Error
  readonly writeFails?: boolean
  readonly runResult?: number
}

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
  readonly ran: readonly RunConfig[]
  readonly written: ReadonlyMap<string, string>
  readonly asked: readonly string[]
}

const failure = (code: string): Error => Object.assign(new Error(code), { code })

const cli = async (argv: readonly string[], world: World = {}): Promise<Outcome> => {
  let out = ''
  let err = ''
  const ran: RunConfig[] = []
  const written = new Map<string, string>()
  const asked: string[] = []
  const io: CliIo = {
    env: world.env ?? {},
    stdout: (text) => (out += text),
    stderr: (text) => (err += text),
    readFile: (path) => {
      const text = world.files?.[path]
      if (text === undefined) {
        throw failure('ENOENT')
      }
      return text
    },
    writeSecretFile: (path, text) => {
      if (world.writeFails === true) {
        throw failure('EACCES')
      }
      written.set(path, text)
    },
    readTicket: (path) => {
      const text = world.tickets?.[path]
      if (text === undefined) {
        throw new SidecarError('SIDECAR_CONFIG', `the ticket file ${path} cannot be read: ENOENT`)
      }
      return text === '' ? undefined : Buffer.from(text, 'latin1')
    },
    readTicketInput: () => {
      const text = world.input ?? ''
      return text === '' ? undefined : Buffer.from(text, 'latin1')
    },
    askAdmin: (socketPath, method, path, body) => {
      asked.push([socketPath, method, path, body].filter((each) => each !== undefined).join(' '))
      const { answer } = world
      return answer instanceof Error
        ? Promise.reject(answer)
        : Promise.resolve(answer ?? { status: 204, body: '' })
    },
    get: (host, port, path) => {
      asked.push(`${host} ${port} ${path}`)
      const { answer } = world
      return answer instanceof Error
        ? Promise.reject(answer)
        : Promise.resolve(answer ?? { status: 200, body: 'ok\n' })
    },
  }
  const run = (config: RunConfig): Promise<number> => {
    ran.push(config)
    return Promise.resolve(world.runResult ?? 0)
  }
  const code = await runCli(argv, io, { run }, '1.2.3')
  return { code, out, err, ran, written, asked }
}

const RUN = ['--qmp', '/q', '--listen', '127.0.0.1:5900', '--disable-ticketing']

test('help and version', async (t) => {
  for (const word of ['help', '--help', '-h']) {
    const { code, out } = await cli([word])
    t.is(code, EXIT.ok)
    t.regex(out, /usage: spice-sidecar COMMAND/)
    t.regex(out, /check-config/)
  }
  for (const word of ['version', '--version', '-V']) {
    t.like(await cli([word]), { code: 0, out: 'spice-sidecar 1.2.3\n', err: '' })
  }
})

test('run --help lists every setting under its group, in lines that fit a terminal', async (t) => {
  const { code, out } = await cli(['run', '--help'])
  t.is(code, EXIT.ok)
  for (const key of ALL_SETTINGS.keys()) {
    t.regex(out, new RegExp(`^  --${key}(?: |$)`, 'm'))
  }
  t.true(
    out.indexOf('\nwhere\n') < out.indexOf('\nwho\n') && out.indexOf('\nwho\n') < out.indexOf('\nscreen\n'),
  )
  t.true(out.split('\n').every((line) => line.length <= 100))
})

test('run hands over the configuration and returns its exit code', async (t) => {
  const { code, ran, err } = await cli(['run', ...RUN, '--max-refresh-rate=30'], { runResult: 7 })
  t.is(code, 7)
  t.is(err, '')
  t.is(ran.length, 1)
  t.like(ran[0], { qmp: '/q', maxRefreshRate: 30, disableTicketing: true })
})

test('warnings go to standard error, one a line', async (t) => {
  const { code, err, ran } = await cli(['run', '--qmp', '/q', '--listen', '127.0.0.1:5900'])
  t.is(code, 0)
  t.is(ran.length, 1)
  t.regex(err, /^spice-sidecar: warning: there is no ticket[^\n]*\n$/)
})

test('an empty ticket file is allowed, with a warning', async (t) => {
  const words = ['run', '--qmp', '/q', '--listen', '127.0.0.1:5900', '--ticket-file', '/t']
  const { code, err, ran } = await cli(words, { tickets: { '/t': '' } })
  t.is(code, 0)
  t.is(ran.length, 1)
  t.regex(err, /^spice-sidecar: warning: the first line of \/t is empty, so nobody can connect[^\n]*\n$/)
})

test('flags: switches, their opposite, and values', async (t) => {
  const config = async (...words: string[]): Promise<RunConfig | undefined> =>
    (await cli(['run', ...RUN, ...words])).ran[0]
  t.true((await config('--insecure'))?.insecure)
  t.false((await config('--no-insecure'))?.insecure)
  t.true((await config('--insecure=true'))?.insecure)
  t.false((await config('--insecure=false'))?.insecure)
  t.deepEqual((await config('--listen=unix:/a=b'))?.listen[1], { kind: 'unix', path: '/a=b' })
  t.is((await config('--qmp=--x', '--insecure'))?.qmp, undefined)
})

const fails = test.macro({
  async exec(t, argv: readonly string[], code: number, pattern: RegExp, world: World = {}) {
    const outcome = await cli(argv, world)
    t.is(outcome.code, code)
    t.regex(outcome.err, pattern)
    t.is(outcome.err.split('\n').length, 2, 'one sentence')
    t.is(outcome.out, '')
    t.is(outcome.ran.length, 0)
    t.is(outcome.written.size, 0)
  },
  title: (title = '', argv: readonly string[]) => `fails: ${argv.join(' ').slice(0, 80)} ${title}`.trimEnd(),
})

test(fails, [], EXIT.usage, /a command is missing/)
test(fails, ['rnu'], EXIT.usage, /"rnu" is no command; did you mean run\?/)
test(fails, ['toString'], EXIT.usage, /is no command/)
test(fails, ['run', 'stray'], EXIT.usage, /"stray" is no flag/)
test(fails, ['run', '-x'], EXIT.usage, /"-x" is no flag/)
test(fails, ['run', '--'], EXIT.usage, /is no flag/)
test(fails, ['run', '--qmp'], EXIT.usage, /--qmp needs a value/)
test(fails, ['run', '--qmp', '--insecure'], EXIT.usage, /--qmp needs a value/)
test(fails, ['run', '--no-insecure=true'], EXIT.usage, /--no-insecure takes no value/)
test(fails, ['run', '--lisen', '127.0.0.1:1'], EXIT.config, /"lisen" is no setting; did you mean listen\?/)
test(fails, ['run', '--no-listen'], EXIT.config, /"no-listen" is no setting; did you mean listen\?/)
test(fails, ['run', '--insecure', '--no-insecure'], EXIT.config, /insecure is given 2 times/)
test(fails, ['run', '--insecure=maybe'], EXIT.config, /insecure is "maybe"/)
test(fails, ['run', '--__proto__', 'x'], EXIT.config, /is no setting/)
test(fails, ['run', '--listen', '127.0.0.1:1'], EXIT.config, /qmp is missing/)
test(fails, ['run', '--config', '/none'], EXIT.config, /the configuration file \/none cannot be read: ENOENT/)
test(
  fails,
  ['run', '--qmp', '/q', '--listen', '127.0.0.1:1', '--ticket-file', '/none'],
  EXIT.config,
  /the ticket file \/none cannot be read/,
)
test(fails, ['check-config'], EXIT.config, /qmp is missing/)
test(fails, ['check-config', '--output', 'x', ...RUN], EXIT.config, /"output" is no setting/)
test(fails, ['viewer-file'], EXIT.config, /listen is missing/)
test(
  fails,
  ['viewer-file', '--listen', '127.0.0.1:1', '--full-screen=1'],
  EXIT.usage,
  /--full-screen takes no value/,
)
test(
  fails,
  ['viewer-file', '--listen', '127.0.0.1:1', '--title', 'a', '--title', 'b'],
  EXIT.usage,
  /--title is given twice/,
)
test(fails, ['viewer-file', '--listen', '127.0.0.1:0'], EXIT.config, /no listen address/)
for (const proxy of ['proxy:3128', 'ftp://proxy:21', 'http://proxy/path', 'http://', '']) {
  test(
    `viewer-file --proxy ${proxy}`,
    fails,
    ['viewer-file', '--listen', '127.0.0.1:1', '--proxy', proxy],
    EXIT.config,
    /--proxy .* is not of the form/,
  )
}
test(
  fails,
  ['viewer-file', '--listen', '127.0.0.1:1', '--output', '/o'],
  EXIT.cannotCreate,
  /\/o cannot be written: EACCES/,
  { writeFails: true },
)
test(fails, ['health'], EXIT.usage, /either --live or --ready/)
test(fails, ['health', '--live', '--ready'], EXIT.usage, /either --live or --ready/)
test(fails, ['health', '--live', '--metrics', 'off'], EXIT.failed, /metrics is off/)
test(fails, ['health', '--ready'], EXIT.failed, /\/readyz answered 503: no listener is open$/m, {
  answer: { status: 503, body: 'no listener is open\nmore' },
})
test(fails, ['health', '--live'], EXIT.failed, /did not answer: ECONNREFUSED/, {
  answer: failure('ECONNREFUSED'),
})
test('when nobody answers', fails, ['health', '--live'], EXIT.failed, /no answer in time/, {
  answer: failure('ABORT_ERR'),
})

for (const argv of [
  ['run', '--password', 'hunter2-Xq'],
  ['run', '--ticket=hunter2-Xq'],
  ['viewer-file', '--password', 'hunter2-Xq'],
]) {
  test(`N-K8S-05: ${argv.join(' ').replace('hunter2-Xq', '…')} is refused and the secret not repeated`, async (t) => {
    const { code, out, err, ran } = await cli(argv)
    t.is(code, EXIT.config)
    t.regex(err, /is a secret, which is only taken from a file/)
    t.false((out + err).includes('hunter2'))
    t.is(ran.length, 0)
  })
}

test('N-K8S-05: no command prints the ticket except the viewer file', async (t) => {
  const words = ['--qmp', '/q', '--listen', '127.0.0.1:5900', '--ticket-file', '/t']
  const world = { tickets: { '/t': 'hunter2-Xq' } }
  for (const command of ['run', 'check-config']) {
    const { code, out, err } = await cli([command, ...words], world)
    t.is(code, EXIT.ok)
    t.false((out + err).includes('hunter2'))
  }
})

test('check-config prints the effective configuration with origins', async (t) => {
  const { code, out } = await cli(['check-config', '--config', '/c', '--disable-ticketing'], {
    files: { '/c': 'qmp: /q\nlisten: 127.0.0.1:5900\n' },
    env: { SPICE_SIDECAR_LOG_LEVEL: 'debug' },
  })
  t.is(code, EXIT.ok)
  t.regex(out, /^qmp: "\/q" # \/c:1$/m)
  t.regex(out, /^listen: \["127\.0\.0\.1:5900"\] # \/c:2$/m)
  t.regex(out, /^log-level: debug # environment variable SPICE_SIDECAR_LOG_LEVEL$/m)
  t.regex(out, /^disable-ticketing: true # flag --disable-ticketing$/m)
  t.regex(out, /^clients: takeover # default$/m)
})

const viewer = (words: readonly string[], world: World = {}): Promise<Outcome> =>
  cli(['viewer-file', ...words], world)

test('viewer-file: an HTTP proxy', async (t) => {
  const { out } = await viewer([
    '--listen',
    '127.0.0.1:5930',
    '--proxy',
    'http://me:secret@proxy.example:3128',
  ])
  t.true(out.split('\n').includes('proxy=http://me:secret@proxy.example:3128'))
})

test('viewer-file: TCP address to standard output', async (t) => {
  const { code, out, written } = await viewer([
    '--listen',
    '127.0.0.1:5900',
    '--title',
    'desk 1',
    '--full-screen',
  ])
  t.is(code, EXIT.ok)
  t.is(out, '[virt-viewer]\ntype=spice\nhost=127.0.0.1\nport=5900\ntitle=desk 1\nfullscreen=1\n')
  t.is(written.size, 0)
})

test('viewer-file: unix socket', async (t) => {
  t.is((await viewer(['--listen', 'unix:/run/s'])).out, '[virt-viewer]\ntype=spice\nunix-path=/run/s\n')
})

test('viewer-file: an address that means all of them needs --host', async (t) => {
  for (const listen of ['0.0.0.0:5900', '[::]:5900', '[0::0]:5900']) {
    const none = await viewer(['--listen', listen, '--insecure'])
    t.is(none.code, EXIT.config)
    t.regex(none.err, /--host/)
    const { out } = await viewer(['--listen', listen, '--insecure', '--host', 'desk.example.org'])
    t.regex(out, /^host=desk\.example\.org\nport=5900$/m)
  }
})

test('viewer-file: the first address that a client can be told', async (t) => {
  const { out } = await viewer(['--listen', '127.0.0.1:0', '--listen', 'unix:/s', '--listen', '[::1]:5901'])
  t.regex(out, /^unix-path=\/s$/m)
  const named = await viewer(['--listen', 'unix:/s', '--listen', '127.0.0.1:5901', '--host', 'h'])
  t.regex(named.out, /^host=h\nport=5901$/m)
})

test('viewer-file: a ticket makes the file delete itself, but only when it is a file', async (t) => {
  const words = ['--listen', '127.0.0.1:5900', '--ticket-file', '/t']
  const world = { tickets: { '/t': 'secret', '/empty': '' } }
  const printed = await viewer(words, world)
  t.regex(printed.out, /^password=secret$/m)
  t.notRegex(printed.out, /delete-this-file/)
  const { out, written } = await viewer([...words, '--output', '/o.vv'], world)
  t.is(out, '')
  t.regex(written.get('/o.vv') ?? '', /^password=secret\ndelete-this-file=1$/m)
  const locked = await viewer(
    ['--listen', '127.0.0.1:5900', '--ticket-file', '/empty', '--output', '/o.vv'],
    world,
  )
  t.notRegex(locked.written.get('/o.vv') ?? '', /password|delete-this-file/)
})

test('viewer-file: values cannot add keys', async (t) => {
  const world = { tickets: { '/t': '  a\\b\tc ' } }
  const { out } = await viewer(
    ['--listen', '127.0.0.1:1', '--title', 'x\npassword=evil\r', '--ticket-file', '/t'],
    world,
  )
  t.regex(out, /^title=x\\npassword=evil\\r$/m)
  t.regex(out, /^password=\\s\\sa\\\\b\\tc\\s$/m)
  t.is(out.split('\n').filter((line) => line.startsWith('password=')).length, 1)
  t.is((await viewer(['--listen', '127.0.0.1:1', '--title', '\u0001'])).code, EXIT.config)
})

test('viewer-file: a ticket that is no text', async (t) => {
  const { code, err } = await viewer(['--listen', '127.0.0.1:1', '--ticket-file', '/t'], {
    tickets: { '/t': '\xff\xfe' },
  })
  t.is(code, EXIT.config)
  t.regex(err, /not UTF-8/)
})

test('health asks the metrics address', async (t) => {
  const live = await cli(['health', '--live'])
  t.like(live, { code: 0, out: 'ok\n', err: '' })
  t.deepEqual(live.asked, ['127.0.0.1 9464 /livez'])
  t.deepEqual((await cli(['health', '--ready', '--metrics', '0.0.0.0:9000'])).asked, [
    '127.0.0.1 9000 /readyz',
  ])
  t.deepEqual((await cli(['health', '--ready', '--metrics', '[::]:9000'])).asked, ['::1 9000 /readyz'])
})

test('health prints one clean line, whatever the answer is', async (t) => {
  const { err } = await cli(['health', '--live'], {
    answer: { status: 500, body: '\u001b[2Jx'.repeat(1000) },
  })
  t.false(/\p{Cc}/u.test(err.trimEnd()))
  t.true(err.length < 300)
})

test('what run throws is not swallowed', async (t) => {
  const bug = new Error('bug')
  const io = { ...stub, readTicket: () => undefined }
  await t.throwsAsync(runCli(['run', ...RUN], io, { run: () => Promise.reject(bug) }, '1'), { is: bug })
  const config = new SidecarError('SIDECAR_CONFIG', 'listen cannot be opened')
  t.is(await runCli(['run', ...RUN], io, { run: () => Promise.reject(config) }, '1'), EXIT.config)
})

const stub: CliIo = {
  env: {},
  stdout: () => undefined,
  stderr: () => undefined,
  readFile: () => '',
  writeSecretFile: () => undefined,
  readTicket: () => undefined,
  readTicketInput: () => undefined,
  askAdmin: () => Promise.reject(new Error('not asked')),
  get: () => Promise.reject(new Error('nobody')),
}

test('any words end in one of the known exit codes', async (t) => {
  const known = new Set<number>(Object.values(EXIT))
  const word = fc.oneof(
    fc.constantFrom(
      'run',
      'check-config',
      'viewer-file',
      'health',
      '--help',
      '--live',
      '--output',
      '--insecure',
      '--no-insecure',
      '--',
    ),
    fc.constantFrom(...ALL_SETTINGS.keys()).map((key) => `--${key}`),
    fc.tuple(fc.constantFrom(...ALL_SETTINGS.keys()), fc.string()).map(([key, text]) => `--${key}=${text}`),
    fc.string(),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 6 }), async (argv) => {
      t.true(known.has(await runCli(argv, stub, { run: () => Promise.resolve(0) }, '1')))
    }),
    { numRuns: 500 },
  )
})

const ADMIN = ['--admin', 'unix:/run/admin.sock'] as const

test('ctl: a ticket comes from standard input or a file, never from the command line', async (t) => {
  const piped = await cli(['ctl', 'set-ticket', ...ADMIN, '--expiry', '+60'], { input: 'secret' })
  t.deepEqual(piped.asked, ['/run/admin.sock PUT /ticket {"password":"secret","expiry":"+60"}'])
  t.is(piped.code, EXIT.ok)
  t.is(piped.out + piped.err, '')
  const filed = await cli(['ctl', 'set-ticket', ...ADMIN, '--from', '/t', '--connected', 'fail'], {
    tickets: { '/t': 'filed' },
  })
  t.deepEqual(filed.asked, ['/run/admin.sock PUT /ticket {"password":"filed","connected":"fail"}'])
  const typed = await cli(['ctl', 'set-ticket', 'secret', ...ADMIN])
  t.is(typed.code, EXIT.usage)
  t.deepEqual(typed.asked, [])
})

test('ctl: each action is one request', async (t) => {
  for (const [words, asked] of [
    [['expire', '--expiry', 'now'], 'PUT /ticket/expiry {"expiry":"now"}'],
    [['lock'], 'DELETE /ticket'],
    [['clients'], 'GET /clients'],
    [['disconnect', '--client', '3'], 'DELETE /clients/3'],
  ] as const) {
    const outcome = await cli(['ctl', ...words, ...ADMIN], { answer: { status: 200, body: '{}\n' } })
    t.deepEqual(outcome.asked, [`/run/admin.sock ${asked}`])
    t.is(outcome.out, '{}\n')
  }
})

for (const words of [
  [],
  ['steal'],
  ['set-ticket'],
  ['expire'],
  ['disconnect'],
  ['disconnect', '--client', '../ticket'],
  ['lock', '--expiry', 'now'],
]) {
  test(`ctl ${words.join(' ')}: a wrong command line asks nobody`, async (t) => {
    const outcome = await cli(['ctl', ...words, ...ADMIN])
    t.is(outcome.code, EXIT.usage)
    t.deepEqual(outcome.asked, [])
  })
}

test('ctl: without an admin socket, without an answer, and with an error for an answer', async (t) => {
  t.is((await cli(['ctl', 'clients'])).code, EXIT.usage)
  const dead = await cli(['ctl', 'clients', ...ADMIN], { answer: failure('ECONNREFUSED') })
  t.is(dead.code, EXIT.failed)
  t.regex(dead.err, /did not answer: ECONNREFUSED/)
  const refused = await cli(['ctl', 'lock', ...ADMIN], {
    answer: { status: 409, body: '{"code":"x","message":"no\\u001b way"}' },
  })
  t.is(refused.code, EXIT.failed)
  t.is(refused.err, 'spice-sidecar: no? way\n')
})
