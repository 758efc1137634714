import test from 'ava'
import fc from 'fast-check'
import { SidecarError } from '../../../src/core/errors.js'
import {
  commonServer,
  decodeSubMessages,
  displayServer,
  encodeSubMessages,
  SUB_MESSAGES_MAX,
} from '../../../src/protocol/index.js'
import { inOrder } from '../../helpers/scripted-client.js'
import { concat, hex } from './hex.js'

/** As the reference sends ahead of a drawing: a wait, and images to drop (`protocol-display.md` 1). */
const LIST =
  '0200 0a000000 1b000000 0500 0b000000 01 02 03 0400000000000000 6900 0b000000 0100 01 0700000000000000'

test('a list is decoded in its order, wherever its messages lie', (t) => {
  const [wait, drop, ...more] = decodeSubMessages(hex(LIST), 0)
  t.is(wait?.type, commonServer.waitForChannels.id)
  t.deepEqual(commonServer.waitForChannels.decode(wait!.body).waits, [
    { channelType: 2, channelId: 3, serial: 4n },
  ])
  t.is(drop?.type, displayServer.invalList.id)
  t.deepEqual(displayServer.invalList.decode(drop!.body).resources, [{ type: 1, id: 7n }])
  t.deepEqual(more, [])
  const swapped = hex(LIST.replace('0a000000 1b000000', '1b000000 0a000000'))
  t.deepEqual(
    decodeSubMessages(swapped, 0).map(({ type }) => type),
    [105, 5],
  )
})

test('a size that is larger than what there is is a bound, as the reference writes it', (t) => {
  const body = hex('0100 06000000 0500 18000000 00')
  t.deepEqual(decodeSubMessages(body, 0), [{ type: 5, body: hex('00') }])
})

for (const [what, digits, at] of [
  ['a place behind the body', LIST, 99],
  ['a list that is cut short', '01', 0],
  ['a count that is larger than the list', '0300 0a000000 1b000000', 0],
  ['a message behind the body', '0100 ffffffff', 0],
  ['a message without its header', '0100 06000000 0500 0000', 0],
  ['a list in a list', '0100 06000000 0800 00000000', 0],
  ['a message of type 0', '0100 06000000 0000 00000000', 0],
  [`more than ${SUB_MESSAGES_MAX}`, `4100 ${'0a000000'.repeat(65)} 0500 00000000`, 0],
] as const) {
  test(`refused: ${what}`, (t) => {
    t.throws(() => decodeSubMessages(hex(digits), at), { code: 'SIDECAR_PROTOCOL' })
  })
}

test('too many messages are not encoded', (t) => {
  const messages = new Array(SUB_MESSAGES_MAX + 1).fill({ type: 5, body: hex('') })
  t.throws(() => encodeSubMessages(messages), { code: 'SIDECAR_LIMIT' })
})

const subMessages = fc.array(
  fc.record(
    {
      type: fc.integer({ min: 9, max: 0xffff }),
      body: fc.uint8Array({ maxLength: 30 }),
    },
    { noNullPrototype: true },
  ),
  { maxLength: 6 },
)

test('decoding an encoded list gives the list', (t) => {
  fc.assert(
    fc.property(subMessages, (messages) => {
      t.deepEqual(decodeSubMessages(encodeSubMessages(messages), 0), messages)
    }),
  )
})

test('any bytes are a list or refused', (t) => {
  const damaged = fc.tuple(fc.uint8Array({ maxLength: 60 }), fc.nat(70))
  fc.assert(
    fc.property(damaged, ([bytes, at]) => {
      try {
        t.true(decodeSubMessages(bytes, at).every(({ body }) => body.length <= bytes.length))
      } catch (error) {
        t.true(error instanceof SidecarError && error.code === 'SIDECAR_PROTOCOL')
      }
    }),
    { numRuns: 1000 },
  )
})

test('the scripted client handles the messages of a LIST, and those of a full header before their message', (t) => {
  const list = { kind: 'message', type: 8, serial: 4, subList: 0, body: hex(LIST) } as const
  t.deepEqual(
    inOrder(list).map(({ type }) => type),
    [5, 105],
  )
  /* The offsets of a list count from the start of the body that it is in. */
  const shifted = LIST.replace('0a000000 1b000000', '0b000000 1c000000')
  const drawing = { ...list, type: 102, subList: 1, body: concat(hex('aa'), hex(shifted)) }
  t.deepEqual(
    inOrder(drawing).map(({ type, serial, subList }) => [type, serial, subList]),
    [
      [5, 4, 0],
      [105, 4, 0],
      [102, 4, 1],
    ],
  )
  t.deepEqual(inOrder({ ...list, type: 102 }), [{ ...list, type: 102 }])
})
