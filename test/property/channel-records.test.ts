import fc from 'fast-check'
import test from 'ava'
import {
  CACHED_SHAPES,
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
import { addPalette, CACHED_PALETTES } from '../../src/channels/display/palette-cache.js'
import { rectOf, type Rect } from '../../src/core/region.js'
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
  NO_AUDIO_DELAY,
  ROP,
  type Message,
} from '../../src/protocol/index.js'
import type { Drawable } from '../../src/display/index.js'
import { RecordingContext } from '../helpers/channel-rig.js'
import {
  ChannelWorld,
  freshRecords,
  newWorld,
  type ServedChannel,
  type ServedRecords,
} from '../helpers/channel-world.js'
import { guestOf } from '../helpers/guest-screen.js'
import { typeText } from '../helpers/typed-text.js'
import { scribble, show, testFrame, testShape } from '../helpers/frames.js'
import { RecordingInput } from '../helpers/recording-input.js'
import { noiseBytes } from '../helpers/drawables.js'
import { bitmapOf } from '../helpers/small-pictures.js'

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
  /** Happen before all else. */
  readonly first?: readonly Happening[]
  /** In place of that of all others. */
  readonly world?: () => ChannelWorld
  readonly runs?: number
  /** Of what the runs are for some have to come to this. */
  reaches?(record: R): boolean
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
    { name: 'a head', toWorld: ({ model }) => model.heads(0, [{ id: 3, x: 1, y: 2, width: 3, height: 4 }]) },
    {
      name: 'head off',
      toWorld: ({ model }) => model.heads(0, [{ id: 3, x: 1, y: 2, width: 0, height: 4 }]),
    },
    { name: 'damage a', toWorld: ({ model }) => scribble(model, rectOf(1, 1, 5, 3)) },
    { name: 'damage b', toWorld: ({ model }) => scribble(model, rectOf(3, 2, 9, 9)) },
    { name: 'damage of nothing', toWorld: ({ model }) => model.damage(0, [rectOf(0, 0, 20, 10)]) },
  ],
}

/** A client of video streams that reports on the last frame that it was sent. */
const reportsFrame: Happening = {
  name: 'report',
  toChannel: (channel) => {
    const [stream] = (channel.snapshot() as DisplayRecord).streams.list
    const last = stream?.rate.flights.at(-1)
    if (stream !== undefined && last !== undefined) {
      const report = {
        ...{ streamId: stream.id, uniqueId: stream.uniqueId, numFrames: 1, numDrops: 0 },
        ...{ startFrameMmTime: last.stamp, endFrameMmTime: last.stamp, lastFrameDelay: 7 },
        audioDelay: NO_AUDIO_DELAY,
      }
      channel.receive(displayClient.streamReport.id, displayClient.streamReport.encode(report))
    }
  },
}

/** Answers the last SET_ACK, and with that all that came before. */
const answersAll: Happening = {
  name: 'answers all',
  toChannel: (channel) => {
    const { ackGeneration: generation } = (channel.snapshot() as DisplayRecord).wire
    if (generation > 0) {
      channel.receive(commonClient.ackSync.id, commonClient.ackSync.encode({ generation }))
    }
  },
}

/** All changes are looked at as they come: the video is one whether a channel can send it or not. */
const playVideo = ({ model, clock }: ChannelWorld, box: Rect, frames: number): void => {
  for (let frame = 0; frame < frames; frame++) {
    clock.advance(40)
    scribble(model, box, 17 * frame + 1)
    model.refresh(0)
  }
}

const frameShown: Happening = {
  name: 'frame 160x120',
  toWorld: ({ model }) => show(model, testFrame(160, 120, 3)),
}
const secondOfVideo: Happening = {
  name: 'a second of video',
  toWorld: (world) => playVideo(world, rectOf(11, 3, 131, 101), 30),
}
const initSaid = display.happenings.filter(({ name }) => name === 'init')

const video: Kind<DisplayRecord> = {
  name: 'display with video',
  runs: 80,
  reaches: ({ streams }) => streams.list.some(({ rate }) => rate.flights.length > 0),
  world: () => new ChannelWorld({ guest: new RecordingInput(), maxPixels: 40_000, streaming: 'all' }),
  fresh: () =>
    newDisplayRecord(
      newWireRecord(true),
      0,
      capsOf([
        DISPLAY_CAP.streamReport,
        DISPLAY_CAP.sizedStream,
        DISPLAY_CAP.multiCodec,
        DISPLAY_CAP.codecMjpeg,
      ]),
    ),
  first: [frameShown, ...initSaid, pump, answersAll, pump, secondOfVideo],
  happenings: [
    ...display.happenings.filter(({ name }) => ['ackSync', 'ack', 'pump', 'init'].includes(name)),
    ...[room(true), room(false), alarm, pump, pump, reportsFrame, answersAll, answersAll],
    ...[frameShown, secondOfVideo, secondOfVideo],
    { name: 'a frame of video', toWorld: (world) => playVideo(world, rectOf(11, 3, 131, 101), 1) },
    { name: 'a second of quiet', toWorld: ({ clock }) => clock.advance(1000) },
    { name: 'damage', toWorld: ({ model }) => scribble(model, rectOf(0, 0, 60, 60)) },
    says(displayClient.preferredVideoCodecType, { codecs: [2, 1] }, 'prefers'),
  ],
}

