import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import test, { type ExecutionContext } from 'ava'
import { systemClock } from '../../src/app/system-clock.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { silentLogger } from '../../src/core/logger.js'
import { DisplayModel, type PointerShape, type SourceEnd } from '../../src/display/index.js'
import { createPictureStore } from '../../src/kernels/index.js'
import { createDbusDisplaySource, type DbusDisplaySource } from '../../src/gpu-bridge/index.js'
import { openDbusDisplay, QmpClient } from '../../src/qmp/index.js'
import { Picture } from '../helpers/picture.js'
import { startQemu, whyNoQemu, type Qemu, type QemuOptions, type QemuVersion } from '../helpers/qemu.js'
import { poll, withDeadline } from '../helpers/temp-deadline.js'
import { TempProcess } from '../helpers/temp-process.js'
import { removeTempDirectory, tempDirectory } from '../helpers/temp.js'

const VERSIONS: readonly QemuVersion[] = ['7.2', '11']
const BLOCKED_MS = 5000
const MiB = 1024 * 1024

/** A source on a real QEMU. */
class Shown {
  readonly qemu: Qemu
  readonly source: DbusDisplaySource
  readonly model = new DisplayModel(createPictureStore)
  readonly refused: string[] = []
  updates = 0
  readonly #qmp: QmpClient
  readonly #abort = new AbortController()
  readonly ended: Promise<SourceEnd>

  constructor(qemu: Qemu) {
    this.qemu = qemu
    const shared = { clock: systemClock, logger: silentLogger, limits: DEFAULT_LIMITS }
    this.#qmp = new QmpClient({ path: qemu.paths.sidecarQmp, ...shared })
    const ready = new Promise<void>((resolve) => {
      this.#qmp.onState((state) => (state === 'ready' ? resolve() : undefined))
    })
    this.#qmp.start()
    this.source = createDbusDisplaySource({
      openPeer: () => ready.then(() => openDbusDisplay(this.#qmp)),
      ...shared,
      minFrameIntervalMs: 0,
      metrics: {
        updates: { add: (amount) => (this.updates += amount) },
        refused: { add: (_amount, labels) => this.refused.push(labels?.['reason'] ?? '') },
      },
    })
    this.model.observe({ stale: (console) => this.model.refresh(console) })
    this.ended = this.source.run(this.model, this.#abort.signal)
  }

  picture(console = 0): Picture | undefined {
    const { frame } = this.model.picture(console)
    return frame === undefined
      ? undefined
      : Picture.fromBgrx(frame.width, frame.height, frame.stride, frame.pixels)
  }

  /** Waits until the source shows what QEMU's own screendump does. */
  async showsTheScreen(device?: string, head = 0, console = 0): Promise<Picture> {
    let last: unknown
    return await poll(
      'the same picture as QEMU',
      async () => {
        const dump = await this.qemu.screendump(device, head)
        const picture = this.picture(console)
        last = picture?.firstDifference(dump) ?? picture?.size
        return picture?.equals(dump) === true ? dump : undefined
      },
      { detail: () => JSON.stringify([last, this.refused]) },
    )
  }

  async stop(): Promise<SourceEnd> {
    this.#abort.abort()
    try {
      return await withDeadline(this.ended, 5000, 'the source ends')
    } finally {
      this.#qmp.close()
    }
  }
}

const descriptors = (): number => readdirSync('/proc/self/fd').length

/** Display memory of QEMU that this process holds. */
const sharedMaps = (): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /memfd:(virtio-gpu res|displaysurface)/.test(readlinkSync(`/proc/self/fd/${fd}`))
    } catch {
      return false
    }
  }).length

/** Starts a QEMU and a source, checks that the source ends when told and leaves nothing behind. */
const withScreen = async (
  t: ExecutionContext,
  options: QemuOptions,
  run: (shown: Shown) => Promise<void>,
): Promise<void> => {
  t.timeout(180_000)
  t.is(whyNoQemu(options), undefined)
  const qemu = await startQemu(options)
  try {
    const before = descriptors()
    const shown = new Shown(qemu)
    try {
      await run(shown)
    } finally {
      t.deepEqual(await shown.stop(), { kind: 'closed' })
    }
    await poll('all descriptors are closed', () => descriptors() <= before)
    await qemu.qmp('query-status')
  } finally {
    await qemu.stop()
  }
}

