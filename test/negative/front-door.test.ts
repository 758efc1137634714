import { once } from 'node:events'
import test from 'ava'
import { capsOf, CHANNEL_TYPES, encodeLinkMess, LINK_ERROR } from '../../src/protocol/index.js'
import type { SourceRange } from '../../src/server/source-filter.js'
import { ANYWHERE, proxyHeader } from '../helpers/proxy-header.js'
import { openSocket, type SocketReader } from '../helpers/scripted-client.js'
import { poll } from '../helpers/temp-deadline.js'
import { withServer, withSteppedClock, type ServerRig } from '../helpers/server-rig.js'

const { main, inputs } = CHANNEL_TYPES

const LOCAL: SourceRange = { address: '127.0.0.0', prefix: 8, family: 'ipv4' }
const ELSEWHERE: SourceRange = { address: '192.0.2.0', prefix: 24, family: 'ipv4' }

/** Times a wrong ticket is tried. */
const fail = async (rig: ServerRig, times: number): Promise<void> => {
  for (let i = 0; i < times; i++) {
    await rig.link({ type: main, ticket: 'wrong' })
  }
}

/** The connection is closed without a byte. */
const turnedAway = async (rig: ServerRig): Promise<boolean> => {
  const reader = await openSocket(rig.where)
  return (await reader.readToEnd()).length === 0
}

test(
  'N-AUTH-03: a single-use ticket begins one session with all its channels, and no second one',
  withServer({ singleUse: true, clients: 'share' }, async (t, rig) => {
    const { connectionId } = await rig.client()
    t.is((await rig.link({ type: main })).result, LINK_ERROR.permissionDenied)
    t.is((await rig.link({ type: inputs, connectionId })).result, LINK_ERROR.ok)
    rig.tickets.set(Buffer.from('secret'), { kind: 'never' })
    t.is((await rig.link({ type: main })).result, LINK_ERROR.ok)
  }),
)

test(
  'N-AUTH-03: of two links at once with a single-use ticket one gets in',
  withServer({ singleUse: true, clients: 'share' }, async (t, rig) => {
    const results = await Promise.all([rig.link({ type: main }), rig.link({ type: main })])
    t.deepEqual(results.map(({ result }) => result).sort(), [LINK_ERROR.ok, LINK_ERROR.permissionDenied])
  }),
)

test(
  'N-AUTH-06: six failures begin a penalty, in which the right ticket costs no key; after it it is served',
  withSteppedClock({}, async (t, rig, clock) => {
    await fail(rig, 6)
    t.is(rig.metrics.authSources.get('penalised'), 1)
    t.is(rig.metrics.authPenalties.get(), 1)
    t.is(rig.metrics.authPenaltySeconds.get(), 2)
    t.true(await turnedAway(rig))
    t.is(rig.metrics.linkRefusals.get('penalty'), 1)
    t.is(rig.metrics.authRefusals.get('auth-source'), 1)
    clock.advance(1999)
    t.true(await turnedAway(rig))
    clock.advance(1)
    t.is((await rig.link({ type: main })).result, LINK_ERROR.ok)
  }),
)

test(
  'N-AUTH-06: another source is served meanwhile, and each further failure doubles the penalty',
  withSteppedClock({ frontDoor: { allowFrom: [], trustedProxies: [LOCAL] } }, async (t, rig, clock) => {
    const tryFrom = async (address: string, ticket: string): Promise<number | undefined> => {
      const { result } = await rig.link({ type: main, ticket, before: proxyHeader(address) })
      return result
    }
    for (let i = 0; i < 6; i++) {
      t.is(await tryFrom('192.0.2.1', 'wrong'), LINK_ERROR.permissionDenied)
    }
    await t.throwsAsync(tryFrom('192.0.2.1', 'secret'))
    t.is(await tryFrom('192.0.2.2', 'secret'), LINK_ERROR.ok)
    clock.advance(2000)
    t.is(await tryFrom('192.0.2.1', 'wrong'), LINK_ERROR.permissionDenied)
    clock.advance(3999)
    await t.throwsAsync(tryFrom('192.0.2.1', 'secret'))
    clock.advance(1)
    t.is(await tryFrom('192.0.2.1', 'secret'), LINK_ERROR.ok)
  }),
)

