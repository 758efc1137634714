import { join } from 'node:path'
import test from 'ava'
import type { Picture } from '../helpers/picture.js'
import { resizeArguments, resizeFromHost } from '../helpers/qemu-resize.js'
import { BUILT_IN, reportFile, untilSame, whyNoRig } from '../helpers/qemu-rig.js'
import { startQemu, type Qemu } from '../helpers/qemu.js'
import { startSidecar, type SidecarProcess } from '../helpers/sidecar-process.js'
import { spicyScreenshot } from '../helpers/spice-client-screenshot.js'
import { SpiceClient } from '../helpers/spice-client.js'
import { nowMs, poll } from '../helpers/temp-deadline.js'
import { Cleanup, tempDirectory } from '../helpers/temp.js'

const startedMs = nowMs()
const missing = BUILT_IN ? 'only the sidecar tells which codec it used' : whyNoRig()
const serial = missing === undefined ? test.serial : test.serial.skip

/** Values of PREFERRED_COMPRESSION (`protocol-display.md` section 15). */
const PREFERRED = { off: 1, quic: 4, glz: 5, lz: 6, lz4: 7 } as const

const CODECS = ['raw', 'lz', 'lz-palette', 'glz', 'zlib-glz', 'quic', 'lz4', 'jpeg'] as const
type Codec = (typeof CODECS)[number]

// One guest for all; each case has a sidecar of its own, one after the other.
let qemu: Qemu
let cleanup: Cleanup
const vnc = join(tempDirectory(), 'vnc')

test.before(async () => {
  if (missing === undefined) {
    qemu = await startQemu({ heads: 2, extra: resizeArguments(vnc) })
  }
})

test.beforeEach(() => {
  cleanup = new Cleanup()
})

test.afterEach.always(() => cleanup.run())

test.after.always(async () => {
  if (missing === undefined) {
    await qemu.stop()
  }
  reportFile('codecs', startedMs, missing)
})

/** A sidecar and the stock client at it; the guest shows text. */
async function connected(
  compression: string,
  ...flags: readonly string[]
): Promise<{ readonly sidecar: SidecarProcess; readonly client: SpiceClient }> {
  const client = SpiceClient.start({ debug: true })
  cleanup.add(async () => (await client).stop())
  await qemu.guest.command('mode 800x600')
  await qemu.guest.command('pattern 6')
  const sidecar = await startSidecar({
    qmp: qemu.paths.sidecarQmp,
    flags: ['--image-compression', compression, ...flags],
  })
  cleanup.add(async () => {
    await sidecar.stop()
  })
  await (await client).connect({ port: sidecar.port })
  await (await client).untilUp()
  return { sidecar, client: await client }
}

const screenshot = (sidecar: SidecarProcess) => spicyScreenshot(`spice://127.0.0.1:${sidecar.port}`)

/** Images sent so far, of codecs that were used at all. */
async function imagesOf(sidecar: SidecarProcess): Promise<Partial<Record<Codec, number>>> {
  const used: Partial<Record<Codec, number>> = {}
  for (const codec of CODECS) {
    const images = await sidecar.metric('spice_sidecar_images_encoded_total', { codec })
    if (images > 0) {
      used[codec] = images
    }
  }
  return used
}

/** What went wrong, if only a little: all of it should be nothing. */
async function faultsOf(sidecar: SidecarProcess): Promise<object> {
  return {
    errors: await sidecar.metric('spice_sidecar_errors_total'),
    failed: await sidecar.metric('spice_sidecar_images_failed_total'),
    workersLost: await sidecar.metric('spice_sidecar_encoder_workers_lost_total'),
    noise: sidecar.noise,
    complaints: sidecar.log.filter(({ level }) => level === 'warn' || level === 'error'),
  }
}

const NO_FAULTS = { errors: 0, failed: 0, workersLost: 0, noise: [], complaints: [] }

interface Case {
  readonly setting: string
  readonly flags?: readonly string[]
  /** Codecs that have to be used. */
  readonly uses: readonly Codec[]
  /** Codecs that may be used beside them: for what theirs cannot code, or makes no smaller. */
  readonly mayUse: readonly Codec[]
  /** Without what does not depend on how a codec is chosen. */
  readonly brief?: boolean
}

