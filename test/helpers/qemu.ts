import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readPicture, type Picture } from './picture.js'
import { TestGuest } from './qemu-guest.js'
import { TestQmp } from './qemu-qmp.js'
import { nowMs, poll } from './temp-deadline.js'
import { cpuSecondsWithoutVcpus, rssBytes, TempProcess } from './temp-process.js'
import { removeTempDirectory, tempDirectory } from './temp.js'

export type QemuVersion = '7.2' | '11'

/** Debian release whose kernel the test guest runs: 6.1 flushes what changed, 6.12 the whole screen each time. */
export type GuestKernel = '12' | '13'

export interface QemuOptions {
  readonly version?: QemuVersion
  /** `dbus` for the sidecar, `spice` for QEMU's own server (to calibrate against), `none` for neither. */
  readonly display?: 'dbus' | 'spice' | 'none'
  readonly vga?: 'virtio' | 'std'
  /** Heads of a virtio display device, default 1. */
  readonly heads?: number
  /** Boot the test guest (default); without it the firmware's text screen is all there is. */
  readonly guest?: boolean
  /** Traces on a disk of the guest, which then plays them (`bench/guest/play-trace.c`) and takes no other commands. */
  readonly traces?: string
  /** Kernel of the test guest, default that of the Debian release of this machine. */
  readonly kernel?: GuestKernel
  /** Pointer device: absolute tablet (default), relative USB mouse, or only the PS/2 mouse of the machine. */
  readonly pointer?: 'tablet' | 'mouse' | 'ps2'
  /** Directory for the sockets, to start a second QEMU at the same paths. */
  readonly directory?: string
  /** Further settings of `-spice`, for `display: 'spice'`; default `disable-ticketing=on`. */
  readonly spice?: string
  readonly extra?: readonly string[]
}

export interface QemuPaths {
  readonly directory: string
  /** Monitor for the sidecar. */
  readonly sidecarQmp: string
  /** Monitor for the test. */
  readonly testQmp: string
  /** Command channel into the guest. */
  readonly guest: string
  /** The guest agent's port; QEMU listens. */
  readonly agent: string
}

// The compiled file sits in build/test/helpers.
export const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url))

const GUEST_PORT = 'org.spice-sidecar.test.0'

/** A running QEMU with its monitor and, if it boots one, the test guest. */
export class Qemu {
  readonly process: TempProcess
  readonly paths: QemuPaths
  readonly version: QemuVersion
  /** TCP port of QEMU's own SPICE server. */
  readonly spicePort: number | undefined
  readonly monitor: TestQmp
  readonly #guest: TestGuest | undefined
  readonly #ownsDirectory: boolean
  #dumps = 0

  constructor(parts: {
    process: TempProcess
    paths: QemuPaths
    version: QemuVersion
    spicePort: number | undefined
    monitor: TestQmp
    guest: TestGuest | undefined
    ownsDirectory: boolean
  }) {
    this.process = parts.process
    this.paths = parts.paths
    this.version = parts.version
    this.spicePort = parts.spicePort
    this.monitor = parts.monitor
    this.#guest = parts.guest
    this.#ownsDirectory = parts.ownsDirectory
  }

  get pid(): number {
    return this.process.pid
  }

  get guest(): TestGuest {
    if (this.#guest === undefined) {
      throw new Error('this QEMU was started without a guest')
    }
    return this.#guest
  }

  qmp(command: string, args: object = {}): Promise<unknown> {
    return this.monitor.execute(command, args)
  }

  /** What QEMU itself shows of the first display. PPM: QEMU takes far longer to make a PNG. */
  async screendump(device?: string, head = 0): Promise<Picture> {
    const filename = join(this.paths.directory, `dump${this.#dumps++ % 4}.ppm`)
    const where = device === undefined ? {} : { device, head }
    await this.qmp('screendump', { filename, ...where })
    return readPicture(filename)
  }

  /** A screendump that did not change for three looks: what was drawn has arrived. */
  async stillScreen(deadlineMs = 10_000): Promise<Picture> {
    let last = await this.screendump()
    let same = 0
    return await poll(
      'the screen stands still',
      async () => {
        const next = await this.screendump()
        same = next.equals(last) ? same + 1 : 0
        last = next
        return same >= 2 ? next : undefined
      },
      { deadlineMs, everyMs: 40 },
    )
  }

  rssBytes(): number {
    return rssBytes(this.pid)
  }

  /** Processor seconds of QEMU without its vCPU threads: what serving the display costs, not what the guest does. */
  threadCpuSeconds(): number {
    return cpuSecondsWithoutVcpus(this.pid)
  }

  /** How long the monitor takes to answer, in ms: a blocked main loop shows here. */
  async monitorLatencyMs(): Promise<number> {
    const start = nowMs()
    await this.qmp('query-status')
    return nowMs() - start
  }

  async stop(): Promise<void> {
    this.monitor.close()
    this.#guest?.close()
    await this.process.kill()
    if (this.#ownsDirectory) {
      removeTempDirectory(this.paths.directory)
    }
  }
}