test(
  'N-AUTH-06: links that wait for their answer while the penalty begins are refused, right ticket or not',
  withServer({ limits: { 'answer-ms': 300 } }, async (t, rig) => {
    const wrong = Array.from({ length: 6 }, () => rig.link({ type: main, ticket: 'wrong' }))
    await Promise.all(wrong)
    t.true(await turnedAway(rig))
    t.is(rig.metrics.authFailures.get('ticket'), 6)
  }),
)

for (const [ticket, result] of [
  ['wrong', LINK_ERROR.permissionDenied],
  ['secret', LINK_ERROR.ok],
] as const) {
  test(
    `N-AUTH-01: the answer to a ${ticket === 'secret' ? 'good' : 'bad'} ticket comes when its time has come and not before`,
    withSteppedClock({ limits: { 'answer-ms': 50 } }, async (t, rig, clock) => {
      let answered = false
      const outcome = rig.link({ type: main, ticket }).then((linked) => {
        answered = true
        return linked
      })
      /* The deadline of the stage, and then the answer. */
      await poll('the ticket to be read', () => clock.pending === 2)
      clock.advance(49)
      t.is(clock.pending, 2)
      t.false(answered)
      clock.advance(1)
      t.is((await outcome).result, result)
    }),
  )
}

test(
  'L-rate-src: connections of one source beyond its burst are refused until its rate allows more',
  withSteppedClock({ limits: { 'source-burst': 3, 'source-rate': 1 } }, async (t, rig, clock) => {
    for (let i = 0; i < 5; i++) {
      t.is((await rig.link({ type: main })).result, LINK_ERROR.ok, 'a good ticket costs nothing')
    }
    for (let i = 0; i < 3; i++) {
      t.is((await rig.link({ type: main, ticket: 'wrong' })).result, LINK_ERROR.permissionDenied)
    }
    t.true(await turnedAway(rig))
    t.is(rig.metrics.linkRefusals.get('rate'), 1)
    t.is(rig.metrics.limitHits.get('source-burst'), 1)
    clock.advance(1000)
    t.is((await rig.link({ type: main })).result, LINK_ERROR.ok)
  }),
)

test(
  'allow-from: who is not in a range is turned away without a byte',
  withServer({ frontDoor: { allowFrom: [ELSEWHERE], trustedProxies: [] } }, async (t, rig) => {
    t.true(await turnedAway(rig))
    t.is(rig.metrics.linkRefusals.get('source'), 1)
  }),
)

const MESS = encodeLinkMess({
  connectionId: 0,
  channelType: main,
  channelId: 0,
  commonCaps: capsOf([0, 3]),
  channelCaps: [],
})

