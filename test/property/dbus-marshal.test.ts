import test from 'ava'
import fc from 'fast-check'
import { SidecarError } from '../../src/core/errors.js'
import {
  bodyOf,
  encodeMessage,
  marshal,
  MessageFramer,
  METHOD_CALL,
  parseSignature,
  SaslClient,
  unmarshal,
  Variant,
  type DbusMessage,
  type DbusValue,
} from '../../src/qemu-io/dbus/index.js'

interface Typed {
  readonly signature: string
  readonly value: DbusValue
}

const text = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((s) => !s.includes('\0'))
const path = fc
  .array(fc.stringMatching(/^[A-Za-z0-9_]{1,8}$/), { maxLength: 4 })
  .map((parts) => `/${parts.join('/')}`)

const basic: fc.Arbitrary<Typed> = fc.oneof(
  fc.integer({ min: 0, max: 255 }).map((value) => ({ signature: 'y', value })),
  fc.boolean().map((value) => ({ signature: 'b', value })),
  fc.integer({ min: -0x8000, max: 0x7fff }).map((value) => ({ signature: 'n', value })),
  fc.integer({ min: 0, max: 0xffff }).map((value) => ({ signature: 'q', value })),
  fc.integer().map((value) => ({ signature: 'i', value })),
  fc.integer({ min: 0, max: 0xffffffff }).map((value) => ({ signature: 'u', value })),
  fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }).map((value) => ({ signature: 'x', value })),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map((value) => ({ signature: 't', value })),
  fc.double({ noNaN: true }).map((value) => ({ signature: 'd', value })),
  text.map((value) => ({ signature: 's', value })),
  path.map((value) => ({ signature: 'o', value })),
  fc.constantFrom('', 'ay', 'a{sv}', 'uuuuay').map((value) => ({ signature: 'g', value })),
  fc.integer({ min: 0, max: 3 }).map((value) => ({ signature: 'h', value })),
)

const typed: fc.Arbitrary<Typed> = fc.letrec<{ value: Typed }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    basic,
    fc.uint8Array({ maxLength: 40 }).map((value) => ({ signature: 'ay', value })),
    tie('value').map((inner) => ({ signature: 'v', value: new Variant(inner.signature, inner.value) })),
    fc.array(tie('value'), { minLength: 1, maxLength: 4 }).map((items) => ({
      signature: `(${items.map((i) => i.signature).join('')})`,
      value: items.map((i) => i.value),
    })),
    fc.array(text, { maxLength: 5 }).map((value) => ({ signature: 'as', value })),
    fc.tuple(fc.uniqueArray(text, { maxLength: 4 }), tie('value')).map(([keys, inner]) => ({
      signature: `a{s${inner.signature}}`,
      value: new Map<DbusValue, DbusValue>(keys.map((key) => [key, inner.value])),
    })),
  ),
})).value

const fits = ({ signature }: Typed): boolean => {
  try {
    parseSignature(signature)
    return signature.length < 200
  } catch {
    return false
  }
}

test('decoding what was encoded gives the same values', (t) => {
  fc.assert(
    fc.property(fc.array(typed.filter(fits), { maxLength: 4 }), (items) => {
      const signature = items.map((item) => item.signature).join('')
      fc.pre(signature.length <= 255)
      const values = items.map((item) => item.value)
      const decoded = unmarshal(signature, marshal(signature, values))
      t.deepEqual(decoded, values)
    }),
    { numRuns: 500 },
  )
  t.pass()
})

test('any bytes under any signature give values or a SidecarError', (t) => {
  const signatures = [
    'a{oa{sa{sv}}}',
    'v',
    'aav',
    '(sv)',
    'uuuuay',
    'huuuuu',
    'sa{sv}as',
    'a(yv)',
    'aaaaaas',
    'dgob',
  ]
  fc.assert(
    fc.property(fc.constantFrom(...signatures), fc.uint8Array({ maxLength: 200 }), (signature, bytes) => {
      try {
        unmarshal(signature, bytes)
      } catch (thrown) {
        t.true(thrown instanceof SidecarError && thrown.code === 'SIDECAR_PROTOCOL')
      }
    }),
    { numRuns: 1000 },
  )
  t.pass()
})

