import test from 'ava'
import { DEFAULT_LIMITS } from '../../../src/core/limits.js'
import type { QmpEvent } from '../../../src/qmp/index.js'
import { qmpRig, rejectedWith } from '../../helpers/qmp-rig.js'

test('negotiates after the greeting and knows the version of QEMU', async (t) => {
  const rig = qmpRig(t)
  t.is(rig.client.version, undefined)
  await rig.connect()
  t.deepEqual(rig.states, ['connecting', 'negotiating', 'ready'])
  t.deepEqual(rig.client.version, { major: 11, minor: 1, micro: 3 })
  t.deepEqual(
    rig.log.map(({ level, message }) => [level, message]),
    [['info', 'Connected to QEMU']],
  )
})

test('each query is decoded to its own type', async (t) => {
  const rig = qmpRig(t)
  rig.fake.answers
    .set('query-version', { qemu: { major: 7, minor: 2, micro: 22 }, package: 'x' })
    .set('query-name', { name: 'vm1' })
    .set('query-uuid', { UUID: '00000000-0000-0000-0000-000000000000' })
    .set('query-status', { running: false, singlestep: false, status: 'paused' })
    .set('query-chardev', [{ label: 'a', filename: 'unix:/x', 'frontend-open': true }])
    .set('query-mice', [{ name: 'tablet', index: 3, current: true, absolute: true }])
    .set('query-migrate', { status: 'active', ram: { total: 1 } })
  await rig.connect()
  const { client } = rig
  t.deepEqual(await client.execute('query-version'), { major: 7, minor: 2, micro: 22 })
  t.deepEqual(await client.execute('query-name'), { name: 'vm1' })
  t.deepEqual(await client.execute('query-uuid'), { UUID: '00000000-0000-0000-0000-000000000000' })
  t.deepEqual(await client.execute('query-status'), { running: false, status: 'paused' })
  t.deepEqual(await client.execute('query-chardev'), [
    { label: 'a', filename: 'unix:/x', frontendOpen: true },
  ])
  t.deepEqual(await client.execute('query-mice'), [
    { name: 'tablet', index: 3, current: true, absolute: true },
  ])
  t.deepEqual(await client.execute('query-migrate'), { status: 'active' })
})

test('arguments are written as QEMU wants them', async (t) => {
  const rig = qmpRig(t)
  const monitor = await rig.connect()
  const sent = rig.client.execute('input-send-event', {
    device: 'video0',
    head: 1,
    events: [{ type: 'abs', data: { axis: 'x', value: 32767 } }],
  })
  const command = await monitor.command()
  t.deepEqual(command, {
    execute: 'input-send-event',
    arguments: { device: 'video0', head: 1, events: [{ type: 'abs', data: { axis: 'x', value: 32767 } }] },
    id: command.id,
  })
  monitor.reply(command)
  await t.notThrowsAsync(sent)
})

test('replies find their command in any order', async (t) => {
  const rig = qmpRig(t)
  const monitor = await rig.connect()
  const name = rig.client.execute('query-name')
  const uuid = rig.client.execute('query-uuid')
  const first = await monitor.command()
  const second = await monitor.command()
  monitor.reply(second, { UUID: 'u' })
  monitor.reply(first, { name: 'n' })
  t.deepEqual([await name, await uuid], [{ name: 'n' }, { UUID: 'u' }])
})

test('a refusal of QEMU carries its class and its text, cut', async (t) => {
  const rig = qmpRig(t)
  const monitor = await rig.connect()
  const failing = rig.client.execute('closefd', { fdname: 'x' })
  const { id } = await monitor.command()
  monitor.send({ id, error: { class: 'GenericError', desc: 'd'.repeat(5000) } })
  const error = await rejectedWith(t, failing, 'SIDECAR_QMP')
  t.deepEqual(error.context, { command: 'closefd', class: 'GenericError', desc: 'd'.repeat(200) })
  t.is(rig.client.state, 'ready')
})

test('a reply of the wrong shape fails its command and no other', async (t) => {
  const rig = qmpRig(t)
  const monitor = await rig.connect()
  for (const value of [null, [], 'x', {}, { running: 1, status: 'running' }, { running: true, status: 7 }]) {
    const failing = rig.client.execute('query-status')
    monitor.reply(await monitor.command(), value)
    await rejectedWith(t, failing, 'SIDECAR_QMP')
  }
  t.is(rig.client.state, 'ready')
})

