import test, { type ExecutionContext } from 'ava'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import type { FakeMonitor } from '../helpers/fake-qmp.js'
import { qmpRig, recovers, rejectedWith, retries } from '../helpers/qmp-rig.js'

const LINE = DEFAULT_LIMITS['qmp-line']
const DEPTH = DEFAULT_LIMITS['qmp-depth']

/** QEMU does this while a command waits: the command fails, the connection is made anew and works. */
const closes = test.macro({
  exec: async (t: ExecutionContext, attack: (monitor: FakeMonitor, id: number) => void) => {
    const rig = qmpRig(t)
    const monitor = await rig.connect()
    const waiting = rejectedWith(t, rig.client.execute('query-name'), 'SIDECAR_QMP')
    const { id } = await monitor.command()
    attack(monitor, id)
    await waiting
    await monitor.closed()
    t.deepEqual(
      rig.log.map(({ level }) => level),
      ['info', 'warn'],
    )
    await recovers(t, rig)
  },
  title: (title) => `N-QMP-01: ${title ?? ''} closes the connection`,
})

test('a line of 1 MiB + 1 without end', closes, (monitor) => monitor.sendBytes('x'.repeat(LINE + 1)))
test('a line of 1 MiB + 1 with its end', closes, (monitor) =>
  monitor.sendBytes(`"${'x'.repeat(LINE - 1)}"\n`),
)
test('depth 33', closes, (monitor) =>
  monitor.sendBytes(`{"event":"STOP","data":${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}}\n`),
)
test('invalid UTF-8', closes, (monitor) => monitor.sendBytes(Buffer.from('{"event":"\xff"}\n', 'latin1')))
test('a line that is not JSON', closes, (monitor) => monitor.sendBytes('{"event"\n'))
test('a value that is not an object', closes, (monitor) => monitor.send([{ event: 'STOP' }]))
test('an object that is neither event nor reply', closes, (monitor) => monitor.send({ id: 2 }))
test('a second greeting', closes, (monitor) => monitor.send({ QMP: {} }))
test('a reply to an unknown id', closes, (monitor, id) => monitor.send({ return: {}, id: id + 1 }))
test('a reply without id', closes, (monitor) => monitor.send({ return: {} }))
test('a reply to an id that is text', closes, (monitor, id) => monitor.send({ return: {}, id: String(id) }))
test('an error without id', closes, (monitor) => monitor.send({ error: { class: 'x', desc: 'y' } }))
test('a reply to an id beyond 2^53', closes, (monitor) =>
  monitor.sendBytes('{"return":{},"id":18446744073709551615}\n'),
)

test('N-QMP-01: a reply that comes twice closes the connection', async (t) => {
  const rig = qmpRig(t)
  const monitor = await rig.connect()
  const name = rig.client.execute('query-name')
  const command = await monitor.command()
  monitor.reply(command, { name: 'one' })
  monitor.reply(command, { name: 'two' })
  t.deepEqual(await name, { name: 'one' })
  await monitor.closed()
  await recovers(t, rig)
})

test('N-QMP-01: an integer beyond 2^53 fails the command it answers and no other', async (t) => {
  const rig = qmpRig(t)
  const monitor = await rig.connect()
  const version = rig.client.execute('query-version')
  const { id } = await monitor.command()
  monitor.sendBytes(`{"return":{"qemu":{"major":9007199254740993,"minor":0,"micro":0}},"id":${id}}\n`)
  await rejectedWith(t, version, 'SIDECAR_QMP')
  monitor.sendBytes('{"event":"MIGRATION","data":{"status":"x","big":9007199254740993}}\n')
  rig.fake.answers.set('query-name', { name: 'vm' })
  t.deepEqual(await rig.client.execute('query-name'), { name: 'vm' })
  t.is(rig.client.ignoredEvents, 1)
})

test('N-QMP-01: __proto__ keys change no prototype and are no members', async (t) => {
  const rig = qmpRig(t)
  const monitor = await rig.connect()
  const keys = Reflect.ownKeys(Object.prototype).length
  monitor.sendBytes(
    '{"event":"STOP","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}\n',
  )
  const status = rig.client.execute('query-status')
  const { id } = await monitor.command()
  monitor.sendBytes(`{"id":${id},"return":{"__proto__":{"running":true,"status":"running"}}}\n`)
  await rejectedWith(t, status, 'SIDECAR_QMP')
  t.is(Reflect.ownKeys(Object.prototype).length, keys)
  t.false('polluted' in {})
  rig.fake.answers.set('query-name', { name: 'vm' })
  t.deepEqual(await rig.client.execute('query-name'), { name: 'vm' })
})

test('N-QMP-01: a flood of events is passed on or counted at once and replies still come', async (t) => {
  const rig = qmpRig(t)
  const monitor = await rig.connect()
  let seen = 0
  rig.client.onEvent(() => {
    seen++
  })
  const rounds = 20_000
  const known = '{"event":"VSERPORT_CHANGE","data":{"id":"a","open":true}}\n'
  monitor.sendBytes((known + '{"event":"OTHER","data":{}}\n').repeat(rounds))
  rig.fake.answers.set('query-name', { name: 'vm' })
  t.deepEqual(await rig.client.execute('query-name'), { name: 'vm' })
  t.is(seen, rounds)
  t.is(rig.client.ignoredEvents, rounds)
  t.is(rig.log.length, 1, 'the flood leaves no line in the log')
})