test('one changed byte of a real answer gives values or a SidecarError', (t) => {
  const signature = 'a{oa{sa{sv}}}'
  const properties = new Map<DbusValue, DbusValue>([
    ['Label', new Variant('s', 'video0')],
    ['Head', new Variant('u', 1)],
    ['Interfaces', new Variant('as', ['org.qemu.Display1.Console'])],
  ])
  const good = marshal(signature, [
    new Map<DbusValue, DbusValue>([
      [
        '/org/qemu/Display1/Console_0',
        new Map<DbusValue, DbusValue>([['org.qemu.Display1.Console', properties]]),
      ],
    ]),
  ])
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
      const bytes = good.slice()
      bytes[at] = byte
      try {
        unmarshal(signature, bytes)
      } catch (thrown) {
        t.true(thrown instanceof SidecarError)
      }
    }),
    { numRuns: 1000 },
  )
  t.pass()
})

test('any signature is parsed or refused with a SidecarError', (t) => {
  const near = fc.string({ unit: fc.constantFrom(...Array.from('ybnqiuxtdsoghva(){}')), maxLength: 60 })
  fc.assert(
    fc.property(fc.oneof(near, fc.string({ maxLength: 300 })), (signature) => {
      try {
        parseSignature(signature)
      } catch (thrown) {
        t.true(thrown instanceof SidecarError && thrown.code === 'SIDECAR_PROTOCOL')
      }
    }),
    { numRuns: 1000 },
  )
  t.pass()
})

const LIMITS = { maxFields: 4096, maxBody: () => 65_536 }

/** Feeds a framer as a socket would: never more than it asks for, in pieces of the given sizes. */
const feed = (framer: MessageFramer, bytes: Uint8Array, pieces: readonly number[]): DbusMessage[] => {
  const messages: DbusMessage[] = []
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const target = framer.target()
    const size = Math.min(target.length, bytes.length - at, pieces[i % pieces.length] ?? 1)
    target.set(bytes.subarray(at, at + size))
    at += size
    const message = framer.filled(size)
    if (message !== undefined) {
      messages.push({ header: message.header, body: message.body.slice() })
    }
  }
  return messages
}

test('any split of the stream gives the same messages', (t) => {
  fc.assert(
    fc.property(
      fc.array(typed.filter(fits), { minLength: 1, maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 20 }),
      (items, pieces) => {
        const sent = items.map(({ signature, value }, i) =>
          encodeMessage(
            {
              type: METHOD_CALL,
              path: '/a/b',
              interface: 'x.y',
              member: 'Do',
              signature,
              args: [value],
              fds: i % 3,
            },
            i + 1,
          ),
        )
        const all = new Uint8Array(sent.reduce((sum, bytes) => sum + bytes.length, 0))
        let at = 0
        for (const bytes of sent) {
          all.set(bytes, at)
          at += bytes.length
        }
        const whole = feed(new MessageFramer(LIMITS), all, [all.length])
        const split = feed(new MessageFramer(LIMITS), all, pieces)
        t.deepEqual(split, whole)
        t.is(whole.length, items.length)
        for (const [i, message] of whole.entries()) {
          t.is(message.header.serial, i + 1)
          t.is(message.header.fds, i % 3)
          t.deepEqual(bodyOf(message), [items[i]!.value])
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('any stream of bytes gives messages or a SidecarError', (t) => {
  const valid = encodeMessage({ type: METHOD_CALL, path: '/a', member: 'M', signature: 's', args: ['x'] }, 1)
  const changed = fc
    .array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 4 })
    .map((changes) => {
      const bytes = valid.slice()
      for (const [at, byte] of changes) {
        bytes[at] = byte
      }
      return bytes
    })
  fc.assert(
    fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 100 })), (bytes) => {
      try {
        for (const message of feed(new MessageFramer(LIMITS), bytes, [7])) {
          bodyOf(message)
        }
      } catch (thrown) {
        t.true(thrown instanceof SidecarError && thrown.scope !== 'process')
      }
    }),
    { numRuns: 1000 },
  )
  t.pass()
})

test('any handshake bytes are an answer, a wait or a SidecarError', (t) => {
  const near = fc.constantFrom(
    'OK 0123456789abcdef0123456789abcdef\r\n',
    'AGREE_UNIX_FD\r\n',
    'REJECTED\r\n',
    'x',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(near, fc.string({ maxLength: 600 })), { maxLength: 5 }), (lines) => {
      const sasl = new SaslClient(0)
      sasl.start()
      try {
        for (const byte of new TextEncoder().encode(lines.join(''))) {
          if (sasl.done) {
            return
          }
          sasl.target()[0] = byte
          sasl.filled(1)
        }
      } catch (thrown) {
        t.true(thrown instanceof SidecarError && thrown.code === 'SIDECAR_PROTOCOL')
      }
    }),
    { numRuns: 500 },
  )
  t.pass()
})
