import test from 'ava'
import {
  InputsChannel,
  LockKeys,
  MOUSE_MODE,
  MouseModes,
  newInputsRecord,
  newWireRecord,
} from '../../../src/channels/index.js'
import { SidecarError } from '../../../src/core/errors.js'
import { noCounter } from '../../../src/core/metrics.js'
import { inputsClient, inputsServer } from '../../../src/protocol/index.js'
import { RecordingContext, tell } from '../../helpers/channel-rig.js'
import { RecordingInput } from '../../helpers/recording-input.js'

const rig = (mode: 'server' | 'client' = 'server') => {
  const guest = new RecordingInput()
  const mouse = new MouseModes()
  const locks = new LockKeys()
  if (mode === 'client') {
    mouse.allowClient(true)
    mouse.request(MOUSE_MODE.client)
  }
  const context = new RecordingContext()
  const record = newInputsRecord(newWireRecord(true))
  const channel = new InputsChannel(record, context, { guest, mouse, locks, events: noCounter })
  channel.start()
  channel.attach()
  context.take()
  return { guest, mouse, locks, context, channel, record }
}

test('starts with the lock state of the guest', (t) => {
  const context = new RecordingContext()
  const channel = new InputsChannel(newInputsRecord(newWireRecord(true)), context, {
    guest: new RecordingInput(),
    mouse: new MouseModes(),
    locks: new LockKeys(2),
    events: noCounter,
  })
  channel.start()
  const [init] = context.take()
  t.is(init?.type, inputsServer.init.id)
  t.is(inputsServer.init.decode(init!.body).modifiers, 2)
})

for (const [what, downs, ups, expected] of [
  ['a plain key', [0x1e], [0x9e], ['key 1e down', 'key 1e up']],
  ['an extended key', [0x1de0], [0x9de0], ['key 9d down', 'key 9d up']],
  ['Pause in the four messages of spice-gtk', [0x1de1, 0x45], [0x9de1, 0xc5], ['key c6 down', 'key c6 up']],
] as const) {
  test(`${what} reaches the guest`, (t) => {
    const { guest, channel } = rig()
    for (const code of downs) {
      tell(channel, inputsClient.keyDown, { code })
    }
    for (const code of ups) {
      tell(channel, inputsClient.keyUp, { code })
    }
    t.deepEqual(guest.log, expected)
  })
}

test('a run of scan codes in one message is taken byte by byte', (t) => {
  const { guest, channel } = rig()
  tell(channel, inputsClient.keyScancode, { codes: Uint8Array.of(0xe0, 0x48, 0xe0, 0xc8) })
  t.deepEqual(guest.log, ['key c8 down', 'key c8 up'])
})

test('N-INP-02: key code 0 and a release without a press do nothing', (t) => {
  const { guest, channel } = rig()
  tell(channel, inputsClient.keyDown, { code: 0 })
  tell(channel, inputsClient.keyUp, { code: 0x9e })
  tell(channel, inputsClient.keyDown, { code: 0xffffff00 })
  t.deepEqual(guest.log, [])
})

test('N-INP-02: held keys and buttons are released when the client goes, once', (t) => {
  const { guest, channel } = rig()
  tell(channel, inputsClient.keyDown, { code: 0x2a })
  tell(channel, inputsClient.keyDown, { code: 0x1e })
  tell(channel, inputsClient.mousePress, { button: 1, buttons: 1 })
  guest.log.length = 0
  channel.close()
  channel.close()
  t.deepEqual(guest.log, ['key 2a up', 'key 1e up', 'button 0 up'])
})

test('every fourth motion is acknowledged, in either mode', (t) => {
  const { context, channel } = rig()
  for (let i = 0; i < 9; i++) {
    tell(channel, inputsClient.mouseMotion, { dx: 1, dy: 0, buttons: 0 })
  }
  t.deepEqual(context.takeIds(), [inputsServer.mouseMotionAck.id, inputsServer.mouseMotionAck.id])
})