const drawn = (drawable: Drawable): Happening => ({
  name: drawable.kind,
  toWorld: ({ model }) => model.draw(0, drawable, { release: () => undefined }),
})

const fills = (box: Rect, color: number, rop: number): Happening =>
  drawn({ kind: 'fill', surface: 0, box, brush: { kind: 'solid', color }, rop })

const drawing: Kind<DisplayRecord> = {
  name: 'display of a guest that draws',
  runs: 150,
  reaches: ({ outbox }) => outbox.items.some(({ kind }) => kind === 'paint'),
  world: () => {
    const world = newWorld()
    world.model.consolesChanged([{ index: 0, label: 'a', head: 0 }])
    world.model.surfaceCreate(0, { id: 0, format: 'xrgb32', width: 30, height: 20 })
    return world
  },
  fresh: () =>
    newDisplayRecord(newWireRecord(true), 0, capsOf([DISPLAY_CAP.monitorsConfig, DISPLAY_CAP.composite])),
  first: [...initSaid, pump, answersAll, pump],
  happenings: [
    ...display.happenings.filter(({ name }) => ['ackSync', 'ack', 'pump', 'init'].includes(name)),
    ...[room(true), room(false), pump, answersAll],
    fills(rectOf(0, 0, 30, 20), 0x112233, ROP.put),
    fills(rectOf(5, 5, 9, 9), 0xff00ff, ROP.xor),
    fills(rectOf(2, 1, 9, 15), 0x0f0f0f, ROP.or),
    drawn({ kind: 'invers', surface: 0, box: rectOf(10, 2, 20, 12) }),
    drawn({ kind: 'copyBits', surface: 0, box: rectOf(3, 3, 20, 16), sourcePos: { x: 0, y: 0 } }),
    drawn({
      kind: 'copy',
      surface: 0,
      box: rectOf(4, 4, 11, 7),
      image: bitmapOf(11, [...new Uint32Array(noiseBytes(11 * 7 * 4, 5).buffer)]),
      sourceArea: rectOf(0, 0, 11, 7),
      rop: ROP.xor,
      scale: 'nearest',
    }),
  ],
}

/** Text in other colours each time, on a screen of text. */
const types = (colours: number): Happening => ({
  name: `text in colours ${colours}`,
  toWorld: ({ model }) => {
    const box = rectOf((colours * 5) % 30, 3, 30, 16)
    typeText(TEXT_SCREEN, box, colours, colours)
    model.damage(0, [box])
  },
})

const TEXT_SCREEN = guestOf(60, 20, 0)

const palettes: Kind<DisplayRecord> = {
  name: 'display of text',
  runs: 150,
  reaches: ({ palettes: { lastId, kept } }) => lastId > CACHED_PALETTES && kept.length === CACHED_PALETTES,
  world: () => {
    typeText(TEXT_SCREEN, rectOf(0, 0, 60, 20), 1, 0)
    const world = new ChannelWorld({ guest: new RecordingInput(), maxPixels: 2000 })
    world.model.consolesChanged([{ index: 0, label: 'a', head: 0 }])
    world.model.scanout(0, { generation: 1, ...TEXT_SCREEN })
    return world
  },
  // One more palette fits into the client's cache.
  fresh: () => {
    const record = freshRecords.display(true)
    for (let id = 1; id < CACHED_PALETTES; id++) {
      addPalette(record.palettes, [id])
    }
    return record
  },
  first: [...initSaid, pump, answersAll, pump],
  happenings: [
    ...display.happenings.filter(({ name }) => ['ackSync', 'ack', 'pump', 'init'].includes(name)),
    ...[room(true), room(false), pump, pump, answersAll, answersAll],
    ...[2, 3, 4, 5, 6].map(types),
  ],
}

const cursor: Kind<CursorRecord> = {
  name: 'cursor',
  // One more shape fits into the client's cache.
  fresh: () => ({
    ...newCursorRecord(newWireRecord(true), 0),
    cached: Array.from({ length: CACHED_SHAPES - 1 }, (_, index) => BigInt(index + 1)),
  }),
  happenings: [
    ...acks,
    pump,
    room(true),
    room(false),
    { name: 'shape', toWorld: ({ model }) => model.pointerShape(0, testShape(4, 4, [9, 8, 7, 255])) },
    { name: 'black shape', toWorld: ({ model }) => model.pointerShape(0, testShape(4, 4, [0, 0, 0, 255])) },
    { name: 'another shape', toWorld: ({ model }) => model.pointerShape(0, testShape(3, 4, [1, 2, 3, 255])) },
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
  const world = kind.world?.() ?? newWorld()
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
    let reached = kind.reaches === undefined ? 1 : 0
    fc.assert(
      fc.property(fc.array(happening, { minLength: 1, maxLength: 24 }), fc.nat(30), (random, at) => {
        const happenings = [...(kind.first ?? []), ...random]
        const { first, second, firstInput, secondInput, records } = play(
          kind,
          happenings,
          Math.min(at, happenings.length),
        )
        t.deepEqual(second, first)
        t.deepEqual(secondInput, firstInput)
        t.deepEqual(records[1], records[0])
        reached += kind.reaches?.(records[0] as R) === true ? 1 : 0
      }),
      { numRuns: kind.runs ?? 400 },
    )
    t.true(reached > 0)
  })
}

property(display)
property(video)
property(drawing)
property(palettes)
property(cursor)
property(inputs)
property(main)
