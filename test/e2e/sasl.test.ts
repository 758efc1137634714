import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { Kdc, whyNoKdc } from '../helpers/kdc.js'
import { reportFile, untilSame } from '../helpers/qemu-rig.js'
import { startQemu, whyNoQemu, type Qemu } from '../helpers/qemu.js'
import { SaslUsers, whyNoSasl } from '../helpers/sasl-users.js'
import {
  startSidecar,
  whyNoSidecar,
  type SidecarOptions,
  type SidecarProcess,
} from '../helpers/sidecar-process.js'
import { SpiceClient, type SpiceTarget } from '../helpers/spice-client.js'
import { certificates, writeX509 } from '../helpers/tls.js'
import { Cleanup, tempDirectory } from '../helpers/temp.js'

const missing = whyNoQemu({ guest: false }) ?? whyNoSidecar() ?? whyNoSasl()
const serial = missing === undefined ? test.serial : test.serial.skip
const kerberos = (missing ?? whyNoKdc()) === undefined ? test.serial : test.serial.skip

const USER = 'alice'
const PASSWORD = 'correct horse'

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
  reportFile('sasl', started, missing ?? whyNoKdc())
})

/** A sidecar whose only users are those of the database. */
async function sidecarWith(
  mechanisms: readonly string[],
  options: Omit<SidecarOptions, 'qmp'> & { readonly settings?: readonly string[] } = {},
): Promise<SidecarProcess> {
  const users = new SaslUsers(mechanisms, options.settings)
  users.add(USER, PASSWORD)
  users.add('bob', 'builder')
  const sidecar = await startSidecar({
    qmp: qemu.paths.sidecarQmp,
    ...options,
    flags: ['--sasl', ...(options.flags ?? [])],
    env: { ...users.env, ...options.env },
  })
  cleanup.add(async () => {
    await sidecar.stop()
  })
  return sidecar
}

/** A client that began to connect. */
async function clientAt(target: SpiceTarget, env: Record<string, string> = {}): Promise<SpiceClient> {
  const client = await SpiceClient.start({ env })
  cleanup.add(() => client.stop())
  await client.connect(target)
  return client
}

serial('DIGEST-MD5 on plain TCP: everything goes through the layer of SASL, pixel for pixel', async (t) => {
  const sidecar = await sidecarWith(['DIGEST-MD5'])
  const client = await clientAt({ port: sidecar.port, username: USER, password: PASSWORD })
  await client.untilUp()
  await untilSame(qemu, () => client.picture(), 'the picture of QEMU')
  t.deepEqual(sidecar.noise, [])
  t.is(await sidecar.metric('spice_sidecar_errors_total'), 0)
  const log = JSON.stringify(sidecar.log)
  t.false(log.includes(PASSWORD))
})

serial('a wrong password and an unknown user are refused, and the right ones still come in', async (t) => {
  const sidecar = await sidecarWith(['DIGEST-MD5'])
  for (const [username, password] of [
    [USER, 'wrong'],
    ['mallory', PASSWORD],
  ] as const) {
    const client = await clientAt({ port: sidecar.port, username, password })
    await client.until('the client is refused', () => client.gone)
  }
  t.is(await sidecar.metric('spice_sidecar_clients'), 0)
  t.true((await sidecar.metric('spice_sidecar_auth_failures_total', { reason: 'sasl' })) >= 2)
  const client = await clientAt({ port: sidecar.port, username: USER, password: PASSWORD })
  await client.untilUp()
  t.is(await sidecar.metric('spice_sidecar_clients'), 1)
})

serial('a unix socket wants the layer, too', async (t) => {
  const path = join(tempDirectory(), 'spice')
  const sidecar = await sidecarWith(['DIGEST-MD5', 'PLAIN', 'SCRAM-SHA-256'], { listen: [`unix:${path}`] })
  const client = await clientAt({ unixPath: path, username: USER, password: PASSWORD })
  await client.untilUp()
  t.is(await sidecar.metric('spice_sidecar_clients'), 1)
})

