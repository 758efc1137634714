import test from 'ava'
import fc from 'fast-check'
import { SidecarError } from '../../../src/core/errors.js'
import {
  commonServer,
  decodeSubMessages,
  displayServer,
  encodeSubMessages,
  frameWithSubMessages,
  MessageFramer,
  subMessage,
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

/** As the reference sends ahead of a drawing: what to wait for, and what to forget. */
const AHEAD = [
  subMessage(commonServer.waitForChannels, { waits: [{ channelType: 2, channelId: 3, serial: 4n }] }),
  subMessage(displayServer.invalList, { resources: [{ type: 1, id: 7n }] }),
]

const MAIN = subMessage(displayServer.surfaceDestroy, { surfaceId: 9 })

test('messages ahead of another one have the bytes of the reference, with both headers', (t) => {
  const [list, drawing, ...more] = frameWithSubMessages(true, 3, AHEAD, MAIN)
  t.deepEqual(
    list,
    concat(hex(`0800 ${(LIST.replaceAll(' ', '').length / 2).toString(16)}000000`), hex(LIST)),
  )
  t.deepEqual(drawing, hex('3b01 04000000 09000000'))
  t.deepEqual(more, [])
  const [whole, ...none] = frameWithSubMessages(false, 3, AHEAD, MAIN)
  const inside = LIST.replace('0a000000 1b000000', '0e000000 1f000000')
  t.deepEqual(
    whole,
    concat(
      hex(`0300000000000000 3b01 ${(4 + LIST.replaceAll(' ', '').length / 2).toString(16)}000000 04000000`),
      hex('09000000'),
      hex(inside),
    ),
  )
  t.deepEqual(none, [])
})

test('whatever goes ahead of whatever, a client handles it first, however the stream is cut', (t) => {
  const parts = fc.record({
    mini: fc.boolean(),
    ahead: subMessages,
    type: fc.integer({ min: 9, max: 0xffff }),
    body: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    cut: fc.integer({ min: 1, max: 50 }),
  })
  fc.assert(
    fc.property(parts, ({ mini, ahead, type, body, cut }) => {
      const stream = concat(...frameWithSubMessages(mini, 1, ahead, { type, body }))
      const framer = new MessageFramer({ mini, maxBody: () => stream.length })
      const handled: { type: number; body: Uint8Array }[] = []
      const serials: number[] = []
      for (let at = 0; at < stream.length; at += cut) {
        framer.push(stream.slice(at, at + cut))
        for (let framed = framer.next(); framed.kind === 'message'; framed = framer.next()) {
          serials.push(framed.serial)
          handled.push(...inOrder(framed).map((one) => ({ type: one.type, body: one.body.slice() })))
        }
      }
      t.deepEqual(serials, mini ? [1, 2] : [1])
      const last = handled.pop()
      t.deepEqual(handled, ahead)
      t.is(last?.type, type)
      /* The list stands behind the message in its body: to a client that is surplus. */
      t.deepEqual(last?.body.subarray(0, body.length), body)
    }),
    { numRuns: 300 },
  )
})

test('too many messages ahead of one are not framed', (t) => {
  const ahead = new Array(SUB_MESSAGES_MAX + 1).fill({ type: 5, body: hex('') })
  for (const mini of [true, false]) {
    t.throws(() => frameWithSubMessages(mini, 1, ahead, MAIN), { code: 'SIDECAR_LIMIT' })
  }
})
