import { setImmediate } from 'node:timers/promises'
import test from 'ava'
import {
  capsOf,
  CHANNEL_TYPES,
  encodeLinkMess,
  LINK_ERROR,
  mainClient,
  mainServer,
} from '../../src/protocol/index.js'
import { ANYWHERE, proxyHeader } from '../helpers/proxy-header.js'
import { openSocket, ticketBlock, type SocketReader } from '../helpers/scripted-client.js'
import { withServer, withSteppedClock, type ServerRig } from '../helpers/server-rig.js'
import { poll } from '../helpers/temp-deadline.js'

const { main, display, inputs } = CHANNEL_TYPES
const MAGIC = Buffer.from('REDQ')

const header = (major: number, size: number): Buffer => {
  const bytes = Buffer.alloc(16)
  MAGIC.copy(bytes)
  bytes.writeUInt32LE(major >>> 0, 4)
  bytes.writeUInt32LE(2, 8)
  bytes.writeUInt32LE(size >>> 0, 12)
  return bytes
}

/** Sends bytes and reads what comes until the server closes. */
const exchange = async (rig: ServerRig, bytes: Uint8Array): Promise<Buffer> => {
  const reader = await openSocket(rig.where)
  reader.socket.write(bytes)
  return reader.readToEnd()
}

const replyError = (reply: Buffer): number | undefined =>
  reply.length === 194 && reply.subarray(0, 4).equals(MAGIC) ? reply.readUInt32LE(16) : undefined

/** A well-behaved client is served all the same. */
const stillServes = async (rig: ServerRig): Promise<boolean> => {
  const { main: channel } = await rig.client()
  channel.send(mainClient.attachChannels, {})
  return (await channel.expect(mainServer.channelsList)).channels.length === 3
}

for (const [what, bytes] of [
  ['garbage', Buffer.from('XXXX')],
  ['a TLS client hello', Buffer.from('16030100c8010000c40303', 'hex')],
] as const) {
  test(
    `N-LINK-01: ${what} is answered with INVALID_MAGIC and closed`,
    withServer({}, async (t, rig) => {
      t.is(replyError(await exchange(rig, bytes)), LINK_ERROR.invalidMagic)
      t.is(rig.metrics.authFailures.get(), 0)
      t.true(await stillServes(rig))
    }),
  )
}

for (const major of [0, 1, 3, 2 ** 32 - 1]) {
  test(
    `N-LINK-03: major version ${major} is refused`,
    withServer({}, async (t, rig) => {
      t.is(replyError(await exchange(rig, header(major, 18))), LINK_ERROR.versionMismatch)
      t.true(await stillServes(rig))
    }),
  )
}

for (const size of [0, 17, 4097, 2 ** 31, 2 ** 32 - 1]) {
  test(
    `N-LINK-04, L-link: link size ${size} is refused before a body byte is read`,
    withServer({}, async (t, rig) => {
      t.is(replyError(await exchange(rig, header(2, size))), LINK_ERROR.invalidData)
      t.is(rig.metrics.limitHits.get('link'), 1)
      t.true(await stillServes(rig))
    }),
  )
}

test(
  'N-LINK-05, L-stage: a link message that never comes is closed at the deadline and its place is free again',
  withSteppedClock({ limits: { pending: 1 } }, async (t, rig, clock) => {
    const reader = await openSocket(rig.where)
    reader.socket.write(header(2, 4096))
    const refused = await openSocket(rig.where)
    t.is((await refused.readToEnd()).length, 0)
    clock.advance(9999)
    t.is(rig.metrics.limitHits.get('stage-ms'), 0)
    clock.advance(1)
    t.is((await reader.readToEnd()).length, 0)
    t.is(rig.metrics.limitHits.get('stage-ms'), 1)
    t.true(await stillServes(rig))
  }),
)

test(
  'N-LINK-06: a peer that sends a byte now and then is closed at the same deadline',
  withSteppedClock({ limits: { pending: 1 } }, async (t, rig, clock) => {
    const reader = await openSocket(rig.where)
    await (await openSocket(rig.where)).readToEnd()
    for (const byte of header(2, 4096).subarray(0, 9)) {
      reader.socket.write(Uint8Array.of(byte))
      clock.advance(1000)
    }
    t.is(rig.metrics.limitHits.get('stage-ms'), 0)
    clock.advance(1000)
    t.is((await reader.readToEnd()).length, 0)
    t.is(rig.metrics.limitHits.get('stage-ms'), 1)
    t.true(await stillServes(rig))
  }),
)

const malformed: readonly (readonly [string, (body: Buffer) => void])[] = [
  ['capability offset 0', (body) => void body.writeUInt32LE(0, 14)],
  ['capability offset 17', (body) => void body.writeUInt32LE(17, 14)],
  ['capability offset 2^32-1', (body) => void body.writeUInt32LE(2 ** 32 - 1, 14)],
  ['33 common words', (body) => void body.writeUInt32LE(33, 6)],
  ['2^30 channel words', (body) => void body.writeUInt32LE(2 ** 30, 10)],
  ['words one past the end', (body) => void body.writeUInt32LE(2, 10)],
]

for (const [what, spoil] of malformed) {
  test(
    `N-LINK-07, L-caps: ${what} is INVALID_DATA`,
    withServer({}, async (t, rig) => {
      const bytes = Buffer.from(
        encodeLinkMess({
          connectionId: 0,
          channelType: main,
          channelId: 0,
          commonCaps: capsOf([0, 3]),
          channelCaps: capsOf([0]),
        }),
      )
      spoil(bytes.subarray(16))
      t.is(replyError(await exchange(rig, bytes)), LINK_ERROR.invalidData)
      t.is(rig.metrics.limitHits.get('caps'), /^(?:33|2\^30)/.test(what) ? 1 : 0)
      t.true(await stillServes(rig))
    }),
  )
}

