import { setImmediate } from 'node:timers/promises'
import test from 'ava'
import { capsOf, CHANNEL_TYPES, encodeLinkMess, LINK_ERROR, mainServer } from '../../src/protocol/index.js'
import { FakeExchange, FakeSasl, type FakeSaslOptions } from '../helpers/fake-sasl.js'
import { openSocket, type SocketReader } from '../helpers/scripted-client.js'
import { withServer, withSteppedClock, type ServerRig } from '../helpers/server-rig.js'
import { poll } from '../helpers/temp-deadline.js'

const { main, inputs } = CHANNEL_TYPES

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const sized = (text: string): Buffer => Buffer.concat([u32(text.length), Buffer.from(text)])
const SASL = u32(2)
const LIST = ',FAKE,OTHER,'
const REPLY_SIZE = 16 + 178

/** Uses SASL without a layer to look into; TLS is what the server believes it is inside of. */
const offering = (rig: ServerRig, options: FakeSaslOptions = {}): FakeSasl => {
  const sasl = new FakeSasl(options)
  rig.server.useSasl(sasl)
  return sasl
}

const linking = async (
  rig: ServerRig,
  { type = main, connectionId = 0, commonCaps = capsOf([0, 2, 3]) } = {},
): Promise<SocketReader> => {
  const reader = await openSocket(rig.where)
  reader.socket.write(
    encodeLinkMess({ connectionId, channelType: type, channelId: 0, commonCaps, channelCaps: [] }),
  )
  return reader
}

/** A connection that has the link reply and owes the mechanism word. */
const owing = async (rig: ServerRig, wanted = {}): Promise<SocketReader> => {
  const reader = await linking(rig, wanted)
  const header = await reader.read(16)
  await reader.read(header!.readUInt32LE(12))
  return reader
}

/** A connection that was told the mechanisms. */
const choosing = async (rig: ServerRig, wanted = {}): Promise<SocketReader> => {
  const reader = await owing(rig, wanted)
  reader.socket.write(SASL)
  await reader.read(4 + LIST.length)
  return reader
}

/** Goes through the exchange as `user`; the result comes through the layer. */
const linkAs = async (
  rig: ServerRig,
  sasl: FakeSasl,
  user: string,
  wanted: { type?: number; connectionId?: number } = {},
): Promise<{ readonly result: number; readonly reader: SocketReader }> => {
  sasl.options = { ...sasl.options, user }
  const reader = await choosing(rig, wanted)
  reader.socket.write(Buffer.concat([sized('FAKE'), u32(0)]))
  const answer = await reader.read(4 + 1 + 4)
  if (!answer!.equals(Buffer.concat([u32(0), Buffer.of(1), u32(0)]))) {
    throw new Error('not accepted')
  }
  const packet = await reader.read(8)
  return { result: Buffer.from(new FakeExchange({}).decode(packet!)).readUInt32LE(0), reader }
}

/** The session id that the first message of a main channel names, taken out of the layer. */
const sessionOf = async (reader: SocketReader): Promise<number> => {
  const codec = new FakeExchange({})
  let plain = Buffer.alloc(0)
  while (plain.length < 6 + 32) {
    plain = Buffer.concat([plain, codec.decode((await reader.read(1))!)])
  }
  return mainServer.init.decode(plain.subarray(6, 38)).sessionId
}

test(
  'with SASL the reply has no key, offers SASL alone and mini headers',
  withServer({}, async (t, rig) => {
    offering(rig)
    const reader = await linking(rig)
    const reply = (await reader.read(REPLY_SIZE + 4))!
    t.is(reply.readUInt32LE(16), LINK_ERROR.ok)
    t.true(reply.subarray(20, 182).every((byte) => byte === 0))
    t.is(reply.readUInt32LE(REPLY_SIZE), 0x0d)
    reader.socket.destroy()
  }),
)

test(
  'a client that cannot choose how to authenticate is told so and closed',
  withServer({}, async (t, rig) => {
    offering(rig)
    const reader = await linking(rig, { commonCaps: capsOf([3]) })
    const reply = await reader.readToEnd()
    t.is(reply.length, REPLY_SIZE)
    t.is(reply.readUInt32LE(16), LINK_ERROR.versionMismatch)
  }),
)

