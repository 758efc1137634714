import test from 'ava'
import { ByteReader, ByteWriter } from '../../../src/core/bytes.js'
import {
  bytes,
  choice,
  countedAhead,
  describeField,
  enumOf,
  findMessage,
  fixedBytes,
  list,
  mainServer,
  message,
  messageOf,
  MESSAGE_GROUPS,
  rest,
  restList,
  struct,
  text,
  u16,
  u32,
  u8,
} from '../../../src/protocol/index.js'
import { hex } from './hex.js'

const refusal = { name: 'SidecarError', code: 'SIDECAR_PROTOCOL' }
const tooLong = { name: 'SidecarError', code: 'SIDECAR_LIMIT' }

test('a body may have surplus bytes, and the reader tells how many', (t) => {
  const pair = message(1, { a: u8, b: u16 })
  t.deepEqual(pair.decode(hex('01 0200 ffff')), { a: 1, b: 2 })
  const reader = new ByteReader(hex('01 0200 ffff'))
  pair.decodeFrom(reader)
  t.is(reader.left, 2)
})

test('a list above its maximum is refused before anything is read', (t) => {
  let reads = 0
  const counting = { ...u8, decode: (reader: ByteReader) => ((reads += 1), reader.u8()) }
  const items = message(1, { items: list(u32, counting, { max: 3 }) })
  t.throws(() => items.decode(hex('04000000 01 02 03 04')), refusal)
  t.throws(() => items.decode(hex('ffffffff')), refusal)
  t.is(reads, 0)
  t.deepEqual(items.decode(hex('03000000 01 02 03')), { items: [1, 2, 3] })
})

test('a list that does not fit into the message is refused before its first item', (t) => {
  let reads = 0
  const counting = { ...u32, decode: (reader: ByteReader) => ((reads += 1), reader.u32()) }
  const items = message(1, { items: list(u16, counting, { max: 60_000 }) })
  t.throws(() => items.decode(hex('0200 01000000 020000')), refusal)
  t.is(reads, 0)
})

test('a count field bounds a list that allows more', (t) => {
  const items = message(1, { items: list(u8, u8, { max: 1000 }) })
  t.is(items.maxSize, 256)
  t.notThrows(() => items.encode({ items: Array.from({ length: 255 }, () => 0) }))
  t.throws(() => items.encode({ items: Array.from({ length: 256 }, () => 0) }), tooLong)
})

test('values longer than their field are refused when encoding', (t) => {
  t.throws(() => message(1, { v: bytes(u8, { max: 2 }) }).encode({ v: new Uint8Array(3) }), tooLong)
  t.throws(() => message(1, { v: rest({ max: 2 }) }).encode({ v: new Uint8Array(3) }), tooLong)
  t.throws(() => message(1, { v: fixedBytes(2) }).encode({ v: new Uint8Array(3) }), tooLong)
  t.throws(() => message(1, { v: text(u8, 'counted', { max: 2 }) }).encode({ v: 'abc' }), tooLong)
  t.throws(() => message(1, { v: restList(u8, { max: 2 }) }).encode({ v: [1, 2, 3] }), tooLong)
  const ahead = messageOf(1, countedAhead(u8, { a: u8 }, 'items', u8, { max: 2 }))
  t.throws(() => ahead.encode({ a: 1, items: [1, 2, 3] }), tooLong)
})

test('byte strings and the rest of a body have a maximum when decoding', (t) => {
  t.throws(() => message(1, { v: bytes(u8, { max: 2 }) }).decode(hex('03 010203')), refusal)
  t.throws(() => message(1, { v: rest({ max: 2 }) }).decode(hex('010203')), refusal)
  t.throws(() => message(1, { v: restList(u16, { max: 1 }) }).decode(hex('01000200')), refusal)
  const ahead = messageOf(1, countedAhead(u8, { a: u8 }, 'items', u8, { max: 2 }))
  t.throws(() => ahead.decode(hex('03 00 010203')), refusal)
})

