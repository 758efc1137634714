import test from 'ava'
import fc from 'fast-check'
import { SidecarError } from '../../../src/core/errors.js'
import { parseJsonLine } from '../../../src/qmp/json-line.js'

const parse = (text: string, maxDepth = 32) => parseJsonLine(new TextEncoder().encode(text), maxDepth)

const nested = (depth: number): string => '[{"a":'.repeat(depth / 2) + '1' + '}]'.repeat(depth / 2)

test('nesting at the limit is taken, one level more is refused', (t) => {
  t.notThrows(() => parse(nested(32)))
  t.throws(() => parse(`[${nested(32)}]`), { code: 'SIDECAR_LIMIT' })
})

test('brackets inside strings are no nesting', (t) => {
  t.deepEqual(parse('{"a":"[[[[{{{{\\"[[[\\\\","b":"]"}', 1).value, { a: '[[[[{{{{"[[[\\', b: ']' })
})

for (const [number, rounded] of [
  ['9007199254740991', false],
  ['-9007199254740991', false],
  ['9007199254740992', true],
  ['-9007199254740993', true],
  ['18446744073709551615', true],
  ['1e30', false],
  ['0.12345678901234567890', false],
] as const) {
  test(`${number} is ${rounded ? 'rounded' : 'exact'}`, (t) => {
    t.is(parse(`{"id":1,"return":[${number}]}`).rounded, rounded)
  })
}

test('digits inside strings are no numbers', (t) => {
  t.false(parse('{"a":"18446744073709551615"}').rounded)
})

test('a line that is not JSON is refused without quoting it', (t) => {
  for (const line of ['', '{', '{"a":1}}', 'secret', '"open', '"\\', '\ufeff{}', '[1,]']) {
    const error = t.throws(() => parse(line), { instanceOf: SidecarError, code: 'SIDECAR_QMP' })
    t.false(`${error.message}${JSON.stringify(error.context)}`.includes('secret'))
  }
})

test('invalid UTF-8 is refused', (t) => {
  t.throws(() => parseJsonLine(Uint8Array.of(0x22, 0xc3, 0x28, 0x22), 32), { code: 'SIDECAR_QMP' })
})

test('any JSON that is not too deep is parsed as the parser does', (t) => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), (text) => {
      t.deepEqual(parse(text).value, JSON.parse(text))
    }),
  )
})

test('any bytes give a value or a SidecarError', (t) => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    '"',
    '\\',
    ',',
    ':',
    '1',
    '-',
    'e',
    '.',
    'true',
    '\u00e9',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.array(pieces).map((p) => Buffer.from(p.join(''))),
      ),
      (line) => {
        try {
          parseJsonLine(line, 8)
        } catch (error) {
          t.true(error instanceof SidecarError && error.code !== 'SIDECAR_BUG')
        }
      },
    ),
  )
  t.pass()
})