test(
  'N-LINK-08: a connection id on a main link is refused',
  withServer({}, async (t, rig) => {
    const { result } = await rig.link({ type: main, connectionId: 5 })
    t.is(result, LINK_ERROR.badConnectionId)
    t.is(rig.metrics.authFailures.get('connection-id'), 1)
  }),
)

test(
  'N-LINK-09: a secondary channel with an unknown id is refused and counted',
  withServer({}, async (t, rig) => {
    const { connectionId } = await rig.client()
    const { result } = await rig.link({ type: display, connectionId: (connectionId ^ 1) >>> 0 })
    t.is(result, LINK_ERROR.badConnectionId)
    t.is(rig.metrics.authFailures.get('connection-id'), 1)
  }),
)

for (const [type, id] of [
  [0, 0],
  [255, 0],
  [5, 0],
  [display, 255],
] as const) {
  test(
    `N-LINK-10: channel ${type}:${id} is not available, and nobody without the ticket learns that`,
    withServer({}, async (t, rig) => {
      const { connectionId } = await rig.client()
      const good = await rig.link({ type, id, connectionId })
      t.is(good.result, LINK_ERROR.channelNotAvailable)
      const bad = await rig.link({ type, id, connectionId, ticket: 'wrong' })
      t.is(bad.result, LINK_ERROR.permissionDenied)
    }),
  )
}

test(
  'N-LINK-11: of the same channel twice the second is refused and the first lives',
  withServer({}, async (t, rig) => {
    const { connectionId } = await rig.client()
    const first = await rig.link({ type: inputs, connectionId })
    const second = await rig.link({ type: inputs, connectionId })
    t.is(second.result, LINK_ERROR.channelNotAvailable)
    t.false(first.channel.reader.socket.destroyed)
    t.is(rig.metrics.channels.get('inputs'), 1)
  }),
)

test(
  'N-LINK-12: silent connections fill their places, a present session goes on, and a good link is served after the deadline',
  withSteppedClock({ frontDoor: ANYWHERE, clients: 'share' }, async (t, rig, clock) => {
    const home = proxyHeader('192.0.2.1')
    const { channel } = await rig.link({ type: main, before: home })
    const { sessionId: connectionId } = await channel.expect(mainServer.init)
    const silent: SocketReader[] = []
    for (let i = 0; rig.metrics.limitHits.get('pending') === 0; i++) {
      const reader = await openSocket(rig.where)
      reader.socket.write(proxyHeader(`198.51.100.${i}`))
      silent.push(reader)
      await setImmediate()
    }
    t.true(silent.length > 64)
    channel.send(mainClient.attachChannels, {})
    await channel.expect(mainServer.channelsList)
    const second = await rig.link({ type: inputs, connectionId, before: home })
    t.is(second.result, LINK_ERROR.ok, 'the session opens its channels all the time')
    clock.advance(10_000)
    await Promise.all(silent.map((reader) => reader.readToEnd()))
    const good = await rig.link({ type: main, before: proxyHeader('203.0.113.1') })
    t.is(good.result, LINK_ERROR.ok)
  }),
)

test(
  'N-LINK-14: a peer that goes away at any byte of the handshake leaves nothing behind',
  withServer({ limits: { pending: 2 } }, async (t, rig) => {
    const bytes = encodeLinkMess({
      connectionId: 0,
      channelType: main,
      channelId: 0,
      commonCaps: capsOf([0, 3]),
      channelCaps: [],
    })
    for (let size = 0; size <= bytes.length; size += 3) {
      for (const reset of [true, false]) {
        const reader = await openSocket(rig.where)
        reader.socket.write(bytes.subarray(0, size))
        if (reset) {
          reader.socket.resetAndDestroy()
        } else {
          reader.socket.end()
          await reader.readToEnd()
        }
      }
    }
    await poll('all places to be free', async () => {
      const { result } = await rig.link({ type: main }).catch(() => ({ result: undefined }))
      return result === 0
    })
    t.is(rig.metrics.authFailures.get('ticket'), 0)
  }),
)

test(
  'N-LINK-15: everything sent ahead in as few segments as can be is served',
  withServer({}, async (t, rig) => {
    const reader = await openSocket(rig.where)
    reader.socket.write(
      encodeLinkMess({
        connectionId: 0,
        channelType: main,
        channelId: 0,
        commonCaps: capsOf([0, 3]),
        channelCaps: [],
      }),
    )
    const reply = await reader.read(16 + 186)
    const key = reply!.subarray(20, 182)
    reader.socket.write(
      Buffer.concat([
        Buffer.from([1, 0, 0, 0]),
        ticketBlock(key, 'secret'),
        Buffer.from('680000000000', 'hex'),
        Buffer.from('680000000000', 'hex'),
      ]),
    )
    const result = await reader.read(4)
    t.is(result?.readUInt32LE(0), 0)
    const types: number[] = []
    while (types.filter((type) => type === mainServer.channelsList.id).length < 2) {
      const head = await reader.read(6)
      types.push(head!.readUInt16LE(0))
      await reader.read(head!.readUInt32LE(2))
    }
    t.is(types[0], mainServer.init.id)
  }),
)
