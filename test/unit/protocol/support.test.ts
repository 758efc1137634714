import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import type { Channel } from '../../../src/channels/index.js'
import { SidecarError } from '../../../src/core/errors.js'
import {
  CAP_GROUPS,
  CAP_USE,
  channelName,
  CHANNEL_TYPES,
  CLIENT_USE,
  commonClient,
  displayClient,
  hasCap,
  inputsClient,
  mainClient,
  MESSAGE_GROUPS,
  SERVED_CHANNELS,
  SERVER_SENDS,
  type ClientUse,
  type Message,
} from '../../../src/protocol/index.js'
import { channelCaps, COMMON_CAPS, SASL_COMMON_CAPS } from '../../../src/server/guest.js'
import { filesBelow, ROOT } from '../../architecture/source-tree.js'
import { RecordingContext } from '../../helpers/channel-rig.js'
import { freshRecords, newWorld, type ServedChannel } from '../../helpers/channel-world.js'
import { testFrame } from '../../helpers/frames.js'

/** Something said to a channel: a message and a valid value of it. */
type Said = readonly [Message<unknown>, unknown]

const said = <T>(message: Message<T>, value: T): Said => [message, value]

const INIT = { pixmapCacheId: 1, pixmapCacheSize: 100n, glzDictionaryId: 1, glzWindowSize: 100 }
const bytes = Uint8Array.of(1, 2, 3)
const press = said(inputsClient.mousePress, { button: 1, buttons: 1 })

/** A value of each message, in a state in which it can have an effect: what was said before comes first. */
const CASES: Readonly<Record<ServedChannel | 'common', Readonly<Record<string, readonly Said[]>>>> = {
  common: {
    ackSync: [said(commonClient.ackSync, { generation: 1 })],
    ack: [said(commonClient.ackSync, { generation: 1 }), said(commonClient.ack, {})],
    pong: [said(commonClient.pong, { id: 1, timestamp: 0n })],
    migrateFlushMark: [said(commonClient.migrateFlushMark, {})],
    migrateData: [said(commonClient.migrateData, { data: bytes })],
    disconnecting: [said(commonClient.disconnecting, { timestamp: 1n, reason: 0 })],
  },
  main: {
    clientInfo: [said(mainClient.clientInfo, { cacheSize: 1n })],
    migrateConnected: [said(mainClient.migrateConnected, {})],
    migrateConnectError: [said(mainClient.migrateConnectError, {})],
    attachChannels: [said(mainClient.attachChannels, {})],
    mouseModeRequest: [said(mainClient.mouseModeRequest, { mode: 2 })],
    agentStart: [said(mainClient.agentStart, { tokens: 3 })],
    agentData: [said(mainClient.agentData, { data: bytes })],
    agentToken: [said(mainClient.agentToken, { tokens: 3 })],
    migrateEnd: [said(mainClient.migrateEnd, {})],
    migrateDstDoSeamless: [said(mainClient.migrateDstDoSeamless, { version: 1 })],
    migrateConnectedSeamless: [said(mainClient.migrateConnectedSeamless, {})],
    qualityIndicator: [said(mainClient.qualityIndicator, { data: bytes })],
  },
  display: {
    init: [said(displayClient.init, INIT)],
    streamReport: [
      said(displayClient.init, INIT),
      said(displayClient.streamReport, {
        streamId: 0,
        uniqueId: 0,
        startFrameMmTime: 0,
        endFrameMmTime: 0,
        numFrames: 1,
        numDrops: 0,
        lastFrameDelay: 0,
        audioDelay: 0,
      }),
    ],
    preferredCompression: [
      said(displayClient.init, INIT),
      said(displayClient.preferredCompression, { compression: 6 }),
    ],
    glDrawDone: [said(displayClient.init, INIT), said(displayClient.glDrawDone, {})],
    preferredVideoCodecType: [
      said(displayClient.init, INIT),
      said(displayClient.preferredVideoCodecType, { codecs: [1] }),
    ],
  },
  inputs: {
    keyDown: [said(inputsClient.keyDown, { code: 0x1e })],
    keyUp: [said(inputsClient.keyDown, { code: 0x1e }), said(inputsClient.keyUp, { code: 0x9e })],
    keyModifiers: [said(inputsClient.keyModifiers, { modifiers: 2 })],
    keyScancode: [said(inputsClient.keyScancode, { codes: Uint8Array.of(0x1e) })],
    mouseMotion: [said(inputsClient.mouseMotion, { dx: 1, dy: 0, buttons: 0 })],
    mousePosition: [said(inputsClient.mousePosition, { x: 1, y: 1, buttons: 0, displayId: 0 })],
    mousePress: [press],
    mouseRelease: [press, said(inputsClient.mouseRelease, { button: 1, buttons: 0 })],
  },
  cursor: {},
}