/** The system's QEMU is 7.2 on Debian 12 and a newer one on 13: what it shares, it says itself. */
const sharesMaps = async (qemu: Qemu): Promise<boolean> => {
  const { qemu: running } = (await qemu.qmp('query-version')) as { qemu: { major: number; minor: number } }
  return running.major > 9 || (running.major === 9 && running.minor >= 2)
}

for (const version of VERSIONS) {
  for (const vga of ['std', 'virtio'] as const) {
    test.serial(`QEMU ${version}: the firmware's text on ${vga} is QEMU's own picture`, (t) =>
      withScreen(t, { version, guest: false, vga }, async (shown) => {
        await poll('text', () => shown.picture()?.size === '720x400' && shown.picture()!.colours() > 1)
        const picture = await shown.showsTheScreen()
        t.is(picture.size, '720x400')
        t.deepEqual(
          shown.model.consoles.map(({ index, head }) => [index, head]),
          [[0, 0]],
        )
      }),
    )
  }

  test.serial(
    `QEMU ${version}: pictures, rectangles, modes, flips, pointer and heads of a virtio guest`,
    (t) =>
      withScreen(t, { version, heads: 2 }, async (shown) => {
        const { guest } = shown.qemu
        await guest.command('pattern 0')
        await shown.showsTheScreen('video0')
        t.is(sharedMaps() > 0, await sharesMaps(shown.qemu), 'shared maps from 9.2 on, payloads before')
        for (const command of [
          'pattern 3',
          'rect 17 33 101 55 0xff8040',
          'copy 0 0 300 200 311 207',
          'mode 1001x701',
          'pattern 6',
          'flips 20 30',
          'mode 640x480',
          'pattern 1',
          'text',
          'pattern 2',
        ]) {
          await guest.command(command)
          await shown.showsTheScreen('video0')
        }
        await guest.command('cursor 2')
        await guest.command('movecursor 100 50')
        const shape = await poll('the pointer', () => shown.model.picture(0).shape)
        t.deepEqual([shape.width, shape.height, shape.hotX, shape.hotY], [64, 64, 16, 16])
        t.deepEqual(pixel(shape, 3, 5), [0x80, 5 * 8, 3 * 8, 255])
        await poll('its hot spot', () => {
          const { x, y, visible } = shown.model.picture(0).pointer
          return x === 116 && y === 66 && visible
        })
        await guest.command('hidecursor')
        await poll('no pointer', () => !shown.model.picture(0).pointer.visible)

        t.is(shown.model.consoles.length, 2)
        t.is(shown.model.picture(1).frame, undefined)
        shown.source.setHeads([
          { console: 0, width: 800, height: 600, x: 0, y: 0, widthMm: 0, heightMm: 0 },
          { console: 1, width: 1024, height: 768, x: 800, y: 0, widthMm: 0, heightMm: 0 },
        ])
        await poll('the first head', () => shown.picture(0)?.size === '800x600')
        await poll('the second head', () => shown.picture(1)?.size === '1024x768')
        await guest.command('head 1')
        await guest.command('pattern 4')
        await shown.showsTheScreen('video0', 1, 1)
        await shown.showsTheScreen('video0', 0, 0)
        shown.source.setHeads([{ console: 1, width: 0, height: 0, x: 0, y: 0, widthMm: 0, heightMm: 0 }])
        await poll('the second head is off', () => shown.picture(1) === undefined)
        t.deepEqual(shown.refused, [])
      }),
  )

  test.serial(`QEMU ${version}: pictures of a guest on VGA, which cannot be resized`, (t) =>
    withScreen(t, { version, vga: 'std' }, async (shown) => {
      const { guest } = shown.qemu
      for (const command of ['pattern 3', 'rect 17 33 101 55 0xff8040', 'pattern 7', 'text']) {
        await guest.command(command)
        await shown.showsTheScreen()
      }
      shown.source.setHeads([{ console: 0, width: 800, height: 600, x: 0, y: 0, widthMm: 0, heightMm: 0 }])
      await guest.command('pattern 1')
      await shown.showsTheScreen()
    }),
  )

  test.serial(`QEMU ${version}: keys, buttons, positions and lock lights`, (t) =>
    withScreen(t, { version }, async (shown) => {
      const { guest } = shown.qemu
      const { input } = shown.source
      await guest.command('events on')
      await poll('absolute positions', () => input.state.available && input.state.absolute)
      // The guest's tablet may come up after its command server.
      await poll('the tablet', () => {
        input.position(0, 640, 400)
        return guest.events.some((event) => event.startsWith('abs'))
      })
      const before = guest.events.length
      input.keyDown(0x1e)
      input.keyUp(0x1e)
      input.keyDown(0xc8)
      input.keyUp(0xc8)
      input.position(0, 0, 0)
      input.position(0, 100_000, 100_000)
      input.buttonDown(0)
      input.buttonUp(0)
      input.buttonDown(3)
      input.buttonUp(3)
      for (const event of [
        'key 30 1',
        'key 30 0',
        'key 103 1',
        'key 103 0',
        /^abs 327\d\d 327\d\d$/,
        'btn 272 1',
        'btn 272 0',
        'wheel 1',
      ]) {
        await guest.event(event, before)
      }
      const { modifiers } = input.state
      input.keyDown(0x3a)
      input.keyUp(0x3a)
      await poll('caps lock', () => input.state.modifiers === (modifiers ^ 4))
    }),
  )

  test.serial(`QEMU ${version}: a mouse is relative`, (t) =>
    withScreen(t, { version, pointer: 'mouse' }, async (shown) => {
      const { guest } = shown.qemu
      await guest.command('events on')
      await poll('input', () => shown.source.input.state.available)
      t.false(shown.source.input.state.absolute)
      await poll('the mouse', () => {
        shown.source.input.motion(7, -3)
        return guest.events.some((event) => event.startsWith('rel'))
      })
      const [, x, y] = guest.events
        .find((event) => event.startsWith('rel'))!
        .split(' ')
        .map(Number)
      t.true(x! > 0 && x! % 7 === 0)
      t.is(y, (x! / 7) * -3)
    }),
  )

  test.serial(`QEMU ${version}: its end is the end of the run`, async (t) => {
    t.timeout(60_000)
    const qemu = await startQemu({ version, guest: false })
    const shown = new Shown(qemu)
    await poll('a picture', () => shown.picture())
    await qemu.stop()
    t.is((await withDeadline(shown.ended, 5000, 'the run ends')).kind, 'peerGone')
    await shown.stop()
  })

  for (const vga of ['virtio', 'std'] as const) {
    test.serial(
      `QEMU ${version}: a main thread that is blocked costs QEMU on ${vga} and us neither time nor memory`,
      (t) => blocked(t, version, vga),
    )
  }

  test.serial(`QEMU ${version}: a stopped process is ended by the kernel, QEMU goes on`, async (t) => {
    t.timeout(120_000)
    const qemu = await startQemu({ version })
    try {
      await qemu.guest.command('animate 0 0 640 480 30 0')
      const child = startChild(qemu, 1500)
      await child.line('shown')
      process.kill(child.pid, 'SIGSTOP')
      const status = await withDeadline(child.exited, 20_000, 'the kernel ends the child')
      t.is(status.signal, 'SIGKILL')
      await qemu.qmp('query-status')
      await qemu.guest.command('stop')
      await qemu.guest.command('pattern 3')
      const shown = new Shown(qemu)
      await shown.showsTheScreen()
      await shown.stop()
    } finally {
      await qemu.stop()
    }
  })

  test.serial(`QEMU ${version}: a process that shows the screen can end in distress`, async (t) => {
    t.timeout(60_000)
    const qemu = await startQemu({ version, guest: false })
    try {
      const child = startChild(qemu, 5000)
      await child.line('shown')
      child.write('exit')
      t.is((await withDeadline(child.exited, 10_000, 'the child ends')).code, 70)
      await qemu.qmp('query-status')
    } finally {
      await qemu.stop()
    }
  })

  test.serial(`QEMU ${version}: a process that shows the screen ends by itself when told`, async (t) => {
    t.timeout(60_000)
    const qemu = await startQemu({ version, guest: false })
    try {
      const child = startChild(qemu, 5000)
      await child.line('shown')
      child.end()
      t.is((await withDeadline(child.exited, 5000, 'the child ends')).code, 0)
      await child.line('ended closed')
    } finally {
      await qemu.stop()
    }
  })
}

