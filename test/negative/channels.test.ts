import test from 'ava'
import {
  CHANNEL_TYPES,
  commonClient,
  commonServer,
  displayClient,
  displayServer,
  frameWithSubMessages,
  inputsClient,
  mainClient,
  mainServer,
  subMessage,
  type Message,
} from '../../src/protocol/index.js'
import { rectOf } from '../../src/core/region.js'
import type { ScriptedChannel } from '../helpers/scripted-client.js'
import { noiseFrame, scribble, show, testFrame } from '../helpers/frames.js'
import { withServer, withSteppedClock, type SteppedClock } from '../helpers/server-rig.js'
import { poll } from '../helpers/temp-deadline.js'

const INIT = { pixmapCacheId: 1, pixmapCacheSize: 20971520n, glzDictionaryId: 1, glzWindowSize: 3145728 }
const { display, inputs, cursor } = CHANNEL_TYPES

for (const [type, max] of [
  [inputs, 256],
  [cursor, 4096],
] as const) {
  for (const size of [max + 1, 2 ** 32 - 1]) {
    test(
      `N-CH-01: a body of ${size} bytes on channel ${type} closes that channel before the body`,
      withServer({}, async (t, rig) => {
        const { main, connectionId } = await rig.client()
        const { channel } = await rig.link({ type, connectionId })
        channel.sendRaw(3, new Uint8Array(0), size)
        await channel.closed()
        main.send(mainClient.attachChannels, {})
        t.is((await main.expect(mainServer.channelsList)).channels.length, 3)
        t.is(rig.metrics.errors.get('SIDECAR_LIMIT') + rig.metrics.errors.get('SIDECAR_PROTOCOL'), 1)
      }),
    )
  }
}

test(
  'N-CH-02: a broken main channel ends the client and all its channels, and the next client is served',
  withServer({}, async (t, rig) => {
    const { main, connectionId } = await rig.client()
    const { channel } = await rig.link({ type: inputs, connectionId })
    main.sendRaw(103 + 20, new Uint8Array(4))
    await Promise.all([main.closed(), channel.closed()])
    t.is(rig.metrics.clientsEnded.get('protocol'), 1)
    t.is(rig.metrics.channels.get('inputs'), 0)
    await rig.client()
    t.is(rig.metrics.clients.get(), 1)
  }),
)

for (const mini of [true, false]) {
  test(
    `N-CH-03: surplus bytes are ignored and counted, with ${mini ? 'mini' : 'full'} headers`,
    withServer({}, async (t, rig) => {
      const { channel: main } = await rig.link({ type: CHANNEL_TYPES.main, mini })
      const { sessionId: connectionId } = await main.expect(mainServer.init)
      const { channel } = await rig.link({ type: inputs, connectionId, mini })
      const surplus = <T>(message: Message<T>, value: T): void => {
        channel.sendRaw(message.id, Uint8Array.from([...message.encode(value), 1, 2, 3]))
      }
      surplus(inputsClient.keyDown, { code: 0x1e })
      surplus(inputsClient.keyUp, { code: 0x9e })
      surplus(commonClient.disconnecting, { timestamp: 0n, reason: 0 })
      /* Scan codes are as many as there are: nothing is surplus. */
      channel.send(inputsClient.keyScancode, { codes: Uint8Array.of(0x1f, 0x9f) })
      main.sendRaw(mainClient.clientInfo.id, new Uint8Array(9))
      main.send(mainClient.qualityIndicator, { data: new Uint8Array(9) })
      await poll(
        'all to be read',
        () => rig.guest.log.length === 4 && rig.metrics.strange.get('surplus') === 4,
      )
      t.deepEqual(rig.guest.log, ['key 1e down', 'key 1e up', 'key 1f down', 'key 1f up'])
      t.is(rig.metrics.clients.get(), 1)
    }),
  )
}

test(
  'N-CH-03: a list of sub-messages from a client is not read, only counted',
  withServer({}, async (t, rig) => {
    const { channel: main } = await rig.link({ type: CHANNEL_TYPES.main, mini: false })
    const { sessionId: connectionId } = await main.expect(mainServer.init)
    const { channel } = await rig.link({ type: inputs, connectionId, mini: false })
    const key = subMessage(inputsClient.keyDown, { code: 0x1e })
    for (const bytes of frameWithSubMessages(
      false,
      1,
      [key, key],
      subMessage(inputsClient.keyUp, { code: 0x9f }),
    )) {
      channel.reader.socket.write(bytes)
    }
    channel.send(inputsClient.keyDown, { code: 0x20 })
    await poll('the key behind it', () => rig.guest.log.length === 1)
    t.deepEqual(rig.guest.log, ['key 20 down'])
    t.is(rig.metrics.strange.get('sub-list'), 1)
  }),
)

