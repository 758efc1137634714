import test from 'ava'
import { rectOf, type Rect } from '../../../src/core/region.js'
import {
  BITMAP_FORMAT,
  CHANNEL_TYPES,
  CLIP_TYPE,
  commonServer,
  displayServer,
  DRAW_COPY_BITMAP_PREFIX_SIZE,
  encodeSubMessages,
  IMAGE_FLAG,
  IMAGE_TYPE,
  STREAM_FLAG,
  subMessage,
  VIDEO_CODEC,
  writeDrawCopyBitmap,
  type Message,
} from '../../../src/protocol/index.js'
import type { Sent } from '../../helpers/channel-rig.js'
import { ClientSession } from '../../helpers/client-session.js'
import { PaintedSurface } from '../../helpers/painted.js'

const says = <T>(message: Message<T>, value: T): Sent => ({ type: message.id, body: message.encode(value) })

const SURFACE = says(displayServer.surfaceCreate, {
  ...{ surfaceId: 0, width: 16, height: 8, format: 32, flags: 1 },
})

/** A raw image of one colour. */
const copy = (box: Rect, colour: number, imageFlags = 0, id = 7): Sent => {
  const pixels = (box.right - box.left) * (box.bottom - box.top)
  const body = new Uint8Array(DRAW_COPY_BITMAP_PREFIX_SIZE + 4 * pixels)
  const place = { surfaceId: 0, box, imageIdLow: 2, imageIdHigh: id, imageFlags }
  body.set(
    new Uint8Array(Uint32Array.from({ length: pixels }, () => colour).buffer),
    writeDrawCopyBitmap(body, 0, { ...place, format: BITMAP_FORMAT.rgb32 }),
  )
  return { type: displayServer.drawCopy.id, body }
}

/** The same drawing with pixels that the client is to have. */
const fromCache = (box: Rect, lossless = false, id = 7): Sent => {
  const { type, body } = copy(box, 0, 0, id)
  const cut = body.slice(0, DRAW_COPY_BITMAP_PREFIX_SIZE - 18)
  cut[cut.length - 10] = lossless ? IMAGE_TYPE.fromCacheLossless : IMAGE_TYPE.fromCache
  return { type, body: cut }
}

const idOf = (high: number): bigint => (BigInt(high) << 32n) | 2n
const inval = (...ids: number[]): Sent =>
  says(displayServer.invalList, { resources: ids.map((id) => ({ type: 1, id: idOf(id) })) })

const fill = (box: Rect, color: number, rects?: Rect[]): Sent =>
  says(displayServer.drawFill, {
    ...{ surfaceId: 0, box, clip: rects ? { type: CLIP_TYPE.rects, rects } : { type: CLIP_TYPE.none } },
    ...{ brush: { type: 1, color }, rop: 8, mask: { flags: 0, pos: { x: 0, y: 0 }, imageAt: 0 } },
    pointed: new Uint8Array(0),
  })

const BOX = rectOf(4, 2, 3, 2)

/** Pixels of a surface as words 0x00RRGGBB. */
const wordAt = ({ pixels, width }: PaintedSurface, x: number, y: number): number =>
  new Uint32Array(pixels.buffer)[y * width + x] ?? -1

const client = (...sent: Sent[]): PaintedSurface => {
  const surface = new PaintedSurface()
  surface.follow([SURFACE, ...sent])
  return surface
}

test('pixels come from the cache until they are dropped', (t) => {
  const surface = client(copy(BOX, 0xff123456, IMAGE_FLAG.cacheMe), fromCache(rectOf(0, 0, 3, 2)))
  t.is(wordAt(surface, 4, 2), 0x123456)
  t.is(wordAt(surface, 0, 0), 0x123456)
  surface.follow([inval(7)])
  t.deepEqual(surface.session.pixmaps.ids, [])
  t.throws(() => surface.follow([fromCache(BOX)]), { message: /for ever/ })
})

test('what a server gets wrong about the cache fails', (t) => {
  const twice = copy(BOX, 1, IMAGE_FLAG.cacheMe)
  t.throws(() => client(twice, twice), { message: /already/ })
  t.throws(() => client(inval(7)), { message: /was not in the cache/ })
  t.throws(() => client(copy(BOX, 1, IMAGE_FLAG.cacheReplaceMe)), { message: /to be replaced/ })
  t.throws(() => client(fromCache(BOX, true)), { message: /for ever/ })
  const small = new PaintedSurface({ session: new ClientSession({ pixmapCachePixels: 6 }) })
  small.follow([SURFACE, copy(BOX, 1, IMAGE_FLAG.cacheMe)])
  t.throws(() => small.follow([copy(BOX, 1, IMAGE_FLAG.cacheMe, 8)]), {
    message: /12 pixels in a cache of 6/,
  })
})