const LOSSLESS: readonly Case[] = [
  { setting: 'off', uses: ['raw'], mayUse: [] },
  { setting: 'lz', uses: ['lz'], mayUse: ['raw', 'lz-palette'] },
  { setting: 'glz', uses: ['glz'], mayUse: ['raw'] },
  { setting: 'quic', uses: ['quic'], mayUse: ['lz', 'lz-palette', 'raw'] },
  { setting: 'lz4', uses: ['lz4'], mayUse: ['raw'] },
  {
    setting: 'glz',
    flags: ['--zlib-glz-wan-compression', 'always'],
    uses: ['zlib-glz'],
    mayUse: ['glz', 'raw'],
    brief: true,
  },
  { setting: 'auto_lz', uses: ['lz', 'quic'], mayUse: ['raw', 'lz-palette'], brief: true },
  { setting: 'auto_glz', uses: ['glz', 'quic'], mayUse: ['raw'], brief: true },
  { setting: 'auto', uses: ['glz', 'quic'], mayUse: ['raw', 'lz', 'lz-palette'], brief: true },
]

for (const [index, { setting, flags = [], uses, mayUse, brief = false }] of LOSSLESS.entries()) {
  serial(
    `${setting}: what clients show is what QEMU shows, and it came as ${uses.join(' and ')}`,
    async (t) => {
      const { guest } = qemu
      const { sidecar, client } = await connected(setting, ...flags)
      const shows = (what: string) =>
        untilSame(qemu, () => client.picture(), `${setting}: the client shows ${what}`)

      await shows('text')
      for (const picture of [2, 1, 7]) {
        await guest.command(`pattern ${picture}`)
        await shows(`picture ${picture}`)
      }
      await guest.command('pattern 6')
      await guest.command('rect 33 65 7 3 0xff8000')
      await guest.command('rect 300 65 1 200 0x0080ff')
      await guest.command('rect 2 400 700 2 0xff80ff')
      await shows('small rectangles')
      await guest.command('copy 0 0 500 300 101 77')
      await shows('a moved area')
      const from = guest.events.length
      await guest.command('term 8 8 640 320 200 12')
      await guest.event(/^finished/, from)
      await shows('the end of scrolling text')
      t.true(
        (await sidecar.metric('spice_sidecar_moves_sent_total')) > 0,
        'what only moved was sent as pixels',
      )

      if (!brief) {
        await guest.command('flips 3 0')
        await shows('the end of page flips')
        await guest.command('mode 641x479')
        t.is((await shows('another mode')).size, '641x479')
        const before = guest.events.length
        // QEMU keeps a size to itself that it asked for before.
        const size = `${961 + index}x700`
        await resizeFromHost(vnc, 961 + index, 700)
        await guest.event(`mode ${size}`, before)
        await guest.command('pattern 7')
        t.is((await shows('another size, asked for from the host')).size, size)
      }

      await client.send('disconnect')
      await untilSame(qemu, () => screenshot(sidecar), `${setting}: spicy-screenshot shows it`)
      await client.connect({ port: sidecar.port })
      await client.untilUp()
      await shows('the same when it has come back')
      await guest.command('scroll 20 0')
      await shows('the text console')

      const images = await imagesOf(sidecar)
      t.deepEqual(
        uses.filter((codec) => (images[codec] ?? 0) < (brief ? 1 : 6)),
        [],
        `images: ${JSON.stringify(images)}`,
      )
      t.deepEqual(
        Object.keys(images).filter((codec) => ![...uses, ...mayUse].includes(codec as Codec)),
        [],
      )
      t.deepEqual(await faultsOf(sidecar), NO_FAULTS)
    },
  )
}

/** Mean difference of a colour channel, 0 to 255. */
function meanError(left: Picture, right: Picture): number {
  if (left.size !== right.size) {
    return Infinity
  }
  let sum = 0
  for (let at = 0; at < left.rgb.length; at++) {
    sum += Math.abs(left.rgb[at]! - right.rgb[at]!)
  }
  return sum / left.rgb.length
}

