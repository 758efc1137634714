import { setImmediate } from 'node:timers/promises'
import test from 'ava'
import fc from 'fast-check'
import type { SidecarError } from '../../../src/core/errors.js'
import { DEFAULT_LIMITS } from '../../../src/core/limits.js'
import { SaslSession, type SaslProven } from '../../../src/server/sasl-session.js'
import { FakeExchange, type FakeSaslOptions } from '../../helpers/fake-sasl.js'

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const sized = (text: string): Buffer => Buffer.concat([u32(text.length), Buffer.from(text, 'latin1')])
const blob = (text: string): Buffer => sized(`${text}\0`)
const nothing = u32(0)

class Rig {
  readonly exchange: FakeExchange
  readonly session: SaslSession
  readonly written: Buffer[] = []
  proven: SaslProven | undefined
  rest = Buffer.alloc(0)
  refusals: { error: SidecarError; code: number | undefined }[] = []
  ready = 0

  constructor(options: FakeSaslOptions = {}, secure = false) {
    this.exchange = new FakeExchange(options)
    this.session = new SaslSession(this.exchange, secure, DEFAULT_LIMITS, {
      write: (bytes) => this.written.push(Buffer.from(bytes)),
      ready: () => (this.ready += 1),
      proven: (proven, rest) => {
        this.proven = proven
        this.rest = Buffer.from(rest)
      },
      refused: (error, code) => this.refusals.push({ error, code }),
    })
    this.session.start()
  }

  get bytes(): string {
    return Buffer.concat(this.written).toString('latin1')
  }

  async push(...parts: readonly Uint8Array[]): Promise<this> {
    for (const part of parts) {
      this.session.push(part)
      await setImmediate()
    }
    return this
  }
}

const text = (...parts: readonly Uint8Array[]): string => Buffer.concat(parts).toString('latin1')

test('the list, a first step without data, a second with it, and the layer', async (t) => {
  const answers = [
    { complete: false, data: Buffer.from('nonce') },
    { complete: true, data: Buffer.alloc(0) },
  ]
  const rig = await new Rig({ answers }).push(
    sized('FAKE'),
    nothing,
    Buffer.concat([blob('proof'), Buffer.from('rest')]),
  )
  t.deepEqual(rig.exchange.asked, [
    ['start', 'FAKE', 'none'],
    ['step', '"proof"'],
  ])
  t.is(
    rig.bytes,
    text(sized(',FAKE,OTHER,'), blob('nonce'), Buffer.of(0), blob(''), Buffer.of(1), u32(0)),
    'an empty answer is a lone zero, and acceptance is not encoded',
  )
  t.is(rig.proven?.user, 'alice')
  t.is(rig.proven?.layer?.maxPiece, 4096)
  t.is(rig.rest.toString(), 'rest')
  t.is(rig.exchange.disposed, 0, 'the layer is still in use')
  t.is(rig.refusals.length, 0)
})

test('no data and empty data are told apart both ways', async (t) => {
  const answers = [{ complete: false, data: undefined }]
  const rig = await new Rig({ answers }).push(sized('OTHER'), blob(''), nothing)
  t.deepEqual(rig.exchange.asked, [
    ['start', 'OTHER', '""'],
    ['step', 'none'],
  ])
  t.is(rig.bytes, text(sized(',FAKE,OTHER,'), nothing, Buffer.of(0), nothing, Buffer.of(0)))
})

test('the last byte of data is no data, whatever a client leaves there', async (t) => {
  const rig = await new Rig().push(sized('FAKE'), sized('token\x21'))
  t.deepEqual(rig.exchange.asked, [['start', 'FAKE', '"token"']])
})

test('any split of the bytes gives the same exchange', async (t) => {
  const all = Buffer.concat([sized('FAKE'), blob('one'), blob('two'), Buffer.from('rest')])
  const answers = [
    { complete: false, data: Buffer.from('a') },
    { complete: true, data: undefined },
  ]
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: all.length - 1 })), async (cuts) => {
      const edges = [0, ...cuts.sort((a, b) => a - b), all.length]
      const rig = new Rig({ answers })
      const parts = edges.slice(1).map((end, i) => all.subarray(edges[i], end))
      await rig.push(...parts)
      t.deepEqual(rig.exchange.asked, [
        ['start', 'FAKE', '"one"'],
        ['step', '"two"'],
      ])
      // What comes behind the end is the next stage's.
      t.true('rest'.startsWith(rig.rest.toString()))
      t.is(rig.proven?.user, 'alice')
    }),
    { numRuns: 50 },
  )
})

