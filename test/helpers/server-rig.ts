import type { ExecutionContext } from 'ava'
import { LockKeys, MouseModes, type DisplayDeps, type VideoDeps } from '../../src/channels/index.js'
import { EncoderPool, NO_POOL_METRICS } from '../../src/codecs/index.js'
import { encodersOf } from '../../src/app/encoders.js'
import { DEFAULT_LIMITS, type Limits } from '../../src/core/limits.js'
import type { TicketExpiry } from '../../src/core/ticket.js'
import { silentLogger, type LogFields, type Logger } from '../../src/core/logger.js'
import type { Counter, Gauge, Labels } from '../../src/core/metrics.js'
import { noCounter, noHistogram } from '../../src/core/metrics.js'
import { DisplayModel, type WantedHead } from '../../src/display/index.js'
import { createPictureStore } from '../../src/kernels/index.js'
import { Canvas } from '../../src/render/index.js'
import { Heads } from '../../src/app/heads.js'
import { Vm } from '../../src/app/vm.js'
import { systemClock } from '../../src/app/system-clock.js'
import { SpiceServer, TicketStore, type ClientPolicy, type ServerOptions } from '../../src/server/index.js'
import { OPEN_DOOR, type FrontDoorRules } from '../../src/server/front-door.js'
import { NO_SESSION_LIMITS, type SessionLimits } from '../../src/server/session-limits.js'
import type { Clock, Timer } from '../../src/core/clock.js'
import { FakeClock } from './fake-clock.js'
import { displayDeps } from './display-deps.js'
import { inlineEncoders } from './inline-encoders.js'
import { link, type LinkOutcome, type LinkRequest, type ScriptedChannel } from './scripted-client.js'
import { mainServer } from '../../src/protocol/index.js'
import { RecordingInput } from './recording-input.js'
import { videoDeps } from './video-deps.js'

/** Deadlines come when the test says so; turns of the event loop are real. */
export class SteppedClock extends FakeClock {
  override nextTurn(fire: () => void): Timer {
    const immediate = setImmediate(fire)
    return { cancel: () => clearImmediate(immediate) }
  }
}

/** Counts by label value. */
export class Counted implements Counter, Gauge {
  readonly values = new Map<string, number>()

  add(amount: number, labels: Labels = {}): void {
    const key = Object.values(labels).join()
    this.values.set(key, (this.values.get(key) ?? 0) + amount)
  }

  set(value: number, labels: Labels = {}): void {
    this.values.set(Object.values(labels).join(), value)
  }

  get(label = ''): number {
    return this.values.get(label) ?? 0
  }
}

/** Keeps log lines for a test to look at. */
export class KeptLog implements Logger {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: LogFields }[] = []

  error = (message: string, fields: LogFields = {}): void =>
    void this.lines.push({ level: 'error', message, fields })
  warn = (message: string, fields: LogFields = {}): void =>
    void this.lines.push({ level: 'warn', message, fields })
  info = (message: string, fields: LogFields = {}): void =>
    void this.lines.push({ level: 'info', message, fields })
  debug = (message: string, fields: LogFields = {}): void =>
    void this.lines.push({ level: 'debug', message, fields })
  child = (): Logger => this
}

/** Keeps the layouts that a display device would get. */
export class RecordingLayouts {
  readonly asked: (readonly WantedHead[])[] = []

  setHeads(heads: readonly WantedHead[]): void {
    this.asked.push(heads)
  }
}

export interface ServerRigOptions {
  readonly clients?: ClientPolicy
  readonly limits?: Partial<Limits>
  /** `undefined`: none is set. */
  readonly ticket?: string | undefined
  readonly expiry?: TicketExpiry
  readonly open?: boolean
  readonly singleUse?: boolean
  readonly viewOnlyTicket?: string
  readonly frontDoor?: FrontDoorRules
  readonly sessionLimits?: SessionLimits
  readonly clock?: Clock
  readonly keys?: ServerOptions['keys']
  /** Code images in threads; without, all is coded on the main thread, in smaller pieces. */
  readonly threads?: boolean
  /** Of the display channels, in place of what tests have that do not care. */
  readonly display?: Partial<DisplayDeps>
  /** Send video as streams; off when left out. */
  readonly streaming?: 'filter' | 'all'
  /** Beside the one plain address. */
  readonly doors?: Pick<ServerOptions, 'tlsListen' | 'websocketListen' | 'tls' | 'security' | 'webRoot'>
}

