import { join } from 'node:path'
import test from 'ava'
import { TRACES } from '../../bench/traces/catalogue.js'
import { writeTraceDisk } from '../../bench/traces/disk.js'
import { Picture } from '../helpers/picture.js'
import { BUILT_IN, reportFile, untilSame, whyNoRig } from '../helpers/qemu-rig.js'
import { startQemu, type GuestKernel, type Qemu } from '../helpers/qemu.js'
import { startSidecar, type SidecarProcess } from '../helpers/sidecar-process.js'
import { spicyScreenshot } from '../helpers/spice-client-screenshot.js'
import { SpiceClient } from '../helpers/spice-client.js'
import { nowMs } from '../helpers/temp-deadline.js'
import { Cleanup, tempDirectory } from '../helpers/temp.js'
import { TraceClient } from '../helpers/trace-client.js'
import { loadTrace, playTrace } from '../helpers/trace-guest.js'

/** Short desktops: a second and a half each. */
const SIZE = { width: 800, height: 500, steps: 30 }

const KERNELS: readonly GuestKernel[] = ['12', '13']

/** Each compression with a trace that it has to work for. */
const CASES: readonly (readonly [setting: string, trace: string])[] = [
  ['auto', 'mixed'],
  ['auto', 'video'],
  ['auto_glz', 'mixed'],
  ['auto_lz', 'photos'],
  ['glz', 'terminal'],
  ['lz', 'drag'],
  ['lz4', 'page'],
  ['quic', 'video'],
  ['off', 'editor'],
]

const startedMs = nowMs()
const missing = BUILT_IN ? 'its client takes what the sidecar sends' : whyNoRig({ kernel: '12' })
const serial = missing === undefined ? test.serial : test.serial.skip

const disk = join(tempDirectory(), 'traces')
const numberOf = (name: string): number => TRACES.findIndex((maker) => maker.name === name)

let cleanup: Cleanup

test.before(() => {
  if (missing === undefined) {
    writeTraceDisk(
      disk,
      TRACES.map((maker) => maker.make(SIZE)),
    )
  }
})

test.beforeEach(() => {
  cleanup = new Cleanup()
})

test.afterEach.always(() => cleanup.run())

test.after.always(() => reportFile('traces', startedMs, missing))

const guestOf = async (kernel: GuestKernel): Promise<Qemu> => {
  const qemu = await startQemu({ kernel, traces: disk })
  cleanup.add(() => qemu.stop())
  return qemu
}

const sidecarOf = async (qemu: Qemu, ...flags: readonly string[]): Promise<SidecarProcess> => {
  const sidecar = await startSidecar({ qmp: qemu.paths.sidecarQmp, flags, logLevel: 'info' })
  cleanup.add(async () => {
    await sidecar.stop()
  })
  return sidecar
}

const clientOf = async (sidecar: SidecarProcess, mini: boolean): Promise<TraceClient> => {
  const client = await TraceClient.connect({ port: sidecar.port, mini })
  cleanup.add(() => client.close())
  await client.until('there is a picture', () => client.surface.marked)
  return client
}

/** What the client shows, unless it failed. */
const pictureOf = (client: TraceClient) => (): Promise<Picture> => {
  if (client.failure !== undefined) {
    throw new Error('the client found a fault', { cause: client.failure })
  }
  const { width, height, pixels } = client.surface
  return Promise.resolve(Picture.fromBgrx(width, height, width * 4, pixels))
}

/** Plays a trace and waits until a client has all of it. */
const played = async (qemu: Qemu, name: string, client: TraceClient): Promise<void> => {
  await playTrace(qemu.guest)
  await untilSame(qemu, pictureOf(client), `${name}: the client ends with QEMU's picture`, 30_000)
}

for (const kernel of KERNELS) {
  const own = whyNoRig({ kernel }) === undefined ? serial : test.serial.skip

  own(`kernel of Debian ${kernel}: after each trace clients have the exact picture`, async (t) => {
    const qemu = await guestOf(kernel)
    await loadTrace(qemu.guest, 0)
    for (const [at, [setting, name]] of CASES.entries()) {
      if (kernel === '13' && setting !== 'auto') {
        continue
      }
      await loadTrace(qemu.guest, numberOf(name))
      const sidecar = await sidecarOf(qemu, '--image-compression', setting)
      const client = await clientOf(sidecar, at % 2 === 0)
      await played(qemu, `${setting}, ${name}`, client)
      t.is(client.surface.lossyPixels, 0, `${setting}: nothing is left that was coded with a loss`)
      t.log(
        setting,
        name,
        [...client.surface.tally].map(([what, { count }]) => `${count} ${what}`).join(', '),
      )
      client.close()
      await sidecar.stop()
    }
  })
}

serial('stock clients, one that comes back and one that comes late have the exact picture', async (t) => {
  const qemu = await guestOf('12')
  await loadTrace(qemu.guest, numberOf('mixed'))
  const sidecar = await sidecarOf(qemu, '--clients', 'share')
  const stock = await SpiceClient.connected({ port: sidecar.port })
  cleanup.add(() => stock.stop())
  const first = await clientOf(sidecar, true)
  await played(qemu, 'mixed', first)
  await untilSame(qemu, () => stock.picture(), 'spice-gtk ends with it, too', 30_000)
  first.close()

  await loadTrace(qemu.guest, numberOf('drag'))
  const again = await clientOf(sidecar, false)
  const playing = playTrace(qemu.guest)
  const late = await clientOf(sidecar, true)
  await playing
  for (const client of [again, late]) {
    await untilSame(qemu, pictureOf(client), 'a client in the middle of a trace ends with it', 30_000)
  }
  await untilSame(qemu, () => stock.picture(), 'spice-gtk ends with the second trace', 30_000)
  await untilSame(
    qemu,
    () => spicyScreenshot(`spice://127.0.0.1:${sidecar.port}`),
    'spicy-screenshot shows it',
  )
  t.is(await sidecar.metric('spice_sidecar_errors_total'), 0)
})
