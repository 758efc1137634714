import { existsSync } from 'node:fs'
import test from 'ava'
import { rectOf, type Rect } from '../../src/core/region.js'
import type { Drawable } from '../../src/display/index.js'
import { ROP } from '../../src/protocol/index.js'
import { WebRoot } from '../../src/server/index.js'
import { Chromium, whyNoChromium } from '../helpers/chromium.js'
import { copyBits, fill, noiseBytes } from '../helpers/drawables.js'
import { Picture } from '../helpers/picture.js'
import { BUILT_IN, reportFile, whyNoRig } from '../helpers/qemu-rig.js'
import { ServerRig } from '../helpers/server-rig.js'
import { bitmapOf } from '../helpers/small-pictures.js'
import { SpiceClient } from '../helpers/spice-client.js'
import { nowMs, poll } from '../helpers/temp-deadline.js'
import { Cleanup } from '../helpers/temp.js'

const [WIDTH, HEIGHT] = [320, 240]
const WHOLE = rectOf(0, 0, WIDTH, HEIGHT)

const missing = BUILT_IN ? 'the commands come from the test' : whyNoRig()
const serial = missing === undefined ? test.serial : test.serial.skip
const started = nowMs()
test.after.always('time', () => reportFile('drawing', started, missing))

/** Pixels that no coder makes smaller. */
const noise = (box: Rect, seed: number): Drawable => {
  const [width, height] = [box.right - box.left, box.bottom - box.top]
  const words = new Uint32Array(noiseBytes(width * height * 4, seed).buffer)
  return {
    kind: 'copy',
    surface: 0,
    box,
    image: bitmapOf(width, [...words]),
    sourceArea: rectOf(0, 0, width, height),
    rop: ROP.put,
    scale: 'nearest',
  }
}

/** Each goes over the line as a message, whatever it draws on. */
const CHEAP: readonly (readonly [string, readonly Drawable[]])[] = [
  ['a fill', [fill(rectOf(10, 20, 100, 50), 0x3366cc)]],
  ['a clipped fill', [{ ...fill(WHOLE, 0xff8000), clip: [rectOf(0, 0, 30, 10), rectOf(20, 5, 40, 10)] }]],
  ['the opposite of all', [{ kind: 'invers', surface: 0, box: WHOLE }]],
  [
    'exclusive or, or, and',
    [
      fill(rectOf(0, 100, 200, 90), 0x5533aa, ROP.xor),
      fill(rectOf(50, 90, 90, 90), 0x0f0f0f, ROP.or),
      fill(rectOf(60, 80, 90, 90), 0xfff0f0, ROP.and),
    ],
  ],
  [
    'black and white',
    [
      { kind: 'blackness', surface: 0, box: rectOf(0, 0, 9, 9) },
      { kind: 'whiteness', surface: 0, box: rectOf(300, 230, 20, 10) },
    ],
  ],
  ['a scroll', [copyBits(rectOf(0, 0, WIDTH, HEIGHT - 16), 0, 16)]],
  ['a move down onto itself', [copyBits(rectOf(7, 9, 200, 150), 0, 0)]],
  ['a move to the left onto itself', [copyBits(rectOf(0, 3, 200, 150), 5, 3)]],
  ['a move up and left onto itself', [copyBits(rectOf(80, 30, 100, 100), 90, 44)]],
  [
    'a fill, a move of it, and its opposite',
    [
      fill(rectOf(5, 5, 40, 40), 0x123456),
      copyBits(rectOf(200, 100, 60, 60), 0, 0),
      { kind: 'invers', surface: 0, box: rectOf(190, 90, 50, 50) },
    ],
  ],
]

/** These are rendered here and sent as pixels. */
const RENDERED: readonly (readonly [string, readonly Drawable[]])[] = [
  ['an image', [noise(rectOf(40, 50, 120, 80), 7)]],
  [
    'an image, moved and inverted at once',
    [
      noise(rectOf(0, 0, 64, 64), 8),
      copyBits(rectOf(100, 100, 64, 64), 0, 0),
      { kind: 'invers', surface: 0, box: rectOf(32, 32, 100, 100) },
    ],
  ],
  ['a scaled image', [{ ...noise(rectOf(0, 0, 20, 20), 9), box: rectOf(100, 10, 150, 37) }]],
  [
    'a ternary operation',
    [
      {
        ...noise(rectOf(0, 0, 90, 90), 10),
        kind: 'rop3',
        brush: { kind: 'solid', color: 0xabcdef },
        rop3: 0x96,
      } as Drawable,
    ],
  ],
]

