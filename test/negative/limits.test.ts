import test from 'ava'
import { CHANNEL_TYPES, inputsServer, LINK_ERROR, mainServer } from '../../src/protocol/index.js'
import { ANYWHERE, proxyHeader } from '../helpers/proxy-header.js'
import { openSocket } from '../helpers/scripted-client.js'
import { withServer, withSteppedClock, type ServerRig } from '../helpers/server-rig.js'
import { poll } from '../helpers/temp-deadline.js'

/** Limits of section 7 of the threat model at values of the test's own: that each is where its key says. */

const { main, display, inputs, cursor } = CHANNEL_TYPES

const hit = (rig: ServerRig, limit: string): Promise<unknown> =>
  poll(`a hit of ${limit}`, () => rig.metrics.limitHits.get(limit) > 0)

test(
  'L-pending-src: a source without a session has 8 connections before authentication, one with a session 32',
  withServer({ frontDoor: ANYWHERE, limits: { 'source-burst': 100 } }, async (t, rig) => {
    const fill = async (address: string, count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const reader = await openSocket(rig.where)
        reader.socket.write(proxyHeader(address))
      }
    }
    await fill('192.0.2.1', 9)
    await hit(rig, 'pending-source')
    const before = proxyHeader('192.0.2.2')
    const { channel } = await rig.link({ type: main, before })
    await channel.expect(mainServer.init)
    await fill('192.0.2.2', 33)
    await hit(rig, 'pending-session')
    t.is(rig.metrics.limitHits.get('pending-source'), 1)
    t.is(rig.metrics.limitHits.get('pending-session'), 1)
    t.is(rig.metrics.limitHits.get('pending') + rig.metrics.limitHits.get('pending-drop'), 0)
  }),
)

test(
  'L-pending: random early refusals are counted, and the places they leave are for others',
  withServer({ frontDoor: ANYWHERE, limits: { pending: 1000, 'pending-drop': 1 } }, async (t, rig) => {
    for (let i = 0; rig.metrics.limitHits.get('pending-drop') === 0; i++) {
      const reader = await openSocket(rig.where)
      reader.socket.write(proxyHeader(`192.0.2.${i % 250}`))
      await new Promise((resolve) => setImmediate(resolve))
      t.true(i < 10_000)
    }
    t.is(rig.metrics.linkRefusals.get('pending-drop'), rig.metrics.limitHits.get('pending-drop'))
  }),
)

test(
  'L-keys: links that find no ready key wait for one, and that is counted',
  withServer({ limits: { keys: 1, 'pending-source': 32 } }, async (t, rig) => {
    const links = await Promise.all(
      Array.from({ length: 6 }, () => rig.link({ type: main, ticket: 'wrong' })),
    )
    t.true(links.every(({ replyError }) => replyError === LINK_ERROR.ok))
    t.true(rig.metrics.limitHits.get('keys') > 0)
  }),
)

test(
  'L-clients: with share one client more than allowed is refused and counted',
  withServer({ clients: 'share', limits: { clients: 2 } }, async (t, rig) => {
    await rig.client()
    await rig.client()
    const { channel } = await rig.link({ type: main })
    await poll('the third to be refused', () => rig.metrics.linkRefusals.get('clients') === 1)
    t.is(rig.metrics.limitHits.get('clients'), 1)
    t.is(rig.metrics.clients.get(), 2)
    channel.destroy()
  }),
)

test(
  'L-chan: one channel more than allowed is not available and counted',
  withServer({ limits: { channels: 2 } }, async (t, rig) => {
    const { connectionId } = await rig.client()
    t.is((await rig.link({ type: display, connectionId })).result, LINK_ERROR.ok)
    t.is((await rig.link({ type: inputs, connectionId })).result, LINK_ERROR.ok)
    t.is((await rig.link({ type: cursor, connectionId })).result, LINK_ERROR.channelNotAvailable)
    t.is(rig.metrics.limitHits.get('channels'), 1)
  }),
)

for (const [type, limit] of [
  [main, 'message-main'],
  [display, 'message-display'],
  [inputs, 'message-inputs'],
  [cursor, 'message-display'],
] as const) {
  test(
    `L-msg: a body above ${limit} closes channel ${type} before it comes, and is counted`,
    withServer(
      { limits: { 'message-main': 1024, 'message-display': 256, 'message-inputs': 64 } },
      async (t, rig) => {
        const session = await rig.client()
        const channel =
          type === main
            ? session.main
            : (await rig.link({ type, connectionId: session.connectionId })).channel
        const header = Buffer.alloc(6)
        header.writeUInt16LE(101)
        header.writeUInt32LE({ 'message-main': 1025, 'message-display': 257, 'message-inputs': 65 }[limit], 2)
        channel.reader.socket.write(header)
        await hit(rig, limit)
        t.is(rig.metrics.errors.get('SIDECAR_LIMIT'), 1)
      },
    ),
  )
}

test(
  'L-input: more messages than the burst pause reading until the rate allows more',
  withSteppedClock({ limits: { 'input-burst': 50, 'input-rate': 50 } }, async (t, rig, clock) => {
    const { connectionId } = await rig.client()
    const { channel } = await rig.link({ type: inputs, connectionId })
    await channel.expect(inputsServer.init)
    const motion = Buffer.concat([Buffer.from('6f000c000000', 'hex'), Buffer.alloc(12)])
    channel.reader.socket.write(Buffer.concat(Array.from({ length: 200 }, () => motion)))
    await hit(rig, 'input-rate')
    t.is(rig.metrics.clients.get(), 1)
    clock.advance(10_000)
    t.false(channel.reader.socket.destroyed)
  }),
)
