import test from 'ava'
import { contains, intersect, isEmpty, rectOf } from '../../../../src/core/region.js'
import {
  CLIP_TYPE,
  commonClient,
  decodeDrawCopy,
  DISPLAY_CAP,
  displayClient,
  displayServer,
  NO_AUDIO_DELAY,
  STREAM_FLAG,
  VIDEO_CODEC,
} from '../../../../src/protocol/index.js'
import { pumpAll } from '../../../helpers/channel-rig.js'
import { STOCK_VIDEO_CAPS, VIDEO_BOX, VideoRig } from '../../../helpers/video-rig.js'

/** Seconds of video, every frame of which the client takes and answers. */
const watch = (rig: VideoRig, frames: number): VideoRig => {
  for (let frame = 0; frame < frames; frame++) {
    rig.video(1)
    rig.settle()
  }
  return rig
}

const without = (...bits: readonly number[]): number[] =>
  STOCK_VIDEO_CAPS.filter((bit) => !bits.includes(bit))

const report = { startFrameMmTime: 0, endFrameMmTime: 0, numFrames: 1, numDrops: 0, lastFrameDelay: 9 }
const reportOf = (streamId: number, uniqueId: number) => ({
  ...{ streamId, uniqueId, audioDelay: NO_AUDIO_DELAY },
  ...report,
})

test('video becomes a stream: created, reported on, its frames on the multimedia clock, and clipped away at its end', (t) => {
  const rig = new VideoRig()
  rig.settle()
  watch(rig, 60)
  const [created] = rig.all(displayServer.streamCreate)
  t.like(created, {
    ...{ surfaceId: 0, id: 0, flags: STREAM_FLAG.topDown, codec: VIDEO_CODEC.mjpeg, stamp: 0n },
    clip: { type: CLIP_TYPE.none },
  })
  t.true(contains(created!.dest, VIDEO_BOX))
  t.is(created!.streamWidth, created!.dest.right - created!.dest.left)
  t.is(created!.srcHeight, created!.dest.bottom - created!.dest.top)
  const [order] = rig.all(displayServer.streamActivateReport)
  t.like(order, { streamId: 0, maxWindowSize: 1, timeoutMs: 1000 })

  const stamps = rig.all(displayServer.streamData).map(({ mmTime }) => mmTime)
  t.true(stamps.length > 20)
  t.true(stamps.every((stamp, at) => at === 0 || stamp > stamps[at - 1]!))
  const aheadMs = stamps.at(-1)! - rig.world.clock.nowMs()
  t.true(aheadMs >= -40 && aheadMs <= 200, `${aheadMs} ms ahead of the clock`)

  rig.quiet(2000)
  t.deepEqual(
    rig.all(displayServer.streamClip).map(({ id, clip }) => [id, clip]),
    [[0, { type: CLIP_TYPE.rects, rects: [] }]],
  )
  t.is(rig.count(displayServer.streamDestroy), 1)
  t.true(rig.exact)
})

test('while there is a stream nothing else is drawn there, and what is beside it goes as ever', (t) => {
  const rig = new VideoRig()
  rig.settle()
  watch(rig, 40)
  const from = rig.log.length
  for (let frame = 0; frame < 10; frame++) {
    rig.draw({ kind: 'noise', rect: rectOf(100, 100, 150, 80), seed: frame })
    watch(rig, 1)
  }
  const { dest } = rig.all(displayServer.streamCreate)[0]!
  const drawn = rig.log
    .slice(from)
    .filter(({ type }) => type === displayServer.drawCopy.id)
    .map(({ body }) => decodeDrawCopy(body).box)
  t.true(drawn.length >= 10)
  t.true(drawn.every((box) => isEmpty(intersect(box, dest))))
  rig.quiet(2500)
  t.true(rig.exact)
})

