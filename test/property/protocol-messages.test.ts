import test from 'ava'
import fc from 'fast-check'
import { ByteReader } from '../../src/core/bytes.js'
import { SidecarError } from '../../src/core/errors.js'
import {
  DRAW_COPY_BITMAP_PREFIX_SIZE,
  DRAW_COPY_LZ_PREFIX_SIZE,
  DRAW_COPY_ZLIB_GLZ_PREFIX_SIZE,
  IMAGE_TYPE,
  MESSAGE_GROUPS,
  bitmapHeader,
  decodeDrawCopy,
  decodeLinkMess,
  decodeLinkReply,
  decodeMonitorsConfig,
  displayServer,
  encodeLinkMess,
  encodeLinkReply,
  encodeMonitorsConfig,
  imageDescriptor,
  message,
  parseLinkHeader,
  rest,
  u32,
  writeDrawCopyBitmap,
  writeDrawCopyLz,
  writeDrawCopyZlibGlz,
  type Message,
} from '../../src/protocol/index.js'
import { arbitraryOfMessage } from '../helpers/arbitraries.js'

const MESSAGES = MESSAGE_GROUPS.flatMap(({ channel, direction, messages }) =>
  Object.entries(messages).map(([name, one]) => ({ title: `${channel} ${direction} ${name}`, one })),
)

/** The value, or `undefined` when the bytes are refused; anything else that is thrown fails the test. */
const decodeOrRefuse = <T>(decode: () => T): T | undefined => {
  try {
    return decode()
  } catch (error) {
    if (
      error instanceof SidecarError &&
      (error.code === 'SIDECAR_PROTOCOL' || error.code === 'SIDECAR_LINK')
    ) {
      return undefined
    }
    throw error
  }
}

/** Valid bytes of a message, some of them damaged, cut or extended. */
const nearlyValid = (one: Message<unknown>): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      arbitraryOfMessage(one),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
      fc.integer({ min: -4, max: 4 }),
    )
    .map(([value, damage, longer]) => {
      const good = one.encode(value)
      const bytes = new Uint8Array(Math.max(0, good.length + longer))
      bytes.set(good.subarray(0, bytes.length))
      for (const [at, byte] of damage) {
        if (bytes.length > 0) {
          bytes[at % bytes.length] = byte
        }
      }
      return bytes
    })

for (const { title, one } of MESSAGES) {
  test(`${title}: decoding an encoded value gives the value`, (t) => {
    fc.assert(
      fc.property(arbitraryOfMessage(one), (value) => {
        const bytes = one.encode(value)
        t.deepEqual(one.decode(bytes), value)
        t.is(new Uint8Array(bytes.buffer).length, bytes.length)
        t.true(bytes.length >= one.minSize && bytes.length <= one.maxSize)
        t.deepEqual(one.encode(one.decode(bytes)), bytes)
      }),
      { numRuns: 50 },
    )
  })

  test(`${title}: any bytes are a value, which can be encoded again, or refused`, (t) => {
    fc.assert(
      fc.property(fc.oneof(nearlyValid(one), fc.uint8Array({ maxLength: 120 })), (bytes) => {
        const value = decodeOrRefuse(() => one.decode(bytes))
        if (value !== undefined) {
          t.deepEqual(one.decode(one.encode(value)), value)
        }
      }),
      { numRuns: 50 },
    )
    t.pass()
  })
}

const FIXED_SIZE_MESSAGES = MESSAGES.filter(({ one }) => one.minSize === one.maxSize)

test('N-CH-03: every fixed-size body is refused one byte short and accepted one byte long', (t) => {
  t.true(FIXED_SIZE_MESSAGES.length > 40)
  for (const { title, one } of FIXED_SIZE_MESSAGES) {
    const long = new Uint8Array(one.minSize + 1).fill(0xff)
    const reader = new ByteReader(long)
    t.notThrows(() => one.decodeFrom(reader), title)
    t.is(reader.left, 1, title)
    if (one.minSize > 0) {
      t.throws(() => one.decode(long.subarray(0, one.minSize - 1)), { code: 'SIDECAR_PROTOCOL' }, title)
    }
  }
})

