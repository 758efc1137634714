import test, { type ExecutionContext } from 'ava'
import type { Frame } from '../../src/display/index.js'
import { rectOf, type Rect } from '../../src/core/region.js'
import { noDisplayMetrics } from '../helpers/display-deps.js'
import { act, guestOf, type GuestScreen } from '../helpers/guest-screen.js'
import { Picture } from '../helpers/picture.js'
import { Counted, ServerRig } from '../helpers/server-rig.js'
import { SpiceClient } from '../helpers/spice-client.js'
import { whyNoQemu } from '../helpers/qemu.js'
import { pause, poll } from '../helpers/temp-deadline.js'
import { Cleanup } from '../helpers/temp.js'

const missing = whyNoQemu({ guest: false })
const serial = missing === undefined ? test.serial : test.serial.skip

const [WIDTH, HEIGHT] = [640, 400]
const SCREEN = rectOf(0, 0, WIDTH, HEIGHT)
const WINDOWS = [SCREEN, rectOf(37, 51, 390, 270), rectOf(128, 64, 320, 256), rectOf(300, 10, 301, 377)]

/** Less often than what counts as an animation. */
const PACE_MS = 400

/** A stock client at a server whose guest is drawn here. */
class Stage {
  readonly hits = new Counted()
  readonly evictions = new Counted()
  readonly screens: readonly GuestScreen[]
  readonly rig: ServerRig
  readonly #cacheBytes: number

  constructor(consoles: number, cacheBytes: number) {
    this.#cacheBytes = cacheBytes
    this.screens = Array.from({ length: consoles }, () => guestOf(WIDTH, HEIGHT, 3))
    const metrics = { ...noDisplayMetrics, cacheHits: this.hits, cacheEvictions: this.evictions }
    this.rig = new ServerRig({ open: true, threads: true, display: { metrics } })
    this.rig.model.consolesChanged(
      this.screens.map((_, index) => ({ index, label: `video${index}`, head: 0 })),
    )
    this.screens.forEach((screen, index) => {
      this.rig.model.scanout(index, { generation: 1, ...screen } satisfies Frame)
    })
  }

  async client(): Promise<SpiceClient> {
    const client = await SpiceClient.start()
    await this.connect(client)
    return client
  }

  async connect(client: SpiceClient): Promise<void> {
    client.surface = undefined
    client.channels.clear()
    await client.send('connect', {
      properties: {
        ...{ 'enable-audio': false, host: '127.0.0.1', port: String(this.rig.port) },
        'cache-size': this.#cacheBytes,
      },
    })
    await client.untilUp()
  }

  draw(console: number, window: number, content: number): void {
    const rect = WINDOWS[window]!
    const screen = this.screens[console]!
    act(screen, { kind: 'fill', rect, colour: 0x203040 * (content + 1) })
    act(screen, { kind: 'noise', rect: inner(rect), seed: content })
    this.rig.model.damage(console, [rect])
  }

  async untilSeen(client: SpiceClient, console: number, what: string): Promise<void> {
    const { pixels, stride } = this.screens[console]!
    await poll(what, async () => {
      const seen = await client.pictureNow(console)
      return seen?.equals(Picture.fromBgrx(WIDTH, HEIGHT, stride, pixels))
    })
  }
}

const inner = ({ left, top, right, bottom }: Rect): Rect => ({
  left: left + 20,
  top: top + 24,
  right: right - 5,
  bottom: bottom - 9,
})

const staged =
  (
    consoles: number,
    cacheBytes: number,
    body: (t: ExecutionContext, stage: Stage, cleanup: Cleanup) => Promise<void>,
  ) =>
  async (t: ExecutionContext): Promise<void> => {
    const cleanup = new Cleanup()
    t.teardown(() => cleanup.run())
    const stage = new Stage(consoles, cacheBytes)
    cleanup.add(() => stage.rig.close())
    await stage.rig.start()
    await body(t, stage, cleanup)
  }

/** Windows and what is in them, so that most come back sooner or later. */
const SWITCHES = Array.from({ length: 24 }, (_, turn) => [(turn * 7) % 4, (turn * 3) % 2] as const)

const BYTES_A_PIXEL = 4

/** A menu whose edges lie anywhere: what was under it comes back as a part of the image that the screen was sent with. */
async function opensAndCloses(t: ExecutionContext, stage: Stage, client: SpiceClient): Promise<void> {
  stage.draw(0, 0, 7)
  await stage.untilSeen(client, 0, 'another screen')
  const { pixels } = stage.screens[0]!
  const before = pixels.slice()
  await pause(PACE_MS)
  stage.draw(0, 1, 8)
  await stage.untilSeen(client, 0, 'a menu')
  await pause(PACE_MS)
  const hits = stage.hits.get()
  pixels.set(before)
  stage.rig.model.damage(0, [SCREEN])
  await stage.untilSeen(client, 0, 'what was under the menu')
  t.is(stage.hits.get(), hits + 1)
}

serial(
  'windows that come and go are exact at a stock client, with a cache too small for all, and after a reconnection',
  staged(1, 2 * WIDTH * HEIGHT * BYTES_A_PIXEL, async (t, stage, cleanup) => {
    const client = await stage.client()
    cleanup.add(() => client.stop())
    for (const [window, content] of SWITCHES) {
      stage.draw(0, window, content)
      await stage.untilSeen(client, 0, `window ${window} with content ${content}`)
      await pause(PACE_MS)
    }
    t.true(stage.hits.get() > 0)
    t.true(stage.evictions.get() > 0)
    await opensAndCloses(t, stage, client)
    await client.send('disconnect')
    await stage.connect(client)
    const hits = stage.hits.get()
    for (const [window, content] of SWITCHES.slice(0, 10)) {
      stage.draw(0, window, content)
      await stage.untilSeen(client, 0, `window ${window} with content ${content}, connected again`)
      await pause(PACE_MS)
    }
    t.true(stage.hits.get() > hits)
  }),
)

serial(
  'two consoles of a stock client share its cache: what is on both, and what one takes from the other, is exact',
  staged(2, 2 * WIDTH * HEIGHT * BYTES_A_PIXEL, async (t, stage, cleanup) => {
    const client = await stage.client()
    cleanup.add(() => client.stop())
    for (const [turn, [window, content]] of SWITCHES.entries()) {
      stage.draw(turn % 2, window, content)
      stage.draw((turn >> 1) % 2, window, content)
      await stage.untilSeen(client, 0, `turn ${turn} on the first console`)
      await stage.untilSeen(client, 1, `turn ${turn} on the second console`)
      await pause(PACE_MS)
    }
    t.true(stage.hits.get() > 0)
    t.true(stage.evictions.get() > 0)
  }),
)