test('a client that says nothing of codecs gets MJPEG, one that cannot decode it gets pictures', (t) => {
  const old = watch(new VideoRig([]), 60)
  t.is(old.all(displayServer.streamCreate)[0]?.codec, VIDEO_CODEC.mjpeg)
  t.is(old.count(displayServer.streamActivateReport), 0)
  t.true(old.count(displayServer.streamData) > 10)
  const other = watch(new VideoRig(without(DISPLAY_CAP.codecMjpeg)), 60)
  t.is(other.count(displayServer.streamCreate), 0)
})

test('what a client cannot decode is not sent to it again', (t) => {
  const rig = watch(new VideoRig(), 40)
  const { id, uniqueId } = rig.record.streams.list[0]!
  rig.tell(displayClient.streamReport, { ...reportOf(id, uniqueId), numFrames: 0, numDrops: 0xffff_ffff })
  watch(rig, 60)
  t.is(rig.count(displayServer.streamCreate), 1)
  t.is(rig.count(displayServer.streamDestroy), 1)
  rig.quiet(1000)
  t.true(rig.exact)
})

test('N-DISP-02: lists of codecs that change nothing leave streams alone', (t) => {
  const rig = watch(new VideoRig(), 40)
  for (const codecs of [[], [77], Array<number>(255).fill(1), [255, 1, 1, 2, 0]]) {
    rig.tell(displayClient.preferredVideoCodecType, { codecs })
    watch(rig, 2)
  }
  t.is(rig.count(displayServer.streamCreate), 1)
  t.deepEqual(rig.record.streams.preferred, ['mjpeg', 'vp8'])
})

test('reports of what was never sent are counted, those of a stream that just ended are expected', (t) => {
  const rig = new VideoRig()
  rig.settle()
  rig.tell(displayClient.streamReport, reportOf(0, 1))
  t.deepEqual(rig.context.odd, ['report'])
  watch(rig, 40)
  const { id, uniqueId } = rig.record.streams.list[0]!
  const before = rig.record.streams.list
  rig.tell(displayClient.streamReport, reportOf(id, uniqueId + 1))
  rig.tell(displayClient.streamReport, reportOf(id + 1, uniqueId))
  rig.tell(displayClient.streamReport, { ...reportOf(id, uniqueId), endFrameMmTime: 1 })
  t.is(rig.context.odd.length, 4)
  t.deepEqual(rig.record.streams.list, before, 'and change nothing')
  rig.world.clock.advance(1100)
  rig.channel.alarm()
  rig.settle()
  t.deepEqual(rig.record.streams.list, [])
  rig.tell(displayClient.streamReport, reportOf(id, uniqueId))
  t.is(rig.context.odd.length, 4)
  for (let flood = 0; flood < 100; flood++) {
    rig.tell(displayClient.streamReport, reportOf(id, uniqueId))
  }
  t.true(rig.context.odd.length > 60)
})

test('while a client takes nothing no frame is coded or kept for it, and then it gets the newest', (t) => {
  const rig = watch(new VideoRig(), 40)
  rig.context.hasRoom = false
  rig.video(50)
  t.deepEqual(rig.context.take(), [])
  t.deepEqual(rig.record.outbox.taken, [])
  rig.context.hasRoom = true
  pumpAll(rig.channel)
  const frames = rig.context.take().filter(({ type }) => type === displayServer.streamData.id)
  t.is(frames.length, 1)
})

test('a client without reports is sent frames as it acknowledges messages', (t) => {
  const rig = watch(new VideoRig(without(DISPLAY_CAP.streamReport)), 80)
  t.true(rig.count(displayServer.streamData) > 20)
  const { rate } = rig.record.streams.list[0]!
  t.true(rate.arrivals.length > 0, 'its acknowledgements tell of the line')
  t.notThrows(() => rig.tell(commonClient.pong, { id: 1, timestamp: 0n }))
})

test('a new size ends the streams of the old surface before that goes', (t) => {
  const rig = watch(new VideoRig(), 40)
  rig.world.model.scanout(0, undefined)
  rig.settle()
  const types = rig.log.map(({ type }) => type)
  const ended = types.lastIndexOf(displayServer.streamDestroy.id)
  t.true(ended > 0)
  t.is(types[ended + 1], displayServer.surfaceDestroy.id)
})
