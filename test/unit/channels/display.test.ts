import test from 'ava'
import {
  DisplayChannel,
  DisplayShare,
  newDisplayRecord,
  newWireRecord,
  type DisplayRecord,
} from '../../../src/channels/index.js'
import { SidecarError } from '../../../src/core/errors.js'
import { noCounter } from '../../../src/core/metrics.js'
import { rectOf } from '../../../src/core/region.js'
import { DisplayModel } from '../../../src/display/index.js'
import { createPictureStore } from '../../../src/kernels/index.js'
import {
  capsOf,
  commonClient,
  DISPLAY_CAP,
  displayClient,
  displayServer,
} from '../../../src/protocol/index.js'
import { pumpAll, RecordingContext, SET_ACK, tell } from '../../helpers/channel-rig.js'
import { displayDeps } from '../../helpers/display-deps.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import { inlineEncoders, WINDOW_BYTES } from '../../helpers/inline-encoders.js'
import { scribble, show, testFrame } from '../../helpers/frames.js'
import { PaintedSurface } from '../../helpers/painted.js'
import { pictureOf } from '../../helpers/picture-of.js'

const INIT = { pixmapCacheId: 1, pixmapCacheSize: 20971520n, glzDictionaryId: 1, glzWindowSize: 3145728 }

const rig = (options: { compress?: boolean; maxPixels?: number; caps?: readonly number[] } = {}) => {
  const model = new DisplayModel(createPictureStore)
  const context = new RecordingContext()
  const clock = new FakeClock()
  const encoders = inlineEncoders(clock, options.maxPixels ?? 4096)
  const record: DisplayRecord = newDisplayRecord(
    newWireRecord(true),
    0,
    options.caps ?? capsOf([DISPLAY_CAP.monitorsConfig]),
  )
  const share = new DisplayShare(encoders, WINDOW_BYTES, noCounter)
  const compression = options.compress === false ? 'off' : 'auto_lz'
  const deps = displayDeps({ model, encoders, clock, compression })
  const channel = new DisplayChannel(record, context, share, deps)
  model.consolesChanged([{ index: 0, label: 'video0', head: 0 }])
  channel.start()
  channel.attach()
  return { model, context, channel, record }
}

test('sends nothing before the client said INIT', (t) => {
  const { model, context, channel } = rig()
  model.scanout(0, testFrame(16, 16))
  pumpAll(channel)
  t.deepEqual(context.takeIds(), [])
})

test('a frame that is there becomes surface, image, monitors config and mark, in this order', (t) => {
  const { model, context, channel } = rig()
  model.scanout(0, testFrame(16, 16))
  tell(channel, displayClient.init, INIT)
  pumpAll(channel)
  t.deepEqual(context.takeIds(), [
    SET_ACK,
    displayServer.invalAllPalettes.id,
    displayServer.surfaceCreate.id,
    displayServer.drawCopy.id,
    displayServer.monitorsConfig.id,
    displayServer.mark.id,
  ])
})

test('monitors config only to a client that knows it', (t) => {
  const { model, context, channel } = rig({ caps: [] })
  model.scanout(0, testFrame(16, 16))
  tell(channel, displayClient.init, INIT)
  pumpAll(channel)
  t.false(context.takeIds().includes(displayServer.monitorsConfig.id))
})

for (const compress of [true, false]) {
  test(`the client has the exact pixels after damage, ${compress ? 'coded' : 'raw'}`, (t) => {
    const { model, context, channel } = rig({ compress, maxPixels: 100 })
    const surface = new PaintedSurface()
    const frame = testFrame(37, 23)
    model.scanout(0, frame)
    tell(channel, displayClient.init, INIT)
    for (let turn = 0; turn < 60 && !surface.marked; turn++) {
      pumpAll(channel)
      surface.follow(context.take())
      acknowledgeAll(channel)
    }
    t.true(surface.marked)
    t.deepEqual(surface.pixels, pictureOf(frame))
    frame.pixels.fill(77, 5 * frame.stride, 9 * frame.stride)
    model.damage(0, [rectOf(0, 5, 37, 2), rectOf(0, 6, 37, 3)])
    pumpAll(channel)
    surface.follow(context.take())
    t.deepEqual(surface.pixels, pictureOf(frame))
  })
}

const acknowledgeAll = (channel: DisplayChannel): void => {
  tell(channel, commonClient.ackSync, { generation: 1 })
  tell(channel, commonClient.ack, {})
}

test('a client that acknowledges nothing gets twice its window and one message, then the newest pixels', (t) => {
  const { model, context, channel, record } = rig({ maxPixels: 16 })
  const frame = testFrame(16, 16)
  show(model, frame)
  tell(channel, displayClient.init, INIT)
  for (let i = 0; i < 100; i++) {
    scribble(model, rectOf(0, 0, 16, 16))
    pumpAll(channel)
  }
  t.is(record.wire.unacked, 41)
  t.true(channel.stalled)
  t.true(record.outbox.items.length <= 1)
  const surface = new PaintedSurface()
  surface.follow(context.take())
  scribble(model, rectOf(0, 0, 16, 16), 9)
  tell(channel, commonClient.ackSync, { generation: 1 })
  tell(channel, commonClient.ack, {})
  pumpAll(channel)
  surface.follow(context.take())
  t.deepEqual(surface.pixels, pictureOf(frame))
  t.false(channel.stalled)
})

