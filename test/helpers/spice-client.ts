import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { Picture } from './picture.js'
import { poll, withDeadline } from './temp-deadline.js'
import { TempProcess } from './temp-process.js'
import { tempDirectory, removeTempDirectory } from './temp.js'

/** Where and how to connect; one of `port`, `tlsPort`, `unixPath` and `uri` is needed. */
export interface SpiceTarget {
  readonly uri?: string
  readonly host?: string
  readonly port?: number
  readonly tlsPort?: number
  readonly unixPath?: string
  readonly password?: string
  /** For SASL. */
  readonly username?: string
  readonly caFile?: string
  /** HTTP proxy, as a URL. */
  readonly proxy?: string
  /** Channels to open besides main; default display, inputs, cursor. */
  readonly channels?: readonly string[]
}

interface StartOptions {
  readonly debug?: boolean
  /** Added to the environment. */
  readonly env?: Record<string, string>
}

export interface Surface {
  readonly format: number
  readonly width: number
  readonly height: number
  readonly stride: number
}

export interface CursorShape {
  readonly width: number
  readonly height: number
  readonly hotX: number
  readonly hotY: number
  /** Red, green, blue, alpha. */
  readonly rgba: Buffer
}

export interface Counters {
  /** Draw messages that reached the surface. */
  readonly invalidations: number
  /** Different pictures that a window would have painted. */
  readonly frames: number
  /** Bytes read by channel name. */
  readonly bytes: Readonly<Record<string, number>>
}

export interface Rect {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** An event line of the child; the fields beside `event` depend on it. */
export type ClientEvent = Readonly<Record<string, unknown>> & { readonly event: string }

interface Answer {
  readonly id: number
  readonly ok?: unknown
  readonly error?: string
}

/** SPICE mouse modes. */
export const MOUSE_MODE = { server: 1, client: 2 } as const

/** SPICE lock bits. */
export const LOCK = { scroll: 1, num: 2, caps: 4 } as const

// The compiled file sits in build/test/helpers, the script beside the source.
const SCRIPT = fileURLToPath(new URL('../../../test/helpers/spice-client.py', import.meta.url))

/**
 * The stock client library (spice-gtk) as a child process. What the server did is mirrored in plain fields;
 * `until` waits for them to have some value.
 */
export class SpiceClient {
  readonly process: TempProcess
  readonly events: ClientEvent[] = []
  /** State of each channel by name, e.g. `opened`, `closed`, `error-auth`; number 0 only. */
  readonly channels = new Map<string, string>()
  surface: Surface | undefined
  cursor: CursorShape | undefined
  cursorVisible = false
  cursorPosition: { readonly x: number; readonly y: number } | undefined
  mouseMode: number | undefined
  agentConnected: boolean | undefined
  locks: number | undefined
  monitors: readonly Rect[] = []
  /** Heads of each display channel, by its number; {@link monitors} is that of the first. */
  readonly monitorsOf = new Map<number, readonly Rect[]>()
  /** Last shape of each cursor channel, by its number, shown or not. */
  readonly cursors = new Map<number, CursorShape>()
  invalidations = 0
  readonly #directory = tempDirectory()
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #nextId = 1
  #pictures = 0

  private constructor({ debug, env }: StartOptions) {
    // Not `env python3`: the bindings belong to the distribution's own interpreter.
    this.process = new TempProcess('spice client', '/usr/bin/python3', [SCRIPT], {
      onLine: (line) => this.#line(line),
      env: { ...env, ...(debug === true ? { SPICE_DEBUG: '1', G_MESSAGES_DEBUG: 'all' } : {}) },
    })
  }

  /** Starts the child; nothing is connected yet. */
  static async start(options: StartOptions = {}): Promise<SpiceClient> {
    const client = new SpiceClient(options)
    try {
      await client.until('the client script is ready', () => client.events.some((e) => e.event === 'ready'))
    } catch (error) {
      await client.stop()
      throw error
    }
    return client
  }

  /** Starts the child, connects and waits until there is a picture, input and a pointer channel. */
  static async connected(target: SpiceTarget): Promise<SpiceClient> {
    const client = await SpiceClient.start()
    try {
      await client.connect(target)
      await client.untilUp()
      return client
    } catch (error) {
      await client.stop()
      throw error
    }
  }

  /** Begins to connect; success and failure come as events. */
  async connect(target: SpiceTarget): Promise<void> {
    const properties: Record<string, string | boolean> = { 'enable-audio': false }
    const set = (name: string, value: string | number | undefined): void => {
      if (value !== undefined) {
        properties[name] = String(value)
      }
    }
    set('uri', target.uri)
    set(
      'host',
      target.host ?? (target.port === undefined && target.tlsPort === undefined ? undefined : '127.0.0.1'),
    )
    set('port', target.port)
    set('tls-port', target.tlsPort)
    set('unix-path', target.unixPath)
    set('password', target.password)
    set('username', target.username)
    set('ca-file', target.caFile)
    set('proxy', target.proxy)
    this.channels.clear()
    this.surface = undefined
    await this.send('connect', {
      properties,
      ...(target.channels === undefined ? {} : { channels: target.channels }),
    })
  }

