import test from 'ava'
import {
  CursorChannel,
  MOUSE_MODE,
  MouseModes,
  newCursorRecord,
  newWireRecord,
  wireShape,
} from '../../../src/channels/index.js'
import { DisplayModel } from '../../../src/display/index.js'
import { createPictureStore } from '../../../src/kernels/index.js'
import { CURSOR_TYPE, cursorServer } from '../../../src/protocol/index.js'
import { pumpAll, RecordingContext, SET_ACK } from '../../helpers/channel-rig.js'
import { testShape } from '../../helpers/frames.js'

const RED = [0, 0, 255, 255] as const

const rig = (prepare?: (model: DisplayModel) => void) => {
  const model = new DisplayModel(createPictureStore)
  const mouse = new MouseModes()
  const context = new RecordingContext()
  prepare?.(model)
  const channel = new CursorChannel(newCursorRecord(newWireRecord(true), 0), context, {
    model,
    mouse,
    ackWindow: 20,
  })
  channel.start()
  channel.attach()
  return { model, mouse, context, channel }
}

test('starts with an ack window and INIT of what the guest shows', (t) => {
  const { context } = rig((model) => {
    model.pointerShape(0, testShape(8, 4, RED))
    model.pointerMoved(0, { x: 5, y: 6, visible: true })
  })
  const [setAck, init] = context.take()
  t.is(setAck?.type, SET_ACK)
  const value = cursorServer.init.decode(init!.body)
  t.is(value.x, 5)
  t.is(value.y, 6)
  t.is(value.visible, 1)
  t.like(value.cursor, { flags: 0, width: 8, height: 4, hotX: 1, hotY: 2, type: CURSOR_TYPE.alpha })
})

test('without a shape INIT has none', (t) => {
  const { context } = rig()
  const init = cursorServer.init.decode(context.take()[1]!.body)
  t.is(init.cursor.flags, 1)
})

test('the latest shape and position win', (t) => {
  const { model, context, channel } = rig()
  context.take()
  model.pointerShape(0, testShape(8, 8, RED))
  model.pointerMoved(0, { x: 1, y: 1, visible: true })
  model.pointerShape(0, testShape(16, 16, RED))
  model.pointerMoved(0, { x: 9, y: 9, visible: true })
  pumpAll(channel)
  const [set, move, ...rest] = context.take()
  t.is(move?.type, cursorServer.move.id)
  t.deepEqual(rest, [])
  const value = cursorServer.set.decode(set!.body)
  t.like(value, { x: 9, y: 9, visible: 1 })
  t.like(value.cursor, { width: 16, height: 16 })
})

test('moves are told in server mode, in client mode only appearing and vanishing', (t) => {
  const { model, mouse, context, channel } = rig((before) => {
    before.pointerShape(0, testShape(8, 8, RED))
    before.pointerMoved(0, { x: 0, y: 0, visible: true })
  })
  context.take()
  model.pointerMoved(0, { x: 3, y: 4, visible: true })
  pumpAll(channel)
  t.deepEqual(context.takeIds(), [cursorServer.move.id])
  mouse.allowClient(true)
  mouse.request(MOUSE_MODE.client)
  model.pointerMoved(0, { x: 4, y: 4, visible: true })
  pumpAll(channel)
  t.deepEqual(context.takeIds(), [])
  model.pointerMoved(0, { x: 4, y: 4, visible: false })
  pumpAll(channel)
  t.deepEqual(context.takeIds(), [cursorServer.hide.id])
})

test('a shape that comes with a hidden pointer waits until the guest shows it', (t) => {
  const { model, context, channel } = rig()
  context.take()
  model.pointerShape(0, testShape(8, 8, RED))
  model.pointerMoved(0, { x: 0, y: 0, visible: false })
  pumpAll(channel)
  t.deepEqual(context.takeIds(), [])
  model.pointerMoved(0, { x: 5, y: 5, visible: true })
  pumpAll(channel)
  t.deepEqual(context.takeIds(), [cursorServer.set.id, cursorServer.move.id])
  model.pointerShape(0, testShape(4, 4, RED))
  model.pointerMoved(0, { x: 0, y: 0, visible: false })
  pumpAll(channel)
  t.deepEqual(context.takeIds(), [cursorServer.hide.id])
  model.pointerMoved(0, { x: 5, y: 5, visible: true })
  pumpAll(channel)
  const [set] = context.take()
  t.like(cursorServer.set.decode(set!.body).cursor, { width: 4 })
})

test('the shape that the guest hides at the start is shown when it shows it', (t) => {
  const { model, context, channel } = rig((before) => before.pointerShape(0, testShape(8, 8, RED)))
  t.is(cursorServer.init.decode(context.take()[1]!.body).cursor.flags, 1)
  model.pointerMoved(0, { x: 5, y: 5, visible: true })
  pumpAll(channel)
  t.deepEqual(context.takeIds(), [cursorServer.set.id, cursorServer.move.id])
})

test('positions far outside are clamped to 16 bits', (t) => {
  const { model, context, channel } = rig((before) => {
    before.pointerShape(0, testShape(8, 8, RED))
    before.pointerMoved(0, { x: 0, y: 0, visible: true })
  })
  context.take()
  model.pointerMoved(0, { x: 1e9, y: -1e9, visible: true })
  pumpAll(channel)
  t.like(cursorServer.move.decode(context.take()[0]!.body), { x: 32767, y: -32768 })
})

test('black and white shapes go as masks, MSB leftmost, padding transparent', (t) => {
  const pixels = new Uint8Array(9 * 2 * 4)
  pixels.set([0, 0, 0, 255], 0)
  pixels.set([255, 255, 255, 255], 4)
  const { type, data } = wireShape({ width: 9, height: 2, hotX: 0, hotY: 0, pixels })
  t.is(type, CURSOR_TYPE.mono)
  t.deepEqual([...data], [0b0011_1111, 0xff, 0xff, 0xff, 0b0100_0000, 0, 0, 0])
})

test('any other pixel keeps the shape with alpha', (t) => {
  t.is(wireShape(testShape(8, 8, [1, 0, 0, 255])).type, CURSOR_TYPE.alpha)
  t.is(wireShape(testShape(8, 8, [128, 128, 128, 128])).type, CURSOR_TYPE.alpha)
})
