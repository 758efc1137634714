import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { nowMs, withDeadline } from './temp-deadline.js'

export interface ProcessOptions {
  readonly cwd?: string
  readonly env?: Record<string, string | undefined>
  /** Called for each complete line of standard output. */
  readonly onLine?: (line: string) => void
  /** Called for each complete line of standard error. */
  readonly onErrorLine?: (line: string) => void
  /** Number of further pipes, as descriptors 3 and up; their lines go to `onExtraLine`. */
  readonly onExtraLine?: (line: string) => void
}

export interface ExitStatus {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const running = new Set<ChildProcess>()

process.on('exit', () => {
  for (const child of running) {
    child.kill('SIGKILL')
  }
})

const KEPT_LINES = 2000

/** A child process that cannot outlive the test: the kernel kills it when this process dies, however it dies. */
export class TempProcess {
  readonly name: string
  readonly exited: Promise<ExitStatus>
  /** Lines of both outputs, oldest first, the last few thousand. */
  readonly lines: string[] = []
  readonly #child: ChildProcess
  #status: ExitStatus | undefined

  constructor(name: string, command: string, args: readonly string[], options: ProcessOptions = {}) {
    this.name = name
    const extra = options.onExtraLine === undefined ? [] : ['pipe' as const]
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', command, ...args], {
      cwd: options.cwd,
      env: options.env === undefined ? process.env : { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe', ...extra],
    })
    this.#child = child
    running.add(child)
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => {
        this.lines.push(String(error))
        this.#settle({ code: null, signal: null }, resolve)
      })
      child.once('exit', (code, signal) => this.#settle({ code, signal }, resolve))
    })
    child.stdin.on('error', () => undefined)
    this.#splitLines(child.stdio[1], options.onLine)
    this.#splitLines(child.stdio[2], options.onErrorLine)
    this.#splitLines(child.stdio[3], options.onExtraLine)
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  get alive(): boolean {
    return this.#status === undefined
  }

  get stdin(): Writable {
    return this.#child.stdin!
  }

  /** The last lines it wrote, for messages of failed tests. */
  output(count = 20): string {
    return this.lines
      .slice(-count)
      .map((line) => (line.length > 160 ? `${line.slice(0, 160)}…` : line))
      .join('\n')
  }

  signal(signal: NodeJS.Signals): void {
    if (this.alive) {
      this.#child.kill(signal)
    }
  }

  /** Ends it with SIGTERM, after `graceMs` with SIGKILL; fine to call again. */
  async stop(graceMs = 3000): Promise<ExitStatus> {
    this.signal('SIGCONT')
    this.signal('SIGTERM')
    try {
      return await withDeadline(this.exited, graceMs, `${this.name} ends`)
    } catch {
      return await this.kill()
    }
  }

  async kill(): Promise<ExitStatus> {
    this.signal('SIGKILL')
    return await withDeadline(this.exited, 5000, `${this.name} ends after SIGKILL`)
  }

  #settle(status: ExitStatus, resolve: (status: ExitStatus) => void): void {
    this.#status = status
    running.delete(this.#child)
    resolve(status)
  }

  #splitLines(stream: unknown, onLine: ((line: string) => void) | undefined): void {
    if (stream === undefined || stream === null) {
      return
    }
    const readable = stream as NodeJS.ReadableStream
    let rest = ''
    readable.setEncoding('utf8')
    readable.on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        this.lines.push(line)
        if (this.lines.length > 2 * KEPT_LINES) {
          this.lines.splice(0, KEPT_LINES)
        }
        onLine?.(line)
      }
    })
  }
}

/** Runs a command to its end and gives its standard output; throws with its output when it fails. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: { readonly env?: Record<string, string | undefined>; readonly deadlineMs?: number } = {},
): Promise<string> {
  const child = new TempProcess(command, command, args, options.env === undefined ? {} : { env: options.env })
  child.stdin.end()
  const { deadlineMs = 15_000 } = options
  let status: ExitStatus
  try {
    status = await withDeadline(child.exited, deadlineMs, `${command} ${args.join(' ')}`)
  } catch (error) {
    await child.kill()
    throw new Error(`${String(error)}\n${child.output()}`, { cause: error })
  }
  if (status.code !== 0) {
    throw new Error(
      `${command} ${args.join(' ')} ended with ${status.code ?? status.signal}\n${child.output()}`,
    )
  }
  return child.lines.join('\n')
}

/** Resident bytes of a process. */
export function rssBytes(pid: number): number {
  return statusField(pid, 'VmRSS')
}

/** Resident bytes that belong to nobody else: without shared text, which RSS counts as the process's own. */
export function privateBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  let total = 0
  for (const match of text.matchAll(/^Private_\w+:\s+(\d+) kB$/gm)) {
    total += Number(match[1]) * 1024
  }
  return total
}

function statusField(pid: number, name: string): number {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1')
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)
  return match === null ? 0 : Number(match[1]) * 1024
}

/** Seconds of processor time that the process took so far, threads that ended included. */
export function cpuSeconds(pid: number): number {
  return statSeconds(`/proc/${pid}/stat`)
}

/** The same without QEMU's vCPU threads; those carry names like `CPU 0/TCG` with `-name debug-threads=on`. */
export function cpuSecondsWithoutVcpus(pid: number): number {
  let vcpus = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const base = `/proc/${pid}/task/${thread}`
    if (
      /^CPU \d+\//.test(readFileSync(`${base}/comm`, 'utf8')) ||
      readFileSync(`${base}/comm`, 'utf8') === 'ALL CPUs/TCG\n'
    ) {
      vcpus += statSeconds(`${base}/stat`)
    }
  }
  return cpuSeconds(pid) - vcpus
}

const TICKS_PER_SECOND = 100

function statSeconds(path: string): number {
  const text = readFileSync(path, 'latin1')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** Runs `work` and gives its result with the wall-clock seconds it took. */
export async function timed<T>(work: () => Promise<T>): Promise<{ result: T; seconds: number }> {
  const start = nowMs()
  const result = await work()
  return { result, seconds: (nowMs() - start) / 1000 }
}
