import test from 'ava'
import { mainServer } from '../../../src/protocol/index.js'
import { hex } from './hex.js'

const { migrateBegin, migrateBeginSeamless } = mainServer
const refusal = { code: 'SIDECAR_PROTOCOL' }

test('a destination with a certificate subject, laid out by hand', (t) => {
  const value = { port: 5900, tlsPort: 5901, host: 'h', certSubject: 'CN=h' }
  const bytes = hex('0c17 0d17 02000000 14000000 05000000 16000000 6800 434e3d6800')
  t.deepEqual(migrateBegin.encode(value), bytes)
  t.deepEqual(migrateBegin.decode(bytes), value)
})

test('the texts of a destination may stand in any order behind the fixed part', (t) => {
  t.deepEqual(migrateBegin.decode(hex('0000 0000 02000000 19000000 05000000 14000000 434e3d6800 6800')), {
    port: 0,
    tlsPort: 0,
    host: 'h',
    certSubject: 'CN=h',
  })
})

test('a text inside the fixed part, outside the body or without its NUL is refused', (t) => {
  for (const [size, at] of [
    ['02000000', '00000000'],
    ['02000000', '0f000000'],
    ['02000000', '13000000'],
    ['03000000', '14000000'],
    ['02000000', '15000000'],
    ['02000000', 'ffffffff'],
    ['ffffffff', '14000000'],
    ['01000000', '14000000'],
    ['00000000', '14000000'],
  ] as const) {
    t.throws(
      () => migrateBegin.decode(hex(`0000 0000 ${size} ${at} 00000000 00000000 6800`)),
      refusal,
      `${size} ${at}`,
    )
  }
  t.throws(
    () => migrateBeginSeamless.decode(hex('0000 0000 02000000 14000000 00000000 00000000 00000000 6800')),
    refusal,
  )
})

test('a text is refused inside the fixed part however much follows, and above its maximum', (t) => {
  const destination = (size: string, at: string, text: string): string =>
    `0000 0000 ${size} ${at} 00000000 00000000 ${text}`
  const decode = (digits: string) => migrateBegin.decode(hex(digits))
  t.throws(() => decode(destination('02000000', '10000000', '00'.repeat(8))), refusal)
  t.is(decode(destination('00010000', '14000000', `${'68'.repeat(255)}00`)).host.length, 255)
  t.throws(() => decode(destination('01010000', '14000000', `${'68'.repeat(256)}00`)), refusal)
})

test('a host or subject that does not fit is refused when encoding', (t) => {
  const value = { port: 1, tlsPort: 0, host: 'h', certSubject: '' }
  const tooLong = { code: 'SIDECAR_LIMIT' }
  t.notThrows(() => migrateBegin.encode({ ...value, host: 'h'.repeat(255) }))
  t.throws(() => migrateBegin.encode({ ...value, host: 'h'.repeat(256) }), tooLong)
  t.throws(() => migrateBegin.encode({ ...value, host: 'a\0b' }), tooLong)
  t.throws(() => migrateBegin.encode({ ...value, certSubject: 's'.repeat(1025) }), tooLong)
})
