import type { Clock, Timer } from '../core/clock.js'
import { SidecarError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { Logger } from '../core/logger.js'
import { noCounter, noGauge, type Counter, type Gauge } from '../core/metrics.js'
import {
  COMMANDS,
  type ArgumentsOf,
  type CommandName,
  type FdCommand,
  type NoArguments,
  type PlainCommand,
  type QemuVersion,
  type ResultOf,
} from './commands.js'
import { decodeReply, QmpConnection } from './connection.js'
import type { QmpEvent } from './events.js'
import { Listeners } from './listeners.js'
import type { JsonObject } from './values.js'

/** `waiting` is the pause before the next try; the client goes on trying until `closed`. */
export type QmpState = 'connecting' | 'negotiating' | 'ready' | 'waiting' | 'closed'

export interface QmpMetrics {
  readonly commands: Counter
  readonly reconnects: Counter
  readonly connected: Gauge
}

export interface QmpClientOptions {
  /** Path of QEMU's QMP unix socket; one that nobody else uses, since QEMU serves one client per socket. */
  readonly path: string
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: Limits
  readonly metrics?: QmpMetrics
  /**
   * User id that must have made the listening socket, checked with the kernel (SO_PEERCRED). That is who started
   * QEMU or passed it the socket, not a user it changed to afterwards. When left out, the user of the first QEMU that
   * answered is the one that later ones must have.
   */
  readonly expectedUid?: number | undefined
  /** Milliseconds until a command that was not answered ends the connection, default 5000. */
  readonly commandTimeoutMs?: number
}

const GREETING_TIMEOUT_MS = 5000
const COMMAND_TIMEOUT_MS = 5000
const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 10_000

/** A connection that was ready this long was fine: the next loss starts the back-off anew. */
const STEADY_MS = 10_000

/** None for a command without arguments, else its arguments. */
type Rest<C extends CommandName> = ArgumentsOf<C> extends NoArguments ? [] : [args: ArgumentsOf<C>]

/**
 * The monitor connection to QEMU. Connects, and connects again with back-off for as long as it lives: QEMU may start
 * later, restart or be busy. Only commands of the table in `commands.ts` can be sent.
 */
export class QmpClient {
  readonly #options: QmpClientOptions
  readonly #metrics: QmpMetrics
  readonly #stateListeners = new Listeners<QmpState>()
  readonly #eventListeners = new Listeners<QmpEvent>()
  #state: QmpState = 'waiting'
  #version: QemuVersion | undefined
  #connection: QmpConnection | undefined
  #retry: Timer | undefined
  #retryMs = FIRST_RETRY_MS
  #readyAtMs: number | undefined
  #trustedUid: number | undefined
  #wasReady = false
  #started = false
  #ignoredEvents = 0
  /** The failure that was logged last, so that a QEMU that stays away is one line and not one per try. */
  #reported: string | undefined

  constructor(options: QmpClientOptions) {
    this.#options = options
    this.#metrics = options.metrics ?? { commands: noCounter, reconnects: noCounter, connected: noGauge }
  }

  get state(): QmpState {
    return this.#state
  }

  /** Version of the QEMU that is connected now. */
  get version(): QemuVersion | undefined {
    return this.#version
  }

  /** Events that were not in the table or not in their shape. */
  get ignoredEvents(): number {
    return this.#ignoredEvents
  }

  /** Calls `listener` with each new state; the result stops that. */
  onState(listener: (state: QmpState) => void): () => void {
    return this.#stateListeners.add(listener)
  }

  /** Calls `listener` with each event of the table, at once: nothing is queued. The result stops that. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    return this.#eventListeners.add(listener)
  }

  /** Begins to connect; does nothing the second time or once closed. */
  start(): void {
    if (!this.#started && this.#state !== 'closed') {
      this.#started = true
      this.#connect()
    }
  }

  /**
   * Runs a command.
   *
   * @throws SidecarError SIDECAR_QMP when QEMU refuses it (its `class` and `desc` are in the context), answers
   *   nonsense, is not connected or goes away; SIDECAR_TIMEOUT when it does not answer; SIDECAR_LIMIT when too many
   *   commands wait
   */
  execute<C extends PlainCommand>(command: C, ...rest: Rest<C>): Promise<ResultOf<C>> {
    // What types forbid is checked anyway: the table is the boundary, not the compiler.
    if (FD_COMMANDS.has(command)) {
      return Promise.reject(notAllowed(command))
    }
    return this.#execute(command, rest[0], undefined)
  }

  /**
   * Runs a command that comes with a descriptor. The caller owns `fd` before and after, and keeps it open until the
   * promise settles. Errors as {@link execute}.
   */
  executeWithFd<C extends FdCommand>(command: C, args: ArgumentsOf<C>, fd: number): Promise<ResultOf<C>> {
    return FD_COMMANDS.has(command) ? this.#execute(command, args, fd) : Promise.reject(notAllowed(command))
  }

  /** Fails what waits and stops trying; does nothing the second time. */
  close(): void {
    if (this.#state === 'closed') {
      return
    }
    const connection = this.#connection
    this.#leave()
    this.#retry?.cancel()
    this.#enter('closed')
    connection?.close(new SidecarError('SIDECAR_QMP', 'the QMP client was closed'))
  }

  async #execute<C extends CommandName>(
    command: C,
    args: ArgumentsOf<C> | undefined,
    fd: number | undefined,
  ): Promise<ResultOf<C>> {
    if (!Object.hasOwn(COMMANDS, command) || command === 'qmp_capabilities') {
      throw notAllowed(command)
    }
    const encode = COMMANDS[command].encode as (args: unknown) => JsonObject | undefined
    const encoded = encode(args)
    const connection = this.#connection
    if (connection === undefined) {
      throw new SidecarError('SIDECAR_QMP', 'QEMU is not connected', { command })
    }
    const value = await new Promise<unknown>((resolve, reject) => {
      connection.execute(command, encoded, fd, (outcome) => {
        if ('error' in outcome) {
          reject(outcome.error)
        } else {
          resolve(outcome.value)
        }
      })
    })
    return decodeReply(command, value) as ResultOf<C>
  }

  #connect(): void {
    const { path, clock, limits, expectedUid, commandTimeoutMs = COMMAND_TIMEOUT_MS } = this.#options
    this.#enter('connecting')
    if (this.#isClosed()) {
      return
    }
    this.#connection = new QmpConnection(
      {
        path,
        clock,
        limits,
        expectedUid: expectedUid ?? this.#trustedUid,
        greetingTimeoutMs: GREETING_TIMEOUT_MS,
        commandTimeoutMs,
      },
      {
        greeted: (version) => {
          this.#version = version
          this.#enter('negotiating')
        },
        ready: (peerUid) => this.#ready(peerUid),
        event: (event) => this.#eventListeners.call(event),
        ignored: () => {
          this.#ignoredEvents++
        },
        sent: () => this.#metrics.commands.add(1),
        ended: (error) => this.#lost(error),
      },
    )
  }

  #ready(peerUid: number): void {
    this.#trustedUid = peerUid
    const { clock, logger, path } = this.#options
    this.#readyAtMs = clock.nowMs()
    this.#reported = undefined
    if (this.#wasReady) {
      this.#metrics.reconnects.add(1)
    }
    this.#wasReady = true
    this.#metrics.connected.set(1)
    logger.info('Connected to QEMU', { path, version: this.#version })
    this.#enter('ready')
  }

  #lost(error: SidecarError): void {
    const { clock } = this.#options
    const steady = this.#readyAtMs !== undefined && clock.nowMs() - this.#readyAtMs >= STEADY_MS
    this.#report(error)
    this.#leave()
    if (steady) {
      this.#retryMs = FIRST_RETRY_MS
    }
    this.#retry = clock.after(this.#retryMs, () => this.#connect())
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS)
    this.#enter('waiting')
  }

  /** A listener may have closed it. */
  #isClosed(): boolean {
    return this.#state === 'closed'
  }

  #leave(): void {
    this.#connection = undefined
    this.#version = undefined
    this.#readyAtMs = undefined
    this.#metrics.connected.set(0)
  }

  #report(error: SidecarError): void {
    if (this.#reported === error.message) {
      return
    }
    this.#reported = error.message
    const { logger, path } = this.#options
    const { errno } = error.context
    if (errno === 'ENOENT' || errno === 'ECONNREFUSED') {
      logger.info('QEMU is not there yet', { path, errno })
    } else {
      logger.warn('Lost the connection to QEMU', { path, err: error })
    }
  }

  #enter(state: QmpState): void {
    this.#state = state
    this.#stateListeners.call(state)
  }
}

const FD_COMMANDS: ReadonlySet<string> = new Set<FdCommand>(['getfd'])

const notAllowed = (command: string): SidecarError =>
  new SidecarError('SIDECAR_BUG', 'this QMP command may not be sent', { command: command.slice(0, 64) })
