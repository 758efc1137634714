import test from 'ava'
import { SidecarError } from '../../../src/core/errors.js'
import {
  encodeMessage,
  isObjectPath,
  marshal,
  METHOD_CALL,
  parseSignature,
  unmarshal,
  unwrap,
  Variant,
  type DbusValue,
} from '../../../src/qemu-io/dbus/index.js'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

test('a call has the bytes of the specification', (t) => {
  const bytes = encodeMessage(
    { type: METHOD_CALL, flags: 1, path: '/a', interface: 'b.c', member: 'D', signature: 'u', args: [7] },
    5,
  )
  t.is(
    hex(bytes),
    [
      '6c 01 01 01 04000000 05000000 37000000',
      '01 01 6f 00 02000000 2f61 00 0000000000',
      '02 01 73 00 03000000 622e63 00 00000000',
      '03 01 73 00 01000000 44 00 000000000000',
      '08 01 67 00 01 75 00 00',
      '07000000',
    ]
      .join('')
      .replaceAll(' ', ''),
  )
})

test('an array is aligned to its elements, its length counts only them', (t) => {
  t.is(hex(marshal('at', [[1n]])), '08000000' + '00000000' + '0100000000000000')
  t.is(hex(marshal('yas', [1, ['a']])), '01000000' + '06000000' + '01000000' + '6100')
  t.is(hex(marshal('a{yy}', [new Map([[1, 2]])])), '02000000' + '00000000' + '0102')
})

test('bytes come as a view of the message, not as a copy', (t) => {
  const body = marshal('ay', [new Uint8Array([1, 2, 3])])
  const [value] = unmarshal('ay', body)
  t.true(value instanceof Uint8Array && value.buffer === body.buffer && value.length === 3)
})

const refused = (bytes: string, signature: string): string => {
  try {
    unmarshal(signature, Buffer.from(bytes.replaceAll(' ', ''), 'hex'))
  } catch (thrown) {
    return thrown instanceof SidecarError ? `${thrown.code} ${thrown.message}` : 'another error'
  }
  return 'nothing'
}

for (const [what, signature, bytes, text] of [
  ['a boolean of 2', 'b', '02000000', 'boolean'],
  ['a string without its end', 's', '01000000 6161', 'terminated'],
  ['a zero inside a string', 's', '02000000 6100 00', 'terminated'],
  ['a string that is not UTF-8', 's', '01000000 ff 00', 'utf-8'],
  ['a path that is none', 'o', '01000000 61 00', 'path'],
  ['padding that is not zero', 'yu', '01 010000 02000000', 'padding'],
  ['bytes after the end', 'y', '0101', 'goes on'],
  ['an end too early', 'u', '010000', 'ends before'],
  ['an array longer than the message', 'au', 'ffffff03 01000000', 'ends after'],
  ['an array longer than 64 MiB', 'au', '01000004 01000000', 'too long'],
  ['bytes longer than 64 MiB', 'ay', '01000004 01000000', 'too long'],
  ['an array that ends inside an element', 'au', '03000000 01000000', 'inside'],
  ['a variant of nothing', 'v', '0000', 'exactly one'],
  ['a variant of two', 'v', '02797900 0102', 'exactly one'],
  ['a key that comes twice', 'a{yy}', '0a000000 00000000 0101000000000000 0102', 'twice'],
] as const) {
  test(`${what} is refused`, (t) => {
    t.regex(refused(bytes, signature), new RegExp(`^SIDECAR_PROTOCOL .*${text}`))
  })
}

test('values may be nested, but not without end', (t) => {
  const nested = (depth: number): Uint8Array => {
    let value: DbusValue = 1
    let signature = 'y'
    for (let i = 0; i < depth; i++) {
      value = new Variant(signature, value)
      signature = 'v'
    }
    return marshal('v', [value])
  }
  t.is(unwrap(unmarshal('v', nested(10))[0]), 1)
  t.throws(() => unmarshal('v', nested(64)), { message: /nested too deeply/ })
})

for (const signature of [
  'a',
  '(',
  ')',
  '()',
  '(y',
  'a{y}',
  'a{vy}',
  'a{yyy}',
  '{yy}',
  'z',
  'a'.repeat(65) + 'y',
  'y'.repeat(256),
]) {
  test(`the signature ${signature.slice(0, 20)} is refused`, (t) => {
    t.throws(() => parseSignature(signature), { instanceOf: SidecarError })
  })
}

test('a value of ours that does not match its signature is our mistake', (t) => {
  const wrong: readonly (readonly [string, DbusValue])[] = [
    ['y', 256],
    ['u', -1],
    ['i', 0.5],
    ['b', 1],
    ['t', -1n],
    ['s', 'a\0b'],
    ['o', 'a'],
    ['as', 'a'],
    ['a{ss}', []],
    ['(yy)', [1]],
    ['v', 1],
    ['v', new Variant('yy', 1)],
    ['au', new Uint8Array(4)],
  ]
  for (const [signature, value] of wrong) {
    t.throws(() => marshal(signature, [value]), { code: 'SIDECAR_BUG' }, signature)
  }
  t.throws(() => marshal('y', []), { code: 'SIDECAR_BUG' })
})

test('object paths', (t) => {
  for (const path of ['/', '/a', '/org/qemu/Display1/Console_0']) {
    t.true(isObjectPath(path))
  }
  for (const path of ['', 'a', '//', '/a/', '/a-b', '/ä']) {
    t.false(isObjectPath(path))
  }
})
