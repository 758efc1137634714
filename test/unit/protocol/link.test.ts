import test from 'ava'
import {
  CHANNEL_TYPES,
  COMMON_CAP,
  DISPLAY_CAP,
  LINK_ERROR,
  capsOf,
  channelName,
  decodeLinkMess,
  decodeLinkReply,
  encodeLinkErrorReply,
  encodeLinkMess,
  encodeLinkReply,
  encodeLinkResult,
  hasCap,
  parseLinkHeader,
  startsWithMagic,
} from '../../../src/protocol/index.js'
import { concat, hex } from './hex.js'

/** Test key of `protocol-session.md` 10. */
const SPKI = hex(`
  30819f300d06092a864886f70d010101050003818d0030818902818100
  c368d863cf7b36a2dfd9cc860e4929a7586289044824063da0344be4fa500767
  e4f6f66b526cd27ed38d0863a77c77443ed67cc41692f18637ba53f1763199d5
  d229249c19b7366454de2f6ded558d7a34803c56a7d8f0db021a03959bb4a031
  45d054400a330a7c170497f0af0859ba549c1ff8e30044393f1215853204820b
  0203010001`)

const caps = { maxCapWords: 32 }

test('the recorded link of a main channel, both ways', (t) => {
  const bytes = hex(`52454451 02000000 02000000 1a000000 00000000 01 00
    01000000 01000000 12000000 0d000000 0f000000`)
  const mess = {
    connectionId: 0,
    channelType: CHANNEL_TYPES.main,
    channelId: 0,
    commonCaps: [13],
    channelCaps: [15],
  }
  t.is(bytes.length, 42)
  t.deepEqual(parseLinkHeader(bytes), { kind: 'ok', size: 26 })
  t.deepEqual(decodeLinkMess(bytes.subarray(16), caps), mess)
  t.deepEqual(encodeLinkMess(mess), bytes)
})

test('the recorded link of a display channel, both ways', (t) => {
  const bytes = hex(`52454451 02000000 02000000 1a000000 44332211 02 00
    01000000 01000000 12000000 0d000000 bf6f0000`)
  const mess = {
    connectionId: 0x11223344,
    channelType: CHANNEL_TYPES.display,
    channelId: 0,
    commonCaps: [13],
    channelCaps: [0x6fbf],
  }
  t.deepEqual(decodeLinkMess(bytes.subarray(16), caps), mess)
  t.deepEqual(encodeLinkMess(mess), bytes)
  t.true(hasCap(mess.commonCaps, COMMON_CAP.miniHeader))
  t.false(hasCap(mess.channelCaps, DISPLAY_CAP.prefCompression))
  t.true(hasCap(mess.channelCaps, DISPLAY_CAP.codecH265))
})

test('the recorded link reply, both ways', (t) => {
  const bytes = concat(
    hex('52454451 02000000 02000000 ba000000 00000000'),
    SPKI,
    hex('01000000 01000000 b2000000 0b000000 0f000000'),
  )
  const reply = { error: LINK_ERROR.ok, publicKey: SPKI, commonCaps: [11], channelCaps: [15] }
  t.is(bytes.length, 202)
  t.deepEqual(encodeLinkReply(reply), bytes)
  t.deepEqual(parseLinkHeader(bytes), { kind: 'ok', size: 186 })
  t.deepEqual(decodeLinkReply(bytes.subarray(16)), reply)
})

test('an error reply is 194 bytes, all zero behind the error', (t) => {
  for (const error of Object.values(LINK_ERROR)) {
    if (error !== LINK_ERROR.ok) {
      const expected = concat(
        hex('52454451 02000000 02000000 b2000000'),
        Uint8Array.of(error, 0, 0, 0),
        new Uint8Array(174),
      )
      t.is(expected.length, 194)
      t.deepEqual(encodeLinkErrorReply(error), expected)
      t.deepEqual(encodeLinkReply({ error, publicKey: SPKI, commonCaps: [1], channelCaps: [2] }), expected)
    }
  }
})

test('a reply without a key carries zeros, and a key of another size is a bug', (t) => {
  const reply = encodeLinkReply({ error: LINK_ERROR.ok, commonCaps: [13], channelCaps: [] })
  t.deepEqual(decodeLinkReply(reply.subarray(16)).publicKey, new Uint8Array(162))
  t.throws(
    () =>
      encodeLinkReply({
        error: LINK_ERROR.ok,
        publicKey: new Uint8Array(1),
        commonCaps: [],
        channelCaps: [],
      }),
    { code: 'SIDECAR_BUG' },
  )
})

test('a link result is one little-endian word', (t) => {
  t.deepEqual(encodeLinkResult(LINK_ERROR.permissionDenied), hex('07000000'))
})

