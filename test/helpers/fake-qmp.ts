import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FdReceiver, type OwnedFd } from '../../src/host/index.js'

export const GREETING = {
  QMP: {
    version: { qemu: { micro: 3, minor: 1, major: 11 }, package: 'Debian 1:11.1.3' },
    capabilities: ['oob'],
  },
}

export interface FakeCommand {
  readonly execute: string
  readonly arguments?: Readonly<Record<string, unknown>>
  readonly id: number
}

/** Values in the order they come, taken by whoever waits first. */
class Arrivals<T> {
  readonly #values: T[] = []
  readonly #waiting: ((value: T) => void)[] = []

  push(value: T): void {
    const next = this.#waiting.shift()
    if (next === undefined) {
      this.#values.push(value)
    } else {
      next(value)
    }
  }

  next(): Promise<T> {
    const value = this.#values.shift()
    return value === undefined
      ? new Promise((resolve) => this.#waiting.push(resolve))
      : Promise.resolve(value)
  }
}

/** QEMU's end of one monitor connection. */
export class FakeMonitor {
  /** Descriptors that came with commands. */
  readonly fds: OwnedFd[] = []
  /** Bytes that the other end sent, all of them. */
  received = ''
  readonly #socket: Socket
  readonly #answers: ReadonlyMap<string, unknown>
  readonly #commands = new Arrivals<FakeCommand>()
  readonly #closed: Promise<void>
  #rest = ''

  constructor(socket: Socket, answers: ReadonlyMap<string, unknown>, readsFds: boolean) {
    this.#socket = socket
    this.#answers = answers
    this.#closed = new Promise((resolve) => socket.on('close', () => resolve()))
    socket.on('error', () => undefined)
    if (readsFds) {
      this.#pollWithFds()
    } else {
      socket.on('data', (chunk) => this.#data(chunk))
    }
  }

  /** The next command that has no prepared answer. */
  command(): Promise<FakeCommand> {
    return this.#commands.next()
  }

  send(message: unknown): void {
    this.sendBytes(`${JSON.stringify(message)}\r\n`)
  }

  sendBytes(bytes: string | Uint8Array): void {
    this.#socket.write(bytes)
  }

  reply({ id }: FakeCommand, value: unknown = {}): void {
    this.send({ return: value, id })
  }

  /** Settles when the connection is gone. */
  closed(): Promise<void> {
    return this.#closed
  }

  destroy(): void {
    this.#socket.destroy()
    this.fds.splice(0).forEach((fd) => fd.close())
  }

  #data(chunk: Uint8Array): void {
    const text = Buffer.from(chunk).toString('utf8')
    this.received += text
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      const command = JSON.parse(line) as FakeCommand
      if (this.#answers.has(command.execute)) {
        this.reply(command, this.#answers.get(command.execute))
      } else {
        this.#commands.push(command)
      }
    }
  }

  /** Node's socket would close descriptors that come in, so this one stays paused and is read beside it. */
  #pollWithFds(): void {
    const receiver = new FdReceiver(4)
    const into = new Uint8Array(4096)
    const poll = (): void => {
      const fd = (this.#socket as unknown as { _handle?: { fd: number } | null })._handle?.fd
      if (fd === undefined || this.#socket.destroyed) {
        return
      }
      const got = receiver.receive(fd, into)
      if (got.kind === 'ended') {
        this.#socket.destroy()
        return
      }
      if (got.kind === 'data') {
        this.fds.push(...got.fds)
        this.#data(into.subarray(0, got.size))
      }
      setTimeout(poll, 1)
    }
    poll()
  }
}

/** A QMP monitor on a real unix socket that says what a test tells it to. */
export class FakeQmp {
  readonly path: string
  /** Whether a new connection is greeted; QEMU greets nobody while another client is there. */
  greets = true
  /** Commands answered at once; the others wait for {@link FakeMonitor.command}. */
  readonly answers = new Map<string, unknown>([['qmp_capabilities', {}]])
  readonly #folder: string
  readonly #readsFds: boolean
  readonly #monitors = new Set<FakeMonitor>()
  readonly #arrivals = new Arrivals<FakeMonitor>()
  #server: Server | undefined

  constructor({ readsFds = false } = {}) {
    this.#readsFds = readsFds
    this.#folder = mkdtempSync(join(tmpdir(), 'fake-qmp-'))
    this.path = join(this.#folder, 'qmp.sock')
  }

  /** Lets processes of other users make the socket. */
  shareFolder(): void {
    chmodSync(this.#folder, 0o777)
  }

  async listen(): Promise<void> {
    rmSync(this.path, { force: true })
    this.#server = createServer({ pauseOnConnect: this.#readsFds }, (socket) => {
      const monitor = new FakeMonitor(socket, this.answers, this.#readsFds)
      this.#monitors.add(monitor)
      if (this.greets) {
        monitor.send(GREETING)
      }
      this.#arrivals.push(monitor)
    })
    this.#server.listen(this.path)
    await once(this.#server, 'listening')
  }

  /** The next connection that came in. */
  monitor(): Promise<FakeMonitor> {
    return this.#arrivals.next()
  }

  /** As when QEMU dies: every connection and the socket are gone. */
  stop(): void {
    this.#server?.close()
    this.#server = undefined
    for (const monitor of this.#monitors) {
      monitor.destroy()
    }
    this.#monitors.clear()
  }

  remove(): void {
    this.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