test('N-CH-03: every body is refused one byte shorter than its smallest', (t) => {
  for (const { title, one } of MESSAGES) {
    if (one.minSize > 0) {
      t.throws(() => one.decode(new Uint8Array(one.minSize - 1)), { code: 'SIDECAR_PROTOCOL' }, title)
    }
  }
})

test('N-CH-04: a list count or length of all ones is refused, whatever follows', (t) => {
  const open = MESSAGES.filter(({ one }) => one.minSize !== one.maxSize)
  for (const { title, one } of open) {
    const value = decodeOrRefuse(() => one.decode(new Uint8Array(one.minSize + 64).fill(0xff)))
    if (value !== undefined) {
      t.true(one.encode(value).length <= one.minSize + 64, title)
    }
  }
})

test('arrays of a link message survive the way there and back', (t) => {
  const word = fc.integer({ min: 0, max: 2 ** 32 - 1 })
  const words = fc.array(word, { maxLength: 32 })
  const byte = fc.integer({ min: 0, max: 255 })
  const mess = fc.record(
    { connectionId: word, channelType: byte, channelId: byte, commonCaps: words, channelCaps: words },
    { noNullPrototype: true },
  )
  fc.assert(
    fc.property(mess, (value) => {
      const bytes = encodeLinkMess(value)
      t.deepEqual(parseLinkHeader(bytes), { kind: 'ok', size: bytes.length - 16 })
      t.deepEqual(decodeLinkMess(bytes.subarray(16), { maxCapWords: 32 }), value)
      const { commonCaps, channelCaps } = value
      const reply = encodeLinkReply({ error: 0, commonCaps, channelCaps })
      t.like(decodeLinkReply(reply.subarray(16)), { error: 0, commonCaps, channelCaps })
    }),
  )
})

test('any bytes are a link message or reply, or refused', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 260 }), (bytes) => {
      parseLinkHeader(bytes)
      decodeOrRefuse(() => decodeLinkMess(bytes, { maxCapWords: 32 }))
      decodeOrRefuse(() => decodeLinkReply(bytes))
    }),
  )
  t.pass()
})

test('any bytes are a monitors config, which can be encoded again, or refused', (t) => {
  const counted = fc
    .tuple(fc.integer({ min: 0, max: 5 }), fc.uint8Array({ maxLength: 130 }))
    .map(([count, more]) => Uint8Array.of(count, 0, 0, 0, ...more))
  fc.assert(
    fc.property(counted, (bytes) => {
      const config = decodeOrRefuse(() => decodeMonitorsConfig(bytes, 4))
      if (config !== undefined) {
        t.true(config.monitors.length <= 4)
        t.deepEqual(decodeMonitorsConfig(encodeMonitorsConfig(config)), config)
      }
    }),
  )
})

const coordinate = fc.integer({ min: 0, max: 64 })
const word = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const place = fc
  .record({
    surfaceId: word,
    x: coordinate,
    y: coordinate,
    width: coordinate,
    height: coordinate,
    low: word,
    high: word,
  })
  .map(({ surfaceId, x, y, width, height, low, high }) => ({
    surfaceId,
    box: { left: x, top: y, right: x + width, bottom: y + height },
    imageIdLow: low,
    imageIdHigh: high,
  }))

/** The same message out of the schema. */
const bySchema = (
  { surfaceId, box, imageIdLow, imageIdHigh }: typeof place extends fc.Arbitrary<infer T> ? T : never,
  imageType: number,
  payload: Uint8Array,
): Uint8Array => {
  const width = box.right - box.left
  const height = box.bottom - box.top
  const image = message(0, { descriptor: imageDescriptor, payload: rest({ max: 2 ** 20 }) })
  const descriptor = {
    id: (BigInt(imageIdHigh) << 32n) | BigInt(imageIdLow),
    type: imageType,
    flags: 0,
    width,
    height,
  }
  return displayServer.drawCopy.encode({
    surfaceId,
    box,
    clip: { type: 0 },
    imageAt: 57,
    srcArea: { top: 0, left: 0, bottom: height, right: width },
    rop: 8,
    scaleMode: 0,
    mask: { flags: 0, pos: { x: 0, y: 0 }, imageAt: 0 },
    pointed: image.encode({ descriptor, payload }),
  })
}