/** A server whose guest draws, and what it drew. */
const drawingRig = async (cleanup: Cleanup, webRoot?: string) => {
  const web = webRoot === undefined ? {} : { doors: { webRoot: new WebRoot(webRoot) } }
  const rig = new ServerRig(web)
  await rig.start()
  cleanup.add(() => rig.close())
  const { model } = rig
  model.consolesChanged([{ index: 0, label: 'drawn', head: 0 }])
  model.surfaceCreate(0, { id: 0, format: 'xrgb32', width: WIDTH, height: HEIGHT })
  const draw = (drawable: Drawable): void => model.draw(0, drawable, { release: () => undefined })
  draw(noise(WHOLE, 1))
  const expected = (): Picture => {
    const { data, stride } = model.readArea(0, 0, WHOLE)
    return Picture.fromBgrx(WIDTH, HEIGHT, stride, data)
  }
  return { rig, model, draw, expected }
}

serial('a stock client of a guest that draws shows what was drawn, pixel for pixel', async (t) => {
  const cleanup = new Cleanup()
  t.teardown(() => cleanup.run())
  const { rig, model, draw, expected } = await drawingRig(cleanup)
  const client = await SpiceClient.connected({ port: rig.port, password: 'secret' })
  cleanup.add(() => client.stop())
  const untilSame = (what: string): Promise<unknown> =>
    poll(`the client shows ${what}`, async () => (await client.picture()).equals(expected()))
  const bytes = async (): Promise<number> => (await client.counters()).bytes['display'] ?? 0

  await untilSame('the first picture')
  for (const [what, drawings] of CHEAP) {
    draw(noise(WHOLE, 2))
    await untilSame('noise')
    const before = await bytes()
    for (const each of drawings) {
      draw(each)
    }
    await untilSame(what)
    const cost = (await bytes()) - before
    t.true(cost < 1000, `${what} took ${cost} bytes`)
  }
  for (const [what, drawings] of RENDERED) {
    for (const each of drawings) {
      draw(each)
    }
    await untilSame(what)
  }
  model.surfaceDestroy(0, 0)
  model.surfaceCreate(0, { id: 0, format: 'rgb565', width: 100, height: 80 })
  draw(fill(rectOf(10, 10, 50, 50), 0xff8040))
  await poll('the client shows a surface of 16 bits', async () => {
    const picture = await client.pictureNow()
    return (
      picture?.size === '100x80' && picture.pixel(20, 20) === 'ff8242' && picture.pixel(1, 1) === '000000'
    )
  })
})

const PAGES = '/usr/share/spice-html5'
const missingWeb = missing ?? whyNoChromium() ?? (existsSync(PAGES) ? undefined : `${PAGES} is not there`)
const serialWeb = missingWeb === undefined ? test.serial : test.serial.skip

serialWeb('a browser, which paints less than it is told, shows it, too', async (t) => {
  const cleanup = new Cleanup()
  t.teardown(() => cleanup.run())
  const { rig, draw, expected } = await drawingRig(cleanup, PAGES)
  const browser = new Chromium([])
  cleanup.add(() => browser.stop())
  await browser.open(`http://127.0.0.1:${rig.port}/spice_auto.html?password=secret`)
  const untilSame = (what: string): Promise<unknown> =>
    poll(
      `the browser shows ${what}`,
      async () => (await browser.canvas('#spice-screen canvas'))?.equals(expected()) === true,
      { deadlineMs: 30_000 },
    )
  await untilSame('the first picture')
  for (const [what, drawings] of [...CHEAP, ...RENDERED]) {
    for (const each of drawings) {
      draw(each)
    }
    await untilSame(what)
  }
  t.pass()
})
