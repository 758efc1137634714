import fc from 'fast-check'
import test from 'ava'
import {
  newCursorRecord,
  newDisplayRecord,
  newInputsRecord,
  newMainRecord,
  newWireRecord,
  type Channel,
  type CursorRecord,
  type DisplayRecord,
  type InputsRecord,
  type MainRecord,
} from '../../src/channels/index.js'
import { rectOf } from '../../src/core/region.js'
import {
  AGENT_TYPE,
  capsOf,
  commonClient,
  DISPLAY_CAP,
  displayClient,
  encodeAgentMessage,
  encodeMonitorsConfig,
  inputsClient,
  mainClient,
  type Message,
} from '../../src/protocol/index.js'
import { RecordingContext } from '../helpers/channel-rig.js'
import {
  newWorld,
  type ChannelWorld,
  type ServedChannel,
  type ServedRecords,
} from '../helpers/channel-world.js'
import { scribble, show, testFrame, testShape } from '../helpers/frames.js'
import { RecordingInput } from '../helpers/recording-input.js'

/** A monitors config of one head, as a client sends it. */
const LAYOUT = encodeAgentMessage(
  AGENT_TYPE.monitorsConfig,
  encodeMonitorsConfig({
    flags: 0,
    monitors: [{ width: 800, height: 600, depth: 32, x: 0, y: 0, widthMm: 0, heightMm: 0 }],
  }),
)

/** Something that happens to the world or to the channel, the same way each time. */
interface Happening {
  readonly name: string
  toWorld?(world: ChannelWorld): void
  toChannel?(channel: Channel, context: RecordingContext): void
}

const says = <T>(message: Message<T>, value: T, name: string): Happening => ({
  name,
  toChannel: (channel) => {
    channel.receive(message.id, message.encode(value))
    channel.settle()
  },
})

const pump: Happening = { name: 'pump', toChannel: (channel) => void channel.pump() }
const alarm: Happening = { name: 'alarm', toChannel: (channel) => channel.alarm() }
const room = (hasRoom: boolean): Happening => ({
  name: `room ${hasRoom}`,
  toChannel: (_channel, context) => {
    context.hasRoom = hasRoom
  },
})
const acks = [
  says(commonClient.ackSync, { generation: 1 }, 'ackSync'),
  says(commonClient.ack, {}, 'ack'),
  says(commonClient.pong, { id: 1, timestamp: 0n }, 'pong'),
]

interface Kind<R extends ServedRecords[ServedChannel]> {
  readonly name: string
  fresh(): R
  readonly happenings: readonly Happening[]
}

const display: Kind<DisplayRecord> = {
  name: 'display',
  fresh: () => newDisplayRecord(newWireRecord(true), 0, capsOf([DISPLAY_CAP.monitorsConfig])),
  happenings: [
    ...acks,
    pump,
    room(true),
    room(false),
    {
      name: 'init',
      toChannel: (channel) => {
        if ((channel.snapshot() as DisplayRecord).client === undefined) {
          const init = { pixmapCacheId: 1, pixmapCacheSize: 9n, glzDictionaryId: 1, glzWindowSize: 9 }
          channel.receive(displayClient.init.id, displayClient.init.encode(init))
        }
      },
    },
    { name: 'frame 20x10', toWorld: ({ model }) => show(model, testFrame(20, 10, 3)) },
    { name: 'frame 7x9', toWorld: ({ model }) => show(model, testFrame(7, 9, 5)) },
    { name: 'no frame', toWorld: ({ model }) => model.scanout(0, undefined) },
    { name: 'damage a', toWorld: ({ model }) => scribble(model, rectOf(1, 1, 5, 3)) },
    { name: 'damage b', toWorld: ({ model }) => scribble(model, rectOf(3, 2, 9, 9)) },
    { name: 'damage of nothing', toWorld: ({ model }) => model.damage(0, [rectOf(0, 0, 20, 10)]) },
  ],
}

const cursor: Kind<CursorRecord> = {
  name: 'cursor',
  fresh: () => newCursorRecord(newWireRecord(true), 0),
  happenings: [
    ...acks,
    pump,
    room(true),
    room(false),
    { name: 'shape', toWorld: ({ model }) => model.pointerShape(0, testShape(4, 4, [9, 8, 7, 255])) },
    { name: 'no shape', toWorld: ({ model }) => model.pointerShape(0, undefined) },
    { name: 'move', toWorld: ({ model }) => model.pointerMoved(0, { x: 3, y: 4, visible: true }) },
    { name: 'vanish', toWorld: ({ model }) => model.pointerMoved(0, { x: 3, y: 4, visible: false }) },
    { name: 'tablet', toWorld: ({ mouse }) => mouse.allowClient(true) },
    { name: 'client mode', toWorld: ({ mouse }) => mouse.request(2) },
  ],
}