for (const mechanism of [0, 1, 2 ** 32 - 1]) {
  test(
    `N-AUTH-04: with SASL, mechanism ${mechanism} was not offered and is refused`,
    withServer({ open: true }, async (t, rig) => {
      const sasl = offering(rig)
      const reader = await owing(rig)
      reader.socket.write(Buffer.concat([u32(mechanism), Buffer.alloc(128)]))
      t.is((await reader.readToEnd()).readUInt32LE(16), LINK_ERROR.invalidData)
      t.is(sasl.exchanges.length, 0)
      t.is(rig.metrics.clients.get(), 0)
    }),
  )
}

for (const [what, bytes, reply, limit] of [
  ['a name of 101 bytes', sized('x'.repeat(101)), false, 'sasl-name'],
  ['a name of no length', u32(0), false, 'sasl-name'],
  ['a name of 4 GiB', u32(0xffff_ffff), false, 'sasl-name'],
  ['a name with a comma', sized('FAKE,OTHER'), true, undefined],
  ['data of 65 KiB', Buffer.concat([sized('FAKE'), sized('x'.repeat(65 * 1024))]), true, 'sasl-data'],
  [
    '17 steps',
    Buffer.concat([sized('FAKE'), ...Array.from({ length: 17 }, () => u32(0))]),
    false,
    'sasl-steps',
  ],
  ['a step before the start', Buffer.concat([u32(0), sized('FAKE')]), false, 'sasl-name'],
  [
    'a channel message in place of a name',
    Buffer.from('680000000000', 'hex').subarray(0, 4),
    false,
    'sasl-name',
  ],
] as const) {
  test(
    `N-AUTH-10, L-sasl: ${what} is closed`,
    withServer({}, async (t, rig) => {
      const sasl = offering(rig, { answers: [] })
      const reader = await choosing(rig)
      reader.socket.write(bytes)
      if (what.startsWith('a channel')) {
        reader.socket.end(Buffer.from('0000'.repeat(200), 'hex'))
      }
      const rest = await reader.readToEnd()
      if (reply) {
        t.is(rest.readUInt32LE(16), LINK_ERROR.invalidData)
      } else {
        t.is(rest.length % 5, 0, 'answers of steps, and nothing behind them')
        t.true(rest.length <= 16 * 5)
      }
      t.is(sasl.exchanges[0]?.disposed, 1)
      t.is(rig.metrics.clients.get(), 0)
      const hits = ['sasl-name', 'sasl-data', 'sasl-steps'].filter(
        (key) => rig.metrics.limitHits.get(key) > 0,
      )
      t.deepEqual(hits, limit === undefined ? [] : [limit])
      t.true(rig.metrics.linkRefusals.get('link') + rig.metrics.linkRefusals.get('gone') >= 1)
    }),
  )
}

test(
  'N-AUTH-10: what the library refuses is closed without a word and counted',
  withServer({}, async (t, rig) => {
    offering(rig, { answers: [undefined] })
    const reader = await choosing(rig)
    reader.socket.write(Buffer.concat([sized('FAKE'), sized('secret word\0')]))
    t.is((await reader.readToEnd()).length, 0)
    t.is(rig.metrics.authFailures.get('sasl'), 1)
    t.false(JSON.stringify(rig.log.lines).includes('secret word'))
  }),
)

test(
  'N-AUTH-06: who SASL refuses too often is refused for a while, with the right password, too',
  withServer({ limits: { 'auth-source': 2 } }, async (t, rig) => {
    offering(rig, { answers: [undefined] })
    while (rig.metrics.limitHits.get('auth-source') === 0) {
      const reader = await choosing(rig)
      reader.socket.write(Buffer.concat([sized('FAKE'), u32(0)]))
      await reader.readToEnd()
      t.true(rig.metrics.authFailures.get('sasl') <= 3)
    }
    const late = offering(rig)
    const reader = await linking(rig)
    await reader.readToEnd()
    t.is(late.exchanges.length, 0)
    t.is(rig.metrics.clients.get(), 0)
  }),
)

test(
  'N-AUTH-10: outside TLS an exchange without a layer lets nobody in',
  withServer({}, async (t, rig) => {
    offering(rig, { strength: 0 })
    const reader = await choosing(rig)
    reader.socket.write(Buffer.concat([sized('FAKE'), u32(0)]))
    const rest = await reader.readToEnd()
    t.deepEqual(rest, Buffer.concat([u32(0), Buffer.of(1), u32(1), sized('Authentication failed\0')]))
    t.is(rig.metrics.clients.get(), 0)
  }),
)

