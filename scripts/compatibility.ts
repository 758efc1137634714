import { readdirSync, readFileSync } from 'node:fs'
import {
  CAP_GROUPS,
  CAP_USE,
  CHANNEL_TYPES,
  CLIENT_USE,
  describeField,
  MESSAGE_GROUPS,
  SERVED_CHANNELS,
  SERVER_SENDS,
  type ChannelName,
  type ClientUse,
  type MessageGroup,
} from '../src/protocol/index.js'

type Cell = string | number
type Table = (head: readonly string[], rows: readonly (readonly Cell[])[]) => string
type Group = ChannelName | 'common'

const isServed = (channel: Group): boolean =>
  channel === 'common' || (SERVED_CHANNELS as readonly string[]).includes(channel)

/** Tests by the messages that they name, such as `mainServer.init`. */
const testsByMessage = (): ReadonlyMap<string, readonly string[]> => {
  const found = new Map<string, string[]>()
  const paths = readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .sort()
  for (const path of paths) {
    const text = readFileSync(`test/${path}`, 'utf8')
    for (const name of new Set(text.match(/\b[a-z]+(?:Server|Client)\.\w+/g))) {
      const tests = found.get(name) ?? []
      found.set(name, tests)
      tests.push(path.slice(0, -'.test.ts'.length))
    }
  }
  return found
}

const USES: Readonly<Record<ClientUse, string>> = {
  accepted: 'accepted',
  ignored: 'ignored',
  refused: 'closes the channel',
}

const useOf = ({ channel, direction }: MessageGroup, name: string): string => {
  if (!isServed(channel)) {
    return 'no such channel yet'
  }
  if (direction === 'server') {
    const sends: Readonly<Record<string, readonly string[]>> = SERVER_SENDS
    return sends[channel]?.includes(name) === true ? 'sent' : 'never sent'
  }
  const uses: Readonly<Record<string, Readonly<Record<string, ClientUse>>>> = CLIENT_USE
  const use = uses[channel]?.[name]
  return use === undefined ? 'unknown' : USES[use]
}

const messages = (group: MessageGroup, tests: ReturnType<typeof testsByMessage>, table: Table): string => {
  const { channel, direction } = group
  const side = direction === 'server' ? 'Server' : 'Client'
  const rows = Object.entries(group.messages)
    .sort(([, a], [, b]) => a.id - b.id)
    .map(([name, message]) => [
      message.id,
      `\`${name}\``,
      useOf(group, name),
      describeField(message.fields) || 'nothing',
      (tests.get(`${channel}${side}.${name}`) ?? []).join(', '),
    ])
  return table(['number', 'message', 'use', 'body', 'named in tests'], rows)
}

const capabilities = (channel: Group, table: Table): string[] => {
  const groups: Partial<Record<Group, Readonly<Record<string, number>>>> = CAP_GROUPS
  const caps = groups[channel]
  if (caps === undefined) {
    return []
  }
  const uses: Readonly<Record<string, (typeof CAP_USE)['common']>> = CAP_USE
  const rows = Object.entries(caps).map(([name, bit]) => {
    const use = uses[channel]?.[name]
    return [
      bit,
      `\`${name}\``,
      use?.announced === true ? 'yes' : 'no',
      use?.asked === true ? "only with the client's" : 'no',
    ]
  })
  return ['Capabilities:', table(['bit', 'capability', 'announced', 'acted upon'], rows)]
}

const section = (
  channel: Group,
  tests: ReturnType<typeof testsByMessage>,
  table: Table,
): readonly string[] => {
  const groups = MESSAGE_GROUPS.filter((group) => group.channel === channel)
  const title = channel === 'common' ? 'All channels' : `${channel} (channel type ${CHANNEL_TYPES[channel]})`
  return [
    `## ${title}`,
    ...groups.flatMap((group) => [
      group.direction === 'server' ? 'From the server:' : 'From the client:',
      messages(group, tests, table),
    ]),
    ...capabilities(channel, table),
  ]
}

/** What of the protocol there is: a section for each channel. */
export const compatibility = (table: Table): readonly string[] => {
  const tests = testsByMessage()
  const channels: readonly Group[] = ['common', ...(Object.keys(CHANNEL_TYPES) as ChannelName[])]
  return [
    [
      'Every message and capability of the SPICE protocol, and what this version makes of it.',
      'All messages are coded and decoded by a schema, and generated tests and the fuzzer walk over all of them; the last column is the tests that name one.',
      'Unit tests hold the channels to the column `use`.',
    ].join('\n'),
    [
      `Channels that clients are offered: ${SERVED_CHANNELS.join(', ')}.`,
      'A message of a client that is not in its table closes its channel.',
    ].join('\n'),
    ...channels.flatMap((channel) => section(channel, tests, table)),
  ]
}