test('a list is handled before what follows, and counts as one message', (t) => {
  const drop = subMessage(displayServer.invalList, { resources: [{ type: 1, id: idOf(7) }] })
  const wait = subMessage(commonServer.waitForChannels, {
    waits: [{ channelType: CHANNEL_TYPES.display, channelId: 0, serial: 2n }],
  })
  const list = { type: commonServer.list.id, body: encodeSubMessages([wait, drop]) }
  const surface = client(copy(BOX, 1, IMAGE_FLAG.cacheMe), list, copy(BOX, 2, IMAGE_FLAG.cacheMe))
  t.is(surface.session.handled.get(0), 4)
  t.deepEqual([surface.count('invalList'), surface.count('image bitmap')], [1, 2])
})

test('channels of one session wait for each other', (t) => {
  const session = new ClientSession({ channels: 2 })
  const [first, second] = [0, 1].map((channel) => new PaintedSurface({ session, channel }))
  const wait = says(commonServer.waitForChannels, {
    waits: [{ channelType: CHANNEL_TYPES.display, channelId: 0, serial: 2n }],
  })
  second!.follow([SURFACE, wait, fromCache(BOX)])
  t.regex(second!.blockedOn ?? '', /message 2 of display channel 0/)
  first!.follow([SURFACE, copy(BOX, 9, IMAGE_FLAG.cacheMe)])
  t.is(second!.blockedOn, undefined)
  t.is(wordAt(second!, 4, 2), 9)
})

test('clip rectangles, fills and moves touch what they say', (t) => {
  const { body } = copy(rectOf(0, 0, 16, 8), 5)
  const surface = client(
    { type: displayServer.drawCopy.id, body },
    fill(BOX, 0xabcdef),
    says(displayServer.copyBits, {
      ...{ surfaceId: 0, box: rectOf(5, 3, 3, 2), clip: { type: CLIP_TYPE.none }, srcPos: { x: 4, y: 2 } },
    }),
    fill(rectOf(0, 0, 16, 8), 3, [rectOf(15, 0, 1, 8)]),
  )
  const row = (y: number) =>
    Array.from({ length: 16 }, (_, x) => wordAt(surface, x, y).toString(16)).join(' ')
  t.is(row(1), '5 5 5 5 5 5 5 5 5 5 5 5 5 5 5 3')
  t.is(row(2), '5 5 5 5 abcdef abcdef abcdef 5 5 5 5 5 5 5 5 3')
  t.is(row(3), '5 5 5 5 abcdef abcdef abcdef abcdef 5 5 5 5 5 5 5 3')
  t.is(row(4), '5 5 5 5 5 abcdef abcdef abcdef 5 5 5 5 5 5 5 3')
  t.throws(() => surface.follow([copy(rectOf(14, 0, 3, 2), 1)]), { message: /outside/ })
})

/** An 8x8 grey JPEG of one colour: the whole stream that the codec makes for coefficients of nought. */
const GREY = Buffer.from(
  'ffd8ffdb004300' +
    '01'.repeat(64) +
    'ffc0000b080008000801011100' +
    `ffc400140001${'00'.repeat(16)}` +
    `ffc400141001${'00'.repeat(16)}` +
    'ffda0008010100003f00' +
    '3f' +
    'ffd9',
  'hex',
)

const STREAM = says(displayServer.streamCreate, {
  ...{ surfaceId: 0, id: 3, flags: STREAM_FLAG.topDown, codec: VIDEO_CODEC.mjpeg, stamp: 0n },
  ...{ streamWidth: 8, streamHeight: 8, srcWidth: 8, srcHeight: 8 },
  ...{ dest: rectOf(2, 0, 8, 8), clip: { type: CLIP_TYPE.none } },
})
const frame = (mmTime: number): Sent => says(displayServer.streamData, { id: 3, mmTime, data: GREY })

test('frames of a stream are lossy until something is drawn over them', (t) => {
  const surface = client(STREAM, frame(10))
  t.is(wordAt(surface, 2, 0), 0x808080)
  t.is(surface.lossyPixels, 64)
  surface.follow([copy(rectOf(0, 0, 16, 4), 1)])
  t.is(surface.lossyPixels, 32)
  t.throws(() => surface.follow([frame(9)]), { message: /back in time/ })
})

test('a client that plays late paints over what was drawn before the stream was clipped away', (t) => {
  const play = (...end: Sent[]): number => {
    const surface = new PaintedSurface({ streamLag: 2 })
    surface.follow([SURFACE, STREAM, frame(1), frame(2), ...end, copy(rectOf(0, 0, 16, 8), 1)])
    surface.streams.flush()
    return surface.lossyPixels
  }
  t.is(play(), 64)
  t.is(play(says(displayServer.streamClip, { id: 3, clip: { type: CLIP_TYPE.rects, rects: [] } })), 0)
  t.is(play(says(displayServer.streamDestroy, { id: 3 })), 0)
})

test('what a server gets wrong about streams fails', (t) => {
  t.throws(() => client(frame(1)), { message: /no stream 3/ })
  t.throws(() => client(STREAM, STREAM), { message: /there already/ })
  t.throws(() => client(STREAM, says(displayServer.surfaceDestroy, { surfaceId: 0 }), frame(1)), {
    message: /surface is gone/,
  })
  t.throws(() => client(says(displayServer.streamDestroy, { id: 0 })), { message: /no stream 0/ })
})
