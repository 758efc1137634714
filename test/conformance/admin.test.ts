import { once } from 'node:events'
import { statSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { LocalControl } from '../../src/app/local-control.js'
import { systemClock } from '../../src/app/system-clock.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import {
  CHANNEL_TYPES,
  commonClient,
  commonServer,
  displayClient,
  displayServer,
  LINK_ERROR,
} from '../../src/protocol/index.js'
import { askAdmin, type AdminReply } from '../helpers/admin-client.js'
import { testFrame } from '../helpers/frames.js'
import { ServerRig, type ServerRigOptions } from '../helpers/server-rig.js'
import { poll } from '../helpers/temp-deadline.js'
import { removeTempDirectory, tempDirectory } from '../helpers/temp.js'

const { main, display, inputs } = CHANNEL_TYPES

type Ask = (method: string, path: string, body?: unknown) => Promise<AdminReply>

/** A real server with a real admin socket beside it. */
const withAdmin =
  (
    options: ServerRigOptions,
    body: (t: ExecutionContext, rig: ServerRig, ask: Ask, path: string) => Promise<void>,
  ) =>
  async (t: ExecutionContext): Promise<void> => {
    const rig = new ServerRig(options)
    const folder = tempDirectory()
    const path = join(folder, 'admin.sock')
    const { server, tickets, mouse, log } = rig
    const control = new LocalControl({
      clock: systemClock,
      logger: log,
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      limitHits: rig.metrics.limitHits,
      server,
      tickets,
      mouse,
      sasl: false,
    })
    await rig.start()
    await control.start({ kind: 'unix', path })
    try {
      await body(t, rig, (method, where, sent) => askAdmin(path, method, where, sent), path)
    } finally {
      await control.close()
      await rig.server.close()
      removeTempDirectory(folder)
    }
  }

test(
  'a ticket set over the admin socket is the one that counts, and nothing tells it again',
  withAdmin({ ticket: undefined }, async (t, rig, ask) => {
    t.is((await rig.link({ type: main, ticket: 'fresh-word' })).result, LINK_ERROR.permissionDenied)
    t.is((await ask('PUT', '/ticket', { password: 'fresh-word' })).status, 204)
    t.is((await rig.link({ type: main, ticket: 'fresh-word' })).result, LINK_ERROR.ok)
    const seen = [await ask('GET', '/clients'), await ask('GET', '/health'), rig.log.lines]
    t.false(JSON.stringify(seen).includes('fresh-word'))
  }),
)

test(
  'a display channel is listed with what was sent and how far its client is',
  withAdmin({ limits: { 'ack-window': 3 } }, async (t, rig, ask) => {
    rig.model.consolesChanged([{ index: 0, label: 'video0', head: 0 }])
    rig.model.scanout(0, testFrame(40, 30))
    const { connectionId } = await rig.client()
    const { channel } = await rig.link({ type: display, connectionId })
    const figures = async (): Promise<Record<string, unknown>> => {
      const { json } = await ask('GET', '/clients')
      const [client] = (json as { clients: { channels: Record<string, unknown>[] }[] }).clients
      return client?.channels.find(({ name }) => name === 'display') ?? {}
    }
    t.like(await figures(), { 'image-bytes': {}, updates: 0, 'unacked-messages': 0, 'lossy-pixels': 0 })
    channel.send(displayClient.init, {
      pixmapCacheId: 1,
      pixmapCacheSize: 0n,
      glzDictionaryId: 1,
      glzWindowSize: 0,
    })
    await channel.expect(displayServer.mark)
    const after = await figures()
    const bytes = Object.values(after['image-bytes'] as Record<string, number>)
    t.true(bytes.length > 0 && bytes.every((each) => each > 0))
    t.like(after, { updates: 1, 'waiting-items': 0, 'lossy-pixels': 0, 'cache-hits': 0 })
    t.true(Number(after['unacked-messages']) >= 4)
    t.true(Number(after['unacked-bytes']) > bytes.reduce((sum, each) => sum + each, 0))
    channel.send(commonClient.ackSync, { generation: 1 })
    channel.send(commonClient.ack, {})
    await poll('the client has answered', async () => (await figures())['round-trip-ms'] !== undefined)
    channel.destroy()
  }),
)

