import { existsSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { poll } from './temp-deadline.js'
import { runCommand, TempProcess } from './temp-process.js'
import { removeTempDirectory, tempDirectory } from './temp.js'
import { startXvfb, type XServer } from './x-server.js'

/** Where the package spice-vdagent is unpacked, default `/`. */
const ROOT = process.env['TEST_VDAGENT_ROOT'] ?? '/'
const DAEMON = join(ROOT, 'usr/sbin/spice-vdagentd')
const SESSION = join(ROOT, 'usr/bin/spice-vdagent')

/** Why the agent of Debian cannot be run here, or undefined. */
export function whyNoVdagent(): string | undefined {
  return existsSync(DAEMON) && existsSync(SESSION)
    ? undefined
    : 'the Debian package spice-vdagent is not installed'
}

/** Joins whoever connects to one path with whoever connects to the other, as QEMU joins a socket with a port. */
class Joint {
  readonly host: string
  readonly guest: string
  readonly #ends = new Map<string, Socket>()
  readonly #servers: Server[] = []

  constructor(directory: string) {
    this.host = join(directory, 'host.sock')
    this.guest = join(directory, 'guest.sock')
  }

  async listen(): Promise<void> {
    for (const path of [this.host, this.guest]) {
      const server = createServer((socket) => {
        socket.on('error', () => undefined)
        this.#ends.set(path, socket)
        const [a, b] = [...this.#ends.values()]
        if (a !== undefined && b !== undefined) {
          a.pipe(b)
          b.pipe(a)
        }
      })
      this.#servers.push(server)
      await new Promise<void>((resolve) => server.listen(path, resolve))
    }
  }

  close(): void {
    for (const end of this.#ends.values()) {
      end.destroy()
    }
    for (const server of this.#servers) {
      server.close()
    }
  }
}

/** Both programs of spice-vdagent, with an X server of their own in place of a guest. */
export class RealVdagent {
  readonly #x: XServer
  readonly #joint: Joint
  readonly #directory: string
  readonly #processes: TempProcess[] = []

  private constructor(x: XServer, directory: string) {
    this.#x = x
    this.#directory = directory
    this.#joint = new Joint(directory)
  }

  static async prepare(): Promise<RealVdagent> {
    const vdagent = new RealVdagent(await startXvfb(1280, 1024), tempDirectory())
    await vdagent.#joint.listen()
    return vdagent
  }

  /** Where QEMU would listen. */
  get path(): string {
    return this.#joint.host
  }

  async start(): Promise<void> {
    const session = join(this.#directory, 'session.sock')
    const pointer = join(this.#directory, 'uinput')
    writeFileSync(pointer, '')
    const ports = ['-s', this.#joint.guest, '-S', session]
    const daemon = [...ports, '-x', '-d', '-X', '-f', '-u', pointer]
    this.#processes.push(new TempProcess('spice-vdagentd', DAEMON, daemon))
    await poll('spice-vdagentd listens', () => existsSync(session), { detail: () => this.output() })
    const env = { DISPLAY: this.#x.display, HOME: this.#directory, XDG_RUNTIME_DIR: this.#directory }
    this.#processes.push(new TempProcess('spice-vdagent', SESSION, [...ports, '-x', '-d'], { env }))
  }

  /** Size of the whole screen, such as `1280x1024`. */
  async screenSize(): Promise<string | undefined> {
    const text = await runCommand('xdpyinfo', [], { env: this.#x.environment })
    return /dimensions:\s+(\d+x\d+)/.exec(text)?.[1]
  }

  async untilScreenSize(size: string): Promise<void> {
    let last: string | undefined
    await poll(
      `the agent makes the screen ${size}`,
      async () => {
        last = await this.screenSize()
        return last === size
      },
      { everyMs: 100, detail: () => `it is ${last}\n${this.output()}` },
    )
  }

  output(): string {
    return this.#processes.map((process) => process.output()).join('\n')
  }

  async stop(): Promise<void> {
    for (const process of this.#processes.splice(0).reverse()) {
      await process.kill()
    }
    this.#joint.close()
    await this.#x.stop()
    removeTempDirectory(this.#directory)
  }
}
