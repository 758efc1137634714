import test from 'ava'
import {
  MainChannel,
  MOUSE_MODE,
  MouseModes,
  newMainRecord,
  newWireRecord,
  type ChannelOffer,
} from '../../../src/channels/index.js'
import { Heads } from '../../../src/app/heads.js'
import { DEFAULT_LIMITS } from '../../../src/core/limits.js'
import { SidecarError } from '../../../src/core/errors.js'
import { noHistogram } from '../../../src/core/metrics.js'
import {
  AGENT_CAP,
  AGENT_TYPE,
  agentMessages,
  capsOf,
  commonClient,
  commonServer,
  encodeAgentMessage,
  encodeMonitorsConfig,
  hasCap,
  MAIN_CAP,
  mainClient,
  mainServer,
} from '../../../src/protocol/index.js'
import { RecordingContext, tell } from '../../helpers/channel-rig.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import { KeptLog, RecordingLayouts } from '../../helpers/server-rig.js'

const rig = (
  options: { pings?: boolean; caps?: readonly number[]; name?: string; resizable?: boolean } = {},
) => {
  const clock = new FakeClock()
  const mouse = new MouseModes()
  const context = new RecordingContext()
  const offers: ChannelOffer[] = [
    { type: 2, id: 0 },
    { type: 3, id: 0 },
    { type: 4, id: 0 },
  ]
  const observers = new Set<() => void>()
  const layouts = new RecordingLayouts()
  const log = new KeptLog()
  const heads = new Heads(layouts, DEFAULT_LIMITS, log)
  heads.follow(options.resizable ?? false)
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
    heads,
    clock,
    pings: options.pings ?? false,
    roundTrip: noHistogram,
    bitRate: noHistogram,
  })
  channel.start()
  channel.attach()
  const changeOffers = (offer: ChannelOffer): void => {
    offers.push(offer)
    for (const changed of observers) {
      changed()
    }
  }
  return { clock, mouse, context, channel, record, changeOffers, observers, heads, layouts, log }
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
  const { channel, record, context } = rig({ pings: true })
  for (let i = 0; i < 10_000; i++) {
    tell(channel, commonClient.pong, { id: 77, timestamp: 1n })
  }
  t.is(record.wire.strange, 10_000)
  t.is(context.odd.filter((kind) => kind === 'pong').length, 10_000)
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

const monitor = (width: number, height: number, x = 0, y = 0) => ({
  ...{ width, height, depth: 32, x, y, widthMm: 300, heightMm: 200 },
})

/** A client that has started to talk to the agent. */
const agentRig = () => {
  const made = rig({ resizable: true })
  tell(made.channel, mainClient.agentStart, { tokens: 100 })
  made.context.take()
  const layout = (monitors: readonly ReturnType<typeof monitor>[], flags = 3): void => {
    const data = encodeAgentMessage(AGENT_TYPE.monitorsConfig, encodeMonitorsConfig({ flags, monitors }))
    for (let at = 0; at < data.length; at += 2048) {
      tell(made.channel, mainClient.agentData, { data: data.subarray(at, at + 2048) })
    }
  }
  const replies = (): number[] =>
    made.context
      .take()
      .filter(({ type }) => type === mainServer.agentData.id)
      .map(({ body }) => agentMessages.reply.decode(body.subarray(20)).error)
  return { ...made, layout, replies }
}

test('an agent for layouts alone answers the announcement and lays out the heads', (t) => {
  const { channel, context, layouts, layout, replies } = agentRig()
  const announce = agentMessages.announceCapabilities.encode({ request: 1, caps: [0x35077] })
  tell(channel, mainClient.agentData, {
    data: encodeAgentMessage(AGENT_TYPE.announceCapabilities, announce),
  })
  const [answer] = context.take()
  const { caps } = agentMessages.announceCapabilities.decode(answer!.body.subarray(20))
  t.deepEqual(caps, capsOf([1, 2, 7, 12]))
  layout([monitor(1024, 768), monitor(800, 600, 1024, 0), monitor(0, 0)])
  t.deepEqual(replies(), [1])
  t.deepEqual(
    layouts.asked[0]?.map(({ console, width, height, x }) => [console, width, height, x]),
    [
      [0, 1024, 768, 0],
      [1, 800, 600, 1024],
      [2, 0, 0, 0],
    ],
  )
})

test('credit for agent messages is given back in fives', (t) => {
  const { context, layout } = agentRig()
  for (let i = 0; i < 11; i++) {
    layout([monitor(1024, 768)])
  }
  t.deepEqual(
    context
      .take()
      .filter(({ type }) => type === mainServer.agentToken.id)
      .map(({ body }) => mainServer.agentToken.decode(body).tokens),
    [5, 5],
  )
})

test('a display device that takes no layouts means no agent, and the client hears so', (t) => {
  const { heads, context, channel } = agentRig()
  heads.follow(false)
  t.deepEqual(context.takeIds(), [mainServer.agentDisconnected.id])
  tell(channel, mainClient.agentData, { data: new Uint8Array(3) })
  heads.follow(true)
  t.deepEqual(context.takeIds(), [mainServer.agentConnected.id])
})

