import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import test from 'ava'
import { reportFile, untilSame } from '../helpers/qemu-rig.js'
import { startQemu, whyNoQemu, type Qemu } from '../helpers/qemu.js'
import type { Picture } from '../helpers/picture.js'
import { PROGRAM, startSidecar, whyNoSidecar, type SidecarProcess } from '../helpers/sidecar-process.js'
import { SpiceClient } from '../helpers/spice-client.js'
import { runCommand } from '../helpers/temp-process.js'
import { poll } from '../helpers/temp-deadline.js'
import { Cleanup, tempDirectory, removeTempDirectory } from '../helpers/temp.js'
import { freshCertificates, writeX509 } from '../helpers/tls.js'
import { remoteViewer, startXvfb } from '../helpers/x-server.js'

const missing = whyNoQemu({ guest: false }) ?? whyNoSidecar()
const serial = missing === undefined ? test.serial : test.serial.skip

// The firmware's screen is picture enough here.
let qemu: Qemu
let x509 = ''
const cleanup = new Cleanup()
const started = performance.now()

test.before(async () => {
  if (missing === undefined) {
    qemu = await startQemu({ guest: false })
    const directory = tempDirectory()
    x509 = join(directory, 'x509')
    await runCommand(PROGRAM, ['make-certs', '--output', x509, '--host', 'localhost', '--host', '127.0.0.1'])
  }
})

test.afterEach.always(() => cleanup.run())

test.after.always('stop', async () => {
  if (missing === undefined) {
    await qemu.stop()
    removeTempDirectory(join(x509, '..'))
  }
  reportFile('tls', started, missing)
})

interface Ports {
  readonly sidecar: SidecarProcess
  readonly port: number
  readonly tlsPort: number
}

const startTls = async (flags: readonly string[] = []): Promise<Ports> => {
  const sidecar = await startSidecar({
    qmp: qemu.paths.sidecarQmp,
    flags: ['--tls-listen', '127.0.0.1:0', '--x509-dir', x509, ...flags],
  })
  cleanup.add(async () => {
    await sidecar.stop()
  })
  await poll('both ports', () => sidecar.addresses.length === 2)
  const [port = 0, tlsPort = 0] = sidecar.addresses.map((address) => Number(address.split(':').at(-1)))
  return { sidecar, port, tlsPort }
}

const client = async (): Promise<SpiceClient> => {
  const started = await SpiceClient.start()
  cleanup.add(() => started.stop())
  return started
}

/** The firmware changes modes while it starts, so the surface may be gone for a moment. */
const pictureOf = async (spice: SpiceClient): Promise<Picture> => {
  try {
    return await spice.picture()
  } catch {
    await spice.until('a surface', () => spice.surface !== undefined)
    return spice.picture()
  }
}

const ca = (): string => join(x509, 'ca-cert.pem')

serial('a stock client over TLS shows what QEMU shows', async (t) => {
  const { tlsPort, sidecar } = await startTls()
  const spice = await client()
  await spice.connect({ tlsPort, caFile: ca() })
  await spice.untilUp()
  await untilSame(qemu, () => pictureOf(spice), 'the picture over TLS')
  await spice.tap(0x1c)
  t.deepEqual(sidecar.noise, [])
})

serial('a client that knows another authority gives up', async (t) => {
  const { tlsPort, sidecar } = await startTls()
  const directory = tempDirectory()
  cleanup.add(() => removeTempDirectory(directory))
  const other = join(directory, 'ca.pem')
  writeFileSync(other, (await freshCertificates()).ca)
  const spice = await client()
  await spice.connect({ tlsPort, caFile: other })
  await spice.until('the client to refuse the server', () => spice.channelState('main') === 'error-tls')
  t.is(await sidecar.metric('spice_sidecar_clients'), 0)
})

serial('a client that begins without TLS comes back with it for channels that need it', async (t) => {
  const { port, tlsPort, sidecar } = await startTls(['--tls-channel', 'display', '--tls-channel', 'inputs'])
  const spice = await client()
  await spice.connect({ port, tlsPort, caFile: ca() })
  await spice.untilUp()
  await untilSame(qemu, () => pictureOf(spice), 'the picture over TLS')
  t.true((await sidecar.metric('spice_sidecar_link_refusals_total', { reason: 'link' })) >= 2)
})

serial('one port takes clients with and without TLS', async (t) => {
  const { port: free, sidecar: before } = await startTls()
  await before.stop()
  const sidecar = await startSidecar({
    qmp: qemu.paths.sidecarQmp,
    listen: [`127.0.0.1:${free}`],
    flags: ['--tls-listen', `127.0.0.1:${free}`, '--x509-dir', x509, '--clients', 'share'],
  })
  cleanup.add(async () => {
    await sidecar.stop()
  })
  const [plain, secured] = [await client(), await client()]
  await plain.connect({ port: free })
  await secured.connect({ tlsPort: free, caFile: ca() })
  await plain.untilUp()
  await secured.untilUp()
  t.is(await sidecar.metric('spice_sidecar_clients'), 2)
})

serial('a key pair replaced under a session is for the next one', async (t) => {
  const { tlsPort, sidecar } = await startTls(['--clients', 'share'])
  const first = await client()
  await first.connect({ tlsPort, caFile: ca() })
  await first.untilUp()
  writeX509(x509, await freshCertificates())
  sidecar.process.signal('SIGHUP')
  await sidecar.logged('TLS key pair loaded again')
  const second = await client()
  await second.connect({ tlsPort, caFile: ca() })
  await second.untilUp()
  t.is(first.channelState('main'), 'opened')
})

serial('remote-viewer opens a file that names the TLS port, the authority and the subject', async (t) => {
  const { tlsPort, sidecar } = await startTls()
  const directory = tempDirectory()
  cleanup.add(() => removeTempDirectory(directory))
  const file = join(directory, 'vm.vv')
  await runCommand(PROGRAM, [
    'viewer-file',
    '--tls-listen',
    `127.0.0.1:${tlsPort}`,
    '--x509-dir',
    x509,
    '--output',
    file,
  ])
  const x = await startXvfb()
  cleanup.add(() => x.stop())
  const viewer = await remoteViewer(x, file)
  cleanup.add(() => viewer.stop())
  await poll('the viewer shows the guest', async () =>
    (await viewer.screenshot()).find(await qemu.screendump()),
  )
  t.is(await sidecar.metric('spice_sidecar_clients'), 1)
})