/** Why such a QEMU cannot be started here, or undefined. */
export function whyNoQemu(options: {
  version?: QemuVersion
  guest?: boolean
  kernel?: GuestKernel
}): string | undefined {
  if (options.guest !== false && !existsSync(join(guestImage(options.kernel), 'initrd.img'))) {
    return `the test guest is not built: run scripts/build-guest ${options.kernel ?? ''}`.trimEnd()
  }
  if (options.version === '11' && !existsSync(join(REPOSITORY, 'cache/qemu-11'))) {
    return 'QEMU 11 is not unpacked: run scripts/qemu-root'
  }
  return undefined
}

export function qemuPaths(directory: string): QemuPaths {
  return {
    directory,
    sidecarQmp: join(directory, 'sidecar.qmp'),
    testQmp: join(directory, 'test.qmp'),
    guest: join(directory, 'guest.sock'),
    agent: join(directory, 'vdagent.sock'),
  }
}

/** Starts QEMU; with a guest it comes back when the guest answers. Two starts never share anything. */
export async function startQemu(options: QemuOptions = {}): Promise<Qemu> {
  const { version = '7.2', display = 'dbus' } = options
  const missing = whyNoQemu(options)
  if (missing !== undefined) {
    throw new Error(missing)
  }
  const paths = qemuPaths(options.directory ?? tempDirectory())
  const spicePort = display === 'spice' ? await freePort() : undefined
  const command = version === '11' ? join(REPOSITORY, 'scripts/qemu-11') : 'qemu-system-x86_64'
  const process = new TempProcess(`QEMU ${version}`, command, qemuArguments(options, paths, spicePort))
  try {
    const monitor = await connected(process, TestQmp.connect(paths.testQmp))
    let guest: TestGuest | undefined
    if (options.guest !== false) {
      guest = await connected(process, TestGuest.connect(paths.guest))
      await connected(process, guest.untilReady())
    }
    const ownsDirectory = options.directory === undefined
    return new Qemu({ process, paths, version, spicePort, monitor, guest, ownsDirectory })
  } catch (error) {
    await process.kill()
    throw new Error(`QEMU ${version} did not come up: ${String(error)}\n${process.output()}`, {
      cause: error,
    })
  }
}

/** The promise's result, or a failure as soon as the process ends. */
async function connected<T>(process: TempProcess, promise: Promise<T>): Promise<T> {
  const ended = process.exited.then((status) => {
    throw new Error(`it ended with ${status.code ?? status.signal}`)
  })
  return await Promise.race([promise, ended])
}

function qemuArguments(options: QemuOptions, paths: QemuPaths, spicePort: number | undefined): string[] {
  const {
    vga = 'virtio',
    heads = 1,
    guest = true,
    pointer = 'tablet',
    spice = 'disable-ticketing=on',
  } = options
  const screen = {
    dbus: ['-display', 'dbus,p2p=on'],
    spice: ['-display', 'none', '-spice', `port=${spicePort},addr=127.0.0.1,${spice}`],
    none: ['-display', 'none'],
  }[options.display ?? 'dbus']
  const listening = (id: string, path: string): string => `socket,id=${id},path=${path},server=on,wait=off`
  return [
    ...['-name', 'spice-test,debug-threads=on', '-machine', 'pc,accel=tcg', '-m', '256', '-smp', '1'],
    ...['-nodefaults', '-no-user-config', ...screen],
    ...['-qmp', `unix:${paths.sidecarQmp},server=on,wait=off`],
    ...['-qmp', `unix:${paths.testQmp},server=on,wait=off`],
    ...['-device', vga === 'virtio' ? `virtio-vga,id=video0,max_outputs=${heads}` : 'VGA,id=video0'],
    ...['-device', 'qemu-xhci,id=xhci', '-device', 'usb-kbd,bus=xhci.0'],
    ...(pointer === 'tablet' ? ['-device', 'usb-tablet,bus=xhci.0'] : []),
    ...(pointer === 'mouse' ? ['-device', 'usb-mouse,bus=xhci.0'] : []),
    ...['-device', 'virtio-serial-pci,id=ports'],
    ...['-chardev', listening('guest', paths.guest)],
    ...['-device', `virtserialport,bus=ports.0,chardev=guest,name=${GUEST_PORT},id=port-guest`],
    ...(guest ? bootArguments(options) : ['-boot', 'n', '-net', 'none']),
    ...(options.extra ?? []),
  ]
}

function guestImage(kernel: GuestKernel | undefined): string {
  return join(REPOSITORY, kernel === undefined ? 'cache/guest' : `cache/guest-${kernel}`)
}

function bootArguments({ kernel: release, traces }: QemuOptions): string[] {
  const kernel = join(guestImage(release), 'vmlinux')
  const initrd = join(guestImage(release), 'initrd.img')
  const server = traces === undefined ? '1' : 'play-trace'
  const disk = `file=${traces},if=none,id=traces,format=raw,readonly=on`
  return [
    ...['-kernel', kernel, '-initrd', initrd, '-append', `spice_test=${server} quiet`],
    ...(traces === undefined ? [] : ['-drive', disk, '-device', 'virtio-blk-pci,drive=traces']),
  ]
}

/** A TCP port of loopback that was free a moment ago; for programs that cannot choose one themselves. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
