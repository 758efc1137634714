import type { Socket } from 'node:net'
import { poll, withDeadline } from './temp-deadline.js'
import { connectUnix } from './qemu-qmp.js'

const REPLY = /^(?:done|ready|error|started|leds|info)\b/

/** The command server inside the test guest (`guest/README.md`): one line in, one reply line, events in between. */
export class TestGuest {
  /** Event lines such as `key 30 1`, `abs 100 200`, `mode 800x600`, oldest first. */
  readonly events: string[] = []
  readonly #socket: Socket
  #replies: ((line: string) => void)[] = []
  #rest = ''

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('error', () => undefined)
    socket.on('data', (text: string) => this.#data(text))
  }

  static async connect(path: string): Promise<TestGuest> {
    return new TestGuest(await connectUnix(path))
  }

  /** Waits until the guest has booted and its command server answers. */
  async untilReady(deadlineMs = 90_000): Promise<void> {
    // The server says `ready` by itself when it starts, perhaps before we were connected: ask again and again.
    const ready = new Promise<string>((resolve) => this.#replies.push(resolve))
    const ask = setInterval(() => this.#socket.write('ping\n'), 500)
    try {
      await withDeadline(ready, deadlineMs, 'the guest boots')
    } finally {
      clearInterval(ask)
    }
    // Swallow the answers to surplus pings: the reply to `leds` is the first that is not `ready`.
    const line = new Promise<void>((resolve) => {
      const take = (reply: string): void => {
        if (reply.startsWith('leds')) {
          resolve()
        } else {
          this.#replies.push(take)
        }
      }
      this.#replies.push(take)
    })
    this.#socket.write('leds\n')
    await withDeadline(line, 10_000, 'the guest answers')
  }

  /** Sends a command and gives its reply without `done `; throws on `error …`. */
  async command(line: string, deadlineMs = 30_000): Promise<string> {
    const reply = new Promise<string>((resolve) => this.#replies.push(resolve))
    this.#socket.write(`${line}\n`)
    const answer = await withDeadline(reply, deadlineMs, `guest command ${line}`)
    if (answer.startsWith('error')) {
      throw new Error(`guest command ${line}: ${answer}`)
    }
    return answer.replace(/^done ?/, '')
  }

  /** Waits for an event line that matches, among those after `from` (an index into `events`). */
  async event(pattern: RegExp | string, from = 0, deadlineMs = 10_000): Promise<string> {
    const matches = (line: string): boolean =>
      typeof pattern === 'string' ? line === pattern : pattern.test(line)
    return await poll(`guest event ${pattern}`, () => this.events.slice(from).find(matches), {
      deadlineMs,
      everyMs: 10,
      detail: () => `events since: ${this.events.slice(from).slice(-12).join(', ')}`,
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #data(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines.map((l) => l.replace(/\r$/, ''))) {
      if (REPLY.test(line)) {
        this.#replies.shift()?.(line)
      } else if (line !== '') {
        this.events.push(line)
      }
    }
  }
}
