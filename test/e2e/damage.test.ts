import test from 'ava'
import { reportFile, type Rig, startRig, untilSame, whyNoRig } from '../helpers/qemu-rig.js'
import type { GuestKernel } from '../helpers/qemu.js'
import type { SidecarProcess } from '../helpers/sidecar-process.js'
import { spicyScreenshot } from '../helpers/spice-client-screenshot.js'
import type { SpiceClient } from '../helpers/spice-client.js'
import { Cleanup } from '../helpers/temp.js'
import { nowMs } from '../helpers/temp-deadline.js'

const KERNELS: readonly GuestKernel[] = ['12', '13']

const WIDTH = 1280
const HEIGHT = 800

const BLINKS = 20
const SQUARE = 16

/** More than the headers and the coding overhead of one message. */
const MESSAGE_BYTES = 256

const LOOKS = 3
const MESSAGES_BETWEEN_LOOKS = 12

/** What counts here: bytes and messages, never time. */
interface Counts {
  readonly displayBytes: number
  readonly moves: number
  readonly movedPixels: number
}

async function counts(sidecar: SidecarProcess): Promise<Counts> {
  return {
    displayBytes: await sidecar.metric('spice_sidecar_channel_bytes_sent_total', { channel: 'display' }),
    moves: await sidecar.metric('spice_sidecar_moves_sent_total'),
    movedPixels: await sidecar.metric('spice_sidecar_moved_pixels_total'),
  }
}

/** What the sidecar sent while `work` went on and until the client had its end. */
async function sentDuring(
  rig: Rig,
  client: SpiceClient,
  what: string,
  work: () => Promise<void>,
): Promise<Counts> {
  const sidecar = rig.sidecar!
  await untilSame(rig.qemu, () => client.picture(), `the client is in step before ${what}`)
  const before = await counts(sidecar)
  await work()
  await untilSame(rig.qemu, () => client.picture(), `the client ends with ${what}`)
  const after = await counts(sidecar)
  return {
    displayBytes: after.displayBytes - before.displayBytes,
    moves: after.moves - before.moves,
    movedPixels: after.movedPixels - before.movedPixels,
  }
}

/**
 * Waits for the end of a job that draws, and on its way stops the guest a few times to look whether the client has
 * all of what was drawn so far.
 */
async function watched(rig: Rig, client: SpiceClient, command: string): Promise<void> {
  const { guest } = rig.qemu
  const from = guest.events.length
  await guest.command(command)
  for (let look = 1; look <= LOOKS; look++) {
    const seen = client.invalidations
    await client.until('more of it arrives', () => client.invalidations > seen + MESSAGES_BETWEEN_LOOKS)
    await rig.qemu.qmp('stop')
    await untilSame(rig.qemu, () => client.picture(), `the client is in step at look ${look} (${command})`)
    await rig.qemu.qmp('cont')
  }
  await guest.event(/^finished/, from, 30_000)
}

/** Rectangles of damage that QEMU's display reported, from its trace. */
const reported = (rig: Rig): readonly string[] =>
  rig.qemu.process.lines.filter((line) => line.includes('dbus_update'))

for (const kernel of KERNELS) {
  const serial = whyNoRig({ kernel }) === undefined ? test.serial : test.serial.skip

  serial(
    `kernel of Debian ${kernel}: what did not change is not sent, what moved goes as moves`,
    async (t) => {
      const cleanup = new Cleanup()
      t.teardown(() => cleanup.run())
      const rig = await startRig({ qemu: { kernel, extra: ['-trace', 'dbus_update'] } })
      cleanup.add(() => rig.stop())
      const { guest } = rig.qemu
      await guest.command(`mode ${WIDTH}x${HEIGHT}`)
      await guest.command('pattern 3')
      let client = await rig.connect()
      cleanup.add(() => client.stop())

      const from = reported(rig).length
      const blinking = await sentDuring(rig, client, 'a blinking square', async () => {
        for (let blink = 0; blink < BLINKS; blink++) {
          const seen = client.invalidations
          await guest.command(`rect 700 300 ${SQUARE} ${SQUARE} ${blink % 2 === 0 ? '0xffffff' : '0x000000'}`)
          await client.until(`blink ${blink} arrives`, () => client.invalidations > seen)
        }
      })
      const damage = reported(rig).slice(from)
      const flushed = `w=${WIDTH}, h=${HEIGHT}`
      // The kernel named 12 may be the machine's own, and newer.
      if (kernel === '13') {
        t.true(
          damage.length > 0 && damage.every((line) => line.includes(flushed)),
          'the guest flushes the screen',
        )
      }
      t.log('blinks', blinking, damage.at(-1))
      t.true(
        blinking.displayBytes <= BLINKS * (SQUARE * SQUARE * 4 + MESSAGE_BYTES),
        'a blink costs its pixels',
      )

      const terminal = await sentDuring(rig, client, 'a terminal', () =>
        watched(rig, client, 'term 640 0 640 800 20 60'),
      )
      t.log('terminal', terminal)

      await guest.command('pattern 2')
      const window = await sentDuring(rig, client, 'a window that is dragged', () =>
        watched(rig, client, 'drag 100 100 400 300 20 60'),
      )
      t.log('window', window)

      const text = await sentDuring(rig, client, 'the text console', async () => {
        await guest.command('scroll 100 20')
      })
      t.log('console', text)

      await client.stop()
      await untilSame(rig.qemu, () => spicyScreenshot(rig.uri), 'spicy-screenshot shows the text')
      client = await rig.connect()
      const again = await sentDuring(rig, client, 'the text console after a reconnect', async () => {
        await guest.command('scroll 20 20')
      })
      t.log('again', again)
    },
  )
}

const started = nowMs()
test.after.always('time', () => {
  reportFile(
    'damage',
    started,
    KERNELS.map((kernel) => whyNoRig({ kernel })).find((why) => why !== undefined),
  )
})