test(
  'further channels of a session are for its user alone',
  withServer({}, async (t, rig) => {
    const sasl = offering(rig)
    const first = await linkAs(rig, sasl, 'alice')
    t.is(first.result, LINK_ERROR.ok)
    const connectionId = await sessionOf(first.reader)
    t.is((await linkAs(rig, sasl, 'bob', { type: inputs, connectionId })).result, LINK_ERROR.permissionDenied)
    t.is(rig.metrics.authFailures.get('sasl-user'), 1)
    const wrong = (connectionId ^ 1) >>> 0
    t.is(
      (await linkAs(rig, sasl, 'alice', { type: inputs, connectionId: wrong })).result,
      LINK_ERROR.badConnectionId,
    )
    t.is((await linkAs(rig, sasl, 'alice', { type: inputs, connectionId })).result, LINK_ERROR.ok)
    t.is(
      (await linkAs(rig, sasl, 'alice', { type: inputs, connectionId })).result,
      LINK_ERROR.channelNotAvailable,
    )
  }),
)

test(
  'what is not of the layer ends the connection, and its exchange is let go',
  withServer({}, async (t, rig) => {
    const sasl = offering(rig)
    const { reader } = await linkAs(rig, sasl, 'alice')
    reader.socket.write(Buffer.alloc(64, 0xff))
    await reader.readToEnd()
    t.is(rig.metrics.clients.get(), 0)
    t.is(sasl.exchanges[0]?.disposed, 1)
  }),
)

test(
  'bytes that came along with the last step are of the layer',
  withServer({}, async (t, rig) => {
    offering(rig)
    const reader = await choosing(rig)
    reader.socket.write(Buffer.concat([sized('FAKE'), u32(0), Buffer.alloc(16, 0xff)]))
    await reader.readToEnd()
    t.is(rig.metrics.clients.get(), 0)
  }),
)

test(
  'a library that never answers holds a connection no longer than the stage',
  withSteppedClock({}, async (t, rig, clock) => {
    const sasl = offering(rig)
    const slow = sasl.exchange(0)
    let asked = false
    slow.mechanisms = () => {
      asked = true
      return new Promise(() => undefined)
    }
    rig.server.useSasl({ exchange: () => slow })
    const reader = await owing(rig)
    reader.socket.write(SASL)
    while (!asked) {
      await setImmediate()
    }
    clock.advance(10_000)
    t.is((await reader.readToEnd()).length, 0)
    t.is(slow.disposed, 1)
    t.is(rig.metrics.linkRefusals.get('deadline'), 1)
  }),
)

for (const [key, bytes] of [
  ['sasl-name', sized('x'.repeat(41))],
  ['sasl-data', Buffer.concat([sized('FAKE'), sized('x'.repeat(1025))])],
  ['sasl-steps', Buffer.concat([sized('FAKE'), ...Array.from({ length: 4 }, () => u32(0))])],
] as const) {
  test(
    `L-sasl: ${key} is as configured`,
    withServer({ limits: { 'sasl-name': 40, 'sasl-data': 1024, 'sasl-steps': 3 } }, async (t, rig) => {
      offering(rig, { answers: [] })
      const reader = await choosing(rig)
      reader.socket.write(bytes)
      await reader.readToEnd()
      t.is(rig.metrics.limitHits.get(key), 1)
    }),
  )
}

test(
  'the user of a session is in its audit lines and its report, printable and not too long',
  withServer({}, async (t, rig) => {
    const sasl = offering(rig)
    const { reader } = await linkAs(rig, sasl, `alice\u202e\n${'x'.repeat(500)}`)
    const shown = `alice??${'x'.repeat(249)}…`
    t.is(rig.server.clientReports()[0]?.user, shown)
    reader.socket.destroy()
    await poll('the session to end', () => rig.metrics.clients.get() === 0)
    const audited = rig.log.lines.filter(({ fields }) => fields['audit'] !== undefined)
    t.deepEqual(
      audited.map(({ fields }) => [fields['audit'], fields['user']]),
      [
        ['link', shown],
        ['end', shown],
      ],
    )
  }),
)
