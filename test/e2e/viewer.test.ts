import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import test from 'ava'
import { BUILT_IN, reportFile, type Rig, startRig, whyNoRig } from '../helpers/qemu-rig.js'
import { PROGRAM, startSidecar } from '../helpers/sidecar-process.js'
import { poll } from '../helpers/temp-deadline.js'
import { runCommand } from '../helpers/temp-process.js'
import { Cleanup, tempDirectory } from '../helpers/temp.js'
import { remoteViewer, startXvfb, type RemoteViewer, type XServer } from '../helpers/x-server.js'

const missing = whyNoRig()
const serial = missing === undefined ? test.serial : test.serial.skip

let rig: Rig
let x: XServer
let cleanup: Cleanup

test.before(async () => {
  if (missing === undefined) {
    x = await startXvfb()
    rig = await startRig()
    await rig.qemu.guest.command('mode 800x600')
    await rig.qemu.guest.command('pattern 7')
    await rig.qemu.guest.command('events on')
  }
})

test.beforeEach(() => {
  cleanup = new Cleanup()
})
test.afterEach.always(() => cleanup.run())

const started = performance.now()
test.after.always('stop', async () => {
  if (missing === undefined) {
    await rig.stop()
    await x.stop()
  }
  reportFile('viewer', started, missing)
})

/** Waits until the window holds the guest's screen, unscaled, and gives the place of its corner. */
async function untilShown(viewer: RemoteViewer, what: string): Promise<{ x: number; y: number }> {
  let last = 'no screenshot yet'
  return await poll(
    what,
    async () => {
      const screen = await rig.qemu.screendump()
      const window = await viewer.screenshot()
      last = `a window of ${window.size} with ${window.colours()} colours, a screen of ${screen.size}`
      return window.find(screen)
    },
    { deadlineMs: 20_000, everyMs: 150, detail: () => last },
  )
}

async function viewerAt(uriOrFile: string): Promise<RemoteViewer> {
  const viewer = await remoteViewer(x, uriOrFile)
  cleanup.add(() => viewer.stop())
  return viewer
}

serial('remote-viewer shows the guest and passes on what is typed and clicked', async (t) => {
  const viewer = await viewerAt(rig.uri)
  const corner = await untilShown(viewer, 'the window shows the guest')
  await rig.qemu.guest.command('pattern 15')
  await untilShown(viewer, 'the window follows the guest')

  const { guest } = rig.qemu
  await viewer.focus()
  let from = guest.events.length
  await x.xdotool('key', '--delay', '40', 'h', 'Up', 'Return', 'Control_R')
  for (const code of [35, 103, 28, 97]) {
    await guest.event(`key ${code} 1`, from)
    await guest.event(`key ${code} 0`, from)
  }
  from = guest.events.length
  const [guestX, guestY] = [400, 300]
  await x.xdotool(
    'mousemove',
    '--window',
    viewer.window,
    String(corner.x + guestX),
    String(corner.y + guestY),
  )
  const abs = /^abs (\d+) (\d+)$/.exec(await guest.event(/^abs/, from))
  t.true(Math.abs(Number(abs?.[1]) - (guestX * 32768) / 800) <= 2 * (32768 / 800), String(abs?.[0]))
  await x.xdotool('click', '3')
  await guest.event('btn 273 1', from)
  await guest.event('btn 273 0', from)
})

// QEMU itself makes no such file.
const ofSidecar = BUILT_IN ? test.serial.skip : serial

ofSidecar('remote-viewer opens a connection file made by viewer-file', async (t) => {
  const directory = tempDirectory()
  const ticketFile = join(directory, 'ticket')
  writeFileSync(ticketFile, 'open sesame\n', { mode: 0o600 })
  const socket = join(directory, 'spice.sock')
  // The monitor serves one sidecar at a time: this one takes the place of the other.
  await rig.sidecar?.stop()
  const sidecar = await startSidecar({
    qmp: rig.qemu.paths.sidecarQmp,
    listen: [`unix:${socket}`],
    ticket: 'open sesame',
  })
  cleanup.add(async () => {
    await sidecar.stop()
  })
  const file = join(directory, 'guest.vv')
  await runCommand(PROGRAM, [
    ...['viewer-file', '--listen', `unix:${socket}`, '--ticket-file', ticketFile],
    ...['--title', 'My machine', '--output', file],
  ])
  const viewer = await remoteViewer(x, file, 'My machine')
  cleanup.add(() => viewer.stop())
  await untilShown(viewer, 'the window of the file shows the guest')
  t.true((await x.xdotool('getwindowname', viewer.window)).includes('My machine'))
})