for (const [what, monitors] of [
  ['0 heads', []],
  ['17 heads', Array.from({ length: 17 }, (_, i) => monitor(640, 480, i * 640, 0))],
  ['only heads of size 0', [monitor(0, 0), monitor(0, 0)]],
  ['a head of 65536x65536', [monitor(65536, 65536)]],
  ['a head of 1x1', [monitor(1, 1)]],
  ['a head without height', [monitor(800, 0)]],
  ['overlapping heads', [monitor(800, 600), monitor(800, 600, 400, 0)]],
  ['a negative place', [monitor(800, 600, -1, 0)]],
  ['more pixels than allowed', [monitor(8192, 8192), monitor(8192, 8192, 8192, 0)]],
] as const) {
  test(`N-MAIN-01: a monitors config with ${what} is refused, and the guest unchanged`, (t) => {
    const { layouts, layout, replies, log } = agentRig()
    layout(monitors)
    t.deepEqual(layouts.asked, [])
    t.deepEqual(replies(), [2])
    t.is(log.lines.length, 1)
    layout([monitor(800, 600)])
    t.is(layouts.asked.length, 1)
  })
}

test('N-MAIN-02: a piece of agent data that is too long closes the channel', (t) => {
  const { channel } = agentRig()
  const error = t.throws(() => channel.receive(mainClient.agentData.id, new Uint8Array(2049)), {
    instanceOf: SidecarError,
  })
  t.is(error.code, 'SIDECAR_PROTOCOL')
})

test('N-MAIN-02: agent data without credit closes the channel', (t) => {
  const { channel, record } = agentRig()
  record.agent.clientCredit = 0
  const error = t.throws(() => tell(channel, mainClient.agentData, { data: new Uint8Array(20) }), {
    instanceOf: SidecarError,
  })
  t.is(error.code, 'SIDECAR_PROTOCOL')
})

test('N-MAIN-02: an agent message of 2^32-1 bytes is followed and not kept', (t) => {
  const { channel, record } = agentRig()
  const begin = new Uint8Array(2048)
  begin.set(encodeAgentMessage(AGENT_TYPE.clipboard, new Uint8Array(0)))
  new DataView(begin.buffer).setUint32(16, 0xffff_ffff, true)
  for (let i = 0; i < 1000; i++) {
    tell(channel, mainClient.agentData, { data: i === 0 ? begin : new Uint8Array(2048) })
  }
  t.is(record.agent.stream?.kept.length, 0)
})

test('N-MAIN-02: a stream that starts in the middle of a message closes the channel', (t) => {
  const { channel } = agentRig()
  for (const data of [new Uint8Array(19), new Uint8Array(20)]) {
    const error = t.throws(() => tell(channel, mainClient.agentData, { data }), { instanceOf: SidecarError })
    t.is(error.code, 'SIDECAR_PROTOCOL')
  }
})

for (const [what, type] of [
  ['announced', AGENT_TYPE.clipboardGrab],
  ['asked for', AGENT_TYPE.clipboardRequest],
  ['sent', AGENT_TYPE.clipboard],
  ['let go', AGENT_TYPE.clipboardRelease],
] as const) {
  test(`N-MAIN-03: a clipboard that is ${what} is dropped and counted, and nobody is told`, (t) => {
    const { channel, context, layouts, log } = agentRig()
    tell(channel, mainClient.agentData, { data: encodeAgentMessage(type, new Uint8Array(20)) })
    t.deepEqual(context.odd, ['agent'])
    t.deepEqual(context.takeIds(), [])
    t.deepEqual(layouts.asked, [])
    t.deepEqual(log.lines, [])
  })
}

test('N-MAIN-03: a clipboard that is too long to be kept is dropped, too, and credit comes back', (t) => {
  const { channel, context } = agentRig()
  const data = encodeAgentMessage(AGENT_TYPE.clipboard, new Uint8Array(40_000))
  for (let at = 0; at < data.length; at += 2048) {
    tell(channel, mainClient.agentData, { data: data.subarray(at, at + 2048) })
  }
  t.deepEqual(context.odd, ['agent'])
  t.deepEqual([...new Set(context.takeIds())], [mainServer.agentToken.id])
})

test('N-MAIN-03: the agent never says that it has a clipboard', (t) => {
  const { channel, context } = agentRig()
  const announce = agentMessages.announceCapabilities.encode({ request: 1, caps: [0xffff_ffff] })
  tell(channel, mainClient.agentData, {
    data: encodeAgentMessage(AGENT_TYPE.announceCapabilities, announce),
  })
  const { caps } = agentMessages.announceCapabilities.decode(context.take()[0]!.body.subarray(20))
  for (const bit of [AGENT_CAP.clipboard, AGENT_CAP.clipboardByDemand, AGENT_CAP.clipboardSelection]) {
    t.false(hasCap(caps, bit))
  }
})
