import { randomBytes } from 'node:crypto'
import test from 'ava'
import { capsOf, CHANNEL_TYPES, encodeLinkMess, LINK_ERROR } from '../../src/protocol/index.js'
import { openSocket, ticketBlock, type SocketReader } from '../helpers/scripted-client.js'
import { withServer, type ServerRig } from '../helpers/server-rig.js'

const { main, inputs } = CHANNEL_TYPES

/** A connection that has the link reply and owes mechanism and ticket. */
const owing = async (rig: ServerRig): Promise<SocketReader> => {
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
  await reader.read(202)
  return reader
}

const SPICE_MECHANISM = Buffer.from([1, 0, 0, 0])

test(
  'N-AUTH-01: random bytes as ticket are denied',
  withServer({}, async (t, rig) => {
    const reader = await owing(rig)
    reader.socket.write(Buffer.concat([SPICE_MECHANISM, randomBytes(128)]))
    t.is((await reader.readToEnd()).readUInt32LE(0), LINK_ERROR.permissionDenied)
  }),
)

for (const [what, plain] of [
  ['an empty ticket', '\0'],
  ['a wrong ticket', 'wrong\0'],
  ['the right ticket without its zero', 'secret'],
  ['61 bytes', `${'x'.repeat(61)}\0`],
  ['86 bytes', 'x'.repeat(86)],
  ['a longer ticket that begins with the right one', 'secrets\0'],
] as const) {
  test(
    `N-AUTH-02: ${what} is denied`,
    withServer({}, async (t, rig) => {
      const { result } = await rig.link({ type: main, ticket: Buffer.from(plain) })
      t.is(result, LINK_ERROR.permissionDenied)
      const good = await rig.link({ type: main })
      t.is(good.result, LINK_ERROR.ok)
    }),
  )
}

for (const ticket of [undefined, '']) {
  test(
    `N-AUTH-03: ${ticket === undefined ? 'no ticket' : 'an empty ticket'} means locked`,
    withServer({ ticket }, async (t, rig) => {
      for (const tried of ['', 'secret', 'undefined']) {
        const { result } = await rig.link({ type: main, ticket: tried })
        t.is(result, LINK_ERROR.permissionDenied)
      }
      t.is(rig.metrics.authFailures.get('locked'), 3)
    }),
  )
}

test(
  'N-AUTH-03: an expired ticket begins no session, and a session that began before gets all its channels',
  withServer({}, async (t, rig) => {
    const { connectionId } = await rig.client()
    rig.tickets.set(Buffer.from('secret'), { kind: 'now' })
    const late = await rig.link({ type: main })
    t.is(late.result, LINK_ERROR.permissionDenied)
    const channel = await rig.link({ type: inputs, connectionId })
    t.is(channel.result, LINK_ERROR.ok)
  }),
)

test(
  'a session keeps the ticket it began with when another one is set',
  withServer({}, async (t, rig) => {
    const { connectionId } = await rig.client()
    rig.tickets.set(Buffer.from('other'), { kind: 'never' })
    t.is(
      (await rig.link({ type: inputs, connectionId, ticket: 'other' })).result,
      LINK_ERROR.permissionDenied,
    )
    t.is((await rig.link({ type: inputs, connectionId })).result, LINK_ERROR.ok)
  }),
)

for (const mechanism of [0, 2, 2 ** 32 - 1]) {
  test(
    `N-AUTH-04: mechanism ${mechanism} was not offered and is refused`,
    withServer({}, async (t, rig) => {
      const reader = await owing(rig)
      const word = Buffer.alloc(4)
      word.writeUInt32LE(mechanism)
      reader.socket.write(word)
      const reply = await reader.readToEnd()
      t.is(reply.readUInt32LE(16), LINK_ERROR.invalidData)
    }),
  )
}

test(
  "N-AUTH-05: a ticket for another connection's key is denied",
  withServer({}, async (t, rig) => {
    const second = await owing(rig)
    const other = await openSocket(rig.where)
    other.socket.write(
      encodeLinkMess({
        connectionId: 0,
        channelType: main,
        channelId: 0,
        commonCaps: capsOf([0, 3]),
        channelCaps: [],
      }),
    )
    const reply = await other.read(202)
    second.socket.write(Buffer.concat([SPICE_MECHANISM, ticketBlock(reply!.subarray(20, 182), 'secret')]))
    t.is((await second.readToEnd()).readUInt32LE(0), LINK_ERROR.permissionDenied)
  }),
)

test(
  'N-AUTH-09: channel messages instead of the ticket never become a channel',
  withServer({}, async (t, rig) => {
    const reader = await owing(rig)
    reader.socket.write(Buffer.from('680000000000'.repeat(30), 'hex'))
    t.is((await reader.readToEnd()).readUInt32LE(16), LINK_ERROR.invalidData)
    t.is(rig.metrics.clients.get(), 0)
  }),
)

test(
  'N-AUTH-11: no log line contains the ticket',
  withServer({}, async (t, rig) => {
    await rig.client()
    await rig.link({ type: main, ticket: 'attempted' })
    t.true(rig.log.lines.length > 1)
    const text = JSON.stringify(rig.log.lines)
    t.false(text.includes('secret'))
    t.false(text.includes('attempted'))
  }),
)

test(
  'with ticketing disabled any ticket that decrypts is good, and one that does not is denied',
  withServer({ open: true, ticket: undefined }, async (t, rig) => {
    const { result, channel } = await rig.link({ type: main, ticket: '' })
    t.is(result, LINK_ERROR.ok)
    channel.destroy()
    const reader = await owing(rig)
    reader.socket.write(Buffer.concat([SPICE_MECHANISM, randomBytes(128)]))
    t.is((await reader.readToEnd()).readUInt32LE(0), LINK_ERROR.permissionDenied)
  }),
)
