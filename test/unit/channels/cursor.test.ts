import test from 'ava'
import {
  CACHED_PIXELS,
  CACHED_SHAPES,
  CursorChannel,
  MOUSE_MODE,
  MouseModes,
  newCursorRecord,
  newWireRecord,
  takesSimpleShapes,
  wireShape,
} from '../../../src/channels/index.js'
import { DisplayModel, type PointerShape } from '../../../src/display/index.js'
import { createPictureStore } from '../../../src/kernels/index.js'
import { capsOf, CURSOR_FLAG, CURSOR_TYPE, cursorServer, MAIN_CAP } from '../../../src/protocol/index.js'
import { pumpAll, RecordingContext, SET_ACK, type Sent } from '../../helpers/channel-rig.js'
import { testShape } from '../../helpers/frames.js'

const RED = [0, 0, 255, 255] as const

const rig = (prepare?: (model: DisplayModel) => void, simple = false) => {
  const model = new DisplayModel(createPictureStore)
  const mouse = new MouseModes()
  const context = new RecordingContext()
  const results: string[] = []
  prepare?.(model)
  const channel = new CursorChannel(newCursorRecord(newWireRecord(true), 0, simple), context, {
    model,
    mouse,
    ackWindow: 1000,
    shapes: { add: (_amount, labels) => results.push(labels?.['result'] ?? '') },
  })
  channel.start()
  channel.attach()
  /** The guest shows a shape; gives what the client is told. */
  const shows = (shape: PointerShape): Sent[] => {
    model.pointerShape(0, shape)
    pumpAll(channel)
    return context.take()
  }
  return { model, mouse, context, channel, results, shows }
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
  t.like(value.cursor, {
    flags: CURSOR_FLAG.cacheMe,
    width: 8,
    height: 4,
    hotX: 1,
    hotY: 2,
    type: CURSOR_TYPE.alpha,
  })
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

const visible = (model: DisplayModel): void => model.pointerMoved(0, { x: 0, y: 0, visible: true })
const cursorOf = (sent: Sent | undefined) => cursorServer.set.decode(sent!.body).cursor

test('a shape that the client keeps goes as its key: 30 bytes with the header', (t) => {
  const { shows, context, results } = rig(visible)
  context.take()
  const [arrow, beam] = [testShape(64, 64, RED), testShape(64, 64, [0, 0, 0, 255])]
  const first = cursorOf(shows(arrow)[0])
  const second = cursorOf(shows(beam)[0])
  t.like(first, { flags: CURSOR_FLAG.cacheMe, type: CURSOR_TYPE.alpha })
  t.like(second, { flags: CURSOR_FLAG.cacheMe, type: CURSOR_TYPE.mono })
  for (const [shape, before] of [
    [testShape(64, 64, RED), first],
    [beam, second],
    [arrow, first],
  ] as const) {
    const [set, ...rest] = shows(shape)
    t.deepEqual(rest, [])
    t.is(set!.body.length + 6, 30)
    t.deepEqual(cursorOf(set), {
      flags: CURSOR_FLAG.fromCache,
      unique: (before as { unique: bigint }).unique,
      type: (before as { type: 0 | 1 }).type,
      width: 64,
      height: 64,
      hotX: 1,
      hotY: 2,
    })
  }
  t.deepEqual(results, ['miss', 'miss', 'hit', 'hit', 'hit'])
})

test('pixels, size and hot spot all tell shapes apart, and no key is 0', (t) => {
  const { shows, context } = rig(visible)
  context.take()
  const base = testShape(8, 4, RED)
  const pixels = base.pixels.slice()
  pixels[8 * 4 * 4 - 2] = 1
  const shapes = [
    base,
    { ...base, hotX: 2, hotY: 1 },
    { ...base, hotX: 0 },
    { ...base, width: 4, height: 8 },
    { ...base, pixels },
    { ...base, pixels: new Uint8Array(8 * 4 * 4) },
    { ...base, height: 3 },
  ]
  const keys = shapes.map((shape) => {
    const cursor = cursorOf(shows(shape)[0])
    t.is(cursor.flags, CURSOR_FLAG.cacheMe)
    return (cursor as { unique: bigint }).unique
  })
  t.is(new Set(keys).size, shapes.length)
  t.false(keys.includes(0n))
})

test('of more shapes than the client keeps the one not used for longest is dropped first', (t) => {
  const { shows, context } = rig(visible)
  context.take()
  const numbered = (index: number) => testShape(2, 1, [index & 255, index >> 8, 7, 255])
  const keys: bigint[] = []
  for (let index = 0; index < CACHED_SHAPES; index++) {
    const sent = shows(numbered(index))
    t.is(sent.length, 1)
    keys.push((cursorOf(sent[0]) as { unique: bigint }).unique)
  }
  t.is(cursorOf(shows(numbered(0))[0]).flags, CURSOR_FLAG.fromCache)
  const [inval, set] = shows(numbered(CACHED_SHAPES))
  t.is(inval?.type, cursorServer.invalOne.id)
  t.is(cursorServer.invalOne.decode(inval!.body).id, keys[1]!)
  t.is(cursorOf(set).flags, CURSOR_FLAG.cacheMe)
  t.is(cursorOf(shows(numbered(0))[0]).flags, CURSOR_FLAG.fromCache)
  const again = shows(numbered(1))
  t.deepEqual(
    again.map(({ type }) => type),
    [cursorServer.invalOne.id, cursorServer.set.id],
  )
  t.is(cursorServer.invalOne.decode(again[0]!.body).id, keys[2]!)
})

test('a shape of INIT is kept, too, and one that came back from hiding', (t) => {
  const { model, channel, context, shows } = rig((before) => {
    before.pointerShape(0, testShape(8, 8, RED))
    visible(before)
  })
  context.take()
  t.is(cursorOf(shows(testShape(8, 8, RED))[0]).flags, CURSOR_FLAG.fromCache)
  model.pointerMoved(0, { x: 0, y: 0, visible: false })
  pumpAll(channel)
  context.take()
  model.pointerMoved(0, { x: 0, y: 0, visible: true })
  pumpAll(channel)
  t.is(cursorOf(context.take()[0]).flags, CURSOR_FLAG.fromCache)
})

test('L-cursor: a client is not asked to keep huge shapes', (t) => {
  const { shows, context, results } = rig(visible)
  context.take()
  const side = Math.sqrt(CACHED_PIXELS)
  t.is(cursorOf(shows(testShape(side, side, RED))[0]).flags, CURSOR_FLAG.cacheMe)
  t.like(cursorOf(shows(testShape(side + 1, side, RED))[0]), { flags: 0, unique: 0n })
  t.like(cursorOf(shows(testShape(side + 1, side, RED))[0]), { flags: 0, unique: 0n })
  t.deepEqual(results, ['miss', 'uncached', 'uncached'])
})

test('a client that takes no names gets every shape whole, with alpha, and the first in a SET', (t) => {
  t.true(takesSimpleShapes(capsOf([MAIN_CAP.agentConnectedTokens])))
  t.false(takesSimpleShapes(capsOf([MAIN_CAP.nameAndUuid])))
  const black = testShape(8, 8, [0, 0, 0, 255])
  const { shows, channel, context } = rig((model) => {
    model.pointerShape(0, black)
    visible(model)
  }, true)
  pumpAll(channel)
  const whole = { flags: 0, unique: 0n, type: CURSOR_TYPE.alpha, width: 8, height: 8 }
  t.like(cursorOf(context.take()[2]), whole)
  for (let time = 0; time < 2; time++) {
    const cursor = cursorOf(shows(black)[0])
    t.like(cursor, whole)
    t.deepEqual((cursor as { data: Uint8Array }).data, black.pixels)
  }
})
