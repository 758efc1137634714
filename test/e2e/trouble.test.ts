import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import test from 'ava'
import { reportFile, untilSame } from '../helpers/qemu-rig.js'
import { startQemu, whyNoQemu, type Qemu, type QemuOptions } from '../helpers/qemu.js'
import { link } from '../helpers/scripted-client.js'
import {
  startSidecar,
  whyNoSidecar,
  type SidecarOptions,
  type SidecarProcess,
} from '../helpers/sidecar-process.js'
import { SpiceClient } from '../helpers/spice-client.js'
import { pause, withDeadline } from '../helpers/temp-deadline.js'
import { Cleanup, tempDirectory } from '../helpers/temp.js'
import { qemuPaths } from '../helpers/qemu.js'

const missing = whyNoQemu({}) ?? whyNoSidecar()
const serial = missing === undefined ? test.serial : test.serial.skip
const missing11 = missing ?? whyNoQemu({ version: '11' })
const serial11 = missing11 === undefined ? test.serial : test.serial.skip

let cleanup: Cleanup
test.beforeEach(() => {
  cleanup = new Cleanup()
})
test.afterEach.always(() => cleanup.run())

const started = performance.now()
test.after.always('time', () => {
  reportFile('trouble', started, missing)
})

async function qemuWith(options: QemuOptions): Promise<Qemu> {
  const qemu = await startQemu(options)
  cleanup.add(() => qemu.stop())
  return qemu
}

async function sidecarFor(qmp: string, options: Omit<SidecarOptions, 'qmp'> = {}): Promise<SidecarProcess> {
  const sidecar = await startSidecar({ qmp, ...options })
  cleanup.add(async () => {
    await sidecar.stop()
  })
  return sidecar
}

async function clientOf(sidecar: SidecarProcess): Promise<SpiceClient> {
  const client = await SpiceClient.connected({ port: sidecar.port })
  cleanup.add(() => client.stop())
  return client
}

const sees = (qemu: Qemu, client: SpiceClient, what: string) =>
  untilSame(qemu, () => client.picture(), what, 15_000)

serial('a client may come before QEMU does, and QEMU may go and come again', async (t) => {
  const directory = tempDirectory()
  const sidecar = await sidecarFor(qemuPaths(directory).sidecarQmp)
  const client = await SpiceClient.start()
  cleanup.add(() => client.stop())
  await client.connect({ port: sidecar.port })
  await client.until('the client is linked without QEMU', () => client.channelState('main') === 'opened')

  const first = await startQemu({ guest: false, directory })
  cleanup.add(() => first.stop())
  await client.untilUp()
  await sees(first, client, 'the screen comes with QEMU')

  await first.stop()
  await sidecar.untilMetric('spice_sidecar_qemu_connected', (n) => n === 0)
  const second = await startQemu({ guest: false, directory, vga: 'std' })
  cleanup.add(() => second.stop())
  if (client.gone) {
    await client.connect({ port: sidecar.port })
  }
  await client.untilUp()
  await sees(second, client, 'the screen comes back with QEMU')
  t.true(sidecar.process.alive)
})

serial('clients that die at any moment and garbage leave nothing behind', async (t) => {
  const qemu = await qemuWith({ guest: false })
  const sidecar = await sidecarFor(qemu.paths.sidecarQmp)
  const settled = () => sidecar.untilMetric('spice_sidecar_clients', (n) => n === 0)
  await (await clientOf(sidecar)).stop()
  await settled()
  const fds = await sidecar.metric('process_open_fds')

  // A linked client that dies with half a message sent, and one in the middle of its link.
  const linked = await link({ port: sidecar.port, host: '127.0.0.1' }, { type: 1 })
  t.is(linked.result, 0)
  linked.channel.sendRaw(101, new Uint8Array(3), 4000)
  await sidecar.untilMetric('spice_sidecar_clients', (n) => n === 1)
  linked.channel.reader.socket.resetAndDestroy()
  await settled()

  for (const junk of [
    Buffer.from('REDQ\x02\0\0\0', 'latin1'),
    Buffer.from('GET / HTTP/1.1\r\nHost: here\r\n\r\n'),
    Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
    Buffer.alloc(20_000, 0xff),
    ...Array.from({ length: 10 }, () => randomBytes(3000)),
  ]) {
    await withDeadline(throwAt(sidecar.port, junk), 15_000, 'garbage is thrown')
  }
  await sees(qemu, await clientOf(sidecar), 'the next client sees the screen')
  const second = await clientOf(sidecar)
  await sees(qemu, second, 'and the one after it')
  await second.stop()
  await settled()
  await sidecar.untilMetric('process_open_fds', (n) => n <= fds)
  t.deepEqual(sidecar.noise, [])
})

