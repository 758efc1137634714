import test from 'ava'
import {
  CHANNEL_TYPES,
  commonServer,
  inputsClient,
  inputsServer,
  mainClient,
  mainServer,
} from '../../src/protocol/index.js'
import { poll } from '../helpers/temp-deadline.js'
import { withServer, withSteppedClock } from '../helpers/server-rig.js'

const { main, inputs, display } = CHANNEL_TYPES

test(
  'a view-only session gets the screen; keys, pointer, mouse mode and layouts do nothing and are counted',
  withServer({ viewOnlyTicket: 'look' }, async (t, rig) => {
    rig.mouse.allowClient(true)
    const { channel } = await rig.link({ type: main, ticket: 'look' })
    const { sessionId: connectionId, agentConnected } = await channel.expect(mainServer.init)
    t.is(agentConnected, 0)
    channel.send(mainClient.attachChannels, {})
    await channel.expect(mainServer.channelsList)
    const screen = await rig.link({ type: display, connectionId, ticket: 'look' })
    t.is(screen.result, 0)
    const keys = await rig.link({ type: inputs, connectionId, ticket: 'look' })
    await keys.channel.expect(inputsServer.init)
    keys.channel.send(inputsClient.keyDown, { code: 0x1e })
    keys.channel.send(inputsClient.keyScancode, { codes: Uint8Array.of(0x1e, 0x9e) })
    keys.channel.send(inputsClient.keyModifiers, { modifiers: 7 })
    keys.channel.send(inputsClient.mousePress, { button: 1, buttons: 1 })
    channel.send(mainClient.mouseModeRequest, { mode: 2 })
    channel.send(mainClient.agentStart, { tokens: 10 })
    for (let i = 0; i < 20; i++) {
      channel.send(mainClient.agentData, { data: new Uint8Array(40) })
    }
    await poll('all messages to be seen', () => rig.metrics.viewOnlyIgnored.get() === 26)
    t.deepEqual(rig.guest.log, [])
    t.deepEqual(rig.layouts.asked, [])
    t.is(rig.mouse.current, 1)
    t.is(rig.locks.modifiers, 0)
    t.true(rig.server.clientReports()[0]?.viewOnly)
    t.is(rig.server.clientReports().length, 1)
  }),
)

test(
  'the channels of a session come in with its own ticket: a view-only one adds none to a full session',
  withServer({ viewOnlyTicket: 'look', clients: 'share' }, async (t, rig) => {
    const { connectionId } = await rig.client()
    t.not((await rig.link({ type: inputs, connectionId, ticket: 'look' })).result, 0)
    t.is((await rig.link({ type: inputs, connectionId })).result, 0)
    const watcher = await rig.link({ type: main, ticket: 'look' })
    const { sessionId } = await watcher.channel.expect(mainServer.init)
    t.not((await rig.link({ type: inputs, connectionId: sessionId })).result, 0)
  }),
)

test(
  'session-idle-timeout: a session without keys ends with a reason, keys keep it',
  withSteppedClock({ sessionLimits: { idleSeconds: 10, maxSeconds: 0 } }, async (t, rig, clock) => {
    const { main: channel, connectionId } = await rig.client()
    const keys = await rig.link({ type: inputs, connectionId })
    clock.advance(9000)
    keys.channel.send(inputsClient.keyDown, { code: 0x1e })
    await poll('the key', () => rig.guest.log.length > 0)
    clock.advance(9000)
    t.is(rig.metrics.clientsEnded.get('idle'), 0)
    clock.advance(1000)
    t.is(rig.metrics.clientsEnded.get('idle'), 1)
    await channel.expect(commonServer.disconnecting)
    await channel.closed()
  }),
)

test(
  'session-max-duration: a session ends at its time, and the audit trail says how it went',
  withSteppedClock({ sessionLimits: { idleSeconds: 0, maxSeconds: 20 } }, async (t, rig, clock) => {
    const { main: channel } = await rig.client()
    clock.advance(20_000)
    await channel.expect(commonServer.disconnecting)
    await channel.closed()
    const trail = rig.log.lines.filter(({ fields }) => fields['audit'] !== undefined)
    t.deepEqual(
      trail.map(({ level, fields }) => [level, fields['audit']]),
      [
        ['info', 'link'],
        ['info', 'end'],
      ],
    )
    const { bytesSent, bytesReceived, ...end } = trail[1]?.fields ?? {}
    t.deepEqual(end, {
      audit: 'end',
      client: 1,
      source: '127.0.0.1',
      auth: 'ticket',
      reason: 'expired',
      seconds: 20,
    })
    t.true(Number(bytesSent) > 0)
    t.is(bytesReceived, 0)
  }),
)

test(
  'a takeover leaves a line that names both',
  withServer({}, async (t, rig) => {
    await rig.client()
    await rig.client()
    const line = rig.log.lines.find(({ fields }) => fields['audit'] === 'takeover')
    t.like(line?.fields, { client: 1, by: 2, source: '127.0.0.1', bySource: '127.0.0.1' })
  }),
)
