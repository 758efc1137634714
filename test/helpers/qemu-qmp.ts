import { createConnection, type Socket } from 'node:net'
import { poll, withDeadline } from './temp-deadline.js'

export interface QmpEvent {
  readonly event: string
  readonly data?: Readonly<Record<string, unknown>>
}

interface QmpReply {
  readonly id?: number
  readonly return?: unknown
  readonly error?: { readonly class: string; readonly desc: string }
}

/** The test's own monitor connection; shares no code with the product's. */
export class TestQmp {
  readonly events: QmpEvent[] = []
  readonly #socket: Socket
  readonly #waiting = new Map<number, (reply: QmpReply) => void>()
  #nextId = 1
  #rest = ''
  #gone = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => this.#data(text))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#gone = true
      for (const resolve of this.#waiting.values()) {
        resolve({ error: { class: 'Gone', desc: 'the monitor connection closed' } })
      }
      this.#waiting.clear()
    })
  }

  static async connect(path: string): Promise<TestQmp> {
    const qmp = new TestQmp(await connectUnix(path))
    await qmp.execute('qmp_capabilities')
    return qmp
  }

  async execute(command: string, args: object = {}, deadlineMs = 20_000): Promise<unknown> {
    if (this.#gone) {
      throw new Error(`QMP ${command}: the monitor connection is closed`)
    }
    const id = this.#nextId++
    const reply = new Promise<QmpReply>((resolve) => this.#waiting.set(id, resolve))
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`)
    const answer = await withDeadline(reply, deadlineMs, `QMP ${command}`)
    if (answer.error !== undefined) {
      throw new Error(`QMP ${command}: ${answer.error.desc}`)
    }
    return answer.return
  }

  close(): void {
    this.#socket.destroy()
  }

  #data(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      const message = JSON.parse(line) as QmpReply & Partial<QmpEvent>
      if (message.event !== undefined) {
        this.events.push(message as QmpEvent)
      } else if (message.id !== undefined) {
        this.#waiting.get(message.id)?.(message)
        this.#waiting.delete(message.id)
      }
    }
  }
}

/** Connects to a unix socket that may not be there yet. */
export function connectUnix(path: string, deadlineMs = 10_000): Promise<Socket> {
  return poll(
    `connect to ${path}`,
    () =>
      new Promise<Socket | undefined>((resolve) => {
        const socket = createConnection(path)
        socket.once('connect', () => {
          socket.removeAllListeners('error')
          resolve(socket)
        })
        socket.once('error', () => {
          socket.destroy()
          resolve(undefined)
        })
      }),
    { deadlineMs },
  )
}