test('the magic is judged before anything else, byte by byte', (t) => {
  t.deepEqual(parseLinkHeader(hex('58585858 00000000 00000000 00000000')), { kind: 'badMagic' })
  t.deepEqual(parseLinkHeader(hex('52454452 02000000 02000000 1a000000')), { kind: 'badMagic' })
  t.true(startsWithMagic(hex('')))
  t.true(startsWithMagic(hex('5245')))
  t.false(startsWithMagic(hex('5246')))
  t.true(startsWithMagic(hex('52454451 ff')))
})

test('N-LINK-03: another major version is refused, another minor is not', (t) => {
  for (const major of [0, 1, 3, 0xffff_ffff]) {
    const bytes = hex('52454451 00000000 02000000 1a000000')
    new DataView(bytes.buffer).setUint32(4, major, true)
    t.deepEqual(parseLinkHeader(bytes), { kind: 'badVersion', major })
  }
  t.deepEqual(parseLinkHeader(hex('52454451 02000000 ffffffff 12000000')), { kind: 'ok', size: 18 })
})

test('N-LINK-04: a size outside 18 to the limit is refused', (t) => {
  const bytes = hex('52454451 02000000 02000000 00000000')
  for (const [size, kind] of [
    [0, 'badSize'],
    [17, 'badSize'],
    [18, 'ok'],
    [4096, 'ok'],
    [4097, 'badSize'],
    [2 ** 31, 'badSize'],
    [2 ** 32 - 1, 'badSize'],
  ] as const) {
    new DataView(bytes.buffer).setUint32(12, size, true)
    t.is(parseLinkHeader(bytes).kind, kind)
  }
  new DataView(bytes.buffer).setUint32(12, 100, true)
  t.is(parseLinkHeader(bytes, 99).kind, 'badSize')
  t.throws(() => parseLinkHeader(bytes.subarray(0, 15)), { code: 'SIDECAR_LINK' })
})

test('N-LINK-07: capability words must lie behind the fixed part and inside the message', (t) => {
  const body = (common: number, channel: number, offset: number, size: number): Uint8Array => {
    const bytes = new Uint8Array(size)
    const view = new DataView(bytes.buffer)
    view.setUint32(6, common, true)
    view.setUint32(10, channel, true)
    view.setUint32(14, offset, true)
    return bytes
  }
  for (const offset of [0, 17, 40, 4095, 2 ** 32 - 4]) {
    t.throws(() => decodeLinkMess(body(1, 0, offset, 22), caps), { code: 'SIDECAR_LINK' }, String(offset))
  }
  for (const count of [33, 1024, 2 ** 30, 2 ** 32 - 1]) {
    t.throws(() => decodeLinkMess(body(count, 0, 18, 4096), caps), { code: 'SIDECAR_LINK' }, String(count))
    t.throws(() => decodeLinkMess(body(0, count, 18, 4096), caps), { code: 'SIDECAR_LINK' }, String(count))
  }
  t.throws(() => decodeLinkMess(body(1, 1, 18, 25), caps), { code: 'SIDECAR_LINK' })
  t.throws(() => decodeLinkMess(body(1, 1, 19, 26), caps), { code: 'SIDECAR_LINK' })
  t.notThrows(() => decodeLinkMess(body(1, 1, 19, 27), caps))
  t.notThrows(() => decodeLinkMess(body(32, 32, 18, 18 + 256), caps))
  t.notThrows(() => decodeLinkMess(body(0, 0, 0xffff_ffff, 18), caps))
  t.throws(() => decodeLinkMess(new Uint8Array(17), caps), { code: 'SIDECAR_LINK' })
})

test('a client refuses a link reply that is cut short or points outside', (t) => {
  t.throws(() => decodeLinkReply(new Uint8Array(177)), { code: 'SIDECAR_LINK' })
  const reply = encodeLinkReply({ error: 0, commonCaps: [1], channelCaps: [2] }).slice(16)
  t.throws(() => decodeLinkReply(reply.subarray(0, reply.length - 1)), { code: 'SIDECAR_LINK' })
})

test('capability words hold bit n in word n / 32', (t) => {
  t.deepEqual(capsOf([]), [])
  t.deepEqual(capsOf([0, 1, 3]), [11])
  t.deepEqual(capsOf([31]), [0x8000_0000])
  t.deepEqual(capsOf([33, 0]), [1, 2])
  t.true(hasCap([0, 2], 33))
  t.true(hasCap([0x8000_0000], 31))
  t.false(hasCap([], 0))
  t.false(hasCap([0xffff_ffff], 32))
})

test('channel types have the names of the tls-channel option', (t) => {
  t.is(channelName(1), 'main')
  t.is(channelName(11), 'webdav')
  for (const unknown of [0, 7, 12, 255]) {
    t.is(channelName(unknown), undefined)
  }
})
