import test from 'ava'
import { BUILT_IN, reportFile, startRig, untilSame, whyNoRig } from '../helpers/qemu-rig.js'
import type { QemuVersion } from '../helpers/qemu.js'
import { SpiceClient } from '../helpers/spice-client.js'
import { nowMs, poll } from '../helpers/temp-deadline.js'
import { Cleanup } from '../helpers/temp.js'

const startedMs = nowMs()
const missing = BUILT_IN ? 'only the sidecar is an agent by itself' : whyNoRig()
const serial = missing === undefined ? test.serial : test.serial.skip

for (const version of ['7.2', '11'] satisfies QemuVersion[]) {
  const here = whyNoRig({ version })
  const onVersion = here === undefined ? serial : test.serial.skip

  onVersion(
    `QEMU ${version}: the guest follows the window of a stock client, without an agent of its own`,
    async (t) => {
      const cleanup = new Cleanup()
      t.teardown(() => cleanup.run())
      const rig = await startRig({ qemu: { version } })
      cleanup.add(() => rig.stop())
      const { guest } = rig.qemu
      await guest.command('pattern 7')
      const client = await rig.connect()
      cleanup.add(() => client.stop())
      await client.until('an agent is there', () => client.agentConnected === true)
      for (const [width, height] of [
        [1100, 700],
        [801, 603],
      ] as const) {
        const from = guest.events.length
        await client.until('the agent takes layouts', () => client.agentConnected === true)
        await poll('the client sends its layout', async () => {
          const { sent } = (await client.send('resize', { width, height })) as { sent: boolean }
          return sent
        })
        await guest.event(`mode ${width}x${height}`, from)
        const picture = await untilSame(
          rig.qemu,
          () => client.picture(),
          `the client shows ${width}x${height}`,
        )
        t.is(picture.size, `${width}x${height}`)
      }
    },
  )

  onVersion(`QEMU ${version}: a second head comes, is shown, takes the pointer, and goes`, async (t) => {
    const cleanup = new Cleanup()
    t.teardown(() => cleanup.run())
    const rig = await startRig({ qemu: { version, heads: 2 } })
    cleanup.add(() => rig.stop())
    const { guest } = rig.qemu
    await guest.command('mode 800x600')
    const client = await rig.connect()
    cleanup.add(() => client.stop())
    await client.until('an agent is there', () => client.agentConnected === true)
    t.is(await client.pictureNow(1), undefined, 'the second head is dark')

    const from = guest.events.length
    await client.send('resize', { width: 800, height: 600 })
    await client.send('resize', { display: 1, x: 800, width: 640, height: 480 })
    await guest.event('mode 640x480 1', from)
    await guest.command('head 1')
    await guest.command('pattern 6')
    await poll('the client shows the second head', async () => {
      const [ours, theirs] = [await client.pictureNow(1), await rig.qemu.screendump('video0', 1)]
      return ours?.size === '640x480' && ours.equals(theirs)
    })

    await client.until('client mouse mode', () => client.mouseMode === 2)
    await guest.command('events on')
    const clicked = guest.events.length
    await client.send('position', { x: 0, y: 0, display: 1 })
    const abs = await guest.event(/^abs /, clicked)
    const x = Number(abs.split(' ')[1])
    t.true(Math.abs(x - (800 * 32767) / 1440) < 40, `the left edge of the second head is at ${x}`)

    const before = guest.events.length
    await client.send('resize', { display: 1, x: 800, width: 640, height: 480, enabled: false })
    await guest.event('mode 0x0 1', before)
    await poll('the second head is dark', async () => (await client.pictureNow(1)) === undefined)
    await guest.command('head 0')
    await guest.command('pattern 7')
    await untilSame(rig.qemu, () => client.picture(), 'the first head goes on')
  })
}

serial('a display device of fixed size: the agent goes when it refuses, the picture stays', async (t) => {
  const cleanup = new Cleanup()
  t.teardown(() => cleanup.run())
  const rig = await startRig({ qemu: { vga: 'std' } })
  cleanup.add(() => rig.stop())
  await rig.qemu.guest.command('pattern 7')
  const client = await rig.connect()
  cleanup.add(() => client.stop())
  await client.until('an agent is there', () => client.agentConnected === true)
  await poll('the client sends its layout', async () => {
    const { sent } = (await client.send('resize', { width: 1111, height: 777 })) as { sent: boolean }
    return sent
  })
  await client.until('the agent is gone', () => client.agentConnected === false)
  await untilSame(rig.qemu, () => client.picture(), 'the client shows the old size')
  const second = await SpiceClient.connected(rig.target)
  cleanup.add(() => second.stop())
  t.not(second.agentConnected, true, 'the next client is offered none')
})

test.after.always(() => reportFile('layout', startedMs, missing))
