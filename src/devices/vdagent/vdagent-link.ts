import { createConnection, type Socket } from 'node:net'
import type { Clock, Timer } from '../../core/clock.js'
import { asSidecarError, SidecarError } from '../../core/errors.js'
import type { Limits } from '../../core/limits.js'
import type { Logger } from '../../core/logger.js'
import { noCounter, noGauge, type Counter, type Gauge } from '../../core/metrics.js'
import { RateBudget } from '../../core/rate-budget.js'
import type { AgentMonitor } from '../../protocol/index.js'
import { AgentSession } from './agent-session.js'

export interface VdagentMetrics {
  /** 1 while an agent lays out heads. */
  readonly present: Gauge
  readonly dropped: Counter
  readonly limitHits: Counter
}

export interface VdagentLinkOptions {
  /** Path of the unix socket of QEMU's character device behind the guest's agent port; QEMU listens. */
  readonly path: string
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: Pick<Limits, 'agent-message' | 'agent-rate'>
  readonly metrics?: VdagentMetrics
}

const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 10_000

/** A connection that stood this long was fine: the next loss starts the back-off anew. */
const STEADY_MS = 10_000

/** Bytes that a chunk counts as at least, since taking it apart costs as much as these. */
const LEAST_CHUNK = 512

/** One connection, from connecting to its end. */
interface Connection {
  readonly socket: Socket
  readonly session: AgentSession
  readonly startMs: number
}

/**
 * The way to the program in the guest that speaks as its agent, over the socket of QEMU's character device. Connected
 * for as long as QEMU is there, whether clients are or not: agents take an unconnected port for a broken one. It comes
 * back with back-off when the socket goes or the guest breaks the rules; nothing in the VM depends on it. Whether there
 * is an agent is known only from what it announces, and that counts until the connection ends.
 */
export class VdagentLink {
  readonly #options: VdagentLinkOptions
  readonly #metrics: VdagentMetrics
  readonly #observers = new Set<() => void>()
  #connection: Connection | undefined
  #reachable = false
  #closed = false
  #retry: Timer | undefined
  #retryMs = FIRST_RETRY_MS
  readonly #budget: RateBudget
  #resume: Timer | undefined
  #reported: string | undefined
  #present = false

  constructor(options: VdagentLinkOptions) {
    this.#options = options
    const rate = options.limits['agent-rate']
    this.#budget = new RateBudget(rate, rate, options.clock.nowMs())
    this.#metrics = options.metrics ?? { present: noGauge, dropped: noCounter, limitHits: noCounter }
  }

  /** There is an agent that lays out heads. */
  get takesLayouts(): boolean {
    return this.#connection?.session.takesLayouts === true
  }

  /** Asks the agent for a layout; entry n is head n. While the guest does not read, the newest replaces the others. */
  layOut(monitors: readonly AgentMonitor[]): void {
    this.#connection?.session.layOut(monitors)
    this.#flush()
  }

  /** `changed` is called when an agent announced itself, also a second time, and when it is gone. */
  observe(changed: () => void): () => void {
    this.#observers.add(changed)
    return () => this.#observers.delete(changed)
  }

  /** QEMU is there, or is not: then nothing is tried, and a connection that still stands is kept. */
  reachable(reachable: boolean): void {
    this.#reachable = reachable
    this.#retry?.cancel()
    this.#retry = undefined
    if (reachable) {
      this.#retryMs = FIRST_RETRY_MS
      this.#connect()
    }
  }

  /** The guest closed its end of the port: what comes next is another program's, and begins with a new connection. */
  portClosed(): void {
    this.#lost(new SidecarError('SIDECAR_PEER_GONE', 'the guest closed its agent port'))
  }

  /** Lets the socket go for good; callable any number of times. */
  close(): void {
    this.#closed = true
    this.#retry?.cancel()
    this.#leave()
  }

