import type { ChannelName } from './channel-type.js'
import {
  commonClient,
  commonServer,
  cursorServer,
  displayClient,
  displayServer,
  inputsClient,
  inputsServer,
  mainClient,
  mainServer,
  playbackServer,
  portClient,
  portServer,
  recordClient,
  recordServer,
  smartcardClient,
  smartcardServer,
  usbredirClient,
  usbredirServer,
  webdavClient,
  webdavServer,
} from './messages/index.js'
import type { Message } from './schema.js'

/** Who sends a message. */
export type Direction = 'server' | 'client'

export interface MessageGroup {
  readonly channel: ChannelName | 'common'
  readonly direction: Direction
  readonly messages: Readonly<Record<string, Message<unknown>>>
}

/** Every message of every channel, once; generated tests and the documentation walk over it. */
export const MESSAGE_GROUPS: readonly MessageGroup[] = [
  { channel: 'common', direction: 'server', messages: commonServer },
  { channel: 'common', direction: 'client', messages: commonClient },
  { channel: 'main', direction: 'server', messages: mainServer },
  { channel: 'main', direction: 'client', messages: mainClient },
  { channel: 'display', direction: 'server', messages: displayServer },
  { channel: 'display', direction: 'client', messages: displayClient },
  { channel: 'inputs', direction: 'server', messages: inputsServer },
  { channel: 'inputs', direction: 'client', messages: inputsClient },
  { channel: 'cursor', direction: 'server', messages: cursorServer },
  { channel: 'playback', direction: 'server', messages: playbackServer },
  { channel: 'record', direction: 'server', messages: recordServer },
  { channel: 'record', direction: 'client', messages: recordClient },
  { channel: 'smartcard', direction: 'server', messages: smartcardServer },
  { channel: 'smartcard', direction: 'client', messages: smartcardClient },
  { channel: 'usbredir', direction: 'server', messages: usbredirServer },
  { channel: 'usbredir', direction: 'client', messages: usbredirClient },
  { channel: 'port', direction: 'server', messages: portServer },
  { channel: 'port', direction: 'client', messages: portClient },
  { channel: 'webdav', direction: 'server', messages: webdavServer },
  { channel: 'webdav', direction: 'client', messages: webdavClient },
]

export interface NamedMessage {
  readonly name: string
  readonly message: Message<unknown>
}

/** The message of a number on a channel, its own or a common one; `undefined` when there is none. */
export const findMessage = (
  channel: ChannelName,
  direction: Direction,
  id: number,
): NamedMessage | undefined => {
  for (const group of MESSAGE_GROUPS) {
    if (group.direction !== direction || (group.channel !== channel && group.channel !== 'common')) {
      continue
    }
    for (const [name, message] of Object.entries(group.messages)) {
      if (message.id === id) {
        return { name, message }
      }
    }
  }
  return undefined
}

const fixedSizesOf = (channel: ChannelName): ReadonlyMap<number, number> =>
  new Map(
    MESSAGE_GROUPS.filter(
      (group) => group.direction === 'client' && (group.channel === channel || group.channel === 'common'),
    ).flatMap(({ messages }) =>
      Object.values(messages)
        .filter(({ minSize, maxSize }) => minSize === maxSize)
        .map(({ id, minSize }) => [id, minSize] as const),
    ),
  )

const FIXED_SIZES = new Map<ChannelName, ReadonlyMap<number, number>>()

/** Body sizes, by number, of those messages of a client whose size is always the same; made once a channel type. */
export const fixedClientSizes = (channel: ChannelName): ReadonlyMap<number, number> => {
  const known = FIXED_SIZES.get(channel)
  if (known !== undefined) {
    return known
  }
  const sizes = fixedSizesOf(channel)
  FIXED_SIZES.set(channel, sizes)
  return sizes
}
