import { createConnection, type Socket } from 'node:net'
import type { Clock, Timer } from '../core/clock.js'
import { asSidecarError, SidecarError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import { peerCredentials } from '../host/index.js'
import { COMMANDS, decodeVersion, type CommandName, type QemuVersion } from './commands.js'
import { decodeEvent, type QmpEvent } from './events.js'
import { parseJsonLine } from './json-line.js'
import { LineSplitter } from './line-splitter.js'
import { Outbox } from './outbox.js'
import { PendingCommands, type Outcome } from './pending.js'
import { socketFd } from './socket-fd.js'
import { isObject, member, objectOf, type JsonObject } from './values.js'

export interface ConnectionOptions {
  readonly path: string
  readonly clock: Clock
  readonly limits: Limits
  /** User id that has to be at the other end; undefined does not look. */
  readonly expectedUid: number | undefined
  readonly greetingTimeoutMs: number
  readonly commandTimeoutMs: number
}

export interface ConnectionHandlers {
  greeted(version: QemuVersion): void
  /** `peerUid`: user id that listens at the other end. */
  ready(peerUid: number): void
  event(event: QmpEvent): void
  /** An event that is not in the table, or not in its shape. */
  ignored(): void
  sent(): void
  /** Called once, and nothing after it. */
  ended(error: SidecarError): void
}

type Stage = 'greeting' | 'negotiating' | 'ready' | 'ended'

const encoder = new TextEncoder()

/** One connection to a QMP monitor, from connecting to its end; whatever breaks the rules ends it. */
export class QmpConnection {
  readonly #options: ConnectionOptions
  #peerUid = -1
  readonly #handlers: ConnectionHandlers
  readonly #socket: Socket
  readonly #splitter: LineSplitter
  readonly #pending: PendingCommands
  readonly #outbox: Outbox
  readonly #greetingTimer: Timer
  #stage: Stage = 'greeting'

  constructor(options: ConnectionOptions, handlers: ConnectionHandlers) {
    const { clock, limits, path, greetingTimeoutMs } = options
    this.#options = options
    this.#handlers = handlers
    this.#splitter = new LineSplitter(limits['qmp-line'])
    this.#pending = new PendingCommands(clock, limits['qmp-pending'])
    this.#greetingTimer = clock.after(greetingTimeoutMs, () =>
      this.#end(
        new SidecarError('SIDECAR_TIMEOUT', 'QMP sent no greeting, another client may be using its socket', {
          path,
          timeoutMs: greetingTimeoutMs,
        }),
      ),
    )
    this.#socket = createConnection({ path })
    this.#outbox = new Outbox(this.#socket, clock, (error) => this.#end(asSidecarError(error)))
    this.#socket.on('connect', () => this.#guarded(() => this.#checkPeer()))
    this.#socket.on('data', (chunk) => this.#guarded(() => this.#received(chunk)))
    this.#socket.on('error', (error) => this.#end(this.#socketError(error)))
    this.#socket.on('close', () =>
      this.#end(new SidecarError('SIDECAR_PEER_GONE', 'QEMU closed the QMP socket', { path })),
    )
  }

  /**
   * Sends a command of the table; `settle` gets the value it returned, unchecked. `fd` goes along with it.
   *
   * @throws SidecarError SIDECAR_QMP when it is not ready, SIDECAR_LIMIT when too many commands wait
   */
  execute(command: CommandName, args: JsonObject | undefined, fd: number | undefined, settle: Settle): void {
    if (this.#stage !== 'ready') {
      throw new SidecarError('SIDECAR_QMP', 'QEMU is not connected', { command })
    }
    this.#send(command, args, fd, settle)
  }

  /** Ends it without a word to the handlers. */
  close(error: SidecarError): void {
    if (this.#stage === 'ended') {
      return
    }
    this.#stage = 'ended'
    this.#greetingTimer.cancel()
    this.#outbox.close()
    this.#socket.destroy()
    this.#pending.failAll(error)
  }

  #end(error: SidecarError): void {
    if (this.#stage !== 'ended') {
      this.close(error)
      this.#handlers.ended(error)
    }
  }

  /** Runs what handles input of the peer's: its errors end the connection and nothing else. */
  #guarded(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#end(asSidecarError(error))
    }
  }

  #socketError(error: Error): SidecarError {
    const code = 'code' in error ? String(error.code) : 'unknown'
    const { path } = this.#options
    return new SidecarError('SIDECAR_PEER_GONE', `the QMP socket failed with ${code}`, { path, errno: code })
  }

  #checkPeer(): void {
    const { expectedUid, path } = this.#options
    const { uid } = peerCredentials(socketFd(this.#socket))
    this.#peerUid = uid
    if (expectedUid !== undefined && uid !== expectedUid) {
      throw new SidecarError('SIDECAR_QMP', 'the QMP socket belongs to another user', {
        path,
        uid,
        expectedUid,
      })
    }
  }

  #received(chunk: Uint8Array): void {
    // A handler may close the connection in the middle of a chunk.
    if (this.#hasEnded()) {
      return
    }
    this.#splitter.push(chunk)
    for (let line = this.#splitter.next(); line !== undefined; line = this.#splitter.next()) {
      const { value, rounded } = parseJsonLine(line, this.#options.limits['qmp-depth'])
      this.#message(value, rounded)
      if (this.#hasEnded()) {
        return
      }
    }
  }

  /** Asked anew after each handler: any of them may have ended it. */
  #hasEnded(): boolean {
    return this.#stage === 'ended'
  }

  #message(value: unknown, rounded: boolean): void {
    if (!isObject(value)) {
      throw new SidecarError('SIDECAR_QMP', 'QEMU sent something that is not an object')
    }
    if (this.#stage === 'greeting') {
      this.#greeting(value)
    } else if (Object.hasOwn(value, 'event')) {
      this.#event(value, rounded)
    } else if (!Object.hasOwn(value, 'return') && !Object.hasOwn(value, 'error')) {
      throw new SidecarError('SIDECAR_QMP', 'QEMU sent neither an event nor a reply')
    } else if (!this.#pending.reply(value, rounded)) {
      throw new SidecarError('SIDECAR_QMP', 'QEMU replied to a command that does not wait for a reply')
    }
  }

  #greeting(message: JsonObject): void {
    const version = decodeVersion(member(objectOf(message, 'QMP'), 'version'))
    this.#greetingTimer.cancel()
    this.#stage = 'negotiating'
    this.#handlers.greeted(version)
    if (this.#hasEnded()) {
      return
    }
    this.#send('qmp_capabilities', undefined, undefined, (outcome) => {
      if (this.#hasEnded()) {
        return
      }
      if ('error' in outcome) {
        this.#end(outcome.error)
        return
      }
      this.#stage = 'ready'
      this.#handlers.ready(this.#peerUid)
    })
  }

  #event(message: JsonObject, rounded: boolean): void {
    const event = rounded ? undefined : eventOf(message)
    if (event === undefined) {
      this.#handlers.ignored()
    } else {
      this.#handlers.event(event)
    }
  }

  #send(command: CommandName, args: JsonObject | undefined, fd: number | undefined, settle: Settle): void {
    const id = this.#pending.add(command, this.#options.commandTimeoutMs, settle, () =>
      this.#end(new SidecarError('SIDECAR_TIMEOUT', 'QEMU does not answer', { command })),
    )
    const text = JSON.stringify({ execute: command, ...(args === undefined ? {} : { arguments: args }), id })
    this.#handlers.sent()
    this.#outbox.send(encoder.encode(`${text}\n`), fd)
  }
}

type Settle = (outcome: Outcome) => void

const eventOf = (message: JsonObject): QmpEvent | undefined => {
  try {
    return decodeEvent(message)
  } catch {
    return undefined
  }
}

/** Checks a reply with the decoder of its command. */
export const decodeReply = (command: CommandName, value: unknown): unknown => COMMANDS[command].decode(value)