/** What a channel makes of the last thing said. */
const outcome = (name: ServedChannel, things: readonly Said[]): ClientUse => {
  const world = newWorld()
  world.mouse.allowClient(true)
  world.model.scanout(0, testFrame(60, 60))
  const context = new RecordingContext()
  const channel: Channel = world.make(freshRecords[name](true), context)
  channel.start()
  channel.attach()
  const seen = (): string =>
    JSON.stringify(
      [channel.snapshot(), context.bytes.length, world.guest.log, world.mouse.record, world.locks.modifiers],
      (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value),
    )
  let before = ''
  for (const [message, value] of things) {
    while (channel.pump()) {
      continue
    }
    before = seen()
    try {
      channel.receive(message.id, message.encode(value))
      channel.settle()
    } catch (error) {
      if (error instanceof SidecarError && error.code === 'SIDECAR_PROTOCOL') {
        return 'refused'
      }
      throw error
    }
  }
  return seen() === before ? 'ignored' : 'accepted'
}

for (const name of SERVED_CHANNELS) {
  for (const [message, use] of Object.entries(CLIENT_USE[name])) {
    test(`${name} ${message} from a client is ${use}`, (t) => {
      t.is(outcome(name, CASES[name][message]!), use)
    })
  }
}

for (const [message, use] of Object.entries(CLIENT_USE.common)) {
  test(`${message} from a client is ${use} wherever it has a meaning`, (t) => {
    const cases = CASES.common[message]!
    const outcomes = SERVED_CHANNELS.map((name) =>
      outcome(name, name === 'display' ? [said(displayClient.init, INIT), ...cases] : cases),
    )
    t.deepEqual([...new Set(outcomes.filter((one) => use !== 'accepted' || one !== 'ignored'))], [use])
  })
}

test('every message of a client on a served channel is in the table', (t) => {
  const groups = MESSAGE_GROUPS.filter(
    ({ channel, direction }) => direction === 'client' && Object.hasOwn(CLIENT_USE, channel),
  )
  const declared = groups.flatMap(({ channel, messages }) =>
    Object.keys(messages).map((name) => `${channel} ${name}`),
  )
  const listed = Object.entries(CLIENT_USE).flatMap(([channel, uses]) =>
    Object.keys(uses).map((name) => `${channel} ${name}`),
  )
  t.deepEqual(listed.sort(), declared.sort())
})

const textBelow = (folder: string): string =>
  filesBelow(folder, ['.ts'])
    .map((path) => readFileSync(join(ROOT, path), 'utf8'))
    .join('\n')

const mentions = (text: string, pattern: RegExp): string[] =>
  [
    ...new Set(
      [...text.matchAll(pattern)].map(([, group = '', name = '']) => `${group.toLowerCase()} ${name}`),
    ),
  ].sort()

test('the channels send the messages that the table says they send', (t) => {
  const listed = Object.entries(SERVER_SENDS).flatMap(([channel, names]) =>
    names.map((name) => `${channel} ${name}`),
  )
  t.deepEqual(mentions(textBelow('src/channels'), /\b([a-z]+)Server\.(\w+)/g), listed.sort())
})

test('the capabilities that are announced and asked for are those of the table', (t) => {
  const words = (channel: string): readonly (readonly number[])[] =>
    channel === 'common'
      ? [COMMON_CAPS, SASL_COMMON_CAPS]
      : [channelCaps(CHANNEL_TYPES[channel as keyof typeof CHANNEL_TYPES])]
  const uses: Readonly<Record<string, Readonly<Record<string, { announced: boolean; asked: boolean }>>>> =
    CAP_USE
  const all = Object.entries(CAP_GROUPS).flatMap(([channel, caps]) =>
    Object.entries(caps).map(([name, bit]) => ({ channel, name, bit, use: uses[channel]?.[name] })),
  )
  const announced = all.filter(({ channel, bit }) => words(channel).some((word) => hasCap(word, bit)))
  const title = ({ channel, name }: { channel: string; name: string }): string => `${channel} ${name}`
  t.deepEqual(announced.map(title), all.filter(({ use }) => use?.announced === true).map(title))
  const asked = mentions(
    textBelow('src/channels') + textBelow('src/server'),
    /hasCap\([^()]*?\b([A-Z]+)_CAP\.(\w+)/g,
  )
  t.deepEqual(
    asked,
    all
      .filter(({ use }) => use?.asked === true)
      .map(title)
      .sort(),
  )
})

test('the served channels are those that have a type', (t) => {
  t.deepEqual(
    SERVED_CHANNELS.map((name) => channelName(CHANNEL_TYPES[name])),
    [...SERVED_CHANNELS],
  )
})
