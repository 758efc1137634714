import test from 'ava'
import {
  CHANNEL_TYPES,
  commonClient,
  commonServer,
  inputsClient,
  inputsServer,
  mainClient,
  mainServer,
} from '../../src/protocol/index.js'
import { linkOver, SocketReader, type LinkRequest, type ScriptedChannel } from '../helpers/scripted-client.js'
import { ServerRig, withServer, withSteppedClock, type SteppedClock } from '../helpers/server-rig.js'
import { poll } from '../helpers/temp-deadline.js'
import { tlsFrontOf } from '../helpers/tls-front.js'
import { removeTempDirectory, tempDirectory } from '../helpers/temp.js'
import { certificates, openTls, writeX509 } from '../helpers/tls.js'

const { inputs } = CHANNEL_TYPES

/** Body of the ping that measures the bit rate (`protocol-session.md` 2.4). */
const RATE_BODY = 256_012

const nextPing = async (main: ScriptedChannel) => {
  for (let framed = await main.next(); framed !== undefined; framed = await main.next()) {
    if (framed.type === commonServer.ping.id) {
      return { size: framed.body.length, ...commonServer.ping.decode(framed.body) }
    }
  }
  throw new Error('main channel ended')
}

const lineOf = (rig: ServerRig) => rig.server.clientReports()[0]

/** Lets time pass until the large ping is sent; it stands still while an answer to a small one is under way. */
const passUntilLarge = async (
  rig: ServerRig,
  clock: SteppedClock,
  pinged: (id: number) => void,
): Promise<void> => {
  const { bytesSent, bytesReceived } = rig.metrics
  await poll('the first answers', () => lineOf(rig)?.roundTripMs !== undefined)
  for (let id = 4, before = bytesSent.get('main'); ; before = bytesSent.get('main')) {
    const heard = bytesReceived.get('main')
    clock.advance(100)
    const sent = bytesSent.get('main') - before
    if (sent > 0) {
      pinged(id)
      id += 1
      await poll('an answer', () => bytesReceived.get('main') > heard)
    }
    if (bytesSent.get('main') - before > RATE_BODY) {
      return
    }
  }
}

/** Answers pings at once until the large one comes. */
const untilLarge = async (rig: ServerRig, clock: SteppedClock, main: ScriptedChannel) => {
  const passed = passUntilLarge(rig, clock, () => undefined)
  for (;;) {
    const ping = await nextPing(main)
    if (ping.size > 12) {
      await passed
      return ping
    }
    main.send(commonClient.pong, ping)
  }
}

for (const [seconds, low] of [
  [1, true],
  [0.1, false],
] as const) {
  test(
    `a line that takes ${seconds} s for a quarter megabyte is a slow one: ${low}`,
    withSteppedClock({ limits: { 'answer-ms': 0 } }, async (t, rig, clock) => {
      const { main } = await rig.client()
      t.is(lineOf(rig)?.bitsPerSecond, undefined)
      main.send(mainClient.attachChannels, {})
      const ping = await untilLarge(rig, clock, main)
      t.is(ping.id, 3)
      t.is(ping.size, RATE_BODY)
      t.true(ping.payload.every((byte) => byte === 0))
      clock.advance(1000 * seconds)
      main.send(commonClient.pong, ping)
      await poll('the bit rate', () => lineOf(rig)?.bitsPerSecond !== undefined)
      const { bitsPerSecond = 0, lowBandwidth } = lineOf(rig) ?? {}
      t.is(Math.round(bitsPerSecond), (256_000 * 8) / seconds)
      t.is(lowBandwidth, low)
    }),
  )
}