  async untilUp(): Promise<void> {
    await this.until('display, inputs and cursor are up', () => {
      if (this.channelState('main')?.startsWith('error') === true) {
        throw new Error(`main channel: ${this.channelState('main')}\n${this.process.output()}`)
      }
      const open = ['display', 'inputs', 'cursor'].every((name) => this.channels.get(name) === 'opened')
      return open && this.surface !== undefined
    })
  }

  /** The main channel was open or trying and is not any more; the library itself goes no further. */
  get gone(): boolean {
    const state = this.channels.get('main')
    return state === 'closed' || state?.startsWith('error') === true
  }

  channelState(name: string): string | undefined {
    return this.channels.get(name)
  }

  async until(what: string, condition: () => boolean, deadlineMs = 10_000): Promise<void> {
    await poll(
      what,
      () => {
        if (!this.process.alive) {
          throw new Error(`the client ended while waiting: ${what}\n${this.process.output()}`)
        }
        return condition()
      },
      { deadlineMs, everyMs: 10, detail: () => `last from the client:\n${this.process.output(8)}` },
    )
  }

  /** Sends one command to the child and gives its answer. */
  async send(command: string, fields: object = {}, deadlineMs = 10_000): Promise<unknown> {
    const id = this.#nextId++
    const answer = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve))
    this.process.stdin.write(`${JSON.stringify({ id, do: command, ...fields })}\n`)
    const { ok, error } = await withDeadline(answer, deadlineMs, `client command ${command}`)
    if (error !== undefined) {
      throw new Error(`client command ${command}: ${error}`)
    }
    return ok
  }

  /** The pixels of the primary surface as the client holds them now; waits while a mode change leaves it without one. */
  async picture(display = 0): Promise<Picture> {
    return await poll('a primary surface', () => this.pictureNow(display))
  }

  /** The same, but nothing where a display has no surface now, such as a head that is dark. */
  async pictureNow(display = 0): Promise<Picture | undefined> {
    const path = join(this.#directory, `p${this.#pictures++ % 4}`)
    const s = (await this.send('picture', { path, display })) as Surface | Record<string, never>
    if (!('format' in s)) {
      return undefined
    }
    if (s.format !== 32) {
      throw new Error(`surface format ${s.format} is not read here`)
    }
    return Picture.fromBgrx(s.width, s.height, s.stride, readFileSync(path))
  }

  /** Presses and releases; extended keys (E0) are 0x100 plus the code. */
  async tap(scancode: number): Promise<void> {
    await this.send('key-press', { scancode })
    await this.send('key-release', { scancode })
  }

  async counters(): Promise<Counters> {
    return (await this.send('counters')) as Counters
  }

  /** Counts frames from now on as changes inside this rectangle. */
  async probe(rect: Rect): Promise<void> {
    await this.send('probe', { rect })
  }

  /** Milliseconds from the press of a key until the pixel changed. */
  async latency(scancode: number, x: number, y: number, timeoutMs = 3000): Promise<number> {
    const answer = await this.send('latency', { scancode, x, y, timeoutMs }, timeoutMs + 2000)
    return (answer as { ms: number }).ms
  }

  async stop(): Promise<void> {
    await this.process.kill()
    removeTempDirectory(this.#directory)
  }

  #line(line: string): void {
    if (!line.startsWith('{')) {
      return
    }
    const message = JSON.parse(line) as ClientEvent | Answer
    if ('id' in message) {
      const answer = message as Answer
      this.#waiting.get(answer.id)?.(answer)
      this.#waiting.delete(answer.id)
      return
    }
    this.#event(message)
  }

  #event(event: ClientEvent): void {
    if (event.event !== 'drawn') {
      this.events.push(event)
    }
    const display = Number(event['display'] ?? 0)
    const first = display === 0
    switch (event.event) {
      case 'channel':
        if (event['number'] === 0) {
          this.channels.set(String(event['channel']), String(event['state']))
        }
        break
      case 'channel-destroy':
        if (event['number'] === 0) {
          this.channels.delete(String(event['channel']))
        }
        break
      case 'primary':
        this.surface = first ? (event as unknown as Surface) : this.surface
        break
      case 'primary-destroy':
        this.surface = first ? undefined : this.surface
        break
      case 'drawn':
        this.invalidations = Number(event['invalidations'])
        break
      case 'cursor-set':
        this.cursors.set(display, {
          ...(event as unknown as CursorShape),
          rgba: Buffer.from(String(event['rgba']), 'base64'),
        })
        this.cursor = this.cursors.get(0)
        this.cursorVisible ||= first
        break
      case 'cursor-move':
        if (first) {
          this.cursorPosition = event as unknown as { x: number; y: number }
          this.cursorVisible = true
        }
        break
      case 'cursor-hide':
      case 'cursor-reset':
        this.cursorVisible &&= !first
        break
      case 'mouse-mode':
        this.mouseMode = Number(event['mode'])
        break
      case 'agent':
        this.agentConnected = event['connected'] === true
        break
      case 'locks':
        this.locks = Number(event['locks'])
        break
      case 'monitors':
        this.monitorsOf.set(display, event['monitors'] as Rect[])
        this.monitors = this.monitorsOf.get(0) ?? []
        break
      default:
        break
    }
  }
}