serial('jpeg: photos come near enough, small rectangles exactly', async (t) => {
  const { guest } = qemu
  const { sidecar, client } = await connected('jpeg')
  await guest.command('pattern 1')
  const near = async (what: string, largest: number, look: () => Promise<Picture>): Promise<void> => {
    let last = Infinity
    await poll(
      `jpeg: ${what}`,
      async () => {
        last = meanError(await look(), await qemu.screendump())
        return last <= largest
      },
      { detail: () => `mean error ${last}` },
    )
    t.log(`${what}: mean error ${last.toFixed(2)}`)
  }
  const looks = () => client.picture()
  const rests = (what: string) => untilSame(qemu, looks, `jpeg: ${what} exactly, when it has come to rest`)
  await near('a gradient', 1.5, looks)
  await rests('a gradient')
  await guest.command('pattern 7')
  await near('a photo', 4, looks)
  await guest.command('rect 100 100 60 60 0xff8000')
  await poll('a small rectangle comes exactly', async () => {
    const [ours, theirs] = [await client.picture(), await qemu.screendump()]
    return ours.crop(100, 100, 60, 60).equals(theirs.crop(100, 100, 60, 60))
  })
  await guest.command('mode 1001x701')
  await near('another mode', 4, looks)
  await rests('another mode')
  t.true((await sidecar.metric('spice_sidecar_refined_pixels_total')) > 0, 'nothing was lost?')
  await client.stop()
  await near('spicy-screenshot', 4, () => screenshot(sidecar))

  const images = await imagesOf(sidecar)
  t.true((images.jpeg ?? 0) >= 4, JSON.stringify(images))
  t.deepEqual(await faultsOf(sidecar), NO_FAULTS)
})

serial('photos go as JPEG where that is set, and end up exact; text is exact at once', async (t) => {
  const { guest } = qemu
  const { sidecar, client } = await connected('auto', '--jpeg-wan-compression', 'always')
  const shows = (what: string) => untilSame(qemu, () => client.picture(), `the client shows ${what}`)
  await shows('text')
  t.is((await imagesOf(sidecar)).jpeg, undefined)
  for (const picture of [7, 1, 7]) {
    await guest.command(`pattern ${picture}`)
    await shows(`picture ${picture}`)
  }
  await guest.command('copy 0 0 500 300 101 77')
  await shows('a part of a photo elsewhere')
  const images = await imagesOf(sidecar)
  t.true((images.jpeg ?? 0) >= 1, JSON.stringify(images))
  t.true((await sidecar.metric('spice_sidecar_refined_pixels_total')) > 0)
  t.deepEqual(await faultsOf(sidecar), NO_FAULTS)
})

serial('a client chooses another codec at any time', async (t) => {
  const { guest } = qemu
  const { sidecar, client } = await connected('lz')
  await untilSame(qemu, () => client.picture(), 'the client shows the first picture')
  t.deepEqual(Object.keys(await imagesOf(sidecar)), ['lz'])
  let picture = 0
  for (const [name, type] of Object.entries(PREFERRED)) {
    const codec: Codec = name === 'off' ? 'raw' : (name as Exclude<keyof typeof PREFERRED, 'off'>)
    await client.send('compression', { type })
    await poll(`images come as ${codec}`, async () => {
      const before = (await imagesOf(sidecar))[codec] ?? 0
      // Of two pictures at least one differs everywhere from what is on the screen.
      picture += 1
      await guest.command(`pattern ${1 + 8 * (picture % 4)}`)
      await untilSame(qemu, () => client.picture(), `${name}: the client shows the picture`)
      return ((await imagesOf(sidecar))[codec] ?? 0) > before
    })
  }
  t.deepEqual(await faultsOf(sidecar), NO_FAULTS)
})