test('a command that is not in the table is never sent', async (t) => {
  const rig = qmpRig(t)
  const monitor = await rig.connect()
  const before = monitor.received
  const { client } = rig
  for (const name of [
    'quit',
    'human-monitor-command',
    'qmp_capabilities',
    'getfd',
    'constructor',
    '__proto__',
  ]) {
    await rejectedWith(t, client.execute(name as 'query-name'), 'SIDECAR_BUG')
  }
  await rejectedWith(t, client.executeWithFd('add_client' as 'getfd', { fdname: 'x' }, 0), 'SIDECAR_BUG')
  rig.fake.answers.set('query-name', {})
  await client.execute('query-name')
  t.regex(monitor.received.slice(before.length), /^\{"execute":"query-name","id":\d+\}\n$/)
})

test('add_client opens nothing but the D-Bus display', async (t) => {
  const rig = qmpRig(t)
  const monitor = await rig.connect()
  const sent = rig.client.execute('add_client', { protocol: 'vnc' as '@dbus-display', fdname: 'x' })
  const command = await monitor.command()
  t.deepEqual(command.arguments, { protocol: '@dbus-display', fdname: 'x' })
  monitor.reply(command)
  await sent
})

test('commands beyond the limit of those waiting are refused', async (t) => {
  const rig = qmpRig(t, { limits: { ...DEFAULT_LIMITS, 'qmp-pending': 4 } })
  const monitor = await rig.connect()
  const waiting = [1, 2, 3, 4].map(() => rig.client.execute('query-name'))
  await rejectedWith(t, rig.client.execute('query-name'), 'SIDECAR_LIMIT')
  for (const command of waiting) {
    monitor.reply(await monitor.command(), {})
    await command
  }
  rig.fake.answers.set('query-name', {})
  await t.notThrowsAsync(rig.client.execute('query-name'))
})

test('without a connection a command fails at once', async (t) => {
  const rig = qmpRig(t)
  await rejectedWith(t, rig.client.execute('query-name'), 'SIDECAR_QMP')
  rig.client.start()
  await rejectedWith(t, rig.client.execute('query-name'), 'SIDECAR_QMP')
})

test('a lost connection fails every command that waits', async (t) => {
  const rig = qmpRig(t)
  const monitor = await rig.connect()
  const waiting = [rig.client.execute('query-name'), rig.client.execute('query-uuid')]
  await monitor.command()
  monitor.destroy()
  for (const command of waiting) {
    await rejectedWith(t, command, 'SIDECAR_QMP')
  }
  t.is(rig.client.state, 'waiting')
  t.is(rig.client.version, undefined)
  t.is(rig.clock.pending, 1, 'nothing but the next try is armed')
})

test('tries again after 250 ms, twice as long each time, at most 10 s, and logs once', async (t) => {
  const rig = qmpRig(t)
  rig.client.start()
  for (const delayMs of [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]) {
    await rig.reached('waiting')
    rig.clock.advance(delayMs - 1)
    t.is(rig.client.state, 'waiting', `before ${delayMs}`)
    rig.clock.advance(1)
    t.is(rig.client.state, 'connecting', `after ${delayMs}`)
  }
  await rig.reached('waiting')
  t.deepEqual(
    rig.log.map(({ level, message }) => [level, message]),
    [['info', 'QEMU is not there yet']],
  )
})

test('the back-off starts anew after a connection that lasted, not after one that did not', async (t) => {
  const rig = qmpRig(t)
  const first = await rig.connect()
  first.destroy()
  await rig.reached('waiting')
  rig.clock.advance(250)
  const second = await rig.fake.monitor()
  await rig.reached('ready')
  second.destroy()
  await rig.reached('waiting')
  rig.clock.advance(250)
  t.is(rig.client.state, 'waiting')
  rig.clock.advance(250)
  const third = await rig.fake.monitor()
  await rig.reached('ready')
  rig.clock.advance(10_000)
  third.destroy()
  await rig.reached('waiting')
  rig.clock.advance(250)
  t.is(rig.client.state, 'connecting')
})