test(
  'expiry and lock are for new sessions only',
  withAdmin({ clients: 'share' }, async (t, rig, ask) => {
    const { connectionId } = await rig.client()
    t.is((await ask('PUT', '/ticket/expiry', { expiry: 'now' })).status, 204)
    t.is((await rig.link({ type: main })).result, LINK_ERROR.permissionDenied)
    t.is((await rig.link({ type: inputs, connectionId })).result, LINK_ERROR.ok)
    t.is((await ask('PUT', '/ticket/expiry', { expiry: '+60' })).status, 204)
    t.is((await rig.link({ type: main })).result, LINK_ERROR.ok)
    t.is((await ask('DELETE', '/ticket')).status, 204)
    t.is((await rig.link({ type: main })).result, LINK_ERROR.permissionDenied)
    t.like((await ask('GET', '/health')).json, { locked: true, clients: 2 })
  }),
)

test(
  'connected: fail refuses while a client is there, keep keeps it, disconnect ends it',
  withAdmin({}, async (t, rig, ask) => {
    t.is((await ask('PUT', '/ticket', { password: 'one', connected: 'fail' })).status, 204)
    const first = await rig.link({ type: main, ticket: 'one' })
    const refused = await ask('PUT', '/ticket', { password: 'two', connected: 'fail' })
    t.is(refused.status, 409)
    t.like(refused.json, { code: 'client_connected' })
    t.is((await ask('PUT', '/ticket', { password: 'three', connected: 'keep' })).status, 204)
    t.is(rig.server.clientReports().length, 1)
    t.is((await ask('PUT', '/ticket', { password: 'four', connected: 'disconnect' })).status, 204)
    await first.channel.expect(commonServer.disconnecting)
    await first.channel.closed()
    t.is(rig.metrics.clientsEnded.get('admin'), 1)
  }),
)

test(
  'the list tells who is there, and a client is thrown out by its number',
  withAdmin({}, async (t, rig, ask) => {
    const { main: channel, connectionId } = await rig.client()
    await rig.link({ type: inputs, connectionId })
    const { status, json } = await ask('GET', '/clients')
    t.is(status, 200)
    const { auth, clients, ...rest } = json as { auth: string; clients: Record<string, unknown>[] }
    t.deepEqual(rest, { locked: false, 'mouse-mode': 'server' })
    t.is(auth, 'spice')
    t.is(clients.length, 1)
    t.like(clients[0], { number: 1, source: '127.0.0.1', auth: 'ticket', 'view-only': false })
    t.true(Number(clients[0]?.['bytes-sent']) > 50)
    t.true(Math.abs(Number(clients[0]?.['since']) - systemClock.unixSeconds()) < 60)
    const channels = clients[0]?.['channels'] as Record<string, unknown>[]
    t.deepEqual(
      channels.map(({ type, name, id, tls }) => ({ type, name, id, tls })),
      [
        { type: 1, name: 'main', id: 0, tls: false },
        { type: 3, name: 'inputs', id: 0, tls: false },
      ],
    )
    t.is((await ask('DELETE', '/clients/2')).status, 404)
    t.is((await ask('DELETE', '/clients/1')).status, 204)
    const { reason } = await channel.expect(commonServer.disconnecting)
    t.is(reason, LINK_ERROR.ok)
    await channel.closed()
    t.is((await ask('DELETE', '/clients/1')).status, 404)
  }),
)