test('no frames are made while the socket has no room', (t) => {
  const { model, context, channel } = rig()
  model.scanout(0, testFrame(8, 8))
  tell(channel, displayClient.init, INIT)
  context.hasRoom = false
  context.take()
  pumpAll(channel)
  t.deepEqual(context.takeIds(), [])
  t.true(channel.stalled)
  context.hasRoom = true
  pumpAll(channel)
  t.is(context.takeIds().length, 4)
})

test('a frame of another size replaces what was not sent yet', (t) => {
  const { model, context, channel } = rig()
  tell(channel, displayClient.init, INIT)
  context.take()
  model.scanout(0, testFrame(8, 8))
  model.scanout(0, testFrame(9, 9))
  pumpAll(channel)
  const ids = context.take()
  t.deepEqual(
    ids.map(({ type }) => type),
    [
      displayServer.surfaceCreate.id,
      displayServer.drawCopy.id,
      displayServer.monitorsConfig.id,
      displayServer.mark.id,
    ],
  )
  const created = displayServer.surfaceCreate.decode(ids[0]!.body)
  t.deepEqual([created.width, created.height], [9, 9])
})

test('a frame of another size destroys the surface that the client has', (t) => {
  const { model, context, channel } = rig()
  model.scanout(0, testFrame(8, 8))
  tell(channel, displayClient.init, INIT)
  pumpAll(channel)
  context.take()
  model.scanout(0, testFrame(12, 5))
  pumpAll(channel)
  t.is(context.takeIds()[0], displayServer.surfaceDestroy.id)
})

test('a console that is switched off loses its surface', (t) => {
  const { model, context, channel } = rig()
  model.scanout(0, testFrame(8, 8))
  tell(channel, displayClient.init, INIT)
  pumpAll(channel)
  context.take()
  model.scanout(0, undefined)
  pumpAll(channel)
  t.deepEqual(context.takeIds(), [displayServer.surfaceDestroy.id])
})

test('a new frame store of the same size keeps the surface', (t) => {
  const { model, context, channel } = rig()
  model.scanout(0, testFrame(8, 8, 1))
  tell(channel, displayClient.init, INIT)
  pumpAll(channel)
  context.take()
  model.scanout(0, testFrame(8, 8, 5))
  pumpAll(channel)
  t.deepEqual(context.takeIds(), [displayServer.drawCopy.id])
})

test('one turn sends at most one piece, so that others get theirs', (t) => {
  const { model, context, channel } = rig({ maxPixels: 64 })
  show(model, testFrame(32, 32))
  tell(channel, displayClient.init, INIT)
  pumpAll(channel)
  context.take()
  scribble(model, rectOf(0, 0, 32, 32))
  t.true(channel.pump())
  t.deepEqual(context.takeIds(), [displayServer.drawCopy.id])
  t.is(pumpAll(channel), 15)
})

test('where no thread codes, the first picture goes in pieces', (t) => {
  const { model, context, channel } = rig({ maxPixels: 64 })
  const frame = testFrame(32, 33)
  model.scanout(0, frame)
  tell(channel, displayClient.init, INIT)
  context.take()
  const surface = new PaintedSurface()
  for (let turn = 0; turn < 60 && !surface.marked; turn++) {
    pumpAll(channel)
    surface.follow(context.take())
    acknowledgeAll(channel)
  }
  t.true(surface.marked)
  t.deepEqual(surface.pixels, pictureOf(frame))
})

test('pixels that change while the first picture is coded arrive behind it', (t) => {
  const { model, context, channel } = rig({ maxPixels: 64 })
  const frame = testFrame(32, 32)
  model.scanout(0, frame)
  tell(channel, displayClient.init, INIT)
  channel.pump()
  channel.pump()
  frame.pixels.fill(99)
  model.damage(0, [rectOf(0, 0, 32, 32)])
  pumpAll(channel)
  const surface = new PaintedSurface()
  surface.follow(context.take())
  t.deepEqual(surface.pixels, pictureOf(frame))
})

test('a second INIT closes the channel', (t) => {
  const { channel } = rig()
  tell(channel, displayClient.init, INIT)
  const error = t.throws(() => tell(channel, displayClient.init, INIT), { instanceOf: SidecarError })
  t.is(error.code, 'SIDECAR_PROTOCOL')
})

for (const [what, bad] of [
  ['negative cache', { ...INIT, pixmapCacheSize: -1n }],
  ['negative dictionary', { ...INIT, glzWindowSize: -1 }],
  ['huge dictionary', { ...INIT, glzWindowSize: 2 ** 25 + 1 }],
] as const) {
  test(`N-DISP-01: INIT with ${what} closes the channel`, (t) => {
    const { channel } = rig()
    const error = t.throws(() => tell(channel, displayClient.init, bad), { instanceOf: SidecarError })
    t.is(error.code, 'SIDECAR_PROTOCOL')
  })
}

test('a closed channel follows nothing', (t) => {
  const { model, context, channel } = rig()
  tell(channel, displayClient.init, INIT)
  context.take()
  channel.close()
  channel.close()
  const wakes = context.wakes
  model.scanout(0, testFrame(8, 8))
  t.is(context.wakes, wakes)
})