test('a list to the end takes whole items and leaves the odd bytes', (t) => {
  t.deepEqual(message(1, { v: restList(u16, { max: 9 }) }).decode(hex('0100 0200 ff')), { v: [1, 2] })
})

test('text needs its NUL, ends at the first one and is UTF-8', (t) => {
  const counted = message(1, { v: text(u8, 'counted', { max: 4 }) })
  t.deepEqual(counted.decode(hex('03 c3a9 00')), { v: 'é' })
  t.deepEqual(counted.decode(hex('03 61 00 62')), { v: 'a' })
  t.throws(() => counted.decode(hex('02 6162')), refusal)
  t.throws(() => counted.decode(hex('00')), refusal)
  t.throws(() => counted.decode(hex('03 c328 00')), refusal)
  t.deepEqual(counted.encode({ v: 'a\0b' }), hex('02 61 00'))
  const behind = message(1, { v: text(u8, 'behind', { max: 4 }) })
  t.deepEqual(behind.decode(hex('01 61 00')), { v: 'a' })
  t.throws(() => behind.decode(hex('01 61')), refusal)
  t.throws(() => behind.decode(hex('05 6161616161 00')), refusal)
})

test('a choice refuses a tag that nobody knows, both ways', (t) => {
  const field = choice('tag', u8, { none: {}, one: { value: u8 } }, { none: [0], one: [1] }, (tag) =>
    tag === 0 ? 'none' : tag === 1 ? 'one' : undefined,
  )
  const chosen = messageOf(1, field)
  t.deepEqual(chosen.decode(hex('01 05')), { tag: 1, value: 5 })
  t.deepEqual(chosen.encode({ tag: 0 }), hex('00'))
  t.throws(() => chosen.decode(hex('02 05')), refusal)
  t.throws(() => chosen.encode({ tag: 2 }), { code: 'SIDECAR_BUG' })
  t.throws(() => chosen.encode({ tag: 1 }), { code: 'SIDECAR_BUG' })
})

test('unknown values of an enumeration are kept for the channel to judge', (t) => {
  t.deepEqual(message(1, { v: enumOf(u8, { on: 1 }) }).decode(hex('07')), { v: 7 })
})

test('an encoded body is exactly as long as its content', (t) => {
  const body = mainServer.name.encode({ name: 'demo' })
  t.is(body.length, 9)
  t.is(mainServer.name.minSize, 5)
})

test('a body can be added to what a writer already holds', (t) => {
  const out = new ByteWriter(1)
  out.u8(0xee)
  mainServer.name.encodeInto({ name: 'demo' }, out)
  t.deepEqual(out.finish(), hex('ee 05000000 64656d6f00'))
})

test('no number stands for two messages of one channel and direction', (t) => {
  for (const { channel, direction, messages } of MESSAGE_GROUPS) {
    const ids = Object.values(messages).map(({ id }) => id)
    t.is(new Set(ids).size, ids.length, `${channel} ${direction}`)
    t.true(ids.every((id) => (channel === 'common' ? id < 100 : id > 100)))
  }
})

test('a message is found by channel, direction and number', (t) => {
  t.is(findMessage('main', 'server', 103)?.name, 'init')
  t.is(findMessage('main', 'client', 103)?.name, 'migrateConnectError')
  t.is(findMessage('cursor', 'client', 3)?.name, 'pong')
  t.is(findMessage('cursor', 'client', 101), undefined)
  t.is(findMessage('main', 'server', 0), undefined)
})

test('fields are described in words', (t) => {
  t.is(
    describeField(mainServer.channelsList.fields),
    'u32 count (at most 1024), then each { u8 type, u8 id } channels',
  )
  t.is(describeField(struct({ v: enumOf(u8, { on: 1, off: 2 }) }).kind), 'u8 (1 on, 2 off) v')
  for (const { messages } of MESSAGE_GROUPS) {
    for (const one of Object.values(messages)) {
      t.is(typeof describeField(one.fields), 'string')
    }
  }
})