const inputs: Kind<InputsRecord> = {
  name: 'inputs',
  fresh: () => newInputsRecord(newWireRecord(true)),
  happenings: [
    ...acks,
    alarm,
    says(inputsClient.keyDown, { code: 0x1e }, 'a down'),
    says(inputsClient.keyUp, { code: 0x9e }, 'a up'),
    says(inputsClient.keyDown, { code: 0xe0 }, 'prefix'),
    says(inputsClient.keyDown, { code: 0x1de1 }, 'pause begins'),
    says(inputsClient.keyDown, { code: 0x45 }, 'num lock'),
    says(inputsClient.mouseMotion, { dx: 1, dy: 2, buttons: 1 }, 'motion'),
    says(inputsClient.mousePosition, { x: 1, y: 2, buttons: 2, displayId: 0 }, 'position'),
    says(inputsClient.mousePress, { button: 1, buttons: 1 }, 'press'),
    says(inputsClient.mouseRelease, { button: 1, buttons: 0 }, 'release'),
    { name: 'lights', toWorld: ({ locks }) => locks.reported(5) },
    {
      name: 'client mode',
      toWorld: ({ mouse }) => {
        mouse.allowClient(true)
        mouse.request(2)
      },
    },
  ],
}

const main: Kind<MainRecord> = {
  name: 'main',
  fresh: () => newMainRecord(newWireRecord(true), 5, [3]),
  happenings: [
    ...acks,
    alarm,
    says(mainClient.attachChannels, {}, 'attach'),
    says(mainClient.mouseModeRequest, { mode: 2 }, 'ask client mode'),
    says(mainClient.agentStart, { tokens: 3 }, 'agent start'),
    says(mainClient.agentToken, { tokens: 2 }, 'agent token'),
    {
      name: 'half an agent message',
      toChannel: (channel) => {
        const { agent } = channel.snapshot() as MainRecord
        if (agent.clientCredit > 0) {
          const begun = agent.stream !== undefined
          const data = begun ? LAYOUT.subarray(30) : LAYOUT.subarray(0, 30)
          channel.receive(mainClient.agentData.id, mainClient.agentData.encode({ data }))
        }
      },
    },
    { name: 'no layouts', toWorld: ({ heads }) => heads.follow(false) },
    { name: 'layouts', toWorld: ({ heads }) => heads.follow(true) },
    { name: 'tablet', toWorld: ({ mouse }) => mouse.allowClient(true) },
    { name: 'no tablet', toWorld: ({ mouse }) => mouse.allowClient(false) },
    {
      name: 'second head',
      toWorld: ({ model }) => model.consolesChanged([{ index: 0, label: 'a', head: 0 }]),
    },
    { name: 'time', toWorld: ({ clock }) => clock.advance(1000) },
  ],
}

/** Runs the happenings; at `boundary` a second channel is restored and follows along. */
const play = <R extends ServedRecords[ServedChannel]>(
  kind: Kind<R>,
  happenings: readonly Happening[],
  boundary: number,
): {
  first: Uint8Array
  second: Uint8Array
  firstInput: string[]
  secondInput: string[]
  records: unknown[]
} => {
  const world = newWorld()
  const contexts: RecordingContext[] = []
  const guests: RecordingInput[] = []
  const channels: Channel[] = []
  const begin = (record: R, fresh: boolean): void => {
    const context = new RecordingContext()
    context.hasRoom = contexts[0]?.hasRoom ?? true
    const guest = new RecordingInput()
    const channel = world.make(record, context, guest)
    if (fresh) {
      channel.start()
    }
    channel.attach()
    contexts.push(context)
    guests.push(guest)
    channels.push(channel)
  }
  begin(kind.fresh(), true)
  const fork = (): void => {
    begin(channels[0]!.snapshot() as R, false)
    contexts[0]!.bytes.length = 0
    guests[0]!.log.length = 0
  }
  happenings.forEach((happening, at) => {
    if (at === boundary) {
      fork()
    }
    happening.toWorld?.(world)
    channels.forEach((channel, index) => happening.toChannel?.(channel, contexts[index]!))
  })
  if (boundary >= happenings.length) {
    fork()
  }
  for (const channel of channels) {
    channel.close()
  }
  return {
    first: contexts[0]!.written(),
    second: contexts[1]!.written(),
    firstInput: guests[0]!.log,
    secondInput: guests[1]!.log,
    records: channels.map((channel) => channel.snapshot()),
  }
}

const property = <R extends ServedRecords[ServedChannel]>(kind: Kind<R>): void => {
  test(`${kind.name}: a channel restored from its record at any message boundary sends the same bytes`, (t) => {
    const happening = fc.constantFrom(...kind.happenings)
    fc.assert(
      fc.property(fc.array(happening, { minLength: 1, maxLength: 24 }), fc.nat(24), (happenings, at) => {
        const { first, second, firstInput, secondInput, records } = play(
          kind,
          happenings,
          Math.min(at, happenings.length),
        )
        t.deepEqual(second, first)
        t.deepEqual(secondInput, firstInput)
        t.deepEqual(records[1], records[0])
      }),
      { numRuns: 400 },
    )
  })
}

property(display)
property(cursor)
property(inputs)
property(main)