test(
  'who does not read the large ping keeps its input, and its list of channels came before',
  withSteppedClock({ limits: { 'answer-ms': 0 } }, async (t, rig, clock) => {
    const { main, connectionId } = await rig.client()
    const { channel } = await rig.link({ type: inputs, connectionId })
    await channel.expect(inputsServer.init)
    await main.expect(commonServer.notify)
    main.send(mainClient.attachChannels, {})
    t.is((await main.expect(mainServer.channelsList)).channels.length, 3)
    for (let id = 1; id <= 2; id++) {
      main.send(commonClient.pong, { id, timestamp: 0n })
    }
    await passUntilLarge(rig, clock, (id) => main.send(commonClient.pong, { id, timestamp: 0n }))
    main.reader.socket.pause()
    for (let i = 0; i < 4; i++) {
      channel.send(inputsClient.mouseMotion, { dx: 1, dy: 1, buttons: 0 })
    }
    await channel.expect(inputsServer.mouseMotionAck)
    t.is(lineOf(rig)?.bitsPerSecond, undefined)
    clock.advance(90_000)
    t.is(rig.metrics.clients.get(), 1)
    main.destroy()
  }),
)

test(
  'N-CH-07: ten thousand pongs for nothing end the client, a few do not',
  withServer({ clients: 'share' }, async (t, rig) => {
    const other = await rig.client()
    const { main } = await rig.client()
    for (let i = 0; i < 100; i++) {
      main.send(commonClient.pong, { id: 77 + i, timestamp: 1n })
    }
    await poll('them to be counted', () => rig.metrics.strange.get('pong') === 100)
    t.is(rig.metrics.clients.get(), 2)
    for (let i = 0; i < 10_000; i++) {
      main.send(commonClient.pong, { id: 77, timestamp: 1n })
    }
    await main.closed()
    t.is(rig.metrics.clientsEnded.get('protocol'), 1)
    t.is(rig.metrics.errors.get('SIDECAR_LIMIT'), 1)
    t.true(rig.metrics.strange.get('pong') < 10_100)
    other.main.send(mainClient.attachChannels, {})
    await other.main.expect(mainServer.channelsList)
  }),
)

test(
  'a client whose keys are not encrypted is told so on main, once inputs is up',
  withServer({}, async (t, rig) => {
    const { main, connectionId } = await rig.client()
    await rig.link({ type: inputs, connectionId })
    const { message, severity, visibility, what } = await main.expect(commonServer.notify)
    t.is(message, 'keyboard channel is insecure')
    t.deepEqual([severity, visibility, what], [1, 2, 0])
  }),
)

test('a client whose keys are encrypted is told nothing of the kind', async (t) => {
  const set = await certificates()
  const directory = tempDirectory()
  t.teardown(() => removeTempDirectory(directory))
  writeX509(directory, set)
  const front = tlsFrontOf(directory)
  front.start()
  const rig = new ServerRig({
    doors: { tlsListen: [{ kind: 'tcp', host: '127.0.0.1', port: 0 }], tls: front },
  })
  await rig.start()
  t.teardown(() => rig.server.close())
  const secured = async (request: LinkRequest) => {
    const socket = await openTls({ port: rig.ports[1] ?? 0, ca: set.ca, servername: 'localhost' })
    return linkOver(new SocketReader(socket), { ticket: 'secret', ...request })
  }
  const { channel: main } = await secured({ type: CHANNEL_TYPES.main })
  const { sessionId: connectionId } = await main.expect(mainServer.init)
  const { channel } = await secured({ type: inputs, connectionId })
  await channel.expect(inputsServer.init)
  main.send(mainClient.attachChannels, {})
  const ids: number[] = []
  for (let id = 0; id !== mainServer.channelsList.id; ids.push(id)) {
    id = (await main.next())?.type ?? mainServer.channelsList.id
  }
  t.false(ids.includes(commonServer.notify.id))
  /* The same session with its keys in the clear. */
  const plain = await rig.link({ type: inputs, connectionId })
  t.not(plain.result, 0)
  channel.destroy()
  await poll('the channel to be gone', () => rig.metrics.channels.get('inputs') === 0)
  t.is((await rig.link({ type: inputs, connectionId })).result, 0)
  t.is((await main.expect(commonServer.notify)).message, 'keyboard channel is insecure')
})
