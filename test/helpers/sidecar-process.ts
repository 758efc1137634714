import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from './qemu.js'
import { poll } from './temp-deadline.js'
import { rssBytes, TempProcess, type ExitStatus } from './temp-process.js'
import { removeTempDirectory, tempDirectory } from './temp.js'

export interface SidecarOptions {
  /** Monitor socket of QEMU; it need not exist yet. */
  readonly qmp: string
  /** Addresses, default a free port of 127.0.0.1. */
  readonly listen?: readonly string[]
  /** Ticket; `''` locks. Without it everybody gets in. */
  readonly ticket?: string
  /** Further flags, e.g. `['--clients', 'share']`. */
  readonly flags?: readonly string[]
  readonly env?: Record<string, string>
  readonly logLevel?: 'error' | 'warn' | 'info' | 'debug'
}

/** One line of the sidecar's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly msg: string }

/** The program under test: what the build made, or what this names. */
export const PROGRAM = process.env['TEST_SIDECAR'] ?? join(REPOSITORY, 'bin/spice-sidecar')

/** A running sidecar. */
export class SidecarProcess {
  readonly process: TempProcess
  readonly log: LogLine[] = []
  /** Lines on standard output that are not JSON, and all of standard error: both should stay empty. */
  readonly noise: string[] = []
  readonly #directory: string

  constructor(options: SidecarOptions) {
    this.#directory = tempDirectory()
    const flags = [
      '--qmp',
      options.qmp,
      '--metrics',
      '127.0.0.1:0',
      '--log-level',
      options.logLevel ?? 'debug',
    ]
    for (const address of options.listen ?? ['127.0.0.1:0']) {
      flags.push('--listen', address)
    }
    if (options.ticket === undefined) {
      flags.push('--disable-ticketing')
    } else {
      flags.push('--ticket-file', this.ticketFile)
      this.writeTicket(options.ticket)
    }
    this.process = new TempProcess('sidecar', PROGRAM, ['run', ...flags, ...(options.flags ?? [])], {
      onLine: (line) => this.#line(line),
      onErrorLine: (line) => this.noise.push(line),
      ...(options.env === undefined ? {} : { env: options.env }),
    })
  }

  get pid(): number {
    return this.process.pid
  }

  get ticketFile(): string {
    return join(this.#directory, 'ticket')
  }

  writeTicket(ticket: string): void {
    writeFileSync(this.ticketFile, `${ticket}\n`, { mode: 0o600 })
  }

  /** Addresses that it listens on for clients, as it logged them. */
  get addresses(): readonly string[] {
    return this.log.filter((line) => line.msg === 'Listening').map((line) => String(line['address']))
  }

  /** TCP port of the first address that is one. */
  get port(): number {
    const address = this.addresses.find((text) => !text.startsWith('unix:'))
    return Number(address?.split(':').at(-1))
  }

  get metricsAddress(): string {
    const line = this.log.find((entry) => entry.msg === 'Metrics endpoint listening')
    return `http://${String(line?.['address'])}`
  }

  get rssBytes(): number {
    return rssBytes(this.pid)
  }

  /** Waits for a line of the log. */
  logged(message: string, deadlineMs = 10_000): Promise<LogLine> {
    return poll(
      `the sidecar logs "${message}"`,
      () => {
        const line = this.log.find((entry) => entry.msg === message)
        if (line === undefined && !this.process.alive) {
          throw new Error(`the sidecar ended before it logged "${message}"\n${this.process.output()}`)
        }
        return line
      },
      { deadlineMs, detail: () => this.process.output() },
    )
  }

  /** GET of a path of the metrics endpoint. */
  async get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(`${this.metricsAddress}${path}`, { signal: AbortSignal.timeout(5000) })
    return { status: response.status, text: await response.text() }
  }

  /** Value of a metric; all series that have these labels are added up, none gives 0. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const { text } = await this.get('/metrics')
    let sum = 0
    for (const line of text.split('\n')) {
      const match = /^([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)$/.exec(line)
      const has = Object.entries(labels).every(
        ([key, value]) => match?.[2]?.includes(`${key}="${value}"`) === true,
      )
      if (match?.[1] === name && has) {
        sum += Number(match[3])
      }
    }
    return sum
  }

  /** Waits until a metric has a value that suits. */
  async untilMetric(name: string, suits: (value: number) => boolean, deadlineMs = 10_000): Promise<number> {
    let seen = Number.NaN
    return await poll(
      `metric ${name}`,
      async () => {
        seen = await this.metric(name)
        return suits(seen) ? seen : undefined
      },
      { deadlineMs, everyMs: 50, detail: () => `it is ${seen}` },
    )
  }

  async stop(): Promise<ExitStatus> {
    const status = await this.process.stop(10_000)
    removeTempDirectory(this.#directory)
    return status
  }

  #line(line: string): void {
    if (!line.startsWith('{')) {
      this.noise.push(line)
      return
    }
    this.log.push(JSON.parse(line) as LogLine)
  }
}

/** Why no sidecar can be started here, or undefined. */
export function whyNoSidecar(): string | undefined {
  return existsSync(PROGRAM) ? undefined : `${PROGRAM} is not there`
}

/** Starts `spice-sidecar run` and waits until it listens. */
export async function startSidecar(options: SidecarOptions): Promise<SidecarProcess> {
  const sidecar = new SidecarProcess(options)
  const wanted = options.listen?.length ?? 1
  try {
    await sidecar.logged('Metrics endpoint listening')
    await poll('the sidecar listens', () => sidecar.addresses.length >= wanted)
    return sidecar
  } catch (error) {
    await sidecar.process.kill()
    throw error
  }
}