test('N-INP-01: motions of one read are merged, a button in between keeps its place', (t) => {
  const { guest, channel } = rig()
  const motion = inputsClient.mouseMotion.encode({ dx: 2, dy: -1, buttons: 0 })
  for (let i = 0; i < 1000; i++) {
    channel.receive(inputsClient.mouseMotion.id, motion)
  }
  channel.receive(inputsClient.mousePress.id, inputsClient.mousePress.encode({ button: 1, buttons: 1 }))
  channel.receive(inputsClient.mouseMotion.id, inputsClient.mouseMotion.encode({ dx: 5, dy: 5, buttons: 1 }))
  channel.settle()
  t.deepEqual(guest.log, ['motion 2000 -1000', 'button 0 down', 'motion 5 5'])
})

test('positions count in client mode only, motions in server mode only', (t) => {
  const client = rig('client')
  tell(client.channel, inputsClient.mousePosition, { x: 10, y: 20, buttons: 0, displayId: 1 })
  tell(client.channel, inputsClient.mouseMotion, { dx: 1, dy: 1, buttons: 0 })
  t.deepEqual(client.guest.log, ['position 1 10 20'])
  const server = rig('server')
  tell(server.channel, inputsClient.mousePosition, { x: 10, y: 20, buttons: 0, displayId: 0 })
  t.deepEqual(server.guest.log, [])
})

test('the wheel is a press and release of its button', (t) => {
  const { guest, channel } = rig('client')
  tell(channel, inputsClient.mousePress, { button: 4, buttons: 8 })
  tell(channel, inputsClient.mouseRelease, { button: 4, buttons: 0 })
  tell(channel, inputsClient.mousePress, { button: 5, buttons: 16 })
  t.deepEqual(guest.log, ['button 3 down', 'button 3 up', 'button 4 down', 'button 4 up'])
})

test('the side and extra buttons reach the guest', (t) => {
  const { guest, channel } = rig('client')
  tell(channel, inputsClient.mousePress, { button: 6, buttons: 0x20 })
  tell(channel, inputsClient.mousePress, { button: 7, buttons: 0x60 })
  tell(channel, inputsClient.mouseRelease, { button: 6, buttons: 0x40 })
  t.deepEqual(guest.log, ['button 5 down', 'button 6 down', 'button 5 up'])
})

test('a lock state that the client wants is made by pressing the lock keys, and confirmed later', (t) => {
  const { guest, context, channel } = rig()
  tell(channel, inputsClient.keyModifiers, { modifiers: 6 })
  t.deepEqual(guest.log, ['key 45 down', 'key 45 up', 'key 3a down', 'key 3a up'])
  tell(channel, inputsClient.keyModifiers, { modifiers: 6 })
  t.is(guest.log.length, 4)
  t.deepEqual(context.alarms, [2000, 2000])
  channel.alarm()
  const [told] = context.take()
  t.is(inputsServer.keyModifiers.decode(told!.body).modifiers, 6)
})

test('lights of the guest are told at once', (t) => {
  const { locks, context } = rig()
  locks.reported(4)
  locks.reported(4)
  const sent = context.take()
  t.is(sent.length, 1)
  t.is(inputsServer.keyModifiers.decode(sent[0]!.body).modifiers, 4)
})

test('what the guest says after a lock key is told at once, as guessed or not', (t) => {
  const { locks, channel, context } = rig()
  tell(channel, inputsClient.keyDown, { code: 0x3a })
  locks.reported(4)
  locks.reported(4)
  t.deepEqual(
    context.take().map(({ body }) => inputsServer.keyModifiers.decode(body).modifiers),
    [4],
  )
  tell(channel, inputsClient.keyUp, { code: 0xba })
  tell(channel, inputsClient.keyDown, { code: 0x3a })
  locks.reported(4)
  t.deepEqual(
    context.take().map(({ body }) => inputsServer.keyModifiers.decode(body).modifiers),
    [4],
  )
})

test('an unknown message closes the channel', (t) => {
  const { channel } = rig()
  const error = t.throws(() => channel.receive(199, new Uint8Array(0)), { instanceOf: SidecarError })
  t.is(error.code, 'SIDECAR_PROTOCOL')
})