const pixel = (shape: PointerShape, x: number, y: number): number[] => [
  ...shape.pixels.subarray((y * shape.width + x) * 4, (y * shape.width + x) * 4 + 4),
]

interface Child {
  readonly pid: number
  readonly exited: TempProcess['exited']
  line(text: string): Promise<unknown>
  write(text: string): void
  end(): void
}

const startChild = (qemu: Qemu, watchdogMs: number): Child => {
  const script = fileURLToPath(new URL('./dbus-display-child.js', import.meta.url))
  const child = new TempProcess('child', process.execPath, [
    script,
    qemu.paths.sidecarQmp,
    String(watchdogMs),
  ])
  return {
    pid: child.pid,
    exited: child.exited,
    line: (text) =>
      poll(`child says ${text}`, () => child.lines.includes(text), { detail: () => child.output() }),
    write: (text) => void child.stdin.write(text),
    end: () => child.stdin.end(),
  }
}

/** Measures on its own thread, while the main thread is blocked: monitor latency, resident bytes of both. */
const MEASURE = `
const { parentPort, workerData } = require('node:worker_threads')
const { createConnection } = require('node:net')
const { readFileSync } = require('node:fs')
const rss = (pid) => Number(/VmRSS:\\s+(\\d+)/.exec(readFileSync('/proc/' + pid + '/status', 'latin1'))[1]) * 1024
const socket = createConnection(workerData.path)
const result = { answers: 0, slowestMs: 0, qemuFrom: 0, qemuTo: 0, oursFrom: 0, oursTo: 0 }
const words = new Int32Array(workerData.shared)
let sent = 0
const sample = () => {
  const qemu = rss(workerData.pid), ours = rss('self')
  result.qemuFrom ||= qemu
  result.oursFrom ||= ours
  result.qemuTo = Math.max(result.qemuTo, qemu)
  result.oursTo = Math.max(result.oursTo, ours)
}
const ask = () => { sent = performance.now(); socket.write('{"execute":"query-status"}\\n') }
let lines = 0
socket.on('data', (data) => {
  for (const byte of data) {
    if (byte !== 10) continue
    lines += 1
    if (lines === 1) { socket.write('{"execute":"qmp_capabilities"}\\n') }
    else if (lines === 2) { Atomics.store(words, 0, 1); Atomics.notify(words, 0); sample(); ask() }
    else {
      result.answers += 1
      result.slowestMs = Math.max(result.slowestMs, performance.now() - sent)
      sample()
      if (Atomics.load(words, 1) === 1) { parentPort.postMessage(result); socket.destroy() }
      else setTimeout(ask, 50)
    }
  }
})
`

