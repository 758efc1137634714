import test from 'ava'
import { CHANNEL_TYPES, LINK_ERROR } from '../../../src/protocol/index.js'
import { judgeFirstBytes } from '../../../src/server/carriers.js'
import { judgeSecurity } from '../../../src/server/channel-security.js'
import { carriesOf, doorsOf } from '../../../src/server/doors.js'
import type { ListenAddress } from '../../../src/server/listener.js'
import { pathParts } from '../../../src/server/web-root.js'
import { judgeUpgrade } from '../../../src/server/web-upgrade.js'

const tcp = (port: number): ListenAddress => ({ kind: 'tcp', host: '127.0.0.1', port })

const carried = (lists: Partial<Parameters<typeof doorsOf>[0]>): string[] =>
  doorsOf({ listen: [], tlsListen: [], websocketListen: [], hasTls: false, ...lists }).map(({ door }) =>
    carriesOf(door),
  )

test('an address in both lists takes plain connections and TLS', (t) => {
  t.deepEqual(carried({ listen: [tcp(1), tcp(2)], tlsListen: [tcp(2), tcp(3)], hasTls: true }), [
    'spice, websocket',
    'spice, spice over tls, websocket, websocket over tls',
    'spice over tls, websocket over tls',
  ])
})

test('port 0 in both lists is two ports', (t) => {
  t.deepEqual(carried({ listen: [tcp(0)], tlsListen: [tcp(0)], hasTls: true }), [
    'spice, websocket',
    'spice over tls, websocket over tls',
  ])
})

test('a WebSocket address has TLS where there is a certificate', (t) => {
  t.deepEqual(carried({ websocketListen: [tcp(1)] }), ['websocket'])
  t.deepEqual(carried({ websocketListen: [tcp(1)], hasTls: true }), ['websocket over tls'])
})

for (const [text, kind] of [
  ['REDQ', 'spice'],
  ['R', 'spice'],
  ['G', 'unclear'],
  ['GET', 'unclear'],
  ['GET ', 'http'],
  ['GETS', 'spice'],
  ['HEAD /', 'http'],
  ['POST /', 'spice'],
  ['\x16', 'tls'],
  ['\x16\x03\x01', 'tls'],
] as const) {
  test(`first bytes ${JSON.stringify(text)}: ${kind}`, (t) => {
    t.is(judgeFirstBytes(Buffer.from(text, 'latin1')), kind)
  })
}

const { ok, needSecured, needUnsecured } = LINK_ERROR

for (const [what, name, lists, plain, tls] of [
  ['no lists', 'main', { tls: [], plain: [] }, ok, ok],
  ['a channel of tls-channel', 'inputs', { tls: ['inputs'], plain: [] }, needSecured, ok],
  ['another channel', 'main', { tls: ['inputs'], plain: [] }, ok, ok],
  ['default', 'main', { tls: ['default'], plain: [] }, needSecured, ok],
  ['its own entry before default', 'main', { tls: ['default'], plain: ['main'] }, ok, needUnsecured],
] as const) {
  test(`channel security: ${what}`, (t) => {
    const type = CHANNEL_TYPES[name]
    t.is(judgeSecurity(type, { secure: false, local: false }, lists), plain)
    t.is(judgeSecurity(type, { secure: true, local: false }, lists), tls)
    t.is(judgeSecurity(type, { secure: false, local: true }, lists), ok, 'a unix socket')
  })
}

test('a channel type that nobody knows falls under default', (t) => {
  t.is(judgeSecurity(200, { secure: false, local: false }, { tls: ['default'], plain: [] }), needSecured)
})

test('paths below the root are told from those that are not', (t) => {
  t.deepEqual(pathParts('/a/b.js?x=/../y#z'), ['a', 'b.js'])
  t.deepEqual(pathParts('/'), [])
  t.deepEqual(pathParts('/a%20b'), ['a b'])
  for (const bad of [
    '',
    'a',
    '/..',
    '/a/../b',
    '/%2e%2e',
    '/.git/x',
    '/%',
    '/a\\..\\b',
    `/${'a'.repeat(2000)}`,
  ]) {
    t.is(pathParts(bad), undefined, bad)
  }
})

for (const [origin, host, good] of [
  [undefined, undefined, true],
  ['http://vm.example:5900', 'vm.example:5900', true],
  ['https://vm.example', 'vm.example', true],
  ['https://vm.example', 'vm.example:443', true],
  ['http://vm.example', 'vm.example:443', false],
  ['http://vm.example.evil', 'vm.example', false],
  ['null', 'vm.example', false],
  ['file://', 'vm.example', false],
  ['http://vm.example', undefined, false],
  ['http://a@vm.example', 'vm.example', true],
] as const) {
  test(`a page of ${String(origin)} at host ${String(host)} ${good ? 'may' : 'may not'} connect`, (t) => {
    const refusal = judgeUpgrade({
      ...(origin === undefined ? {} : { origin }),
      ...(host === undefined ? {} : { host }),
    })
    t.is(refusal?.status, good ? undefined : 403)
  })
}
