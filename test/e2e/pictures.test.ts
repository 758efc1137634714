import { join } from 'node:path'
import test from 'ava'
import { resizeArguments, resizeFromHost } from '../helpers/qemu-resize.js'
import { reportFile, type Rig, startRig, untilSame, whyNoRig } from '../helpers/qemu-rig.js'
import type { QemuVersion } from '../helpers/qemu.js'
import { spicyScreenshot } from '../helpers/spice-client-screenshot.js'
import { Cleanup, tempDirectory } from '../helpers/temp.js'

const MACHINES: readonly { readonly version: QemuVersion; readonly vga: 'virtio' | 'std' }[] = [
  { version: '7.2', vga: 'virtio' },
  { version: '7.2', vga: 'std' },
  { version: '11', vga: 'virtio' },
]

/** Both stock clients in turn, since the second would replace the first. */
async function bothSee(rig: Rig, what: string): Promise<void> {
  await untilSame(rig.qemu, () => spicyScreenshot(rig.uri), `spicy-screenshot shows ${what}`)
  const client = await rig.connect()
  try {
    await untilSame(rig.qemu, () => client.picture(), `a new client shows ${what}`)
  } finally {
    await client.stop()
  }
}

for (const { version, vga } of MACHINES) {
  const name = `QEMU ${version}, ${vga} VGA`
  const missing = whyNoRig({ version })
  const serial = missing === undefined ? test.serial : test.serial.skip

  serial(`${name}: what clients show is what QEMU shows, pixel for pixel`, async (t) => {
    const cleanup = new Cleanup()
    t.teardown(() => cleanup.run())
    const vnc = join(tempDirectory(), 'vnc')
    const rig = await startRig({ qemu: { version, vga, extra: resizeArguments(vnc) } })
    cleanup.add(() => rig.stop())
    const { guest } = rig.qemu

    await guest.command('scroll 60 0')
    t.true((await rig.qemu.stillScreen()).colours() > 1, 'the text console shows text')
    await bothSee(rig, 'the text console')

    await guest.command('pattern 7')
    await bothSee(rig, 'a busy picture')

    const client = await rig.connect()
    cleanup.add(() => client.stop())
    const clientShows = (what: string) =>
      untilSame(rig.qemu, () => client.picture(), `the client shows ${what}`)
    for (const picture of [1, 2, 3, 4, 5, 6, 0, 15]) {
      await guest.command(`pattern ${picture}`)
      await clientShows(`picture ${picture}`)
    }
    await guest.command('rect 33 65 7 3 0xff8000')
    await guest.command('copy 0 0 500 300 101 77')
    await clientShows('a small rectangle and a moved area')

    await guest.command('pattern 3')
    await guest.command('term 8 8 640 320 200 60')
    await guest.event(/^finished/)
    await clientShows('the end of scrolling text')
    await guest.command('flips 10 40')
    await clientShows('the end of page flips')

    // The standard VGA takes widths in steps of 8 only.
    for (const mode of ['800x600', vga === 'virtio' ? '1001x701' : '1000x701', '640x480']) {
      await guest.command(`mode ${mode}`)
      const picture = await clientShows(`mode ${mode}`)
      t.is(picture.size, mode)
    }
    await guest.command('pattern 7')
    await clientShows('a picture after the changes of mode')

    if (vga === 'virtio') {
      const before = guest.events.length
      await resizeFromHost(vnc, 1024, 768)
      await guest.event('mode 1024x768', before)
      const resized = await clientShows('a screen resized from the host')
      t.is(resized.size, '1024x768')
    }
    await client.stop()
    await bothSee(rig, 'the last picture')
  })

  const bare = whyNoRig({ version, guest: false }) === undefined ? test.serial : test.serial.skip
  bare(`${name}: the firmware's text screen arrives, blinking cursor and all`, async (t) => {
    const rig = await startRig({ qemu: { version, vga, guest: false } })
    t.teardown(() => rig.stop())
    const client = await rig.connect()
    t.teardown(() => client.stop())
    const picture = await untilSame(rig.qemu, () => client.picture(), 'the client shows the text screen')
    t.is(picture.size, '720x400')
    await untilSame(rig.qemu, () => spicyScreenshot(rig.uri), 'spicy-screenshot shows the text screen')
  })
}

const started = performance.now()
test.after.always('time', () => {
  reportFile('pictures', started, whyNoRig())
})