serial('two clients with dictionaries of their own show the same', async (t) => {
  const { guest } = qemu
  const { sidecar, client: first } = await connected('glz', '--clients', 'share')
  const second = await SpiceClient.connected({ port: sidecar.port })
  cleanup.add(() => second.stop())
  const bothShow = async (what: string): Promise<void> => {
    await untilSame(qemu, () => first.picture(), `the first client shows ${what}`)
    await untilSame(qemu, () => second.picture(), `the second client shows ${what}`)
  }
  await bothShow('text')
  for (const picture of [2, 6, 4, 14]) {
    await guest.command(`pattern ${picture}`)
    await bothShow(`picture ${picture}`)
  }
  const from = guest.events.length
  await guest.command('term 8 8 640 320 200 20')
  await guest.event(/^finished/, from)
  await bothShow('scrolled text')
  await first.stop()
  await sidecar.untilMetric('spice_sidecar_clients', (n) => n === 1)
  await guest.command('pattern 6')
  await untilSame(qemu, () => second.picture(), 'the client that stays shows text')
  t.true(((await imagesOf(sidecar)).glz ?? 0) >= 10)
  t.deepEqual(await faultsOf(sidecar), NO_FAULTS)
})

serial('two clients get what was coded once', async (t) => {
  const { guest } = qemu
  const { sidecar, client: first } = await connected('lz', '--clients', 'share')
  const second = await SpiceClient.connected({ port: sidecar.port })
  cleanup.add(() => second.stop())
  let spared = 0
  let turn = 0
  // How alike the lines of the two look depends on the machine.
  await poll('an image is coded for both', async () => {
    const picture = [2, 6, 4, 14][turn++ % 4]
    await guest.command(`pattern ${picture}`)
    await untilSame(qemu, () => first.picture(), `the first client shows picture ${picture}`)
    await untilSame(qemu, () => second.picture(), `the second client shows picture ${picture}`)
    spared = await sidecar.metric('spice_sidecar_encoder_shared_jobs_total', { codec: 'lz' })
    return turn >= 4 && spared >= 1
  })
  t.log(`${spared} of ${(await imagesOf(sidecar)).lz} images were coded for the other client`)
  t.deepEqual(await faultsOf(sidecar), NO_FAULTS)
})

serial('two heads of one client share a dictionary, wait for each other and are shown exactly', async (t) => {
  const { guest } = qemu
  const { sidecar, client } = await connected('glz')
  await client.until('an agent is there', () => client.agentConnected === true)
  const from = guest.events.length
  await client.send('resize', { width: 800, height: 600 })
  await client.send('resize', { display: 1, x: 800, width: 800, height: 600 })
  await guest.event('mode 800x600 1', from)
  const bothShow = async (what: string): Promise<void> => {
    for (const head of [0, 1]) {
      await poll(`head ${head} shows ${what}`, async () => {
        const [ours, theirs] = [await client.pictureNow(head), await qemu.screendump('video0', head)]
        return ours?.equals(theirs)
      })
    }
  }
  const onBoth = async (commands: readonly [string, string]): Promise<void> => {
    for (const [head, command] of commands.entries()) {
      await guest.command(`head ${head}`)
      await guest.command(command)
    }
  }
  for (const [left, right] of [
    [6, 6],
    [2, 14],
    [14, 2],
    [7, 7],
  ]) {
    await onBoth([`pattern ${left}`, `pattern ${right}`])
    await bothShow(`pictures ${left} and ${right}`)
  }
  const drawn = guest.events.length
  await onBoth(['term 8 8 640 320 200 30', 'term 8 8 640 320 200 30'])
  await poll('both heads have scrolled', () => {
    return guest.events.slice(drawn).filter((line) => line.startsWith('finished')).length === 2
  })
  await bothShow('scrolled text')
  for (const head of [0, 1]) {
    const waited = new RegExp(`display-2:${head}: waiting for serial \\d+, done`)
    t.true(
      client.process.lines.some((line) => waited.test(line)),
      `an image of head ${head} never referred to one of the other`,
    )
  }
  t.true(((await imagesOf(sidecar)).glz ?? 0) >= 10)
  t.deepEqual(await faultsOf(sidecar), NO_FAULTS)
})