  #connect(): void {
    if (this.#connection !== undefined || !this.#reachable || this.#closed) {
      return
    }
    const { path, clock, limits, logger } = this.#options
    const session = new AgentSession(
      { limit: limits['agent-message'] },
      {
        announced: () => this.#announced(),
        laidOut: (done) => {
          if (!done) {
            logger.warn('The guest agent did not take the layout')
          }
        },
        dropped: (kind) => {
          this.#metrics.dropped.add(1, { kind })
          if (kind === 'long') {
            this.#metrics.limitHits.add(1, { limit: 'agent-message' })
          }
        },
      },
    )
    const socket = createConnection({ path })
    const connection = { socket, session, startMs: clock.nowMs() }
    this.#connection = connection
    const whileCurrent = (run: () => void) => () => {
      if (this.#connection === connection) {
        run()
      }
    }
    socket.on(
      'connect',
      whileCurrent(() => {
        logger.debug('Connected to the agent port', { path })
        this.#flush()
      }),
    )
    socket.on('data', (bytes) => whileCurrent(() => this.#received(connection, bytes))())
    socket.on('error', (error) => whileCurrent(() => this.#lost(this.#socketError(error)))())
    socket.on(
      'close',
      whileCurrent(() => this.#lost(new SidecarError('SIDECAR_PEER_GONE', 'QEMU closed the agent port'))),
    )
  }

  #received({ socket, session }: Connection, bytes: Uint8Array): void {
    const before = session.chunks
    try {
      session.receive(bytes)
    } catch (error) {
      this.#lost(asSidecarError(error))
      return
    }
    this.#flush()
    this.#count(socket, Math.max(bytes.length, (session.chunks - before) * LEAST_CHUNK))
  }

  /** A guest that sends more than its rate is not read for a while, and its writer waits. */
  #count(socket: Socket, bytes: number): void {
    const { clock } = this.#options
    const waitMs = this.#budget.spend(bytes, clock.nowMs())
    const current = this.#connection?.socket === socket
    if (current && waitMs > 0 && this.#resume === undefined) {
      this.#metrics.limitHits.add(1, { limit: 'agent-rate' })
      socket.pause()
      this.#resume = clock.after(waitMs, () => {
        this.#resume = undefined
        socket.resume()
      })
    }
  }

  /** Writes what is due while the socket takes it, so that nothing queues up for a guest that does not read. */
  readonly #flush = (): void => {
    const connection = this.#connection
    if (connection === undefined) {
      return
    }
    const { socket, session } = connection
    while (!socket.connecting && socket.writableLength === 0) {
      const bytes = session.take()
      if (bytes === undefined) {
        return
      }
      socket.write(bytes, () => this.#flush())
    }
  }

  #announced(): void {
    if (this.takesLayouts && !this.#present) {
      this.#options.logger.info('The guest agent takes layouts', { path: this.#options.path })
    }
    this.#tell()
  }

  #lost(error: SidecarError): void {
    const connection = this.#connection
    if (connection === undefined) {
      return
    }
    const { clock } = this.#options
    const steady = clock.nowMs() - connection.startMs >= STEADY_MS
    this.#report(error)
    if (steady) {
      this.#retryMs = FIRST_RETRY_MS
    }
    if (this.#reachable) {
      this.#retry = clock.after(this.#retryMs, () => this.#connect())
      this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS)
    }
    this.#leave()
  }

  #leave(): void {
    const connection = this.#connection
    this.#connection = undefined
    this.#resume?.cancel()
    this.#resume = undefined
    connection?.socket.destroy()
    if (this.#present) {
      this.#tell()
    }
  }

  #tell(): void {
    this.#present = this.takesLayouts
    this.#metrics.present.set(this.#present ? 1 : 0)
    for (const changed of [...this.#observers]) {
      changed()
    }
  }

  /** A port that stays away, or a guest that goes on breaking the rules, is one line and not one for each try. */
  #report(error: SidecarError): void {
    const { logger, path } = this.#options
    const expected = error.code === 'SIDECAR_PEER_GONE'
    if (this.#reported === error.message && !this.#present) {
      return
    }
    this.#reported = error.message
    if (expected) {
      logger.info('No connection to the agent port', { path, reason: error.message })
    } else {
      logger.warn('The guest agent broke the rules of its port', { path, err: error })
    }
  }

  #socketError(error: Error): SidecarError {
    const code = 'code' in error ? String(error.code) : 'unknown'
    return new SidecarError('SIDECAR_PEER_GONE', `the socket failed with ${code}`, { errno: code })
  }
}