interface Measured {
  readonly answers: number
  readonly slowestMs: number
  readonly qemuFrom: number
  readonly qemuTo: number
  readonly oursFrom: number
  readonly oursTo: number
}

const blocked = async (t: ExecutionContext, version: QemuVersion, vga: 'std' | 'virtio'): Promise<void> => {
  const directory = tempDirectory()
  const path = join(directory, 'measure.qmp')
  const extra = ['-qmp', `unix:${path},server=on,wait=off`]
  await withScreen(t, { version, vga, directory, extra }, async (shown) => {
    const { guest, pid } = shown.qemu
    const size = (await poll('a picture', () => shown.picture())).size.split('x')
    await guest.command(`animate 0 0 ${size[0]} ${size[1]} 60 0`)
    await poll('it moves', () => shown.updates > 20)
    const shared = new SharedArrayBuffer(12)
    const words = new Int32Array(shared)
    const measuring = new Worker(MEASURE, { eval: true, workerData: { path, pid, shared } })
    const measured = new Promise<Measured>((resolve) => measuring.once('message', resolve))
    await poll('the measuring begins', () => Atomics.load(words, 0) === 1)
    const before = shown.updates
    Atomics.wait(words, 2, 0, BLOCKED_MS)
    Atomics.store(words, 1, 1)
    const seen = await measured
    await poll('what was counted meanwhile', () => shown.updates > before)
    const taken = shown.updates - before
    t.log(
      `${taken} updates in ${BLOCKED_MS} ms, monitor ${seen.answers} answers, slowest ${seen.slowestMs.toFixed(1)} ms, ` +
        `QEMU ${megabytes(seen.qemuFrom)} to ${megabytes(seen.qemuTo)}, we ${megabytes(seen.oursFrom)} to ${megabytes(seen.oursTo)}`,
    )
    // Undrained, QEMU grows by hundreds of megabytes a second; a frozen main loop does not answer until the end.
    t.true(taken > 20)
    t.true(seen.answers > 10)
    t.true(seen.slowestMs < BLOCKED_MS / 2)
    t.true(seen.qemuTo - seen.qemuFrom < 192 * MiB)
    // Frames that waited for us would be more than a gigabyte.
    t.true(seen.oursTo - seen.oursFrom < 128 * MiB)
    await guest.command('stop')
    await guest.command('pattern 3')
    await shown.showsTheScreen()
  })
  removeTempDirectory(directory)
}

const megabytes = (bytes: number): string => `${Math.round(bytes / MiB)} MiB`