for (const [method, path, body, status, code] of [
  ['GET', '/', '', 404, 'not_found'],
  ['GET', '/clients/1', '', 405, 'method_not_allowed'],
  ['POST', '/ticket', '{}', 405, 'method_not_allowed'],
  ['DELETE', '/clients/..%2fticket', '', 404, 'not_found'],
  ['DELETE', '/clients/0', '', 404, 'not_found'],
  ['PUT', '/ticket', '', 400, 'bad_request'],
  ['PUT', '/ticket', '[]', 400, 'bad_request'],
  ['PUT', '/ticket', '{"password":', 400, 'bad_request'],
  ['PUT', '/ticket', '{"password":""}', 400, 'bad_request'],
  ['PUT', '/ticket', '{"password":7}', 400, 'bad_request'],
  ['PUT', '/ticket', '{"password":"a\\u0000b"}', 400, 'bad_request'],
  ['PUT', '/ticket', JSON.stringify({ password: 'x'.repeat(61) }), 400, 'bad_request'],
  ['PUT', '/ticket', '{"password":"hidden","connected":"perhaps"}', 400, 'bad_request'],
  ['PUT', '/ticket', '{"password":"hidden","__proto__":{}}', 400, 'bad_request'],
  ['PUT', '/ticket', '{"password":"hidden","expiry":"later"}', 400, 'bad_request'],
  ['PUT', '/ticket', '{"password":"hidden","expiry":-1}', 400, 'bad_request'],
  ['PUT', '/ticket/expiry', '{}', 400, 'bad_request'],
  ['PUT', '/ticket', ' '.repeat(4097), 413, 'too_large'],
] as const) {
  test(
    `the admin socket answers ${method} ${path} ${body.slice(0, 50).trim()} with ${status}`,
    withAdmin({}, async (t, rig, ask) => {
      const reply = await ask(method, path, body)
      t.is(reply.status, status)
      t.like(reply.json, { code })
      t.is(reply.allow !== undefined, status === 405)
      t.false(JSON.stringify([reply.json, rig.log.lines]).includes('hidden'))
      t.is((await rig.link({ type: main })).result, LINK_ERROR.ok)
    }),
  )
}

test(
  'where nobody needs a ticket none can be set',
  withAdmin({ open: true }, async (t, _rig, ask) => {
    t.like((await ask('PUT', '/ticket', { password: 'x' })).json, { code: 'ticketing_disabled' })
    t.like((await ask('GET', '/clients')).json, { auth: 'none' })
  }),
)

test(
  'the socket is its owner’s alone, and garbage on it hurts nobody',
  withAdmin({}, async (t, _rig, ask, path) => {
    t.is(statSync(path).mode & 0o777, 0o600)
    const socket = connect(path)
    await new Promise<void>((resolve) => {
      socket.on('error', () => undefined).once('close', () => resolve())
      socket.resume()
      socket.end(`${'\0'.repeat(3)}REDQ${'x'.repeat(20_000)}\r\n\r\n`)
    })
    t.is((await ask('GET', '/health')).status, 200)
  }),
)

test(
  'L-admin: a body and a number of connections above what is configured are refused and counted',
  withAdmin({ limits: { 'admin-body': 512, 'admin-connections': 2 } }, async (t, rig, ask, path) => {
    const { status } = await ask('PUT', '/ticket', { password: 'x'.repeat(600) })
    t.is(status, 413)
    t.is(rig.metrics.limitHits.get('admin-body'), 1)
    const held = [1, 2, 3].map(() => connect(path))
    held.forEach((socket) => socket.on('error', () => undefined).resume())
    await poll('one connection to be refused', () => rig.metrics.limitHits.get('admin-connections') > 0)
    held.forEach((socket) => socket.destroy())
  }),
)

test(
  'L-admin: a request that does not come is waited for no longer than configured',
  withAdmin({ limits: { 'admin-ms': 100 } }, async (t, rig, _ask, path) => {
    const socket = connect(path)
    socket.on('error', () => undefined).resume()
    await once(socket, 'close')
    t.is(rig.metrics.limitHits.get('admin-ms'), 1)
  }),
)