/** Sends bytes and goes away as soon as they are written, or when the other end closes first. */
function throwAt(port: number, junk: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(junk))
    socket.on('error', () => undefined)
    socket.resume()
    socket.on('close', () => resolve())
  })
}

/** Bytes by which the sidecar and QEMU may grow while a client does not read. */
const FLAT_BYTES = 48e6

for (const [version, run] of [
  ['7.2', serial],
  ['11', serial11],
] as const) {
  run(
    `QEMU ${version}: a client that stops reading costs no memory and does not hold up another`,
    async (t) => {
      const qemu = await qemuWith({ version })
      const sidecar = await sidecarFor(qemu.paths.sidecarQmp, { flags: ['--clients', 'share'] })
      const stalled = await clientOf(sidecar)
      const lively = await clientOf(sidecar)
      await qemu.guest.command('pattern 3')
      await qemu.guest.command('animate 0 0 640 480 25 0')
      await lively.probe({ x: 0, y: 0, width: 640, height: 8 })
      const frames = async (): Promise<number> => (await lively.counters()).frames
      await lively.until('frames flow', () => lively.invalidations > 10)

      stalled.process.signal('SIGSTOP')
      // Long enough for all buffers on the way to fill.
      await pause(1500)
      const before = { sidecar: sidecar.rssBytes, qemu: qemu.rssBytes(), frames: await frames() }
      await pause(4000)
      const grown = sidecar.rssBytes - before.sidecar
      const qemuGrown = qemu.rssBytes() - before.qemu
      const seen = (await frames()) - before.frames
      t.log(
        `sidecar +${(grown / 1e6).toFixed(1)} MB, QEMU +${(qemuGrown / 1e6).toFixed(1)} MB, ${seen} frames in 4 s`,
      )
      t.true(grown < FLAT_BYTES, `the sidecar grew by ${grown}`)
      t.true(qemuGrown < FLAT_BYTES, `QEMU grew by ${qemuGrown}`)
      t.true(seen >= 8, `${seen} frames`)

      stalled.process.signal('SIGCONT')
      await qemu.guest.command('stop')
      await sees(qemu, lively, 'the lively client sees the last picture')
      if (!stalled.gone) {
        await sees(qemu, stalled, 'the stalled client catches up')
      }
    },
  )

  run(`QEMU ${version}: a stopped sidecar is ended by the kernel and QEMU goes on`, async (t) => {
    const qemu = await qemuWith({ version })
    const sidecar = await sidecarFor(qemu.paths.sidecarQmp)
    const client = await clientOf(sidecar)
    await qemu.guest.command('animate 0 0 320 240 25 0')
    await client.until('frames flow', () => client.invalidations > 5)
    sidecar.process.signal('SIGSTOP')
    const status = await withDeadline(sidecar.process.exited, 20_000, 'the kernel ends the stopped sidecar')
    t.is(status.signal, 'SIGKILL')
    t.true((await qemu.monitorLatencyMs()) < 5000)
    await qemu.guest.command('stop')
    await client.until('the client sees the end', () => client.gone)

    const next = await sidecarFor(qemu.paths.sidecarQmp)
    await client.connect({ port: next.port })
    await client.untilUp()
    await sees(qemu, client, 'a new sidecar takes over')
  })
}

serial('SIGTERM ends it in good order while a client is at work', async (t) => {
  const qemu = await qemuWith({ guest: false })
  const sidecar = await sidecarFor(qemu.paths.sidecarQmp)
  const client = await clientOf(sidecar)
  t.is((await sidecar.stop()).code, 0)
  await client.until('the client sees the end', () => client.gone)
  t.is(client.channelState('main'), 'closed')
  t.deepEqual(sidecar.noise, [])
  t.is(((await qemu.qmp('query-status')) as { status: string }).status, 'running')
})
