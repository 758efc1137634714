import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { HttpProxy, whyNoHttpProxy } from '../helpers/http-proxy.js'
import { reportFile, untilSame } from '../helpers/qemu-rig.js'
import { startQemu, whyNoQemu, type Qemu } from '../helpers/qemu.js'
import { PROGRAM, startSidecar, whyNoSidecar } from '../helpers/sidecar-process.js'
import { SpiceClient } from '../helpers/spice-client.js'
import { poll } from '../helpers/temp-deadline.js'
import { runCommand } from '../helpers/temp-process.js'
import { Cleanup, tempDirectory } from '../helpers/temp.js'
import { certificates, writeX509 } from '../helpers/tls.js'
import { remoteViewer, startXvfb } from '../helpers/x-server.js'

const missing = whyNoQemu({ guest: false }) ?? whyNoSidecar() ?? whyNoHttpProxy()
const serial = missing === undefined ? test.serial : test.serial.skip

/** Main, display, cursor and inputs come in one by one, each through the proxy. */
const CHANNELS = 4

let qemu: Qemu
let cleanup: Cleanup

test.before(async () => {
  if (missing === undefined) {
    qemu = await startQemu({ guest: false })
  }
})
test.beforeEach(() => {
  cleanup = new Cleanup()
})
test.afterEach.always(() => cleanup.run())

const started = performance.now()
test.after.always('stop', async () => {
  if (missing === undefined) {
    await qemu.stop()
  }
  reportFile('http-proxy', started, missing)
})

const proxyTo = async (port: number): Promise<HttpProxy> => {
  const proxy = await HttpProxy.start(port)
  cleanup.add(() => proxy.stop())
  return proxy
}

serial('a client of the library comes through an HTTP proxy with a password', async (t) => {
  const sidecar = await startSidecar({ qmp: qemu.paths.sidecarQmp })
  cleanup.add(async () => {
    await sidecar.stop()
  })
  const proxy = await proxyTo(sidecar.port)
  const client = await SpiceClient.connected({
    host: '127.0.0.1',
    port: sidecar.port,
    proxy: proxy.url,
  })
  cleanup.add(() => client.stop())
  await untilSame(qemu, () => client.picture(), 'the picture of QEMU')
  t.true(proxy.connects(`127.0.0.1:${sidecar.port}`) >= CHANNELS, proxy.output())
})

serial(
  'remote-viewer comes through an HTTP proxy that its connection file names, with TLS inside',
  async (t) => {
    const directory = tempDirectory()
    const x509 = writeX509(join(directory, 'x509'), await certificates())
    const ticketFile = join(directory, 'ticket')
    writeFileSync(ticketFile, 'open sesame\n', { mode: 0o600 })
    const sidecar = await startSidecar({
      qmp: qemu.paths.sidecarQmp,
      listen: [],
      ticket: 'open sesame',
      flags: ['--tls-listen', '127.0.0.1:0', '--x509-dir', x509],
    })
    cleanup.add(async () => {
      await sidecar.stop()
    })
    await sidecar.logged('Listening')
    const proxy = await proxyTo(sidecar.port)
    const file = join(directory, 'guest.vv')
    await runCommand(PROGRAM, [
      ...['viewer-file', '--tls-listen', `127.0.0.1:${sidecar.port}`, '--x509-dir', x509],
      ...['--ticket-file', ticketFile, '--proxy', proxy.url, '--title', 'Far away', '--output', file],
    ])
    const x = await startXvfb()
    cleanup.add(() => x.stop())
    const viewer = await remoteViewer(x, file, 'Far away')
    cleanup.add(() => viewer.stop())
    await poll(
      'the window shows the guest',
      async () => (await viewer.screenshot()).find(await qemu.screendump()),
      { deadlineMs: 20_000, everyMs: 150, detail: () => `${proxy.output()}\n${viewer.process.output()}` },
    )
    t.true(proxy.connects(`127.0.0.1:${sidecar.port}`) >= CHANNELS, proxy.output())
  },
)
