import test from 'ava'
import { parseCidr } from '../../../src/config/source-kinds.js'
import { SourceFilter } from '../../../src/server/source-filter.js'

const filterOf = (...texts: string[]): SourceFilter => new SourceFilter(texts.map((text) => parseCidr(text)!))

test('ranges of both families, single addresses, and IPv4 dressed as IPv6', (t) => {
  const filter = filterOf('10.0.0.0/8', '192.0.2.7', 'fd00::/8')
  for (const inside of ['10.255.0.1', '192.0.2.7', '::ffff:10.0.0.1', 'fd12::1']) {
    t.true(filter.has(inside), inside)
  }
  for (const outside of ['11.0.0.0', '192.0.2.8', '::1', 'fe80::1%eth0', '', 'host', '::ffff:11.0.0.1']) {
    t.false(filter.has(outside), outside)
  }
})

test('what is no range', (t) => {
  for (const text of [
    '',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '10/8',
    'fd00::/129',
    '1.2.3.4/8/8',
    'a/8',
    '::1%lo',
  ]) {
    t.is(parseCidr(text), undefined, text)
  }
  t.deepEqual(parseCidr('0.0.0.0/0'), { address: '0.0.0.0', prefix: 0, family: 'ipv4' })
})
