import test from 'ava'
import { rectOf } from '../../src/core/region.js'
import {
  CHANNEL_TYPES,
  commonServer,
  cursorServer,
  displayClient,
  inputsClient,
  inputsServer,
  LINK_ERROR,
  mainClient,
  mainServer,
} from '../../src/protocol/index.js'
import { testFrame } from '../helpers/frames.js'
import { PaintedSurface } from '../helpers/painted.js'
import { pictureOf } from '../helpers/picture-of.js'
import type { ScriptedChannel } from '../helpers/scripted-client.js'
import { withServer } from '../helpers/server-rig.js'
import { poll } from '../helpers/temp-deadline.js'

const INIT = { pixmapCacheId: 1, pixmapCacheSize: 20971520n, glzDictionaryId: 1, glzWindowSize: 3145728 }
const { main, display, inputs, cursor } = CHANNEL_TYPES

/** Follows a display channel until its picture is as wanted. */
const follow = async (
  channel: ScriptedChannel,
  surface: PaintedSurface,
  until: () => boolean,
): Promise<void> => {
  while (!until()) {
    const framed = await channel.next()
    if (framed === undefined) {
      throw new Error('display channel ended')
    }
    surface.follow([framed])
  }
}

for (const mini of [true, false]) {
  test(
    `a whole session with ${mini ? 'mini' : 'full'} headers: picture, keys, pointer, cursor`,
    withServer({}, async (t, rig) => {
      const frame = testFrame(200, 120)
      rig.model.consolesChanged([{ index: 0, label: 'video0', head: 0 }])
      rig.model.scanout(0, frame)
      const { channel: mainChannel } = await rig.link({ type: main, mini })
      const { sessionId } = await mainChannel.expect(mainServer.init)
      mainChannel.send(mainClient.attachChannels, {})
      const { channels } = await mainChannel.expect(mainServer.channelsList)
      t.deepEqual(channels, [
        { type: display, id: 0 },
        { type: inputs, id: 0 },
        { type: cursor, id: 0 },
      ])
      const linked = await Promise.all(
        channels.map(({ type, id }) => rig.link({ type, id, connectionId: sessionId, mini })),
      )
      t.deepEqual(
        linked.map(({ result }) => result),
        [0, 0, 0],
      )
      const [displayChannel, inputsChannel, cursorChannel] = linked.map(({ channel }) => channel)

      displayChannel!.send(displayClient.init, INIT)
      const surface = new PaintedSurface()
      await follow(displayChannel!, surface, () => surface.marked)
      t.deepEqual(surface.pixels, pictureOf(frame))
      frame.pixels.fill(50, 0, 20 * frame.stride)
      rig.model.damage(0, [rectOf(0, 0, 200, 20)])
      await follow(displayChannel!, surface, () => Buffer.compare(surface.pixels, pictureOf(frame)) === 0)

      await inputsChannel!.expect(inputsServer.init)
      inputsChannel!.send(inputsClient.keyDown, { code: 0x1e })
      inputsChannel!.send(inputsClient.keyUp, { code: 0x9e })
      inputsChannel!.send(inputsClient.mouseMotion, { dx: 3, dy: 4, buttons: 0 })
      await poll('input at the guest', () => rig.guest.log.length === 3)
      t.deepEqual(rig.guest.log, ['key 1e down', 'key 1e up', 'motion 3 4'])

      await cursorChannel!.expect(commonServer.setAck)
      await cursorChannel!.expect(cursorServer.init)
      t.true(rig.metrics.bytesSent.get('display') > 0)
      t.is(rig.metrics.clients.get(), 1)
      for (const { channel } of linked) {
        channel.destroy()
      }
      mainChannel.destroy()
      await poll('the session to end', () => rig.metrics.clients.get() === 0)
      t.is(rig.metrics.clientsEnded.get('left') + rig.metrics.clientsEnded.get('lost'), 1)
    }),
  )
}

test(
  'a picture that comes later, and of another size, reaches the client',
  withServer({}, async (t, rig) => {
    const { connectionId } = await rig.client()
    const { channel } = await rig.link({ type: display, connectionId })
    channel.send(displayClient.init, INIT)
    const surface = new PaintedSurface()
    for (const frame of [testFrame(64, 48), testFrame(100, 20), testFrame(64, 48, 9)]) {
      rig.model.scanout(0, frame)
      await follow(channel, surface, () => surface.marked && surface.width === frame.width)
      await follow(channel, surface, () => Buffer.compare(surface.pixels, pictureOf(frame)) === 0)
    }
    t.pass()
  }),
)

test(
  'takeover: the second client replaces the first, which is told',
  withServer({ clients: 'takeover' }, async (t, rig) => {
    const first = await rig.client()
    const second = await rig.client()
    const { message } = await first.main.expect(commonServer.notify)
    t.is(message, 'another client took over')
    await first.main.expect(commonServer.disconnecting)
    await first.main.closed()
    t.is(rig.metrics.clients.get(), 1)
    t.is(rig.metrics.clientsEnded.get('takeover'), 1)
    const { result } = await rig.link({ type: inputs, connectionId: second.connectionId })
    t.is(result, LINK_ERROR.ok)
  }),
)

test(
  'refuse: the second client is told why, the first goes on',
  withServer({ clients: 'refuse' }, async (t, rig) => {
    const first = await rig.client()
    const { channel } = await rig.link({ type: main })
    t.is((await channel.expect(commonServer.notify)).message, 'another client is connected')
    await channel.closed()
    first.main.send(mainClient.attachChannels, {})
    await first.main.expect(mainServer.channelsList)
    t.is(rig.metrics.clients.get(), 1)
    t.is(rig.metrics.linkRefusals.get('busy'), 1)
  }),
)

test(
  'share: two clients see one picture; a third is one too many for the limit',
  withServer({ clients: 'share', limits: { clients: 2 } }, async (t, rig) => {
    const frame = testFrame(90, 40)
    rig.model.scanout(0, frame)
    for (let i = 0; i < 2; i++) {
      const { connectionId } = await rig.client()
      const { channel } = await rig.link({ type: display, connectionId })
      channel.send(displayClient.init, INIT)
      const surface = new PaintedSurface()
      await follow(channel, surface, () => surface.marked)
      t.deepEqual(surface.pixels, pictureOf(frame))
    }
    const { channel } = await rig.link({ type: main })
    await channel.closed()
    t.is(rig.metrics.clients.get(), 2)
    t.is(rig.metrics.limitHits.get('clients'), 1)
  }),
)

test(
  'the keys that a client holds are released when its connection breaks',
  withServer({}, async (t, rig) => {
    const { connectionId } = await rig.client()
    const { channel } = await rig.link({ type: inputs, connectionId })
    channel.send(inputsClient.keyDown, { code: 0x1d })
    channel.send(inputsClient.mousePress, { button: 3, buttons: 4 })
    await poll('input at the guest', () => rig.guest.log.length === 2)
    channel.reader.socket.resetAndDestroy()
    await poll('release', () => rig.guest.log.length === 4)
    t.deepEqual(rig.guest.log.slice(2), ['key 1d up', 'button 2 up'])
  }),
)

test(
  'shutdown tells every client and frees the port',
  withServer({ clients: 'share' }, async (t, rig) => {
    const clients = [await rig.client(), await rig.client()]
    const ended = Promise.all(clients.map(({ main: channel }) => channel.expect(commonServer.disconnecting)))
    await rig.server.close()
    t.is((await ended).length, 2)
    t.is(rig.metrics.clients.get(), 0)
  }),
)
