import { join } from 'node:path'
import test from 'ava'
import { reportFile, untilSame } from '../helpers/qemu-rig.js'
import { startQemu, whyNoQemu, type Qemu } from '../helpers/qemu.js'
import {
  startSidecar,
  whyNoSidecar,
  type SidecarOptions,
  type SidecarProcess,
} from '../helpers/sidecar-process.js'
import { spicyScreenshot } from '../helpers/spice-client-screenshot.js'
import { SpiceClient, type SpiceTarget } from '../helpers/spice-client.js'
import { Cleanup, tempDirectory } from '../helpers/temp.js'

const missing = whyNoQemu({ guest: false }) ?? whyNoSidecar()
const serial = missing === undefined ? test.serial : test.serial.skip

// The firmware's screen is picture enough here. Each case has a sidecar of its own, one after the other.
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
  reportFile('clients', started, missing)
})

async function sidecarWith(options: Omit<SidecarOptions, 'qmp'>): Promise<SidecarProcess> {
  const sidecar = await startSidecar({ qmp: qemu.paths.sidecarQmp, ...options })
  cleanup.add(async () => {
    await sidecar.stop()
  })
  return sidecar
}

/** A client that began to connect; it may end up refused. */
async function clientAt(target: SpiceTarget): Promise<SpiceClient> {
  const client = await SpiceClient.start()
  cleanup.add(() => client.stop())
  await client.connect(target)
  return client
}

async function clientUpAt(target: SpiceTarget): Promise<SpiceClient> {
  const client = await clientAt(target)
  await client.untilUp()
  return client
}

const sees = (client: SpiceClient, what: string) => untilSame(qemu, () => client.picture(), what)

serial('a second client takes over: the first is let go, the second sees the screen', async (t) => {
  const sidecar = await sidecarWith({ flags: ['--clients', 'takeover'] })
  const first = await clientUpAt({ port: sidecar.port })
  const second = await clientUpAt({ port: sidecar.port })
  await first.until('the first client is let go', () => first.gone)
  await sees(second, 'the second client sees the screen')
  t.is(first.channelState('main'), 'closed')
  t.is(await sidecar.untilMetric('spice_sidecar_clients', (n) => n === 1), 1)
})

serial('a second client is refused and the first is not disturbed', async (t) => {
  const sidecar = await sidecarWith({ flags: ['--clients', 'refuse'] })
  const first = await clientUpAt({ port: sidecar.port })
  const second = await clientAt({ port: sidecar.port })
  await second.until('the second client is refused', () => second.gone)
  await sees(first, 'the first client still sees the screen')
  t.is(first.channelState('main'), 'opened')
  t.is(await sidecar.metric('spice_sidecar_clients'), 1)
})

serial('a refused client gets in when the first has left', async (t) => {
  const sidecar = await sidecarWith({ flags: ['--clients', 'refuse'] })
  const first = await clientUpAt({ port: sidecar.port })
  await first.stop()
  await sidecar.untilMetric('spice_sidecar_clients', (n) => n === 0)
  await sees(await clientUpAt({ port: sidecar.port }), 'the next client sees the screen')
  t.pass()
})

serial('three clients share the screen', async (t) => {
  const sidecar = await sidecarWith({ flags: ['--clients', 'share'] })
  const clients = [
    await clientUpAt({ port: sidecar.port }),
    await clientUpAt({ port: sidecar.port }),
    await clientUpAt({ port: sidecar.port }),
  ]
  for (const [index, client] of clients.entries()) {
    await sees(client, `client ${index} sees the screen`)
  }
  t.is(await sidecar.metric('spice_sidecar_clients'), 3)
  await clients[1]!.stop()
  await sidecar.untilMetric('spice_sidecar_clients', (n) => n === 2)
  await sees(clients[0]!, 'the first still sees the screen')
  await sees(clients[2]!, 'the third still sees the screen')
})

serial('the right ticket opens, a wrong one and none do not', async (t) => {
  const sidecar = await sidecarWith({ ticket: 'correct horse' })
  for (const password of ['wrong', 'correct hors', 'correct horse ', undefined]) {
    const refused = await clientAt({ port: sidecar.port, ...(password === undefined ? {} : { password }) })
    await refused.until('it is refused', () => refused.gone)
    t.is(refused.channelState('main'), 'error-auth', `password ${password}`)
    await refused.stop()
  }
  const client = await clientUpAt({ port: sidecar.port, password: 'correct horse' })
  await sees(client, 'with the ticket the screen is seen')
  await client.stop()
  await untilSame(
    qemu,
    () => spicyScreenshot(`spice://127.0.0.1:${sidecar.port}`, 'correct horse'),
    'spicy-screenshot with the ticket',
  )
})

serial('a client that is refused for its ticket leaves the connected one alone', async (t) => {
  const sidecar = await sidecarWith({ ticket: 'secret' })
  const client = await clientUpAt({ port: sidecar.port, password: 'secret' })
  const refused = await clientAt({ port: sidecar.port, password: 'guess' })
  await refused.until('it is refused', () => refused.gone)
  await sees(client, 'the first client still sees the screen')
  t.is(client.channelState('main'), 'opened')
})

serial('an empty ticket locks, and a new ticket unlocks after SIGHUP', async (t) => {
  const sidecar = await sidecarWith({ ticket: '' })
  for (const password of ['', 'anything', undefined]) {
    const refused = await clientAt({ port: sidecar.port, ...(password === undefined ? {} : { password }) })
    await refused.until('it is refused', () => refused.gone)
    t.is(refused.channelState('main'), 'error-auth')
    await refused.stop()
  }
  sidecar.writeTicket('fresh')
  sidecar.process.signal('SIGHUP')
  // The signal is worked off before anything that comes after an answer of the same process.
  t.is((await sidecar.get('/livez')).status, 200)
  await sees(await clientUpAt({ port: sidecar.port, password: 'fresh' }), 'the new ticket opens')
})

serial('clients connect over a unix socket', async (t) => {
  const path = join(tempDirectory(), 'spice.sock')
  await sidecarWith({ listen: [`unix:${path}`] })
  const client = await clientUpAt({ unixPath: path })
  await sees(client, 'the screen is seen over a unix socket')
  await client.stop()
  await untilSame(qemu, () => spicyScreenshot(`spice+unix://${path}`), 'spicy-screenshot over a unix socket')
  t.pass()
})

serial('clients connect over IPv6, and to several addresses at once', async (t) => {
  const sidecar = await sidecarWith({ listen: ['[::1]:0', '127.0.0.1:0'], flags: ['--clients', 'share'] })
  const [six, four] = sidecar.addresses.map((address) => Number(address.split(':').at(-1)))
  await sees(await clientUpAt({ host: '::1', port: six! }), 'the screen is seen over IPv6')
  await sees(await clientUpAt({ host: '127.0.0.1', port: four! }), 'and over IPv4')
  t.not(six, 0)
})
