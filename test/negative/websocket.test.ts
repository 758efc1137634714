import { once } from 'node:events'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { WebSocket } from 'ws'
import type { LimitKey, Limits } from '../../src/core/limits.js'
import { LINK_ERROR, mainClient, mainServer } from '../../src/protocol/index.js'
import { WebRoot } from '../../src/server/index.js'
import { linkOver, openSocket, SocketReader } from '../helpers/scripted-client.js'
import { ServerRig } from '../helpers/server-rig.js'
import { removeTempDirectory, tempDirectory } from '../helpers/temp.js'
import { poll, withDeadline } from '../helpers/temp-deadline.js'
import { socketOver } from '../helpers/websocket-end.js'

const startWeb = async (
  t: ExecutionContext,
  webRoot?: WebRoot,
  limits: Partial<Limits> = {},
): Promise<ServerRig> => {
  const rig = new ServerRig({
    limits,
    doors: { websocketListen: [{ kind: 'tcp', host: '127.0.0.1', port: 0 }], webRoot },
  })
  await rig.start()
  t.teardown(() => rig.server.close())
  return rig
}

const UPGRADE = [
  'GET /websockify HTTP/1.1',
  'Host: 127.0.0.1',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Protocol: binary',
]

/** Sends header lines and gives the whole answer until the server closes. */
const ask = async (rig: ServerRig, lines: readonly string[]): Promise<string> => {
  const reader = await openSocket(rig.where)
  reader.socket.write([...lines, '', ''].join('\r\n'))
  return (await reader.readToEnd()).toString('latin1')
}

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])

/** A raw connection after the upgrade, for frames that no library sends. */
const upgraded = async (rig: ServerRig): Promise<SocketReader> => {
  const reader = await openSocket(rig.where)
  reader.socket.write([...UPGRADE, '', ''].join('\r\n'))
  let head = ''
  while (!head.endsWith('\r\n\r\n')) {
    head += (await reader.read(1))?.toString('latin1') ?? ''
  }
  return reader
}

/** Code of the close frame that ends a connection. */
const closeCode = async (reader: SocketReader): Promise<number> => {
  const all = await reader.readToEnd()
  const at = all.lastIndexOf(0x88)
  return at < 0 ? 0 : all.readUInt16BE(at + 2)
}

const opened = async (t: ExecutionContext, port: number): Promise<WebSocket> => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, 'binary')
  t.teardown(() => socket.terminate())
  await once(socket, 'open')
  return socket
}

