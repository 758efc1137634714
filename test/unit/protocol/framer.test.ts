import test from 'ava'
import { MessageFramer, encodeHeader, headerSize } from '../../../src/protocol/index.js'
import { concat, hex } from './hex.js'

const wire = (mini: boolean, serial: number, type: number, body: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(headerSize(mini) + body.length)
  encodeHeader(mini, serial, type, body.length, bytes, 0)
  bytes.set(body, headerSize(mini))
  return bytes
}

const upTo = (max: number) => ({ mini: true, maxBody: () => max })

test('a mini header is type and size', (t) => {
  t.deepEqual(wire(true, 9, 0x1234, hex('aa')), hex('3412 01000000 aa'))
})

test('a full header is serial, type, size and no sub-messages', (t) => {
  t.deepEqual(wire(false, 2 ** 40 + 9, 0x1234, hex('aa')), hex('0900000000010000 3412 01000000 00000000 aa'))
})

test('a header goes where it is told to', (t) => {
  const out = new Uint8Array(8).fill(0xee)
  encodeHeader(true, 1, 2, 3, out, 1)
  t.deepEqual(out, hex('ee 0200 03000000 ee'))
})

test('serials count messages with mini headers', (t) => {
  const framer = new MessageFramer(upTo(10))
  framer.push(concat(wire(true, 0, 5, hex('01')), wire(true, 0, 6, hex(''))))
  t.deepEqual(framer.next(), { kind: 'message', type: 5, serial: 1, subList: 0, body: hex('01') })
  t.deepEqual(framer.next(), { kind: 'message', type: 6, serial: 2, subList: 0, body: hex('') })
  t.deepEqual(framer.next(), { kind: 'needMore' })
})

test('serials come out of full headers', (t) => {
  const framer = new MessageFramer({ mini: false, maxBody: () => 10 })
  framer.push(concat(wire(false, 7, 5, hex('01')), wire(false, 2 ** 33, 6, hex('02'))))
  t.deepEqual(framer.next(), { kind: 'message', type: 5, serial: 7, subList: 0, body: hex('01') })
  t.deepEqual(framer.next(), { kind: 'message', type: 6, serial: 2 ** 33, subList: 0, body: hex('02') })
})

test('a body of the largest size passes, one byte more is refused at the header', (t) => {
  const good = new MessageFramer(upTo(4))
  good.push(wire(true, 1, 1, new Uint8Array(4)))
  t.is(good.next().kind, 'message')
  for (const size of [5, 0xffff_ffff]) {
    const bad = new MessageFramer(upTo(4))
    const header = new Uint8Array(6)
    encodeHeader(true, 1, 1, size, header, 0)
    bad.push(header)
    const result = bad.next()
    t.is(result.kind === 'error' && result.error.code, 'SIDECAR_LIMIT')
    t.true(bad.heldBytes <= 6)
  }
})

test('a type without a maximum is unknown, however small its body', (t) => {
  const framer = new MessageFramer({ mini: true, maxBody: (type) => (type === 1 ? 0 : -1) })
  framer.push(concat(wire(true, 1, 1, hex('')), wire(true, 1, 2, hex(''))))
  t.is(framer.next().kind, 'message')
  const result = framer.next()
  t.is(result.kind === 'error' && result.error.code, 'SIDECAR_PROTOCOL')
})

test('after an error nothing else comes and nothing more is kept', (t) => {
  const framer = new MessageFramer(upTo(1))
  framer.push(wire(true, 1, 1, new Uint8Array(1000)))
  const first = framer.next()
  framer.push(wire(true, 1, 1, hex('00')))
  t.deepEqual(framer.next(), first)
  t.is(first.kind, 'error')
  t.true(framer.heldBytes <= 6)
  const restored = new MessageFramer(upTo(1), framer.snapshot())
  t.is(restored.next().kind, 'error')
})

test('memory follows what came, not what was announced', (t) => {
  const max = 1024 * 1024
  const framer = new MessageFramer(upTo(max))
  const header = new Uint8Array(6)
  encodeHeader(true, 1, 1, max, header, 0)
  framer.push(header)
  t.is(framer.next().kind, 'needMore')
  t.is(framer.heldBytes, 6)
  framer.push(new Uint8Array(1))
  t.is(framer.next().kind, 'needMore')
  t.true(framer.heldBytes <= 6 + 4096)
})

test('a body in small pieces is moved a few times only, and never takes more than its size', (t) => {
  const max = 1024 * 1024
  const framer = new MessageFramer(upTo(max))
  const bytes = wire(true, 1, 1, new Uint8Array(max).fill(7))
  const rooms = new Set<number>()
  for (let at = 0; at < bytes.length; at += 100) {
    framer.push(bytes.subarray(at, at + 100))
    const result = framer.next()
    rooms.add(framer.heldBytes)
    if (at + 100 >= bytes.length) {
      t.is(result.kind, 'message')
    } else {
      t.is(result.kind, 'needMore')
    }
  }
  t.true(rooms.size <= 14, `${rooms.size} sizes`)
  t.true(Math.max(...rooms) <= 6 + max)
})

test('many small messages in one chunk are views of it', (t) => {
  const chunk = concat(wire(true, 1, 1, hex('01')), wire(true, 1, 2, hex('0203')))
  const framer = new MessageFramer(upTo(10))
  framer.push(chunk)
  const result = framer.next()
  t.is(result.kind === 'message' && result.body.buffer, chunk.buffer)
})

test('chunks that pile up before the first look are cut all the same', (t) => {
  const framer = new MessageFramer(upTo(10))
  const all = concat(...Array.from({ length: 100 }, (_, i) => wire(true, 1, i + 1, hex('0102'))))
  for (const byte of all) {
    framer.push(Uint8Array.of(byte))
  }
  for (let i = 0; i < 100; i++) {
    t.deepEqual(framer.next(), { kind: 'message', type: i + 1, serial: i + 1, subList: 0, body: hex('0102') })
  }
  t.is(framer.next().kind, 'needMore')
  t.is(framer.heldBytes, 0)
})

test('a snapshot is a copy', (t) => {
  const framer = new MessageFramer(upTo(10))
  const chunk = wire(true, 1, 1, hex('0102')).subarray(0, 7)
  framer.push(chunk)
  const state = framer.snapshot()
  chunk.fill(0xff)
  t.deepEqual(state.pending, hex('0100 02000000 01'))
  const restored = new MessageFramer(upTo(10), state)
  state.pending.fill(0xff)
  restored.push(hex('02'))
  t.deepEqual(restored.next(), { kind: 'message', type: 1, serial: 1, subList: 0, body: hex('0102') })
})

test('the place of a sub-message list comes out of a full header', (t) => {
  const framer = new MessageFramer({ mini: false, maxBody: () => 10 })
  framer.push(hex('0100000000000000 0500 01000000 07000000 aa'))
  t.deepEqual(framer.next(), { kind: 'message', type: 5, serial: 1, subList: 7, body: hex('aa') })
})
