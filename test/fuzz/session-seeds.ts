import fc from 'fast-check'
import {
  AGENT_TYPE,
  commonClient,
  displayClient,
  encodeAgentMessage,
  encodeMonitorsConfig,
  inputsClient,
  mainClient,
  SERVED_CHANNELS,
  type Message,
} from '../../src/protocol/index.js'
import { arbitraryOfMessage } from '../helpers/arbitraries.js'
import type { ServedChannel } from '../helpers/channel-world.js'
import { CLIENT_MESSAGES, OPERATION } from './session.js'

const op = (name: keyof typeof OPERATION, ...bytes: readonly number[]): number[] => [
  OPERATION[name],
  ...bytes,
]

const on = (channel: ServedChannel): number => SERVED_CHANNELS.indexOf(channel)

const say = <T>(channel: ServedChannel, message: Message<T>, value: T): number[] => {
  const body = message.encode(value)
  const index = CLIENT_MESSAGES[channel].findIndex(({ id }) => id === message.id)
  return op('say', on(channel) | (index << 2), body.length, ...body)
}

const INIT = { pixmapCacheId: 1, pixmapCacheSize: 100n, glzDictionaryId: 1, glzWindowSize: 100 }
const start = say('display', displayClient.init, INIT)
const sync = (channel: ServedChannel): number[] => say(channel, commonClient.ackSync, { generation: 1 })
const acks = (channel: ServedChannel): number[] =>
  Array.from({ length: 4 }, () => say(channel, commonClient.ack, {})).flat()
const frame = op('scanout', 30, 20, 7)
const draw = (x: number, y: number): number[] => op('damage', x, y, 9, 5, x + y)
const draws = Array.from({ length: 12 }, (_, i) => [...draw(i, i), ...op('pump', on('display'))]).flat()

const layout = encodeAgentMessage(
  AGENT_TYPE.monitorsConfig,
  encodeMonitorsConfig({
    flags: 0,
    monitors: [{ width: 800, height: 600, depth: 32, x: 0, y: 0, widthMm: 0, heightMm: 0 }],
  }),
)

/** Each message of each channel with bodies that are valid. */
const everyMessage = SERVED_CHANNELS.map((channel) =>
  CLIENT_MESSAGES[channel].flatMap((message, index) =>
    fc
      .sample(arbitraryOfMessage(message), { seed: index, numRuns: 2 })
      .flatMap((value) => say(channel, message, value)),
  ),
)

const mini = (...operations: readonly (readonly number[])[]): Uint8Array =>
  Uint8Array.from([0, ...operations.flat()])

/** Sessions that people have, and all that a client can say. */
export const sessionSeeds = (): readonly Uint8Array[] => [
  mini(frame, start, sync('display'), draws, op('catchUp', on('display')), draws),
  mini(frame, acks('display'), start, sync('display'), acks('display'), draws, acks('display'), draws),
  mini(sync('cursor'), acks('cursor'), op('shape', 2, 2, 0, 0, 0), op('pump', on('cursor')), acks('cursor')),
  mini(start, frame, op('handOver', on('display')), op('scanout', 8, 8, 1), op('dark'), frame, draws),
  mini(
    start,
    op('room', on('display')),
    frame,
    draws,
    op('room', on('display')),
    op('pumpAll', on('display')),
  ),
  mini(
    op('shape', 4, 4, 0xff, 1, 1),
    op('pointer', 0, 3, 4),
    sync('cursor'),
    op('pump', on('cursor')),
    op('pointer', 1, 3, 4),
    op('pump', on('cursor')),
    op('noShape'),
    op('shape', 6, 2, 0x7f, 9, 0),
  ),
  mini(
    ...Array.from({ length: 16 }, (_, i) => [
      ...op('pointer', 0, i, i),
      ...op('shape', i, i, i, 0, 0),
      ...op('pump', on('cursor')),
    ]),
  ),
  mini(
    say('inputs', inputsClient.keyDown, { code: 0x1e }),
    say('inputs', inputsClient.keyScancode, { codes: Uint8Array.of(0xe0, 0x5b, 0x3a, 0xba, 0x45) }),
    say('inputs', inputsClient.keyModifiers, { modifiers: 2 }),
    say('inputs', inputsClient.mouseMotion, { dx: 5, dy: -5, buttons: 1 }),
    op('handOver', on('inputs')),
    op('lights', 3),
    op('time', 20),
  ),
  mini(
    op('tablet', 0),
    say('main', mainClient.mouseModeRequest, { mode: 2 }),
    say('inputs', inputsClient.mousePosition, { x: 9, y: 9, buttons: 4, displayId: 0 }),
    say('inputs', inputsClient.mousePress, { button: 4, buttons: 4 }),
    op('tablet', 1),
    op('reopen', on('inputs')),
  ),
  mini(
    op('consoles', 1),
    say('main', mainClient.attachChannels, {}),
    say('main', mainClient.agentStart, { tokens: 5 }),
    say('main', mainClient.agentData, { data: layout.subarray(0, 30) }),
    op('handOver', on('main')),
    say('main', mainClient.agentData, { data: layout.subarray(30) }),
    op('consoles', 2),
    op('time', 80),
    say('main', commonClient.pong, { id: 2, timestamp: 0n }),
    op('layouts', 1),
    op('layouts', 0),
  ),
  ...everyMessage.map((messages) => mini(frame, start, messages)),
  ...everyMessage.map((messages) => Uint8Array.from([1, ...start, ...frame, ...messages])),
]
