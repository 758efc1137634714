import fc from 'fast-check'
import { DEFAULT_LIMITS } from '../../../src/core/limits.js'
import {
  commonClient,
  displayClient,
  inputsClient,
  mainClient,
  SERVED_CHANNELS,
  type Message,
} from '../../../src/protocol/index.js'
import { arbitraryOfMessage } from '../../helpers/arbitraries.js'
import type { ServedChannel } from '../../helpers/channel-world.js'
import { DRIVEN, DrivenClients } from '../driven-clients.js'
import type { Oracle } from '../oracle.js'
import { CLIENT_MESSAGES } from '../session.js'

/** Operations of one input. */
const MAX_OPERATIONS = 300

const LIMITS = { ...DEFAULT_LIMITS, 'input-rate': 50, 'input-burst': 50 }
const TIGHT = { ...LIMITS, 'out-soft': 512, 'out-hard': 1024 }

const op = (name: keyof typeof DRIVEN, ...bytes: readonly number[]): number[] => [DRIVEN[name], ...bytes]

const line = (client: number, channel: ServedChannel): number =>
  client | (SERVED_CHANNELS.indexOf(channel) << 1)

const say = <T>(
  client: number,
  channel: ServedChannel,
  message: Message<T>,
  value: T,
  piece = 0,
): number[] => {
  const body = message.encode(value)
  const index = CLIENT_MESSAGES[channel].findIndex(({ id }) => id === message.id)
  return op('say', line(client, channel) | (index << 3), piece, body.length, ...body)
}

const INIT = { pixmapCacheId: 1, pixmapCacheSize: 100n, glzDictionaryId: 1, glzWindowSize: 100 }
const start = (client: number, piece = 0): number[] => say(client, 'display', displayClient.init, INIT, piece)
const frame = op('scanout', 30, 20, 7)
const settle = op('settle')
const draws = Array.from({ length: 8 }, (_, i) => [...op('damage', i, i, 9, 5), ...op('turn')]).flat()
const both = (...operations: readonly (readonly number[])[]): Uint8Array =>
  Uint8Array.from([2, ...operations.flat()])
const keys = (client: number): number[] => [
  ...say(client, 'inputs', inputsClient.keyDown, { code: 0x1e }, 1),
  ...say(client, 'inputs', inputsClient.mousePress, { button: 1, buttons: 5 }, 3),
]

const everyMessage = SERVED_CHANNELS.map((channel) =>
  CLIENT_MESSAGES[channel].flatMap((message, index) =>
    fc
      .sample(arbitraryOfMessage(message), { seed: index, numRuns: 2 })
      .flatMap((value, at) => say(at, channel, message, value, 1 + index)),
  ),
)

/**
 * Two clients of one guest, behind the real driver of each connection: the stream comes in any pieces, the peer takes
 * what it likes, ends or breaks in the middle. Each connection is closed once, by a fault of its own peer and with no
 * effect on another, what waits for a client is bounded, who goes on has the guest's picture, and in the end no timer,
 * no socket and no pressed key is left.
 */
export const drivenClients: Oracle = {
  name: 'driven-clients',

  seeds: () => [
    both(frame, start(0), start(1, 3), settle, draws, settle),
    both(start(0), frame, op('take', line(0, 'display'), 2), draws, op('take', line(0, 'display'), 9), draws),
    both(start(0), start(1), frame, op('breaks', line(0, 'display')), draws, settle, start(0)),
    both(start(0), start(1), frame, op('turn'), op('reopen', line(1, 'display')), draws, start(1), settle),
    both(keys(0), keys(1), op('end', line(0, 'inputs')), op('breaks', line(1, 'inputs')), keys(0)),
    both(keys(0), op('feed', line(0, 'inputs'), 3, 0x66, 0, 4), op('end', line(0, 'inputs')), keys(1)),
    both(Array.from({ length: 60 }, () => keys(0)).flat(), op('turn'), op('time', 20), op('turn')),
    both(
      say(0, 'main', mainClient.attachChannels, {}),
      settle,
      Array.from({ length: 12 }, () => [...op('time', 3), ...settle]).flat(),
      Array.from({ length: 12 }, () => op('time', 80)).flat(),
    ),
    both(
      op('shape', 4, 4, 0xff),
      op('pointer', 0, 3, 4),
      op('take', line(1, 'cursor'), 255),
      op('answer', line(1, 'cursor'), 2),
      Array.from({ length: 16 }, (_, i) => [...op('shape', i, i, i), ...op('turn')]).flat(),
      settle,
    ),
    both(
      say(0, 'display', commonClient.ack, {}, 1),
      frame,
      start(0),
      Array.from({ length: 6 }, () => [...draws, ...op('take', line(0, 'display'), 255)]).flat(),
      op('time', 160),
      settle,
    ),
    Uint8Array.from([
      4,
      ...start(0),
      ...draws,
      ...op('scanout', 39, 39, 3),
      ...op('turn'),
      ...draws,
      ...op('time', 60),
    ]),
    ...everyMessage.map((messages) => both(frame, start(0), start(1), messages, settle)),
    ...everyMessage.map((messages) => Uint8Array.from([1, ...frame, ...start(0), ...messages])),
  ],

  run: (input) => {
    const clients = new DrivenClients(input, [LIMITS, TIGHT])
    for (let operation = 0; operation < MAX_OPERATIONS && clients.more; operation++) {
      clients.step()
    }
    clients.finish()
    return clients.faults === 0
  },
}