const refused: readonly (readonly [string, readonly string[]])[] = [
  ['65 headers', [...UPGRADE, ...Array.from({ length: 59 }, (_, i) => `X-${i}: 1`)]],
  ['a header of 9 KiB', [...UPGRADE, `X: ${'x'.repeat(9 * 1024)}`]],
  ['no key', UPGRADE.filter((line) => !line.startsWith('Sec-WebSocket-Key'))],
  ['two keys', [...UPGRADE, 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==']],
  ['version 12', UPGRADE.map((line) => line.replace(': 13', ': 12'))],
  ['another subprotocol', UPGRADE.map((line) => line.replace(': binary', ': chat'))],
  ['a page of another site', [...UPGRADE, 'Origin: https://elsewhere.example']],
  ['an opaque origin', [...UPGRADE, 'Origin: null']],
]

for (const [what, lines] of refused) {
  test(`N-WS-01: an upgrade with ${what} is refused before the link stage`, async (t) => {
    const rig = await startWeb(t)
    const status = statusOf(await ask(rig, lines))
    t.true([400, 403, 426, 431].includes(status), `status ${status}`)
    await poll('the refusal to be counted', () => rig.metrics.linkRefusals.get('http') === 1)
    t.is(rig.metrics.linkRefusals.get('link'), 0)
    t.is(rig.metrics.limitHits.get('web-headers'), what === '65 headers' ? 1 : 0)
    t.is(rig.metrics.limitHits.get('web-header-bytes'), what === 'a header of 9 KiB' ? 1 : 0)
  })
}

test('a page of the same host may connect', async (t) => {
  const rig = await startWeb(t)
  const reader = await openSocket(rig.where)
  reader.socket.write([...UPGRADE, 'Origin: http://127.0.0.1', '', ''].join('\r\n'))
  t.is((await reader.read(12))?.toString(), 'HTTP/1.1 101')
  reader.socket.destroy()
})

for (const [what, frame, code] of [
  ['of 2^63 bytes', '82ff8000000000000000', 1009],
  ['of 1 MiB and a byte', '82ff000000000010000100000000', 1009],
  ['that is not masked', '820441424344', 1002],
  ['that is a fragmented ping', '098000000000', 1002],
  ['of text', '818000000000', 1003],
  ['with a reserved bit', 'c28000000000', 1002],
] as const) {
  test(`N-WS-02: a frame ${what} closes with ${code}`, async (t) => {
    const rig = await startWeb(t)
    const reader = await upgraded(rig)
    reader.socket.write(Buffer.from(frame, 'hex'))
    t.is(await closeCode(reader), code)
    t.is(rig.metrics.limitHits.get('websocket-message'), code === 1009 ? 1 : 0)
    await poll('the server to count it', () => rig.metrics.linkRefusals.get('gone') === 1)
  })
}

test('N-WS-02: a flood of pings closes with 1008, one ping is answered', async (t) => {
  const rig = await startWeb(t)
  const reader = await upgraded(rig)
  const ping = Buffer.from('898000000000', 'hex')
  reader.socket.write(ping)
  t.deepEqual(await reader.read(2), Buffer.from('8a00', 'hex'))
  reader.socket.write(Buffer.concat(Array.from({ length: 200 }, () => ping)))
  t.is(await closeCode(reader), 1008)
})

test('N-WS-02: more than 64 fragments of one message close with 1008', async (t) => {
  const rig = await startWeb(t)
  const reader = await upgraded(rig)
  const more = Buffer.from('00810000000041', 'hex')
  reader.socket.write(
    Buffer.concat([Buffer.from('02810000000041', 'hex'), ...Array.from({ length: 64 }, () => more)]),
  )
  t.is(await closeCode(reader), 1008)
})

test('N-WS-03: a session whose bytes come in frames of one byte works', async (t) => {
  const rig = await startWeb(t)
  const end = socketOver(await opened(t, rig.port), 1)
  const { result, channel } = await linkOver(new SocketReader(end), { type: 1, ticket: 'secret' })
  t.is(result, LINK_ERROR.ok)
  await channel.expect(mainServer.init)
  channel.send(mainClient.attachChannels, {})
  t.is((await channel.expect(mainServer.channelsList)).channels.length, 3)
})

test('N-WS-03: frames above the rate close with 1008', async (t) => {
  const rig = await startWeb(t)
  const end = await opened(t, rig.port)
  const closed = once(end, 'close') as Promise<[number]>
  const { channel } = await linkOver(new SocketReader(socketOver(end)), { type: 1, ticket: 'secret' })
  await channel.expect(mainServer.init)
  for (let i = 0; i < 40_000; i++) {
    end.send(Buffer.alloc(0))
  }
  const [code] = await withDeadline(closed, 20_000, 'the end of the connection')
  t.is(code, 1008)
  await poll('the client to be gone', () => rig.metrics.clients.get() === 0)
})

/** Frames of a client: so many of one byte each, with an empty mask. */
const frames = (head: string, count: number): Buffer =>
  Buffer.from(`${head}810000000041`.repeat(count), 'hex')

const wsLimits: readonly (readonly [LimitKey, Partial<Limits>, Buffer, number])[] = [
  [
    'websocket-message',
    { 'websocket-message': 65_536 },
    Buffer.from('82ff000000000001000100000000', 'hex'),
    1009,
  ],
  [
    'websocket-fragments',
    { 'websocket-fragments': 2 },
    Buffer.concat([frames('02', 1), frames('00', 2)]),
    1008,
  ],
  [
    'websocket-rate',
    { 'websocket-rate': 100, 'websocket-burst': 100 },
    Buffer.from('828000000000'.repeat(300), 'hex'),
    1008,
  ],
  [
    'websocket-ping-rate',
    { 'websocket-ping-rate': 1, 'websocket-ping-burst': 2 },
    Buffer.from('898000000000'.repeat(5), 'hex'),
    1008,
  ],
]

for (const [limit, limits, bytes, code] of wsLimits) {
  test(`L-ws: ${limit} is as configured, and reaching it is counted`, async (t) => {
    const rig = await startWeb(t, undefined, limits)
    const reader = await upgraded(rig)
    reader.socket.write(bytes)
    t.is(await closeCode(reader), code)
    t.is(rig.metrics.limitHits.get(limit), 1)
  })
}

test('L-ws: headers of a request are as many and as long as configured', async (t) => {
  const rig = await startWeb(t, undefined, { 'web-headers': 16, 'web-header-bytes': 1024 })
  const more = Array.from({ length: 11 }, (_, i) => `X-${i}: 1`)
  t.is(statusOf(await ask(rig, [...UPGRADE, ...more])), 431)
  t.is(rig.metrics.limitHits.get('web-headers'), 1)
  t.is(statusOf(await ask(rig, [...UPGRADE, `X: ${'x'.repeat(1024)}`])), 431)
  t.is(rig.metrics.limitHits.get('web-header-bytes'), 1)
})

test('a WebSocket address takes nothing else', async (t) => {
  const rig = await startWeb(t)
  const [, port = 0] = rig.ports
  const reader = await openSocket({ host: '127.0.0.1', port })
  reader.socket.write(Buffer.from('REDQ\x02\0\0\0'))
  t.is((await reader.readToEnd()).length, 0)
  const { result } = await linkOver(new SocketReader(socketOver(await opened(t, port))), {
    type: 1,
    ticket: 'secret',
  })
  t.is(result, LINK_ERROR.ok)
})

const page = (path: string, method = 'GET'): readonly string[] => [
  `${method} ${path} HTTP/1.1`,
  'Host: 127.0.0.1',
]

test('without web-root a page is not found', async (t) => {
  const rig = await startWeb(t)
  t.is(statusOf(await ask(rig, page('/'))), 404)
  t.is(rig.metrics.linkRefusals.get('gone'), 0)
})

test('web-root serves its files and nothing outside of them', async (t) => {
  const directory = tempDirectory()
  t.teardown(() => removeTempDirectory(directory))
  const root = join(directory, 'root')
  mkdirSync(join(root, 'sub'), { recursive: true })
  writeFileSync(join(directory, 'secret.txt'), 'secret')
  writeFileSync(join(root, '.hidden'), 'secret')
  writeFileSync(join(root, 'spice_auto.html'), '<p>page</p>')
  writeFileSync(join(root, 'sub', 'a.js'), 'let a')
  symlinkSync(join(directory, 'secret.txt'), join(root, 'link.txt'))
  const rig = await startWeb(t, new WebRoot(root))

  const script = await ask(rig, page('/sub/a.js?x=1'))
  t.is(statusOf(script), 200)
  t.regex(script, /content-type: text\/javascript/i)
  t.regex(script, /content-security-policy: default-src 'self'/i)
  t.true(script.endsWith('\r\n\r\nlet a'))
  t.true((await ask(rig, page('/sub/a.js', 'HEAD'))).endsWith('\r\n\r\n'))
  t.regex(await ask(rig, page('/')), /^HTTP\/1\.1 302[^]*location: \/spice_auto\.html/i)
  for (const path of [
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/sub/..%2f..%2fsecret.txt',
    '/..\\secret.txt',
    '/.hidden',
    '/link.txt',
    '/sub',
    '/sub/',
    '/nothing',
    '/%00',
    '/%ff',
    'http://127.0.0.1/secret.txt',
  ]) {
    const answer = await ask(rig, page(path))
    t.true([400, 404].includes(statusOf(answer)), path)
    t.false(answer.includes('\r\n\r\nsecret'), path)
  }
})
