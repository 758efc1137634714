import test from 'ava'
import {
  MainChannel,
  MOUSE_MODE,
  MouseModes,
  newMainRecord,
  newWireRecord,
  type ChannelOffer,
} from '../../../src/channels/index.js'
import { SidecarError } from '../../../src/core/errors.js'
import { noHistogram } from '../../../src/core/metrics.js'
import {
  capsOf,
  commonClient,
  commonServer,
  MAIN_CAP,
  mainClient,
  mainServer,
} from '../../../src/protocol/index.js'
import { RecordingContext, tell } from '../../helpers/channel-rig.js'
import { FakeClock } from '../../helpers/fake-clock.js'

const rig = (options: { pings?: boolean; caps?: readonly number[]; name?: string } = {}) => {
  const clock = new FakeClock()
  const mouse = new MouseModes()
  const context = new RecordingContext()
  const offers: ChannelOffer[] = [
    { type: 2, id: 0 },
    { type: 3, id: 0 },
    { type: 4, id: 0 },
  ]
  const observers = new Set<() => void>()
  const vm = {
    name: options.name,
    uuid: undefined,
    offers: () => offers,
    observe: (changed: () => void) => {
      observers.add(changed)
      return () => observers.delete(changed)
    },
  }
  const record = newMainRecord(
    newWireRecord(true),
    0x11223344,
    options.caps ?? capsOf([MAIN_CAP.nameAndUuid]),
  )
  const channel = new MainChannel(record, context, {
    vm,
    mouse,
    clock,
    pings: options.pings ?? false,
    roundTrip: noHistogram,
  })
  channel.start()
  channel.attach()
  const changeOffers = (offer: ChannelOffer): void => {
    offers.push(offer)
    for (const changed of observers) {
      changed()
    }
  }
  return { clock, mouse, context, channel, record, changeOffers, observers }
}

test('INIT comes first and carries the session', (t) => {
  const { context } = rig({ name: 'demo', pings: true })
  const sent = context.take()
  t.deepEqual(
    sent.map(({ type }) => type),
    [mainServer.init.id, mainServer.name.id, commonServer.ping.id, commonServer.ping.id],
  )
  const init = mainServer.init.decode(sent[0]!.body)
  t.is(init.sessionId, 0x11223344)
  t.is(init.displayChannelsHint, 1)
  t.is(init.supportedMouseModes, MOUSE_MODE.server)
  t.is(init.agentConnected, 0)
})

test('no name to a client that does not know the message, no pings on a unix socket', (t) => {
  const { context } = rig({ name: 'demo', caps: [] })
  t.deepEqual(context.takeIds(), [mainServer.init.id])
})

test('the channel list answers ATTACH_CHANNELS; what appears later is named alone, once', (t) => {
  const { context, channel, changeOffers } = rig()
  context.take()
  changeOffers({ type: 2, id: 1 })
  t.deepEqual(context.takeIds(), [])
  tell(channel, mainClient.attachChannels, {})
  const [list] = context.take()
  t.deepEqual(mainServer.channelsList.decode(list!.body).channels, [
    { type: 2, id: 0 },
    { type: 3, id: 0 },
    { type: 4, id: 0 },
    { type: 2, id: 1 },
  ])
  changeOffers({ type: 4, id: 1 })
  const late = context.take()
  t.deepEqual(
    late.map(({ body }) => mainServer.channelsList.decode(body).channels),
    [[{ type: 4, id: 1 }]],
  )
})

test('client mouse mode is offered when allowed and taken when asked for', (t) => {
  const { context, channel, mouse } = rig()
  context.take()
  tell(channel, mainClient.mouseModeRequest, { mode: MOUSE_MODE.client })
  t.deepEqual(context.takeIds(), [])
  mouse.allowClient(true)
  tell(channel, mainClient.mouseModeRequest, { mode: MOUSE_MODE.client })
  tell(channel, mainClient.mouseModeRequest, { mode: 7 })
  mouse.allowClient(false)
  t.deepEqual(
    context.take().map(({ body }) => mainServer.mouseMode.decode(body)),
    [
      { supported: 3, current: 1 },
      { supported: 3, current: 2 },
      { supported: 1, current: 1 },
    ],
  )
})

test('a client that answers pings lives, one that does not is dropped', (t) => {
  const { clock, context, channel, record } = rig({ pings: true })
  const [, first, second] = context.take()
  const { id } = commonServer.ping.decode(second!.body)
  clock.advance(12)
  tell(channel, commonClient.pong, { id, timestamp: 0n })
  t.is(record.pings.roundTripMs, 12)
  t.is(record.pings.waiting.length, 0)
  t.truthy(first)
  clock.advance(15_000)
  channel.alarm()
  clock.advance(15_000)
  channel.alarm()
  clock.advance(15_000)
  const error = t.throws(() => channel.alarm(), { instanceOf: SidecarError })
  t.is(error.code, 'SIDECAR_TIMEOUT')
})

test('N-CH-07: pongs for nothing are ignored and counted', (t) => {
  const { channel, record } = rig({ pings: true })
  for (let i = 0; i < 10_000; i++) {
    tell(channel, commonClient.pong, { id: 77, timestamp: 1n })
  }
  t.is(record.wire.strange, 10_000)
  t.is(record.pings.waiting.length, 2)
})

test('agent messages without an agent are swallowed', (t) => {
  const { context, channel } = rig()
  context.take()
  tell(channel, mainClient.agentStart, { tokens: 0xffffffff })
  tell(channel, mainClient.agentData, { data: new Uint8Array(2048) })
  t.deepEqual(context.takeIds(), [])
})

for (const type of [0, 42, 102, 109, 199]) {
  test(`N-CH-02: message ${type} closes the main channel`, (t) => {
    const { channel } = rig()
    const error = t.throws(() => channel.receive(type, new Uint8Array(16)), { instanceOf: SidecarError })
    t.is(error.code, 'SIDECAR_PROTOCOL')
  })
}

test('the end of a session is told with a reason', (t) => {
  const { context, channel } = rig()
  context.take()
  channel.disconnecting(0, 'another client took over')
  const [notify, disconnecting] = context.take()
  t.is(commonServer.notify.decode(notify!.body).message, 'another client took over')
  t.is(commonServer.disconnecting.decode(disconnecting!.body).reason, 0)
})

test('closing ends all observation', (t) => {
  const { channel, observers, context, mouse } = rig()
  channel.close()
  context.take()
  t.is(observers.size, 0)
  mouse.allowClient(true)
  t.deepEqual(context.takeIds(), [])
})
