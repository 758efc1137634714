import test from 'ava'
import fc from 'fast-check'
import {
  formatAddress,
  isAnyAddress,
  isLoopback,
  parseListenAddress,
  parseTcpAddress,
} from '../../../src/config/index.js'
import { sameAddress, type TcpAddress } from '../../../src/config/address.js'

const reads = test.macro({
  exec(t, text: string, expected: unknown) {
    t.deepEqual(parseListenAddress(text), expected as never)
  },
  title: (_, text, expected) =>
    `${JSON.stringify(text)} is ${expected === undefined ? 'no address' : JSON.stringify(expected)}`,
})

test(reads, '127.0.0.1:5900', { kind: 'tcp', host: '127.0.0.1', port: 5900 })
test(reads, '[::]:0', { kind: 'tcp', host: '::', port: 0 })
test(reads, '[fe80::1%eth0]:65535', { kind: 'tcp', host: 'fe80::1%eth0', port: 65535 })
test(reads, 'desk-1.example.org:5900', { kind: 'tcp', host: 'desk-1.example.org', port: 5900 })
test(reads, 'unix:/run/s:1', { kind: 'unix', path: '/run/s:1' })
test(reads, `unix:${'x'.repeat(107)}`, { kind: 'unix', path: 'x'.repeat(107) })
for (const wrong of [
  '',
  ':',
  ':5900',
  '5900',
  '127.0.0.1',
  '127.0.0.1:',
  '127.0.0.1:65536',
  '127.0.0.1:-1',
  '127.0.0.1:05',
  '127.0.0.1:5900 ',
  '127.0.0.256:1',
  '1.2.3:1',
  '::1:5900',
  '[::1]',
  '[::1]5900',
  '[127.0.0.1]:1',
  '[]:1',
  '[::g]:1',
  'a b:1',
  '-a:1',
  'a..b:1',
  'unix:',
  'unix:a\0b',
  `unix:${'x'.repeat(108)}`,
  `unix:${'ä'.repeat(54)}`,
  'http://a:1',
  `${'a'.repeat(64)}:1`,
  'x/y:1',
]) {
  test(reads, wrong, undefined)
}

test('loopback is 127.0.0.0/8, ::1, localhost and unix, however it is written', (t) => {
  for (const text of [
    '127.0.0.1:1',
    '127.255.1.2:1',
    '[::1]:1',
    '[0:0:0:0:0:0:0:1]:1',
    'localhost:1',
    'LOCALHOST:1',
    'unix:/s',
  ]) {
    t.true(isLoopback(parseListenAddress(text)!), text)
  }
  for (const text of [
    '0.0.0.0:1',
    '[::]:1',
    '128.0.0.1:1',
    '126.255.255.255:1',
    '[::2]:1',
    'localhost.example.org:1',
    '10.0.0.1:1',
  ]) {
    t.false(isLoopback(parseListenAddress(text)!), text)
  }
})

test('every address of the machine', (t) => {
  for (const text of ['0.0.0.0:1', '[::]:1', '[0:0::0]:1']) {
    t.true(isAnyAddress(parseTcpAddress(text)!), text)
  }
  t.false(isAnyAddress(parseTcpAddress('[::1]:1')!))
})

test('the same address, however it is written', (t) => {
  const same = (a: string, b: string): boolean => sameAddress(parseListenAddress(a)!, parseListenAddress(b)!)
  t.true(same('[::1]:1', '[0::1]:1'))
  t.true(same('Host:1', 'host:1'))
  t.false(same('127.0.0.1:1', '127.0.0.1:2'))
  t.false(same('127.0.0.1:0', '127.0.0.1:0'))
  t.true(same('unix:/a', 'unix:/a'))
  t.false(same('unix:/a', 'unix:/b'))
  t.false(same('unix:/a', '127.0.0.1:1'))
  t.true(same('[fe80::1%a]:1', '[fe80:0::1%a]:1'))
  t.false(same('[fe80::1%a]:1', '[fe80::1%b]:1'))
})

test('reading what was formatted gives the address back', (t) => {
  const address = fc.record({
    kind: fc.constant('tcp' as const),
    host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()),
    port: fc.integer({ min: 0, max: 65535 }),
  })
  fc.assert(
    fc.property(address, (given: TcpAddress) => {
      t.deepEqual(parseListenAddress(formatAddress(given)), given)
    }),
  )
})

test('any text is an address or none', (t) => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const address = parseListenAddress(text)
      return address === undefined || parseListenAddress(formatAddress(address)) !== undefined
    }),
  )
  t.pass()
})