test('a socket that somebody else uses is tried again, and the log says why', async (t) => {
  const rig = qmpRig(t)
  rig.fake.greets = false
  await rig.fake.listen()
  rig.client.start()
  const monitor = await rig.fake.monitor()
  rig.clock.advance(4999)
  t.is(rig.client.state, 'connecting')
  rig.clock.advance(1)
  t.is(rig.client.state, 'waiting')
  await monitor.closed()
  t.is(monitor.received, '')
  t.is(rig.log.length, 1)
  t.regex(String(rig.log[0]?.fields['err']), /another client may be using its socket/)
  rig.fake.greets = true
  rig.clock.advance(250)
  await rig.reached('ready')
  t.is(rig.client.state, 'ready')
})

test('events of the table reach the listeners, others are counted', async (t) => {
  const rig = qmpRig(t)
  const monitor = await rig.connect()
  const events: QmpEvent[] = []
  const stop = rig.client.onEvent((event) => events.push(event))
  const timestamp = { seconds: 1, microseconds: 2 }
  monitor.send({ event: 'SHUTDOWN', data: { guest: true, reason: 'guest-shutdown' }, timestamp })
  monitor.send({ event: 'STOP', timestamp })
  monitor.send({ event: 'NIC_RX_FILTER_CHANGED', data: { path: 'x' }, timestamp })
  monitor.send({ event: 'constructor', timestamp })
  monitor.send({ event: 'VSERPORT_CHANGE', data: { id: 'port0', open: 'yes' }, timestamp })
  monitor.send({ event: 'VSERPORT_CHANGE', data: { id: 'port0', open: true }, timestamp })
  monitor.send({ event: 'MIGRATION', data: { status: 'completed' }, timestamp })
  rig.fake.answers.set('query-name', {})
  await rig.client.execute('query-name')
  t.deepEqual(events, [
    { name: 'SHUTDOWN', data: { guest: true, reason: 'guest-shutdown' } },
    { name: 'STOP', data: undefined },
    { name: 'VSERPORT_CHANGE', data: { id: 'port0', open: true } },
    { name: 'MIGRATION', data: { status: 'completed' } },
  ])
  t.is(rig.client.ignoredEvents, 3)
  stop()
  monitor.send({ event: 'RESUME', timestamp })
  await rig.client.execute('query-name')
  t.is(events.length, 4)
})

test('metrics count commands and reconnects and say whether QEMU is connected', async (t) => {
  const seen = { commands: 0, reconnects: 0, connected: [] as number[] }
  const rig = qmpRig(t, {
    metrics: {
      commands: { add: (amount) => void (seen.commands += amount) },
      reconnects: { add: (amount) => void (seen.reconnects += amount) },
      connected: { set: (value) => void seen.connected.push(value) },
    },
  })
  const monitor = await rig.connect()
  rig.fake.answers.set('query-name', {})
  await rig.client.execute('query-name')
  t.deepEqual(seen, { commands: 2, reconnects: 0, connected: [1] })
  monitor.destroy()
  await rig.reached('waiting')
  rig.clock.advance(250)
  await rig.reached('ready')
  t.deepEqual(seen, { commands: 3, reconnects: 1, connected: [1, 0, 1] })
})

test('close fails what waits, stops trying, and may come twice', async (t) => {
  const rig = qmpRig(t)
  const monitor = await rig.connect()
  const waiting = rig.client.execute('query-name')
  await monitor.command()
  rig.client.close()
  rig.client.close()
  await rejectedWith(t, waiting, 'SIDECAR_QMP')
  await monitor.closed()
  t.is(rig.client.state, 'closed')
  t.is(rig.clock.pending, 0)
  rig.client.start()
  t.is(rig.client.state, 'closed')
  t.deepEqual(rig.states.slice(-1), ['closed'])
})

test('close before start and close from a listener end it', async (t) => {
  const early = qmpRig(t)
  early.client.close()
  early.client.start()
  t.deepEqual(early.states, ['closed'])

  for (const at of ['connecting', 'negotiating', 'ready', 'waiting'] as const) {
    const rig = qmpRig(t)
    rig.client.onState((state) => {
      if (state === at) {
        rig.client.close()
      }
    })
    if (at !== 'waiting') {
      await rig.fake.listen()
    }
    rig.client.start()
    await rig.reached('closed')
    t.is(rig.clock.pending, 0, at)
    t.deepEqual(rig.states.slice(-1), ['closed'], at)
  }
})