test(
  'N-CH-10: main closes while the other channels are busy: all are closed once, and nothing is held or watched',
  withServer({}, async (t, rig) => {
    show(rig.model, noiseFrame(800, 600))
    const { main, connectionId } = await rig.client()
    const linked = await Promise.all(
      [display, inputs, cursor].map((type) => rig.link({ type, connectionId })),
    )
    const [screen, keys] = linked.map(({ channel }) => channel)
    screen?.reader.socket.pause()
    screen?.send(displayClient.init, INIT)
    keys?.send(inputsClient.keyDown, { code: 0x1e })
    await poll('the picture to be under way', () => rig.metrics.bytesSent.get('display') > 0)
    await poll('the key', () => rig.guest.log.length === 1)
    main.reader.socket.resetAndDestroy()
    await poll('the key to be let go', () => rig.guest.log.length === 2)
    screen?.reader.socket.resume()
    await Promise.all(linked.map(({ channel }) => channel.closed()))
    for (const channel of ['main', 'display', 'inputs', 'cursor']) {
      t.is(rig.metrics.channels.get(channel), 0, channel)
    }
    t.is(rig.metrics.clients.get(), 0)
    t.deepEqual(rig.guest.log, ['key 1e down', 'key 1e up'])
    const ends = ['left', 'lost'].map((reason) => rig.metrics.clientsEnded.get(reason))
    t.is(
      ends.reduce((sum, count) => sum + count, 0),
      1,
    )
    scribble(rig.model, rectOf(0, 0, 800, 600))
  }),
)

test(
  'N-CH-10: a display channel that closes in the middle of a picture leaves the others and takes a new one',
  withServer({}, async (t, rig) => {
    show(rig.model, noiseFrame(800, 600))
    const { main, connectionId } = await rig.client()
    const { channel: first } = await rig.link({ type: display, connectionId })
    first.reader.socket.pause()
    first.send(displayClient.init, INIT)
    await poll('the picture to be under way', () => rig.metrics.bytesSent.get('display') > 0)
    first.reader.socket.resetAndDestroy()
    await poll('the channel to be gone', () => rig.metrics.channels.get('display') === 0)
    const before = rig.metrics.bytesSent.get('display')
    scribble(rig.model, rectOf(0, 0, 800, 600))
    main.send(mainClient.attachChannels, {})
    await main.expect(mainServer.channelsList)
    t.is(rig.metrics.bytesSent.get('display'), before)
    const { channel: second, result } = await rig.link({ type: display, connectionId })
    t.is(result, 0)
    second.send(displayClient.init, INIT)
    await second.expect(displayServer.mark)
    t.is(rig.metrics.clients.get(), 1)
  }),
)

test(
  'N-CH-05: a stream of single bytes means the same',
  withServer({}, async (t, rig) => {
    const { connectionId } = await rig.client()
    const { channel } = await rig.link({ type: inputs, connectionId })
    channel.reader.socket.setNoDelay(true)
    const bytes = Buffer.from('6500040000001e0000006600040000009e000000', 'hex')
    for (const byte of bytes) {
      channel.reader.socket.write(Uint8Array.of(byte))
    }
    await poll('both keys', () => rig.guest.log.length === 2)
    t.deepEqual(rig.guest.log, ['key 1e down', 'key 1e up'])
  }),
)

test(
  'N-CH-06: acknowledgements of what was not sent do not open the window',
  withServer({}, async (t, rig) => {
    show(rig.model, testFrame(32, 32))
    const { connectionId } = await rig.client()
    const { channel } = await rig.link({ type: display, connectionId })
    channel.send(displayClient.init, INIT)
    for (let i = 0; i < 1000; i++) {
      channel.send(commonClient.ack, {})
    }
    channel.send(commonClient.ackSync, { generation: 99 })
    let sent = 0
    for (let i = 0; i < 200; i++) {
      scribble(rig.model, rectOf(0, 0, 32, 32))
      await new Promise((resolve) => setImmediate(resolve))
    }
    channel.reader.socket.end()
    while ((await channel.next()) !== undefined) {
      sent += 1
    }
    t.true(sent <= 41, `${sent} messages`)
  }),
)

