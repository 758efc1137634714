import test from 'ava'
import { Admission, sourceOf } from '../../../src/server/admission.js'

test('L-pending and L-pending-src: places in all and by source, given back once', (t) => {
  const admission = new Admission({ pending: 3, 'pending-source': 2 })
  const first = admission.admit('a')
  const second = admission.admit('a')
  t.is(admission.admit('a'), 'pending-source')
  const third = admission.admit('b')
  t.is(admission.admit('c'), 'pending')
  for (const leave of [first, first, second, third]) {
    if (typeof leave === 'function') {
      leave()
    }
  }
  t.is(admission.pending, 0)
  t.is(typeof admission.admit('a'), 'function')
})

for (const [address, source] of [
  [undefined, 'unix'],
  ['127.0.0.1', '127.0.0.1'],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8::5', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
] as const) {
  test(`${String(address)} counts as ${source}`, (t) => {
    t.is(sourceOf(address), source)
  })
}
