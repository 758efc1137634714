import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { Chromium, whyNoChromium } from '../helpers/chromium.js'
import { Picture } from '../helpers/picture.js'
import { reportFile, untilSame } from '../helpers/qemu-rig.js'
import { startQemu, whyNoQemu, type Qemu } from '../helpers/qemu.js'
import { poll } from '../helpers/temp-deadline.js'
import { startSidecar, whyNoSidecar, type SidecarProcess } from '../helpers/sidecar-process.js'
import { Cleanup, removeTempDirectory, tempDirectory } from '../helpers/temp.js'
import { freshCertificates, writeX509 } from '../helpers/tls.js'

const PAGES = '/usr/share/spice-html5'
const missing =
  whyNoQemu({ guest: true }) ??
  whyNoSidecar() ??
  whyNoChromium() ??
  (existsSync(PAGES) ? undefined : `${PAGES} is not there`)
const serial = missing === undefined ? test.serial : test.serial.skip

let qemu: Qemu
let cleanup: Cleanup
const started = performance.now()

test.before(async () => {
  if (missing === undefined) {
    qemu = await startQemu({})
    await qemu.guest.command('mode 800x600')
    await qemu.guest.command('pattern 7')
    await qemu.guest.command('events on')
  }
})

test.beforeEach(() => {
  cleanup = new Cleanup()
})

test.afterEach.always(() => cleanup.run())

test.after.always('stop', async () => {
  if (missing === undefined) {
    await qemu.stop()
  }
  reportFile('websocket', started, missing)
})

const sidecarWith = async (flags: readonly string[]): Promise<SidecarProcess> => {
  const sidecar = await startSidecar({
    qmp: qemu.paths.sidecarQmp,
    ticket: 'browser',
    flags: ['--web-root', PAGES, ...flags],
  })
  cleanup.add(async () => {
    await sidecar.stop()
  })
  return sidecar
}

const browserAt = async (url: string, flags: readonly string[] = []): Promise<Chromium> => {
  const browser = new Chromium(flags)
  cleanup.add(() => browser.stop())
  await browser.open(url)
  return browser
}

const screenOf = (browser: Chromium) => async (): Promise<Picture> =>
  (await browser.canvas('#spice-screen canvas')) ?? new Picture(1, 1, Buffer.alloc(3))

serial('spice-html5 in a browser shows what QEMU shows, and types', async (t) => {
  const sidecar = await sidecarWith([])
  const browser = await browserAt(`http://127.0.0.1:${sidecar.port}/spice_auto.html?password=browser`)
  await untilSame(qemu, screenOf(browser), 'the canvas', 30_000)
  await qemu.guest.command('pattern 15')
  await untilSame(qemu, screenOf(browser), 'the canvas after a change', 30_000)
  const pointers: unknown[] = []
  for (const shape of [4, 0, 4]) {
    await qemu.guest.command(`cursor ${shape}`)
    await poll(`the browser's pointer is shape ${shape}`, async () => {
      const pointer = await browser.evaluate(`document.querySelector('#spice-screen').style.cursor`)
      const isNew = String(pointer).startsWith('url(') && pointer !== pointers.at(-1)
      return isNew && pointers.push(pointer) > 0
    })
  }
  t.is(pointers[2], pointers[0], 'a shape that was shown before')
  const from = qemu.guest.events.length
  await browser.evaluate(`document.querySelector('#spice-screen canvas').focus()`)
  await poll(
    'the inputs channel',
    async () => (await sidecar.metric('spice_sidecar_channels', { channel: 'inputs' })) === 1,
  )
  /* The page takes keys some time after its channel is up, and does not say when. */
  await poll('the key in the guest', async () => {
    await browser.key('KeyA', 'a', 65)
    return qemu.guest.events.slice(from).includes('key 30 0')
  })
  t.true(qemu.guest.events.slice(from).includes('key 30 1'))
  t.is(await sidecar.metric('spice_sidecar_clients'), 1)
})

serial('spice-html5 over TLS on the one TLS port', async (t) => {
  const directory = tempDirectory()
  cleanup.add(() => removeTempDirectory(directory))
  const x509 = writeX509(join(directory, 'x509'), await freshCertificates())
  const sidecar = await sidecarWith([
    '--tls-listen',
    '127.0.0.1:0',
    '--x509-dir',
    x509,
    '--tls-channel',
    'default',
  ])
  const port = sidecar.addresses.at(-1)?.split(':').at(-1) ?? ''
  const browser = await browserAt(`https://127.0.0.1:${port}/spice_auto.html?password=browser`, [
    '--ignore-certificate-errors',
  ])
  await untilSame(qemu, screenOf(browser), 'the canvas', 30_000)
  t.is(await sidecar.metric('spice_sidecar_clients'), 1)
})