test(
  'N-CH-08, L-out, L-ack: a client that stops reading costs a bounded number of bytes and is closed as a slow reader, the other goes on',
  withServer({ clients: 'share', limits: { 'ack-stall-ms': 1000 } }, async (t, rig) => {
    const frame = testFrame(256, 256)
    show(rig.model, frame)
    const slow = await rig.client()
    const { channel: stuck } = await rig.link({ type: display, connectionId: slow.connectionId })
    stuck.send(displayClient.init, INIT)
    stuck.reader.socket.pause()
    const good = await rig.client()
    const { channel } = await rig.link({ type: inputs, connectionId: good.connectionId })
    let busy = true
    const load = (async () => {
      while (busy) {
        scribble(rig.model, rectOf(0, 0, 256, 256))
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    await poll('the slow reader to be closed', () => rig.metrics.clientsEnded.get('slow') === 1)
    busy = false
    await load
    channel.send(inputsClient.keyDown, { code: 0x1e })
    await poll('the other client to be served', () => rig.guest.log.length === 1)
    t.is(rig.metrics.clients.get(), 1)
    t.true(rig.metrics.bytesSent.get('display') < 32 * 1024 * 1024)
    t.is(rig.metrics.limitHits.get('ack-stall-ms'), 1)
  }),
)

const answerPings = async (main: ScriptedChannel): Promise<void> => {
  for (let framed = await main.next(); framed !== undefined; framed = await main.next()) {
    if (framed.type === commonServer.ping.id) {
      const { id, timestamp } = commonServer.ping.decode(framed.body)
      main.send(commonClient.pong, { id, timestamp })
    }
  }
}

/** Lets time pass in steps of a second, with turns of the event loop in between for pings and their answers. */
const advance = async (clock: SteppedClock, seconds: number): Promise<void> => {
  for (let second = 0; second < seconds; second++) {
    clock.advance(1000)
    for (let turn = 0; turn < 20; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

test(
  'N-CH-09: a client that takes a large message slowly lives as long as it takes some of it',
  withSteppedClock({ clients: 'share', threads: true }, async (t, rig, clock) => {
    const frame = noiseFrame(1600, 1200)
    show(rig.model, frame)
    const { main, connectionId } = await rig.client()
    void answerPings(main)
    const { channel } = await rig.link({ type: display, connectionId })
    const { socket } = channel.reader
    socket.removeAllListeners('data')
    socket.pause()
    channel.send(displayClient.init, INIT)
    await poll('bytes to wait for the client', () => rig.metrics.bytesSent.get('display') > 4 * 1024 * 1024)
    await advance(clock, 25)
    /* Enough that the system's buffer takes more from the server. */
    const taken = socket.bytesRead + 3 * 1024 * 1024
    socket.on('data', () => {
      if (socket.bytesRead >= taken) {
        socket.pause()
      }
    })
    socket.resume()
    await poll('the client to take some', () => socket.bytesRead >= taken && socket.isPaused())
    await advance(clock, 25)
    t.is(rig.metrics.clientsEnded.get('slow'), 0)
    t.is(rig.metrics.clients.get(), 1)
    channel.destroy()
  }),
)

test(
  'N-CH-11: 100 links and closes in a row leave no channel behind',
  withServer({ limits: { 'source-burst': 1000 } }, async (t, rig) => {
    const { connectionId } = await rig.client()
    for (let i = 0; i < 100; i++) {
      const { channel } = await rig.link({ type: cursor, connectionId })
      channel.destroy()
      await poll('the channel to be gone', () => rig.metrics.channels.get('cursor') === 0)
    }
    t.is(rig.metrics.clients.get(), 1)
  }),
)

test(
  'N-INP-01: a flood of motion is paced and merged, and nothing of it is lost',
  withServer({ limits: { 'input-rate': 100_000, 'input-burst': 100 } }, async (t, rig) => {
    const { connectionId } = await rig.client()
    const { channel } = await rig.link({ type: inputs, connectionId })
    const motions = 20_000
    for (let i = 0; i < motions; i++) {
      channel.send(inputsClient.mouseMotion, { dx: 1, dy: 0, buttons: 0 })
    }
    channel.send(inputsClient.keyDown, { code: 0x1e })
    await poll('the key behind the flood', () => rig.guest.log.includes('key 1e down'))
    const moved = rig.guest.log
      .filter((line) => line.startsWith('motion'))
      .map((line) => Number(line.split(' ')[1]))
    t.is(
      moved.reduce((sum, dx) => sum + dx, 0),
      motions,
    )
    t.true(moved.length < motions / 4, `${moved.length} events`)
    t.true(rig.metrics.limitHits.get('input-rate') > 0)
  }),
)
