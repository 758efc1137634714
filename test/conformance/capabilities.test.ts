import test from 'ava'
import {
  CHANNEL_TYPES,
  commonServer,
  decodeLinkReply,
  displayClient,
  displayServer,
  encodeLinkMess,
  mainClient,
  mainServer,
} from '../../src/protocol/index.js'
import { testFrame } from '../helpers/frames.js'
import { openSocket, ScriptedChannel, ticketBlock } from '../helpers/scripted-client.js'
import { withServer, type ServerRig } from '../helpers/server-rig.js'

const INIT = { pixmapCacheId: 1, pixmapCacheSize: 20971520n, glzDictionaryId: 1, glzWindowSize: 3145728 }
const { main, display, inputs, cursor } = CHANNEL_TYPES

interface StockClient {
  readonly name: string
  readonly common: number
  /** Words by channel type. */
  readonly words: Readonly<Record<number, readonly number[]>>
  readonly named: boolean
  readonly heads: boolean
}

/** What stock clients send (`protocol-session.md` 1.4; spice-html5 as Debian has it). */
const CLIENTS: readonly StockClient[] = [
  {
    name: 'spice-gtk',
    common: 0xd,
    words: { [main]: [0xf], [display]: [0x6fbf], [inputs]: [], [cursor]: [] },
    named: true,
    heads: true,
  },
  {
    name: 'spice-gtk without SASL',
    common: 0x9,
    words: { [main]: [0xf], [display]: [0x6fbf], [inputs]: [], [cursor]: [] },
    named: true,
    heads: true,
  },
  {
    name: 'spice-html5',
    common: 0x9,
    words: { [main]: [0x4], [display]: [0x711], [inputs]: [], [cursor]: [] },
    named: false,
    heads: false,
  },
  {
    name: 'a client with all bits that there may be',
    common: 0xffff_ffff,
    words: Object.fromEntries(
      [main, display, inputs, cursor].map((type) => [type, [0xffff_ffff, 0xffff_ffff]]),
    ),
    named: true,
    heads: true,
  },
  {
    name: 'a client without capabilities but the choice of the way to authenticate',
    common: 0x1,
    words: { [main]: [], [display]: [], [inputs]: [], [cursor]: [] },
    named: false,
    heads: false,
  },
]

/** Our words for each channel. */
const OURS: Readonly<Record<number, readonly number[]>> = {
  [main]: [0x6],
  [display]: [0x1052],
  [inputs]: [0x1],
  [cursor]: [],
}

const linkAs = async (rig: ServerRig, client: StockClient, type: number, connectionId: number) => {
  const reader = await openSocket(rig.where)
  reader.socket.write(
    encodeLinkMess({
      connectionId,
      channelType: type,
      channelId: 0,
      commonCaps: [client.common],
      channelCaps: client.words[type] ?? [],
    }),
  )
  const header = await reader.read(16)
  const reply = decodeLinkReply((await reader.read(header?.readUInt32LE(12) ?? 0)) ?? new Uint8Array(0))
  reader.socket.write(Buffer.concat([Uint8Array.of(1, 0, 0, 0), ticketBlock(reply.publicKey, 'secret')]))
  const result = (await reader.read(4))?.readUInt32LE(0)
  const mini = (client.common & 0x8) !== 0
  return { reply, result, channel: new ScriptedChannel(reader, mini) }
}

/** Ids of the messages up to one of this id. */
const idsUntil = async (channel: ScriptedChannel, id: number): Promise<number[]> => {
  const ids: number[] = []
  for (let framed = await channel.next(); framed !== undefined; framed = await channel.next()) {
    ids.push(framed.type)
    if (framed.type === id) {
      return ids
    }
  }
  throw new Error(`channel ended before message ${id}`)
}

for (const client of CLIENTS) {
  test(
    `${client.name} is told our capabilities and sent what it can read`,
    withServer({}, async (t, rig) => {
      rig.vm.name = 'demo'
      rig.vm.uuid = new Uint8Array(16)
      rig.model.consolesChanged([{ index: 0, label: 'video0', head: 0 }])
      rig.model.scanout(0, testFrame(20, 10))
      const { reply, result, channel } = await linkAs(rig, client, main, 0)
      t.is(result, 0)
      t.deepEqual(reply.commonCaps, [0xb])
      t.deepEqual(reply.channelCaps, OURS[main])
      const { sessionId } = await channel.expect(mainServer.init)
      channel.send(mainClient.attachChannels, {})
      const ids = await idsUntil(channel, mainServer.channelsList.id)
      t.is(ids.includes(mainServer.name.id), client.named)
      t.is(ids.includes(mainServer.uuid.id), client.named)
      for (const type of [display, inputs, cursor]) {
        const linked = await linkAs(rig, client, type, sessionId)
        t.is(linked.result, 0)
        t.deepEqual(linked.reply.commonCaps, [0xb])
        t.deepEqual(linked.reply.channelCaps, OURS[type])
        if (type === display) {
          linked.channel.send(displayClient.init, INIT)
          const sent = await idsUntil(linked.channel, displayServer.mark.id)
          t.is(sent[0], commonServer.setAck.id)
          t.is(sent.includes(displayServer.monitorsConfig.id), client.heads)
        }
      }
    }),
  )
}
