import test from 'ava'
import { rectOf } from '../../src/core/region.js'
import { noDisplayMetrics } from '../helpers/display-deps.js'
import { guestOf } from '../helpers/guest-screen.js'
import { Picture } from '../helpers/picture.js'
import { whyNoQemu } from '../helpers/qemu.js'
import { Counted, ServerRig } from '../helpers/server-rig.js'
import { SpiceClient } from '../helpers/spice-client.js'
import { pause, poll } from '../helpers/temp-deadline.js'
import { Cleanup } from '../helpers/temp.js'
import { typeText } from '../helpers/typed-text.js'

const missing = whyNoQemu({ guest: false })
const serial = missing === undefined ? test.serial : test.serial.skip

const [WIDTH, HEIGHT] = [640, 400]

/** Less often than what counts as an animation. */
const PACE_MS = 400

/** More than a client keeps. */
const PALETTES = 150

serial('text in more colours than a stock client keeps palettes is exact there', async (t) => {
  const cleanup = new Cleanup()
  t.teardown(() => cleanup.run())
  const screen = guestOf(WIDTH, HEIGHT, 3)
  const metrics = {
    ...noDisplayMetrics,
    images: new Counted(),
    paletteHits: new Counted(),
    paletteMisses: new Counted(),
    cacheHits: new Counted(),
  }
  const rig = new ServerRig({ open: true, threads: true, display: { metrics, compression: 'lz' } })
  cleanup.add(() => rig.close())
  await rig.start()
  rig.model.consolesChanged([{ index: 0, label: 'video0', head: 0 }])
  rig.model.scanout(0, { generation: 1, ...screen })
  const client = await SpiceClient.connected({ port: rig.port })
  cleanup.add(() => client.stop())
  const untilSeen = (what: string): Promise<unknown> =>
    poll(what, async () => {
      const seen = await client.pictureNow()
      return seen?.equals(Picture.fromBgrx(WIDTH, HEIGHT, screen.stride, screen.pixels))
    })
  const type = (turn: number, colours: number, shades: number, width: number): void => {
    const box = rectOf((turn * 37) % (WIDTH - width), (turn * 16) % (HEIGHT - 40), width, 40)
    typeText(screen, box, colours, turn, shades)
    rig.model.damage(0, [box])
  }
  await untilSeen('the first picture')
  for (let turn = 0; turn < PALETTES; turn++) {
    type(turn, turn, 1 + (turn % 15), 33 + turn)
    const images = metrics.images.get('lz-palette')
    await poll(`text ${turn} is sent`, () => Promise.resolve(metrics.images.get('lz-palette') > images))
  }
  await untilSeen('text in many colours')
  t.true(metrics.paletteMisses.get() > 128)
  const hits = metrics.paletteHits.get()
  for (const colours of [PALETTES - 1, 0, PALETTES - 1, 1, PALETTES - 2, 0]) {
    type(colours + 7, colours, 1 + (colours % 15), 90)
    await untilSeen(`text in the colours ${colours} again`)
  }
  t.true(metrics.paletteHits.get() > hits)
  // What came with a palette is kept with its pixels, and comes out of the pixmap cache again.
  for (const colours of [3, 4, 3, 4]) {
    await pause(PACE_MS)
    typeText(screen, rectOf(128, 64, 256, 128), colours, colours)
    rig.model.damage(0, [rectOf(128, 64, 256, 128)])
    await untilSeen(`a page in the colours ${colours}`)
  }
  t.true(metrics.cacheHits.get() >= 2)
})
