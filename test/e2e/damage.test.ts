import test from 'ava'
import { reportFile, type Rig, startRig, untilSame, whyNoRig } from '../helpers/qemu-rig.js'
import type { GuestKernel } from '../helpers/qemu.js'
import type { SidecarProcess } from '../helpers/sidecar-process.js'
import { spicyScreenshot } from '../helpers/spice-client-screenshot.js'
import type { SpiceClient } from '../helpers/spice-client.js'
import { Cleanup } from '../helpers/temp.js'
import { nowMs } from '../helpers/temp-deadline.js'

const KERNELS: readonly GuestKernel[] = ['12', '13']

const WIDTH = 1024
const HEIGHT = 640

const BLINKS = 20
const SQUARE = 16

/** Lines of 16 pixels that a terminal scrolls by, and the width of the terminal. */
const LINES = 40
const TERMINAL = 640

/** Steps of a window of that size that is dragged. */
const STEPS = 40
const WINDOW = { width: 400, height: 300 }

const PIXEL_BYTES = 4

/** More than the headers and the overhead of one message. */
const MESSAGE_BYTES = 256

/** Steps may be merged on their way to a client, on a slow machine many; so many are not. */
const LEAST_MOVES = 5

const LOOKS = 2
const MESSAGES_BETWEEN_LOOKS = 10

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
  const finished = (): boolean => guest.events.slice(from).some((line) => line.startsWith('finished'))
  await guest.command(command)
  for (let look = 1; look <= LOOKS; look++) {
    const enough = client.invalidations + MESSAGES_BETWEEN_LOOKS
    await client.until('more of it arrives', () => client.invalidations >= enough || finished())
    await rig.qemu.qmp('stop')
    await untilSame(rig.qemu, () => client.picture(), `look ${look} at ${command}`)
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
          await guest.command(`rect 500 300 ${SQUARE} ${SQUARE} ${blink % 2 === 0 ? '0xffffff' : '0x000000'}`)
          await client.until(`blink ${blink} arrives`, () => client.invalidations > seen)
        }
      })
      const flushed = kernel === '13' ? `w=${WIDTH}, h=${HEIGHT}` : `w=${SQUARE}, h=${SQUARE}`
      const damage = reported(rig).slice(from)
      t.true(damage.length > 0 && damage.every((line) => line.includes(flushed)), 'what this kernel flushes')
      const bytesOfBlinks = BLINKS * (SQUARE * SQUARE * PIXEL_BYTES + MESSAGE_BYTES)
      t.true(
        blinking.displayBytes <= bytesOfBlinks,
        `a blink costs its own pixels: ${blinking.displayBytes} bytes`,
      )

      const terminal = await sentDuring(rig, client, 'a terminal that scrolls', () =>
        watched(rig, client, `term ${WIDTH - TERMINAL} 0 ${TERMINAL} ${HEIGHT} 30 ${LINES}`),
      )
      t.true(terminal.moves >= LEAST_MOVES, `${terminal.moves} moves of a terminal`)
      t.true(terminal.movedPixels >= (terminal.moves * TERMINAL * HEIGHT) / 2)
      const bytesOfLines = LINES * TERMINAL * 16 * PIXEL_BYTES
      t.true(
        terminal.displayBytes <= bytesOfLines,
        `a line costs its own pixels: ${terminal.displayBytes} bytes`,
      )

      await guest.command('pattern 4')
      const { width, height } = WINDOW
      const window = await sentDuring(rig, client, 'a window that is dragged', () =>
        watched(rig, client, `drag 100 100 ${width} ${height} 30 ${STEPS}`),
      )
      t.true(window.moves >= LEAST_MOVES, `${window.moves} moves of a window`)
      t.true(window.movedPixels >= (window.moves * width * height) / 2)

      const consoleLines = await sentDuring(rig, client, 'the text console', async () => {
        await guest.command('scroll 110 30')
      })
      t.true(consoleLines.moves > 0, `${consoleLines.moves} moves of the text console`)
      t.log({ blinking, terminal, window, consoleLines })

      await client.stop()
      await untilSame(rig.qemu, () => spicyScreenshot(rig.uri), 'spicy-screenshot shows the text')
      client = await rig.connect()
      const again = await sentDuring(rig, client, 'a terminal after a reconnect', () =>
        watched(rig, client, `term 0 0 ${TERMINAL} ${HEIGHT} 30 ${LINES / 2}`),
      )
      t.true(again.moves >= LEAST_MOVES, `${again.moves} moves of a terminal after a reconnect`)
      await client.stop()
      await untilSame(rig.qemu, () => spicyScreenshot(rig.uri), 'spicy-screenshot shows the terminal')
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