const framedBy = (headroom: number, prefix: number, data: Uint8Array): Uint8Array =>
  new Uint8Array(headroom + prefix + data.length).fill(0xee)

test('the fast encoder of a coded DRAW_COPY equals the schema', (t) => {
  const size = message(0, { size: u32, data: rest({ max: 2 ** 20 }) })
  fc.assert(
    fc.property(place, fc.uint8Array({ maxLength: 40 }), fc.nat(20), (where, data, headroom) => {
      const out = framedBy(headroom, DRAW_COPY_LZ_PREFIX_SIZE, data)
      const at = writeDrawCopyLz(out, headroom, where, data.length)
      out.set(data, at)
      t.is(at, headroom + DRAW_COPY_LZ_PREFIX_SIZE)
      const expected = bySchema(where, IMAGE_TYPE.lzRgb, size.encode({ size: data.length, data }))
      t.deepEqual(out.subarray(headroom), expected)
      t.true(out.subarray(0, headroom).every((byte) => byte === 0xee))
      t.deepEqual(decodeDrawCopy(expected).image?.payload, { kind: 'coded', data })
    }),
  )
})

test('the fast encoder of a DRAW_COPY of zlib on GLZ equals the schema', (t) => {
  const sizes = message(0, { glzSize: u32, size: u32, data: rest({ max: 2 ** 20 }) })
  fc.assert(
    fc.property(
      place,
      fc.uint8Array({ maxLength: 40 }),
      fc.nat(20),
      fc.nat(5000),
      (where, data, headroom, glzSize) => {
        const out = framedBy(headroom, DRAW_COPY_ZLIB_GLZ_PREFIX_SIZE, data)
        out.set(data, writeDrawCopyZlibGlz(out, headroom, where, glzSize, data.length))
        const expected = bySchema(
          where,
          IMAGE_TYPE.zlibGlzRgb,
          sizes.encode({ glzSize, size: data.length, data }),
        )
        t.deepEqual(out.subarray(headroom), expected)
        t.deepEqual(decodeDrawCopy(expected).image?.payload, { kind: 'packed', glzSize, data })
      },
    ),
  )
})

test('the fast encoder of a raw DRAW_COPY equals the schema', (t) => {
  const bitmap = message(0, { header: bitmapHeader, palette: u32, data: rest({ max: 2 ** 20 }) })
  fc.assert(
    fc.property(place, fc.nat(20), (where, headroom) => {
      const width = where.box.right - where.box.left
      const height = where.box.bottom - where.box.top
      const data = new Uint8Array(4 * width * height).fill(0x55)
      const out = framedBy(headroom, DRAW_COPY_BITMAP_PREFIX_SIZE, data)
      out.set(data, writeDrawCopyBitmap(out, headroom, where))
      const header = { format: 8, flags: 4, width, height, stride: 4 * width }
      const expected = bySchema(where, IMAGE_TYPE.bitmap, bitmap.encode({ header, palette: 0, data }))
      t.deepEqual(out.subarray(headroom), expected)
      t.deepEqual(decodeDrawCopy(expected).image?.payload, { kind: 'bitmap', ...header, data })
    }),
  )
})

test('any damage to a DRAW_COPY gives a value or a refusal', (t) => {
  const body = bySchema(
    { surfaceId: 0, box: { left: 0, top: 0, right: 2, bottom: 2 }, imageIdLow: 1, imageIdHigh: 1 },
    IMAGE_TYPE.lzRgb,
    new Uint8Array(12),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(body.length - 1), fc.integer({ min: 0, max: 255 }))), (damage) => {
      const bytes = body.slice()
      for (const [at, byte] of damage) {
        bytes[at] = byte
      }
      decodeOrRefuse(() => decodeDrawCopy(bytes))
    }),
    { numRuns: 500 },
  )
  t.pass()
})