test('inside TLS there is no layer and the exchange is let go', async (t) => {
  const rig = await new Rig({ strength: 0, maxPiece: 0 }, true).push(sized('FAKE'), nothing)
  t.deepEqual(rig.proven, { user: 'alice', layer: undefined })
  t.is(rig.exchange.disposed, 1)
})

for (const [what, options] of [
  ['no layer', { strength: 0 }],
  ['a layer of 55 bits', { strength: 55 }],
  ['pieces of 1023 bytes', { maxPiece: 1023 }],
] as const) {
  test(`${what} is too weak outside TLS, and the client is told`, async (t) => {
    const rig = await new Rig(options).push(sized('FAKE'), nothing)
    t.true(rig.bytes.endsWith(text(nothing, Buffer.of(1), u32(1), blob('Authentication failed'))))
    t.is(rig.proven, undefined)
    t.is(rig.refusals.length, 1)
    t.is(rig.exchange.disposed, 1)
  })
}

for (const [what, parts, code] of [
  ['a name of no length', [u32(0)], undefined],
  ['a name of 101 bytes', [sized('x'.repeat(101))], undefined],
  ['a name with a comma', [sized('FAKE,OTHER')], 3],
  ['a name with commas around', [sized(',FAKE,')], 3],
  ['a part of a name', [sized('FAK')], 3],
  ['a name that was not offered', [sized('PLAIN')], 3],
  ['65 KiB at the start', [sized('FAKE'), u32(65 * 1024)], 3],
  ['65 KiB later', [sized('FAKE'), nothing, u32(65 * 1024)], undefined],
  ['17 steps', [sized('FAKE'), ...Array.from({ length: 17 }, () => nothing)], undefined],
] as const) {
  test(`N-AUTH-10: ${what} ends it`, async (t) => {
    const rig = await new Rig({ answers: [] }).push(...parts)
    t.is(rig.refusals.length, 1)
    t.is(rig.refusals[0]?.error.code, 'SIDECAR_LINK')
    t.is(rig.refusals[0]?.code, code)
    t.is(rig.exchange.disposed, 1)
    t.is(rig.proven, undefined)
    t.true(rig.exchange.asked.length <= 16)
    await rig.push(sized('FAKE'), nothing)
    t.is(rig.refusals.length, 1, 'nothing more is heard')
  })
}

test('what the library refuses ends it without an answer', async (t) => {
  const rig = await new Rig({ answers: [undefined] }).push(sized('FAKE'), blob('wrong'))
  t.is(rig.refusals[0]?.error.code, 'SIDECAR_AUTH')
  t.is(rig.refusals[0]?.code, undefined)
  t.is(rig.bytes, text(sized(',FAKE,OTHER,')))
  t.is(rig.exchange.disposed, 1)
})

test('an exchange that names no user lets nobody in', async (t) => {
  const rig = await new Rig({ user: '' }).push(sized('FAKE'), nothing)
  t.is(rig.refusals[0]?.error.code, 'SIDECAR_AUTH')
  t.is(rig.proven, undefined)
  t.is(rig.exchange.disposed, 1)
})

for (const list of ['', ',', 'FAKE', `,${'x'.repeat(299)},`, ',a b,']) {
  test(`a library with the list "${list.slice(0, 10)}" of length ${list.length} offers nothing`, async (t) => {
    const rig = await new Rig({ list }).push(sized('FAKE'))
    t.is(rig.bytes, '')
    t.is(rig.refusals.length, 1)
  })
}

test('a connection that goes while the library works hears nothing more', async (t) => {
  const rig = new Rig()
  await rig.push(sized('FAKE'))
  rig.session.push(nothing)
  t.true(rig.session.busy)
  rig.session.close()
  await setImmediate()
  t.is(rig.proven, undefined)
  t.is(rig.refusals.length, 0)
  t.is(rig.exchange.disposed, 1)
})

test('reading goes on when the library has answered', async (t) => {
  const rig = new Rig()
  t.true(rig.session.busy)
  await setImmediate()
  t.false(rig.session.busy)
  t.is(rig.ready, 1)
})
