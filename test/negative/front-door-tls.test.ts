import { once } from 'node:events'
import { connect } from 'node:net'
import test from 'ava'
import { LINK_ERROR } from '../../src/protocol/index.js'
import { linkOver, SocketReader } from '../helpers/scripted-client.js'
import { ServerRig } from '../helpers/server-rig.js'
import { tlsFrontOf } from '../helpers/tls-front.js'
import { removeTempDirectory, tempDirectory } from '../helpers/temp.js'
import { certificates, openTls, writeX509 } from '../helpers/tls.js'

const HEADER = Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000207c000020110001000', 'hex')

test('PROXY: a header ahead of TLS names the source, in one piece with the handshake or not', async (t) => {
  const set = await certificates()
  const directory = tempDirectory()
  t.teardown(() => removeTempDirectory(directory))
  writeX509(directory, set)
  const front = tlsFrontOf(directory)
  front.start()
  const rig = new ServerRig({
    clients: 'share',
    frontDoor: { allowFrom: [], trustedProxies: [{ address: '127.0.0.1', prefix: 32, family: 'ipv4' }] },
    doors: { tlsListen: [{ kind: 'tcp', host: '127.0.0.1', port: 0 }], tls: front },
  })
  await rig.start()
  t.teardown(() => rig.server.close())
  for (const together of [true, false]) {
    const socket = connect(rig.ports[1] ?? 0, '127.0.0.1')
    await once(socket, 'connect')
    if (together) {
      socket.cork()
      process.nextTick(() => setImmediate(() => socket.uncork()))
    }
    socket.write(HEADER)
    const secured = await openTls({ socket, ca: set.ca, servername: 'localhost' })
    const { result } = await linkOver(new SocketReader(secured), { type: 1, ticket: 'secret' })
    t.is(result, LINK_ERROR.ok)
  }
  t.deepEqual(
    rig.server.clientReports().map(({ source, channels }) => [source, channels[0]?.tls]),
    [
      ['192.0.2.7', true],
      ['192.0.2.7', true],
    ],
  )
})
