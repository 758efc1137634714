import { createHook } from 'node:async_hooks'
import { connect, type Socket } from 'node:net'
import test from 'ava'
import {
  capsOf,
  CHANNEL_TYPES,
  encodeLinkMess,
  inputsClient,
  inputsServer,
} from '../../src/protocol/index.js'
import { withServer } from '../helpers/server-rig.js'
import { poll } from '../helpers/temp-deadline.js'

const { main, inputs, display } = CHANNEL_TYPES

const HELLO = encodeLinkMess({
  connectionId: 0,
  channelType: main,
  channelId: 0,
  commonCaps: capsOf([0, 3]),
  channelCaps: [],
})

/** A mechanism and a block that no key decrypts. */
const TICKET = Buffer.concat([Uint8Array.of(1, 0, 0, 0), Buffer.alloc(128, 7)])

/** How many key pairs of this process are made at the same time. */
class KeyWatch {
  /** Most at any time. */
  most = 0
  made = 0
  readonly #making = new Set<number>()
  readonly #hook = createHook({
    init: (id, type) => {
      if (type === 'KEYPAIRGENREQUEST') {
        this.#making.add(id)
        this.made += 1
        this.most = Math.max(this.most, this.#making.size)
      }
    },
    before: (id) => void this.#making.delete(id),
  })

  start(): void {
    this.#hook.enable()
  }

  stop(): void {
    this.#hook.disable()
  }
}

test(
  'N-LINK-13: a thousand links from many sources cost one key pair at a time, and a session lives on',
  withServer({}, async (t, rig) => {
    const watch = new KeyWatch()
    watch.start()
    t.teardown(() => watch.stop())
    const { connectionId } = await rig.client()
    const { channel } = await rig.link({ type: inputs, connectionId })
    await channel.expect(inputsServer.init)
    const sockets = new Set<Socket>()
    let ended = 0
    const attack = (index: number): void => {
      const localAddress = `127.${1 + (index % 40)}.${(index >> 3) % 250}.${1 + (index % 250)}`
      const socket = connect({ port: rig.port, host: '127.0.0.1', localAddress })
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('connect', () => socket.write(HELLO))
      socket.once('data', () => socket.write(TICKET))
      socket.on('close', () => {
        sockets.delete(socket)
        ended += 1
      })
    }
    for (let wave = 0; wave < 10; wave++) {
      for (let i = 0; i < 100; i++) {
        attack(100 * wave + i)
      }
      for (let i = 0; i < 4; i++) {
        channel.send(inputsClient.mouseMotion, { dx: 1, dy: 0, buttons: 0 })
      }
      await channel.expect(inputsServer.mouseMotionAck)
    }
    await poll('all of them to be answered or refused', () => ended === 1000, { deadlineMs: 30_000 })
    t.is(watch.most, 1)
    t.true(watch.made > 1)
    t.is(rig.metrics.clients.get(), 1)
    t.is(rig.metrics.channels.get('main'), 1)
    t.is((await rig.link({ type: display, connectionId })).result, 0)
  }),
)
