import test from 'ava'
import fc from 'fast-check'
import { frameCame, newStamps, stampNow } from '../../../../src/channels/display/streams/stamps.js'
import { frameMessage } from '../../../../src/channels/display/streams/stream-message.js'
import { freeId, MAX_STREAMS } from '../../../../src/channels/display/streams/stream-record.js'
import {
  canDecode,
  preferredNames,
  videoCodecs,
  type VideoChoice,
  type VideoName,
} from '../../../../src/channels/display/streams/video-codec.js'
import { capsOf, DISPLAY_CAP, displayServer, VIDEO_CODEC } from '../../../../src/protocol/index.js'

const u32 = fc.nat(0xffff_ffff)

test('messages of frames are what their schemas say', (t) => {
  fc.assert(
    fc.property(
      fc.record({ id: u32, mmTime: u32 }),
      fc.option(fc.record({ width: u32, height: u32 }), { nil: undefined }),
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(6, 18),
      ({ id, mmTime }, size, data, header) => {
        const headroom = 60
        const bytes = new Uint8Array(headroom + data.length)
        bytes.set(data, headroom)
        const dest = { left: 5, top: 6, right: 70, bottom: 80 }
        const sized = size && { ...size, dest }
        const { type, message } = frameMessage(bytes, { id, mmTime, sized }, headroom, header)
        const body = message.subarray(header)
        if (sized === undefined) {
          t.is(type, displayServer.streamData.id)
          t.deepEqual(body, displayServer.streamData.encode({ id, mmTime, data }))
        } else {
          t.is(type, displayServer.streamDataSized.id)
          t.deepEqual(body, displayServer.streamDataSized.encode({ id, mmTime, data, ...sized }))
        }
      },
    ),
  )
})

/** Sends a frame every 40 ms that takes so long, and tells how early each came. */
const early = (frames: number, delayAt: (frame: number) => number): number[] => {
  const stamps = newStamps(undefined, 0)
  return Array.from({ length: frames }, (_, frame) => {
    const nowMs = 1000 + frame * 40
    const earlyMs = stampNow(stamps, nowMs) - nowMs - delayAt(frame)
    frameCame(stamps, earlyMs, nowMs)
    return earlyMs
  })
}

test('frames come a little before their time, whatever the line does', (t) => {
  for (const delayMs of [0, 20, 80, 150]) {
    const times = early(300, () => delayMs).slice(100)
    t.true(
      times.every((ms) => ms >= 0 && ms <= 60),
      `${delayMs} ms: ${Math.min(...times)} to ${Math.max(...times)}`,
    )
  }
})

test('a line that becomes slower makes few frames late, one that becomes faster no lasting delay', (t) => {
  const slower = early(300, (frame) => (frame < 100 ? 10 : 120))
  t.true(slower.slice(100).filter((ms) => ms < 0).length <= 2)
  const faster = early(500, (frame) => (frame < 100 ? 120 : 10)).slice(350)
  t.true(Math.max(...faster) < 60)
})

test('what is later than a full line explains is not waited for', (t) => {
  const stamps = newStamps(undefined, 0)
  frameCame(stamps, -5000, 1000)
  t.true(stampNow(stamps, 2000) - 2000 <= 200)
})

test('stamps go up, over the end of their range, and are never 0', (t) => {
  const stamps = { ...newStamps(10e6, 0), marginMs: 0 }
  const end = 2 ** 32
  t.is(stampNow(stamps, end - 2), end - 2)
  t.is(stampNow(stamps, end - 2), end - 1)
  t.is(stampNow(stamps, end - 1), 1)
  t.is(stampNow(stamps, end + 7), 7)
})

const { multiCodec, codecMjpeg, codecVp8, codecVp9, codecH264 } = DISPLAY_CAP
const ALL = capsOf([multiCodec, codecMjpeg, codecVp8, codecVp9, codecH264])
const choice = (own: Partial<VideoChoice>): VideoName[] =>
  videoCodecs({
    ...{ caps: ALL, preferred: [], failed: [], isAvailable: () => true },
    configured: ['h264', 'vp8', 'mjpeg'],
    ...own,
  })

test('the codecs are those of the server, in the order of the client', (t) => {
  t.deepEqual(choice({}), ['h264', 'vp8', 'mjpeg'])
  t.deepEqual(choice({ preferred: ['mjpeg'] }), ['mjpeg', 'h264', 'vp8'])
  t.deepEqual(choice({ preferred: ['vp9', 'mjpeg', 'vp8'] }), ['mjpeg', 'vp8', 'h264'])
})

test('what one of the three lacks is left out', (t) => {
  t.deepEqual(choice({ caps: [] }), ['mjpeg'])
  t.deepEqual(choice({ caps: capsOf([multiCodec, codecVp8]) }), ['vp8'])
  t.deepEqual(choice({ caps: capsOf([multiCodec]) }), [])
  t.deepEqual(choice({ isAvailable: (name) => name !== 'h264' }), ['vp8', 'mjpeg'])
  t.deepEqual(choice({ failed: ['h264', 'mjpeg'] }), ['vp8'])
  t.deepEqual(choice({ configured: [] }), [])
  t.true((['mjpeg', 'vp8', 'vp9', 'h264'] as const).every((name) => canDecode(ALL, name)))
})

test('N-DISP-02: of a list of codecs the unknown are ignored, the doubled taken once, the order kept', (t) => {
  const { mjpeg, vp8, h264, h265 } = VIDEO_CODEC
  t.deepEqual(preferredNames([h265, 0, 255, h264, mjpeg, h264, vp8, 77]), ['h264', 'mjpeg', 'vp8'])
  t.deepEqual(preferredNames(Array.from({ length: 255 }, (_, at) => at)), ['mjpeg', 'vp8', 'h264', 'vp9'])
  t.deepEqual(preferredNames([]), [])
})

test('ids are the smallest that are free, and there are only so many', (t) => {
  t.is(freeId([]), 0)
  t.is(freeId([0, 2]), 1)
  t.is(freeId(Array.from({ length: MAX_STREAMS }, (_, at) => at)), undefined)
})