serial('PLAIN and SCRAM have no layer and are refused on plain TCP', async (t) => {
  const sidecar = await sidecarWith(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-1'])
  const client = await clientAt({ port: sidecar.port, username: USER, password: PASSWORD })
  await client.until('the client is refused', () => client.gone)
  t.is(await sidecar.metric('spice_sidecar_clients'), 0)
})

for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN']) {
  serial(`${mechanism} inside TLS: the right password comes in, a wrong one does not`, async (t) => {
    const x509 = writeX509(join(tempDirectory(), 'x509'), await certificates())
    const sidecar = await sidecarWith([mechanism], {
      listen: [],
      flags: ['--tls-listen', '127.0.0.1:0', '--x509-dir', x509],
    })
    await sidecar.logged('Listening')
    const target = { tlsPort: sidecar.port, caFile: join(x509, 'ca-cert.pem'), username: USER }
    const wrong = await clientAt({ ...target, password: 'wrong' })
    await wrong.until('the client is refused', () => wrong.gone)
    t.is(await sidecar.metric('spice_sidecar_clients'), 0)
    const client = await clientAt({ ...target, password: PASSWORD })
    await client.untilUp()
    await untilSame(qemu, () => client.picture(), 'the picture of QEMU')
    t.is(await sidecar.metric('spice_sidecar_clients'), 1)
    t.false(JSON.stringify(sidecar.log).includes(PASSWORD))
  })
}

serial('DIGEST-MD5 has a layer of its own, which it leaves to TLS inside TLS', async (t) => {
  const x509 = writeX509(join(tempDirectory(), 'x509'), await certificates())
  const sidecar = await sidecarWith(['DIGEST-MD5'], {
    listen: [],
    flags: ['--tls-listen', '127.0.0.1:0', '--x509-dir', x509],
  })
  await sidecar.logged('Listening')
  const client = await clientAt({
    tlsPort: sidecar.port,
    caFile: join(x509, 'ca-cert.pem'),
    username: USER,
    password: PASSWORD,
  })
  await client.untilUp()
  t.is(await sidecar.metric('spice_sidecar_clients'), 1)
})

serial('where the library does not load, an error says so and the door stays shut', async (t) => {
  const libraries = tempDirectory()
  writeFileSync(join(libraries, 'libsasl2.so.2'), 'no library')
  // The rig asks for disable-ticketing where it sets no ticket.
  const sidecar = await sidecarWith(['DIGEST-MD5'], { env: { LD_LIBRARY_PATH: libraries } })
  const errors = sidecar.log.filter(({ level }) => level === 'error')
  t.deepEqual(
    errors.map(({ msg }) => msg),
    ['SASL is not offered: clients need the ticket'],
  )
  const client = await clientAt({ port: sidecar.port, username: USER, password: PASSWORD })
  await client.until('the client is refused', () => client.gone)
  t.is(await sidecar.metric('spice_sidecar_clients'), 0)
})

serial('without SASL, a user name does not get past the ticket', async (t) => {
  const sidecar = await startSidecar({ qmp: qemu.paths.sidecarQmp, ticket: 'the ticket' })
  cleanup.add(async () => {
    await sidecar.stop()
  })
  const client = await clientAt({ port: sidecar.port, username: USER, password: PASSWORD })
  await client.until('the client is refused', () => client.gone)
  t.is(await sidecar.metric('spice_sidecar_clients'), 0)
})

kerberos('GSSAPI: a Kerberos login is enough', async (t) => {
  const kdc = await Kdc.start()
  cleanup.add(() => kdc.stop())
  const sidecar = await sidecarWith(['GSSAPI'], { settings: [`keytab: ${kdc.keytab}`], env: kdc.env })
  const client = await clientAt({ host: 'localhost', port: sidecar.port }, kdc.login(USER))
  await client.untilUp()
  await untilSame(qemu, () => client.picture(), 'the picture of QEMU')
  t.is(await sidecar.metric('spice_sidecar_clients'), 1)

  const stranger = await clientAt({ host: 'localhost', port: sidecar.port }, kdc.env)
  await stranger.until('who has no ticket of Kerberos is refused', () => stranger.gone)
  t.is(await sidecar.metric('spice_sidecar_clients'), 1)
})
