import { isDeepStrictEqual } from 'node:util'
import test from 'ava'
import type { SurfaceHead } from '../../src/display/index.js'
import type { AgentMonitor } from '../../src/protocol/index.js'
import { testFrame } from '../helpers/frames.js'
import { BUILT_IN, reportFile, startRig, untilSame, whyNoRig, type Rig } from '../helpers/qemu-rig.js'
import type { QemuVersion } from '../helpers/qemu.js'
import { ScriptedScreen } from '../helpers/scripted-screen.js'
import { ServerRig } from '../helpers/server-rig.js'
import { SpiceClient } from '../helpers/spice-client.js'
import { nowMs, poll } from '../helpers/temp-deadline.js'
import { Cleanup } from '../helpers/temp.js'

const startedMs = nowMs()
const missing = BUILT_IN ? 'only the sidecar is an agent by itself' : whyNoRig()
const serial = missing === undefined ? test.serial : test.serial.skip

/** Size and place of a head; 0 by 0: off. */
interface Head {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

const OFF: Head = { x: 0, y: 0, width: 0, height: 0 }

/** Two rows; the second head has the size that QEMU shows for a head that is off. */
const FOUR: readonly Head[] = [
  { x: 0, y: 0, width: 801, height: 603 },
  { x: 801, y: 0, width: 640, height: 480 },
  { x: 0, y: 603, width: 321, height: 201 },
  { x: 801, y: 603, width: 700, height: 500 },
]

/** A stock client sends the layout of all its windows at once. */
const layByLibrary = async (client: SpiceClient, heads: readonly Head[]): Promise<void> => {
  await client.until('the agent takes layouts', () => client.agentConnected === true)
  const asked = heads.map(({ width, height, ...place }, display) => ({
    display,
    ...place,
    width: width || 640,
    height: height || 480,
    enabled: width > 0,
  }))
  await poll('the client sends its layout', async () => {
    const { sent } = (await client.send('resize', { heads: asked })) as { sent: boolean }
    return sent
  })
}

const monitorOf = (head: Head): AgentMonitor => ({ ...head, depth: 32, widthMm: 0, heightMm: 0 })

/** Heads of the guest as it is now, as `801x603`; `0x0` when dark. */
const untilGuestHas = async ({ qemu: { guest } }: Rig, heads: readonly Head[]): Promise<void> => {
  const wanted = heads.map(({ width, height }) => `${width}x${height}`).join(' ')
  await poll(`the guest has ${wanted}`, async () => (await guest.command('info')).endsWith(wanted))
}

/** Each head gets a picture of its own, so that two that are mixed up show. */
const paint = async ({ qemu: { guest } }: Rig, heads: readonly Head[], first: number): Promise<void> => {
  for (const [head, { width }] of heads.entries()) {
    if (width > 0) {
      await guest.command(`head ${head}`)
      await guest.command(`pattern ${[6, 7, 1, 2][(first + head) % 4]}`)
    }
  }
}

const untilShows = async (
  rig: Rig,
  client: SpiceClient | ScriptedScreen,
  heads: readonly Head[],
  what: string,
): Promise<void> => {
  let last = ''
  const look = async (head: number) => {
    if (client instanceof ScriptedScreen) {
      if (client.failure !== undefined) {
        throw new Error(`the scripted client: ${client.failure.message}`, { cause: client.failure })
      }
      return client.heads[head]?.picture
    }
    return await client.pictureNow(head)
  }
  for (const [head, { width, height }] of heads.entries()) {
    await poll(
      `head ${head} ${what}`,
      async () => {
        const ours = await look(head)
        last = String(ours?.size)
        if (width === 0) {
          return ours === undefined
        }
        return ours?.size === `${width}x${height}` && ours.equals(await rig.qemu.screendump('video0', head))
      },
      { detail: () => last },
    )
  }
}

/** The pixel of the whole desktop that a guest works out from a tablet. */
const pointedAt = (abs: string, heads: readonly Head[]): { readonly x: number; readonly y: number } => {
  const [, x = 0, y = 0] = abs.split(' ').map(Number)
  const right = Math.max(...heads.map((head) => head.x + head.width))
  const bottom = Math.max(...heads.map((head) => head.y + head.height))
  return { x: Math.floor((x * right) / 32768), y: Math.floor((y * bottom) / 32768) }
}

for (const version of ['7.2', '11'] satisfies QemuVersion[]) {
  const onVersion = whyNoRig({ version }) === undefined ? serial : test.serial.skip

  onVersion(`QEMU ${version}: four heads come, move, change and go, for two clients`, async (t) => {
    const cleanup = new Cleanup()
    t.teardown(() => cleanup.run())
    const rig = await startRig({
      qemu: { version, heads: 4 },
      sidecar: { flags: ['--clients', 'share'] },
    })
    cleanup.add(() => rig.stop())
    const { guest } = rig.qemu
    await guest.command('mode 640x480')
    const client = await rig.connect()
    cleanup.add(() => client.stop())
    await untilShows(rig, client, [{ ...OFF, width: 640, height: 480 }, OFF, OFF, OFF], 'at the start')

    await layByLibrary(client, FOUR)
    await untilGuestHas(rig, FOUR)
    await paint(rig, FOUR, 0)
    await untilShows(rig, client, FOUR, 'came')
    await poll('the client knows the heads', () =>
      FOUR.every(({ width, height }, head) => {
        const [only, ...more] = client.monitorsOf.get(head) ?? []
        return only?.width === width && only.height === height && only.x === 0 && more.length === 0
      }),
    )

    await client.until('client mouse mode', () => client.mouseMode === 2)
    await guest.command('events on')
    for (const [display, { x, y, width, height }] of FOUR.entries()) {
      for (const [inX, inY] of [
        /* Not the corner first: a tablet at rest is there, and says nothing. */
        [width >> 1, height >> 2],
        [0, 0],
        [width - 1, height - 1],
      ] as const) {
        const from = guest.events.length
        await client.send('position', { x: inX, y: inY, display })
        t.deepEqual(pointedAt(await guest.event(/^abs /, from), FOUR), { x: x + inX, y: y + inY })
      }
    }
    await guest.command('events off')

    const second = await ScriptedScreen.connect({ host: '127.0.0.1', port: rig.sidecar!.port }, 4)
    cleanup.add(() => second.close())
    await untilShows(rig, second, FOUR, 'is there for who comes later')
    t.deepEqual(
      second.heads.map(({ heads: [head] }) => `${head?.width}x${head?.height}`),
      FOUR.map(({ width, height }) => `${width}x${height}`),
    )

    const without = FOUR.map((head, number) => (number === 1 || number === 2 ? OFF : head))
    await second.layout(without.map(monitorOf))
    await untilGuestHas(rig, without)
    await paint(rig, without, 2)
    await untilShows(rig, second, without, 'went')
    await untilShows(rig, client, without, 'went')

    /* The second where it was, the third larger, the fourth moved, the first of another size. */
    const changed = [
      { x: 0, y: 0, width: 700, height: 500 },
      FOUR[1]!,
      { x: 0, y: 603, width: 500, height: 401 },
      { x: 700, y: 700, width: 700, height: 500 },
    ]
    await second.layout(changed.map(monitorOf))
    await untilGuestHas(rig, changed)
    await paint(rig, changed, 1)
    await untilShows(rig, second, changed, 'came back or changed')
    await untilShows(rig, client, changed, 'came back or changed')
    t.deepEqual(second.heads[1]?.surfaces, ['640x480', 'gone', '640x480'])
    t.deepEqual(second.heads[3]?.surfaces, ['700x500'], 'a head that only moved keeps its surface')
    t.is(second.heads[2]?.surfaces.at(-1), '500x401')

    await guest.command('events on')
    const from = guest.events.length
    await client.send('position', { x: 10, y: 20, display: 3 })
    t.deepEqual(pointedAt(await guest.event(/^abs /, from), changed), { x: 710, y: 720 })
    t.deepEqual(
      rig.sidecar?.log.filter(({ level }) => level === 'warn' || level === 'error'),
      [],
    )
  })

  onVersion(`QEMU ${version}: any size, pointer shapes as they are and out of the cache`, async (t) => {
    const cleanup = new Cleanup()
    t.teardown(() => cleanup.run())
    const rig = await startRig({ qemu: { version, heads: 2 } })
    cleanup.add(() => rig.stop())
    const { guest } = rig.qemu
    await guest.command('pattern 6')
    const client = await rig.connect()
    cleanup.add(() => client.stop())
    const sizes =
      version === '7.2'
        ? ([
            [1366, 768],
            [1281, 801],
            [321, 201],
            [2560, 1600],
          ] as const)
        : ([
            [3840, 2160],
            [5120, 2880],
          ] as const)
    for (const [width, height] of sizes) {
      const head = { x: 0, y: 0, width, height }
      await layByLibrary(client, [head])
      await untilGuestHas(rig, [head, OFF])
      await untilSame(rig.qemu, () => client.picture(), `the client shows ${width}x${height}`, 20_000)
    }
    const [width, height] = sizes.at(-1)!
    const both = [
      { x: 0, y: 0, width, height },
      { x: width, y: 0, width: 800, height: 600 },
    ]
    await layByLibrary(client, both)
    await untilGuestHas(rig, both)

    const shows = async (display: number, image: number): Promise<Buffer> => {
      const before = client.cursors.get(display)
      await guest.command(`head ${display}`)
      await guest.command(`cursor ${image}`)
      await guest.command('movecursor 30 30')
      await client.until(`shape ${image}`, () => client.cursors.get(display) !== before)
      const { rgba, ...shape } = client.cursors.get(display)!
      t.like(shape, { width: 64, height: 64 })
      return rgba
    }
    /* An arrow and a black and white I-beam, on both heads, then out of the cache of each. */
    const first = new Map<string, Buffer>()
    for (let round = 0; round < 3; round++) {
      for (const display of [0, 1]) {
        for (const image of [0, 4]) {
          const key = `shape ${image} on head ${display}`
          const rgba = await shows(display, image)
          t.deepEqual(rgba, first.get(key) ?? rgba, key)
          first.set(key, rgba)
        }
      }
    }
    const [arrow, beam] = [first.get('shape 0 on head 0')!, first.get('shape 4 on head 0')!]
    t.notDeepEqual(arrow, beam)
    t.deepEqual(first.get('shape 0 on head 1'), arrow)
    t.deepEqual(first.get('shape 4 on head 1'), beam)
    const told = (result: string) => rig.sidecar!.metric('spice_sidecar_cursor_shapes_total', { result })
    t.deepEqual([await told('miss'), await told('hit'), await told('uncached')], [4, 8, 0])
  })
}

serial('heads that share a surface are what the library says they are', async (t) => {
  const cleanup = new Cleanup()
  t.teardown(() => cleanup.run())
  const rig = new ServerRig({ open: true, threads: true })
  cleanup.add(() => rig.close())
  await rig.start()
  const { model } = rig
  model.consolesChanged([{ index: 0, label: 'qxl', head: 0, maxHeads: 4 }])
  model.scanout(0, testFrame(1200, 480))
  const left = { id: 0, x: 0, y: 0, width: 640, height: 480 }
  const right = { id: 1, x: 640, y: 80, width: 560, height: 400 }
  model.heads(0, [left, right])
  const client = await SpiceClient.connected({ port: rig.port })
  cleanup.add(() => client.stop())
  const knows = (what: string, heads: readonly SurfaceHead[]) =>
    poll(
      what,
      () =>
        isDeepStrictEqual(
          client.monitors,
          heads.map((head) => ({ ...head, surface: 0 })),
        ),
      {
        detail: () => JSON.stringify(client.monitors),
      },
    )
  await knows('two heads', [left, right])
  t.is(client.events.findLast(({ event }) => event === 'monitors')?.['most'], 4)
  model.heads(0, [right, { ...left, width: 0 }])
  await knows('one head', [right])
  model.scanout(0, testFrame(640, 480))
  await knows('a smaller surface', [{ id: 0, x: 0, y: 0, width: 640, height: 480 }])
  await client.until('an agent is there', () => client.agentConnected === true)
  await layByLibrary(client, [
    { x: 0, y: 0, width: 800, height: 600 },
    { x: 800, y: 0, width: 640, height: 480 },
  ])
  await poll('the layout comes', () => rig.layouts.asked.length > 0)
  t.like(rig.layouts.asked.at(-1)?.[0], { console: 0, head: 0, width: 800, x: 0 })
  t.like(rig.layouts.asked.at(-1)?.[1], { console: 0, head: 1, width: 640, x: 800 })
})

test.after.always(() => reportFile('heads', startedMs, missing))
