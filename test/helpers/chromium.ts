import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { readPicture, type Picture } from './picture.js'
import { withDeadline } from './temp-deadline.js'
import { removeTempDirectory, tempDirectory } from './temp.js'

const PROGRAM = '/usr/bin/chromium'
const DEADLINE_MS = 30_000

/** Why no browser can be had here, or undefined. */
export const whyNoChromium = (): string | undefined =>
  existsSync(PROGRAM) ? undefined : `${PROGRAM} is not there`

interface Answer {
  readonly id?: number
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: { readonly message: string }
}

/** A browser without a window, driven over its debugging pipe; it dies with the test. */
export class Chromium {
  readonly #child: ChildProcess
  readonly #directory = tempDirectory()
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #text = ''
  #nextId = 1
  #session: string | undefined
  #noise = ''

  /** `flags` beside those that every test needs. */
  constructor(flags: readonly string[] = []) {
    this.#child = spawn(
      'setpriv',
      [
        ...['--pdeathsig', 'KILL', '--', PROGRAM, '--headless', '--no-sandbox', '--disable-gpu'],
        ...[
          '--disable-dev-shm-usage',
          '--no-first-run',
          '--disable-extensions',
          '--disable-background-networking',
        ],
        ...['--remote-debugging-pipe', `--user-data-dir=${join(this.#directory, 'profile')}`, ...flags],
      ],
      {
        stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
        env: { ...process.env, HOME: this.#directory },
      },
    )
    const [, , errors, , answers] = this.#child.stdio as [null, null, Readable, Writable, Readable]
    errors.on('data', (chunk: Buffer) => {
      this.#noise = (this.#noise + chunk.toString()).slice(-4000)
    })
    answers.setEncoding('utf8')
    answers.on('data', (text: string) => this.#read(text))
    this.#commands.on('error', () => undefined)
  }

  get #commands(): Writable {
    return this.#child.stdio[3] as Writable
  }

  /** Opens a page. */
  async open(url: string): Promise<void> {
    const { targetId } = await this.#send('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await this.#send('Target.attachToTarget', { targetId, flatten: true })
    this.#session = String(sessionId)
    await this.#send('Page.navigate', { url })
  }

  /** Value of an expression in the page, which must be plain JSON. */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.#send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    })
    if (exceptionDetails !== undefined) {
      throw new Error(`page: ${JSON.stringify(exceptionDetails)}`)
    }
    return (result as { value?: unknown }).value
  }

  /** Pixels of the first canvas that a selector finds; undefined while there is none. */
  async canvas(selector: string): Promise<Picture | undefined> {
    const found = `document.querySelector(${JSON.stringify(selector)})`
    const url = await this.evaluate(`${found}?.width ? ${found}.toDataURL('image/png') : ''`)
    if (typeof url !== 'string' || url === '') {
      return undefined
    }
    const path = join(this.#directory, 'canvas.png')
    writeFileSync(path, Buffer.from(url.slice(url.indexOf(',') + 1), 'base64'))
    return readPicture(path)
  }

  /** Presses and releases a key of the page: `KeyA`, `a`, 65. */
  async key(code: string, key: string, windowsVirtualKeyCode: number): Promise<void> {
    const event = { code, key, windowsVirtualKeyCode }
    await this.#send('Input.dispatchKeyEvent', { type: 'rawKeyDown', ...event })
    await this.#send('Input.dispatchKeyEvent', { type: 'keyUp', ...event })
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once('exit', resolve))
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL')
      await exited
    }
    removeTempDirectory(this.#directory)
  }

  async #send(method: string, params: object): Promise<Readonly<Record<string, unknown>>> {
    const id = this.#nextId++
    const answer = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve))
    const session = this.#session === undefined ? {} : { sessionId: this.#session }
    this.#commands.write(`${JSON.stringify({ id, method, params, ...session })}\0`)
    const { result, error } = await withDeadline(answer, DEADLINE_MS, `browser: ${method}`).catch(
      (late: unknown) => {
        throw new Error(`${String(late)}\n${this.#noise}`, { cause: late })
      },
    )
    if (error !== undefined) {
      throw new Error(`browser: ${method}: ${error.message}`)
    }
    return result ?? {}
  }

  #read(text: string): void {
    const messages = (this.#text + text).split('\0')
    this.#text = messages.pop() ?? ''
    for (const message of messages) {
      const answer = JSON.parse(message) as Answer
      if (answer.id !== undefined) {
        this.#waiting.get(answer.id)?.(answer)
        this.#waiting.delete(answer.id)
      }
    }
  }
}
