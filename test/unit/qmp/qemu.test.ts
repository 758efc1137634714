import test from 'ava'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../../src/app/system-clock.js'
import { DEFAULT_LIMITS } from '../../../src/core/limits.js'
import { silentLogger } from '../../../src/core/logger.js'
import { Epoll, FdReceiver, sendWithFds } from '../../../src/host/index.js'
import { openDbusDisplay, QmpClient, type QmpState } from '../../../src/qmp/index.js'
import { rejectedWith } from '../../helpers/qmp-rig.js'

const QEMU = 'qemu-system-x86_64'
const missing = spawnSync(QEMU, ['--version']).status !== 0

const reached = (client: QmpClient, state: QmpState): Promise<void> =>
  new Promise((resolve) => {
    const stop = client.onState((now) => {
      if (now === state) {
        stop()
        resolve()
      }
    })
  })

test('a real QEMU that starts late answers, opens its D-Bus display, and is missed when it dies', async (t) => {
  if (missing) {
    t.log(`skipped: ${QEMU} is not installed`)
    t.pass()
    return
  }
  const folder = mkdtempSync(join(tmpdir(), 'qmp-qemu-'))
  const path = join(folder, 'qmp.sock')
  const client = new QmpClient({
    path,
    clock: systemClock,
    logger: silentLogger,
    limits: DEFAULT_LIMITS,
    expectedUid: process.getuid?.(),
  })
  const waiting = reached(client, 'waiting')
  client.start()
  await waiting
  const ready = reached(client, 'ready')
  const qemu = spawn(
    QEMU,
    ['-machine', 'none', '-nodefaults', '-display', 'dbus,p2p=on', '-name', 'vm1'].concat([
      '-chardev',
      'null,id=spare',
      '-qmp',
      `unix:${path},server=on,wait=off`,
    ]),
    { stdio: 'ignore' },
  )
  const exited = once(qemu, 'exit')
  t.teardown(() => {
    client.close()
    qemu.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  await ready

  t.deepEqual(await client.execute('query-version'), client.version)
  t.deepEqual(await client.execute('query-name'), { name: 'vm1' })
  t.regex((await client.execute('query-uuid')).UUID, /^[0-9a-f-]{36}$/)
  t.deepEqual(await client.execute('query-status'), { running: true, status: 'running' })
  t.true((await client.execute('query-chardev')).some(({ label }) => label === 'spare'))
  t.deepEqual(await client.execute('query-mice'), [])
  t.deepEqual(await client.execute('query-migrate'), { status: undefined })
  const refused = await rejectedWith(t, client.execute('closefd', { fdname: 'nobody' }), 'SIDECAR_QMP')
  t.is(refused.context['class'], 'GenericError')

  const display = await openDbusDisplay(client)
  const hello = Buffer.from(`\0AUTH EXTERNAL ${Buffer.from(String(process.getuid?.())).toString('hex')}\r\n`)
  t.is(sendWithFds(display.fd, hello, []), hello.length)
  const epoll = new Epoll()
  epoll.add(display.fd)
  t.is(epoll.wait(10_000)[0]?.fd, display.fd)
  const into = new Uint8Array(256)
  const got = new FdReceiver(4).receive(display.fd, into)
  t.is(got.kind, 'data')
  t.regex(Buffer.from(into).toString('latin1'), /^OK [0-9a-f]{32}\r\n/)
  epoll.close()
  display.close()

  const lost = reached(client, 'waiting')
  qemu.kill('SIGKILL')
  await exited
  await lost
  t.is(client.version, undefined)
})
