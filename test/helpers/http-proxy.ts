import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './qemu.js'
import { poll } from './temp-deadline.js'
import { TempProcess } from './temp-process.js'
import { removeTempDirectory, tempDirectory } from './temp.js'

const PROGRAM = '/usr/bin/tinyproxy'

/** Why no HTTP proxy can be had here, or undefined. */
export const whyNoHttpProxy = (): string | undefined =>
  existsSync(PROGRAM) ? undefined : `${PROGRAM} is not there: install tinyproxy-bin`

/** A stock HTTP proxy on loopback that lets one user connect to one port with CONNECT. */
export class HttpProxy {
  readonly url: string
  readonly #process: TempProcess
  readonly #directory: string
  readonly #port: number

  private constructor(port: number, target: number) {
    this.#port = port
    this.url = `http://viewer:secret@127.0.0.1:${port}`
    this.#directory = tempDirectory()
    const file = join(this.#directory, 'tinyproxy.conf')
    const settings = [
      `Port ${port}`,
      'Listen 127.0.0.1',
      'Allow 127.0.0.1',
      'BasicAuth viewer secret',
      `ConnectPort ${target}`,
      'LogLevel Info',
      'MaxClients 100',
      'Timeout 600',
    ]
    writeFileSync(file, `${settings.join('\n')}\n`)
    this.#process = new TempProcess('tinyproxy', PROGRAM, ['-d', '-c', file])
  }

  /** @param target port that clients may be connected to */
  static async start(target: number): Promise<HttpProxy> {
    const proxy = new HttpProxy(await freePort(), target)
    await poll('the proxy listens', () => proxy.#process.lines.some((line) => line.includes('Accepting')), {
      detail: () => proxy.#process.output(),
    })
    return proxy
  }

  /** CONNECT requests for an address so far. */
  connects(address: string): number {
    return this.#process.lines.filter((line) => line.includes(`CONNECT ${address} `)).length
  }

  output(): string {
    return `port ${this.#port}\n${this.#process.output()}`
  }

  async stop(): Promise<void> {
    await this.#process.stop()
    removeTempDirectory(this.#directory)
  }
}