/** A real server on a free port, with a model that the test feeds and a guest that records. */
export class ServerRig {
  readonly model = new DisplayModel(createPictureStore, DEFAULT_LIMITS, new Canvas(DEFAULT_LIMITS))
  readonly mouse = new MouseModes()
  readonly locks = new LockKeys()
  readonly guest = new RecordingInput()
  readonly #pool = new EncoderPool({ clock: systemClock, logger: silentLogger, metrics: NO_POOL_METRICS })
  readonly log = new KeptLog()
  readonly layouts = new RecordingLayouts()
  readonly vm = new Vm(this.model)
  readonly tickets: TicketStore
  readonly server: SpiceServer
  readonly #video: VideoDeps | undefined
  readonly metrics = {
    clients: new Counted(),
    channels: new Counted(),
    bytesSent: new Counted(),
    bytesReceived: new Counted(),
    limitHits: new Counted(),
    strange: new Counted(),
    authFailures: new Counted(),
    authSources: new Counted(),
    authPenalties: new Counted(),
    authPenaltySeconds: new Counted(),
    authRefusals: new Counted(),
    linkRefusals: new Counted(),
    clientsEnded: new Counted(),
    errors: new Counted(),
    lastActivity: new Counted(),
    viewOnlyIgnored: new Counted(),
  }
  port = 0
  /** Ports of all addresses: plain, TLS, WebSocket. */
  ports: readonly number[] = []

  constructor(options: ServerRigOptions) {
    const clock = options.clock ?? systemClock
    const limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.tickets = new TicketStore(clock, {
      open: options.open ?? false,
      singleUse: options.singleUse ?? false,
    })
    const ticket = 'ticket' in options ? options.ticket : 'secret'
    this.tickets.set(
      ticket === undefined ? undefined : Buffer.from(ticket),
      options.expiry ?? { kind: 'never' },
    )
    if (options.viewOnlyTicket !== undefined) {
      this.tickets.setViewOnly(Buffer.from(options.viewOnlyTicket))
    }
    const { model, mouse, locks, guest, vm } = this
    const ackWindow = limits['ack-window']
    const ownEncoders = options.threads === true ? encodersOf(this.#pool) : inlineEncoders(clock)
    const encoders = options.display?.encoders ?? ownEncoders
    const { streaming } = options
    this.#video = streaming === undefined ? streaming : videoDeps(model, clock, encoders, streaming)
    this.server = new SpiceServer({
      listen: [{ kind: 'tcp', host: '127.0.0.1', port: 0 }],
      ...options.doors,
      clients: options.clients ?? 'takeover',
      limits,
      clock,
      logger: this.log,
      metrics: this.metrics,
      tickets: this.tickets,
      frontDoor: options.frontDoor ?? OPEN_DOOR,
      keys: options.keys,
      sessionLimits: options.sessionLimits ?? NO_SESSION_LIMITS,
      guest: {
        main: {
          vm,
          mouse,
          heads: new Heads(this.layouts, limits, this.log, noCounter, () => model.consoles),
          clock,
          roundTrip: noHistogram,
          bitRate: noHistogram,
        },
        display: displayDeps({
          model,
          encoders,
          clock,
          ackWindow,
          video: this.#video,
          ...options.display,
        }),
        cursor: { model, mouse, ackWindow, shapes: noCounter },
        inputs: { guest, mouse, locks, events: noCounter },
      },
      clientsChanged: () => undefined,
    })
  }

  async close(): Promise<void> {
    this.#video?.watch.close()
    await this.server.close()
    await this.#pool.close()
  }

  get where(): { host: string; port: number } {
    return { host: '127.0.0.1', port: this.port }
  }

  async start(): Promise<void> {
    const addresses = await this.server.start()
    this.ports = addresses.map(({ address }) => Number(address.split(':').at(-1)))
    this.port = this.ports[0] ?? 0
  }

  link(request: LinkRequest): Promise<LinkOutcome> {
    return link(this.where, { ticket: 'secret', ...request })
  }

  /** A client with its main channel linked; the result carries the session's connection id. */
  async client(): Promise<{ main: ScriptedChannel; connectionId: number }> {
    const { channel, result } = await this.link({ type: 1 })
    if (result !== 0) {
      throw new Error(`main link refused: ${String(result)}`)
    }
    const { sessionId } = await channel.expect(mainServer.init)
    return { main: channel, connectionId: sessionId }
  }
}

/** A test with a server of its own, closed whatever happens. */
export const withServer =
  (options: ServerRigOptions, body: (t: ExecutionContext, rig: ServerRig) => Promise<void>) =>
  async (t: ExecutionContext): Promise<void> => {
    const rig = new ServerRig(options)
    await rig.start()
    try {
      await body(t, rig)
    } finally {
      await rig.close()
    }
  }

/** A server whose deadlines come when the test moves the clock. */
export const withSteppedClock = (
  options: Omit<ServerRigOptions, 'clock'>,
  body: (t: ExecutionContext, rig: ServerRig, clock: SteppedClock) => Promise<void>,
): ((t: ExecutionContext) => Promise<void>) => {
  const clock = new SteppedClock()
  const limits = { 'answer-ms': 0, ...options.limits }
  return withServer({ ...options, limits, clock }, (t, rig) => body(t, rig, clock))
}