test('N-QMP-01: anything but a greeting at first is refused before a byte is sent', async (t) => {
  const rig = qmpRig(t)
  rig.fake.greets = false
  await rig.fake.listen()
  rig.client.start()
  for (const [round, first] of [
    { event: 'STOP' },
    { return: {}, id: 1 },
    { QMP: 1 },
    { QMP: { version: { qemu: { major: 1e30, minor: 0, micro: 0 } } } },
  ].entries()) {
    const monitor = await rig.fake.monitor()
    monitor.send(first)
    await rig.reached('waiting')
    await monitor.closed()
    t.is(monitor.received, '', `round ${round}`)
    await retries(rig)
  }
  const last = await rig.fake.monitor()
  last.destroy()
  rig.fake.greets = true
  await recovers(t, rig)
})

test('N-QMP-02: QEMU stops answering: the state says so and the client comes back', async (t) => {
  const rig = qmpRig(t)
  const monitor = await rig.connect()
  const first = rig.client.execute('query-name')
  rig.clock.advance(1000)
  const second = rig.client.execute('query-uuid')
  await monitor.command()
  rig.fake.greets = false
  rig.clock.advance(3999)
  t.is(rig.client.state, 'ready')
  rig.clock.advance(1)
  await rejectedWith(t, first, 'SIDECAR_TIMEOUT')
  await rejectedWith(t, second, 'SIDECAR_QMP')
  t.is(rig.client.state, 'waiting')
  rig.clock.advance(250)
  await rig.fake.monitor()
  rig.clock.advance(5000)
  t.is(rig.client.state, 'waiting', 'connected but not greeted')
  rig.fake.greets = true
  await recovers(t, rig)
})

test('N-QMP-02: QEMU stops answering during the negotiation', async (t) => {
  const rig = qmpRig(t)
  rig.fake.answers.delete('qmp_capabilities')
  await rig.fake.listen()
  rig.client.start()
  const monitor = await rig.fake.monitor()
  await monitor.command()
  t.is(rig.client.state, 'negotiating')
  rig.clock.advance(5000)
  await rig.reached('waiting')
  rig.fake.answers.set('qmp_capabilities', {})
  await recovers(t, rig)
})

test('N-QMP-02: QEMU is killed and started again', async (t) => {
  const rig = qmpRig(t)
  const monitor = await rig.connect()
  const waiting = rig.client.execute('query-name')
  await monitor.command()
  rig.fake.stop()
  await rejectedWith(t, waiting, 'SIDECAR_QMP')
  for (let i = 0; i < 3; i++) {
    await retries(rig)
    t.is(rig.client.state, 'connecting')
  }
  await rig.reached('waiting')
  await rig.fake.listen()
  await recovers(t, rig)
  t.deepEqual(
    rig.log.map(({ message }) => message),
    ['Connected to QEMU', 'Lost the connection to QEMU', 'QEMU is not there yet', 'Connected to QEMU'],
  )
})

test('N-QMP-02: a socket of the wrong user is refused by credentials, with back-off', async (t) => {
  const rig = qmpRig(t, { expectedUid: (process.getuid?.() ?? 0) + 1 })
  await rig.fake.listen()
  rig.client.start()
  for (const delayMs of [250, 500, 1000]) {
    const impostor = await rig.fake.monitor()
    await rig.reached('waiting')
    await impostor.closed()
    t.is(impostor.received, '')
    rig.clock.advance(delayMs - 1)
    t.is(rig.client.state, 'waiting')
    rig.clock.advance(1)
  }
  t.is(rig.log.length, 1)
  t.regex(String(rig.log[0]?.fields['err']), /belongs to another user/)
  t.false(rig.states.includes('negotiating'))
})

/** A QMP server of another user on the socket path; ended with the test. */
const startImpostor = async (t: ExecutionContext, path: string): Promise<() => Promise<void>> => {
  /* Perl is on every Debian, and another user may run it wherever this checkout is. */
  const serve = `
    use Socket; $| = 1;
    socket(my $server, PF_UNIX, SOCK_STREAM, 0) or die; bind($server, sockaddr_un($ARGV[0])) or die; listen($server, 5);
    print "listening\\n";
    while (accept(my $client, $server)) {
      syswrite($client, '{"QMP":{"version":{"qemu":{"major":1,"minor":1,"micro":1}}}}' . "\\n");
      push our @clients, $client;
    }`
  const impostor = spawn('/usr/bin/perl', ['-e', serve, path], {
    uid: 65534,
    gid: 65534,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(impostor, 'exit')
  t.teardown(() => impostor.kill('SIGKILL'))
  await once(impostor.stdout, 'data')
  return async () => {
    impostor.kill('SIGKILL')
    await exited
  }
}

const isRoot = process.getuid?.() === 0
const asRoot = isRoot ? test : test.skip
if (!isRoot) {
  console.log('N-QMP-02 with an impostor is skipped: only root can start it as another user')
}

asRoot('N-QMP-02: after an impostor made the socket, QEMU itself is accepted again', async (t) => {
  const rig = qmpRig(t, { expectedUid: 0 })
  rig.fake.shareFolder()
  const endImpostor = await startImpostor(t, rig.fake.path)
  rig.client.start()
  await rig.reached('waiting')
  t.regex(String(rig.log[0]?.fields['err']), /belongs to another user/)
  await endImpostor()
  rmSync(rig.fake.path, { force: true })
  await rig.fake.listen()
  await recovers(t, rig)
})

asRoot(
  'N-QMP-02: once QEMU has answered, a socket that another user put in its place is refused',
  async (t) => {
    const rig = qmpRig(t)
    rig.fake.shareFolder()
    await rig.connect()
    rig.fake.stop()
    await rig.reached('waiting')
    rmSync(rig.fake.path, { force: true })
    const endImpostor = await startImpostor(t, rig.fake.path)
    await retries(rig)
    await rig.reached('waiting')
    t.regex(String(rig.log.at(-1)?.fields['err']), /belongs to another user/)
    await endImpostor()
    rmSync(rig.fake.path, { force: true })
    await rig.fake.listen()
    await recovers(t, rig)
  },
)