const send = async (rig: ServerRig, ...pieces: readonly Uint8Array[]): Promise<SocketReader> => {
  const reader = await openSocket(rig.where)
  for (const piece of pieces) {
    reader.socket.write(piece)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return reader
}

test(
  'PROXY: the source is that of the header, in one piece with the link message or byte by byte, and allow-from judges it',
  withServer({ frontDoor: { allowFrom: [ELSEWHERE], trustedProxies: [LOCAL] } }, async (t, rig) => {
    const header = proxyHeader('192.0.2.9', 20)
    const { result } = await rig.link({ type: main, before: header })
    t.is(result, LINK_ERROR.ok)
    t.is(rig.server.clientReports()[0]?.source, '192.0.2.9')
    const slow = await send(rig, ...[...header, ...MESS].map((byte) => Uint8Array.of(byte)))
    t.is((await slow.read(20))?.readUInt32LE(16), LINK_ERROR.ok)
    slow.socket.destroy()
    const outside = await send(rig, proxyHeader('198.51.100.1'), MESS)
    t.is((await outside.readToEnd()).length, 0)
  }),
)

for (const [what, bytes] of [
  ['no header', MESS],
  ['version 1', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n')],
  ['an oversized header', Buffer.from('0d0a0d0a000d0a515549540a2111ffff', 'hex')],
  ['a header too short for its addresses', Buffer.from('0d0a0d0a000d0a515549540a2111000b', 'hex')],
  ['a unix address', Buffer.from('0d0a0d0a000d0a515549540a213100d8', 'hex')],
  ['an unknown command', Buffer.from('0d0a0d0a000d0a515549540a2f11000c', 'hex')],
  ['an unknown version', Buffer.from('0d0a0d0a000d0a515549540a1111000c', 'hex')],
] as const) {
  test(
    `N-PROXY-01: ${what} from a trusted proxy is closed without a byte`,
    withServer({ frontDoor: { allowFrom: [], trustedProxies: [LOCAL] } }, async (t, rig) => {
      const reader = await send(rig, bytes)
      t.is((await reader.readToEnd()).length, 0)
      t.is(rig.metrics.linkRefusals.get('proxy'), 1)
    }),
  )
}

test(
  'N-PROXY-01: a header from elsewhere is no link message',
  withServer({ frontDoor: { allowFrom: [], trustedProxies: [ELSEWHERE] } }, async (t, rig) => {
    const reader = await send(rig, proxyHeader('192.0.2.1'), MESS)
    t.is((await reader.readToEnd()).readUInt32LE(16), LINK_ERROR.invalidMagic)
    t.is(rig.metrics.linkRefusals.get('link'), 1)
  }),
)

test(
  'N-PROXY-01: a header that does not come is waited for no longer than the stage lasts',
  withSteppedClock({ frontDoor: { allowFrom: [], trustedProxies: [LOCAL] } }, async (t, rig, clock) => {
    const reader = await send(rig, proxyHeader('192.0.2.1').subarray(0, 20))
    await poll('the header to be waited for', () => clock.pending === 1)
    clock.advance(10_000)
    t.is((await reader.readToEnd()).length, 0)
    const gone = await send(rig, proxyHeader('192.0.2.1').subarray(0, 3))
    gone.socket.end()
    await once(gone.socket, 'close')
    t.is(rig.metrics.linkRefusals.get('proxy'), 2)
  }),
)

test(
  'PROXY: a proxy that speaks for itself is its own source',
  withServer({ frontDoor: { allowFrom: [], trustedProxies: [LOCAL] } }, async (t, rig) => {
    const before = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex')
    t.is((await rig.link({ type: main, before })).result, LINK_ERROR.ok)
    t.is(rig.server.clientReports()[0]?.source, '127.0.0.1')
  }),
)

test(
  'N-AUTH-11: neither log nor reports hold a ticket, good, wrong or spent',
  withServer({ singleUse: true, viewOnlyTicket: 'lookonly' }, async (t, rig) => {
    await rig.link({ type: main, ticket: 'attempted' })
    await rig.link({ type: main })
    await rig.link({ type: main, ticket: 'lookonly' })
    t.true(rig.log.lines.some(({ fields }) => fields['audit'] === 'end'))
    const text = JSON.stringify([rig.log.lines, rig.server.clientReports()])
    for (const word of ['secret', 'attempted', 'lookonly']) {
      t.false(text.includes(word))
    }
  }),
)

test(
  'L-auth: first and longest penalty are as configured, and a forgotten source counts as a hit',
  withSteppedClock(
    {
      limits: {
        'auth-source': 1,
        'auth-penalty-ms': 500,
        'auth-penalty-max-ms': 700,
        'auth-sources': 2,
        'pending-source': 32,
      },
      frontDoor: ANYWHERE,
    },
    async (t, rig, clock) => {
      const failFrom = (address: string): Promise<unknown> =>
        rig.link({ type: main, ticket: 'wrong', before: proxyHeader(address) })
      await failFrom('192.0.2.1')
      await failFrom('192.0.2.1')
      t.is(rig.metrics.authPenaltySeconds.get(), 0.5)
      clock.advance(500)
      await failFrom('192.0.2.1')
      t.is(rig.metrics.authPenaltySeconds.get(), 0.5 + 0.7)
      await failFrom('192.0.2.2')
      t.is(rig.metrics.limitHits.get('auth-sources'), 0)
      t.is(rig.metrics.authSources.get('failed'), 1)
      await failFrom('192.0.2.3')
      t.is(rig.metrics.limitHits.get('auth-sources'), 1)
      t.is(rig.metrics.authSources.get('failed'), 1)
      t.is(rig.metrics.authSources.get('penalised'), 1)
    },
  ),
)
