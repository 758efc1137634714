import { LockKeys, MouseModes } from '../channels/index.js'
import { EncoderPool } from '../codecs/index.js'
import { formatAddress, type RunConfig } from '../config/index.js'
import type { Clock } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import { DisplayModel } from '../display/index.js'
import { trimHeap } from '../host/index.js'
import { createPictureStore } from '../kernels/index.js'
import { VdagentLink } from '../devices/index.js'
import { createDbusDisplaySource, type DbusDisplaySource } from '../gpu-bridge/index.js'
import { createMetrics, createMetricsEndpoint, type Metrics, type MetricsEndpoint } from '../metrics/index.js'
import type { CallSlotsDeps } from '../host/index.js'
import { openDbusDisplay, QmpClient } from '../qmp/index.js'
import { Canvas } from '../render/index.js'
import { SpiceServer, TicketStore } from '../server/index.js'
import { watchAgentPort } from './agent-port.js'
import { DesktopInput } from './desktop-input.js'
import { doorParts, type DoorParts } from './door-parts.js'
import { encodersOf, poolOptions } from './encoders.js'
import { Heads } from './heads.js'
import { LocalControl } from './local-control.js'
import { limitWarnings } from './logger.js'
import { loadSasl } from './sasl.js'
import { SourceSupervisor } from './source-supervisor.js'
import { TicketFiles } from './ticket-files.js'
import { TidyUp } from './tidy-up.js'
import { videoDeps } from './video.js'
import { Vm } from './vm.js'

export interface SidecarDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly version: string
}

/** All parts of one sidecar, built from its configuration; starts and stops them in order. */
export class Sidecar {
  readonly #config: RunConfig
  readonly #deps: SidecarDeps
  readonly #metrics: Metrics
  readonly #tickets: TicketStore
  readonly #ticketFiles: TicketFiles
  readonly #control: LocalControl | undefined
  readonly #model: DisplayModel
  readonly #vm: Vm
  readonly #mouse = new MouseModes()
  readonly #locks = new LockKeys()
  readonly #agent: VdagentLink | undefined
  readonly #heads: Heads
  readonly #qmp: QmpClient
  readonly #source: DbusDisplaySource
  readonly #supervisor: SourceSupervisor
  readonly #doors: DoorParts
  readonly #pool: EncoderPool
  readonly #encoders: ReturnType<typeof encodersOf>
  readonly #tidyUp: TidyUp
  readonly #server: SpiceServer
  readonly #endpoint: MetricsEndpoint | undefined
  #listening = false

  constructor(config: RunConfig, deps: SidecarDeps) {
    const { clock, logger } = deps
    const { limits } = config
    this.#config = config
    this.#deps = deps
    this.#model = new DisplayModel(
      (width, height) => this.#pictureStore(width, height),
      limits,
      new Canvas(limits),
    )
    this.#vm = new Vm(this.#model)
    this.#metrics = createMetrics()
    this.#metrics.buildInfo.set(1, { version: deps.version, node_version: process.versions.node })
    const metrics = this.#metrics
    this.#tickets = new TicketStore(clock, {
      // A machine without the library does not open the door.
      open: config.disableTicketing && !config.sasl,
      singleUse: config.ticketSingleUse,
    })
    this.#ticketFiles = new TicketFiles(config, this.#tickets, clock, logger.child({ component: 'tickets' }))
    this.#qmp = new QmpClient({
      path: config.qmp,
      clock,
      logger: limitWarnings(logger.child({ component: 'qmp' }), limits['log-warnings'], clock),
      limits,
      metrics: {
        commands: metrics.qmpCommands,
        reconnects: metrics.qmpReconnects,
        connected: metrics.qemuConnected,
      },
    })
    this.#source = createDbusDisplaySource({
      openPeer: () => openDbusDisplay(this.#qmp),
      clock,
      logger: limitWarnings(logger.child({ component: 'dbus-display' }), limits['log-warnings'], clock),
      limits,
      minFrameIntervalMs: 1000 / config.maxRefreshRate,
      metrics: { updates: metrics.sourceUpdates, refused: metrics.sourceRefused },
    })
    this.#agent = this.#makeAgent()
    this.#heads = new Heads(
      this.#source,
      limits,
      logger.child({ component: 'heads' }),
      metrics.limitHits,
      () => this.#model.consoles,
      this.#agent,
    )
    this.#agent?.observe(() => this.#heads.agentChanged())
    this.#model.observe({ layoutRefused: () => this.#heads.follow(false) })
    this.#supervisor = new SourceSupervisor({
      source: this.#source,
      sink: this.#model,
      clock,
      logger: limitWarnings(logger.child({ component: 'source' }), limits['log-warnings'], clock),
      up: metrics.sourceUp,
    })
    this.#doors = doorParts(config, { clock, logger: logger.child({ component: 'tls' }), metrics })
    this.#tidyUp = new TidyUp(clock, () => {
      this.#encoders.trim()
      // bin/spice-sidecar exposes it; without, memory comes back when the engine finds time.
      globalThis.gc?.()
      trimHeap()
    })
    this.#pool = new EncoderPool(
      ...poolOptions(config, { clock, logger: logger.child({ component: 'encoders' }), metrics }),
    )
    this.#encoders = encodersOf(this.#pool)
    this.#server = this.#makeServer()
    this.#control =
      config.admin === undefined
        ? undefined
        : new LocalControl({
            clock,
            logger: limitWarnings(logger.child({ component: 'admin' }), limits['log-warnings'], clock),
            limits,
            limitHits: metrics.limitHits,
            server: this.#server,
            tickets: this.#tickets,
            mouse: this.#mouse,
            sasl: config.sasl,
          })
    this.#endpoint =
      config.metrics === undefined
        ? undefined
        : createMetricsEndpoint({
            host: config.metrics.host,
            port: config.metrics.port,
            limits,
            clock,
            logger,
            limitHits: metrics.limitHits,
            render: (format) => metrics.render(format),
            notReady: () => (this.#listening ? undefined : 'not listening yet'),
          })
  }

  /**
   * Starts to listen. It does not wait for QEMU.
   *
   * @throws SidecarError SIDECAR_CONFIG when an address cannot be bound or the ticket file cannot be read
   */
  async start(): Promise<void> {
    const { logger } = this.#deps
    this.loadTicket()
    this.#ticketFiles.watch()
    this.#doors.tls?.start()
    const { metrics } = this.#config
    if (this.#endpoint !== undefined && metrics !== undefined) {
      const port = await this.#endpoint.start()
      logger.info('Metrics endpoint listening', {
        address: formatAddress({ ...metrics, port }),
        carries: 'metrics, health',
      })
    }
    const sasl = this.#config.sasl ? await loadSasl(this.#saslDeps()) : undefined
    if (sasl !== undefined) {
      this.#server.useSasl(sasl)
    }
    if (this.#config.admin !== undefined) {
      await this.#control?.start(this.#config.admin)
    }
    for (const { address, carries } of await this.#server.start()) {
      logger.info('Listening', { address, carries })
    }
    this.#listening = true
    if (this.#tickets.locked && sasl === undefined) {
      logger.warn(
        'No ticket is set: every client will be refused until ticket-file or the admin socket sets one',
      )
    }
    this.#source.input.onChange(() => this.#followInput())
    this.#qmp.onState((state) => {
      this.#supervisor.reachable(state === 'ready')
      this.#agent?.reachable(state === 'ready')
      if (state === 'ready') {
        this.#heads.follow(true)
        void this.#askQemu()
      }
    })
    this.#qmp.start()
    // What starting took is given back, too.
    this.#tidyUp.clients(0)
  }

  /** Reads the ticket files again; the expiry counts anew. */
  loadTicket(): void {
    this.#ticketFiles.load()
  }

  /** Loads the TLS key pair again; a wrong one is reported and the old one stays. */
  loadKeyPair(): void {
    this.#doors.tls?.reload()
  }

  /** Tells the clients, lets QEMU go and frees the addresses; callable any number of times. */
  async close(): Promise<void> {
    this.#listening = false
    this.#ticketFiles.close()
    await this.#control?.close()
    await this.#server.close()
    this.#tidyUp.close()
    await this.#pool.close()
    await this.#supervisor.close()
    this.#agent?.close()
    this.#qmp.close()
    await this.#endpoint?.close()
    this.#metrics.close()
  }

  #makeAgent(): VdagentLink | undefined {
    const { agent: path, limits } = this.#config
    if (path === undefined) {
      return undefined
    }
    const { clock, logger } = this.#deps
    const { agentPresent: present, agentDropped: dropped, limitHits } = this.#metrics
    const link = new VdagentLink({
      path,
      clock,
      logger: limitWarnings(logger.child({ component: 'agent' }), limits['log-warnings'], clock),
      limits,
      metrics: { present, dropped, limitHits },
    })
    watchAgentPort(this.#qmp, path, link)
    return link
  }

  #saslDeps(): CallSlotsDeps {
    const { clock, logger } = this.#deps
    const { limits } = this.#config
    const { limitHits, saslCalls } = this.#metrics
    return {
      clock,
      logger: limitWarnings(logger.child({ component: 'sasl' }), limits['log-warnings'], clock),
      limits,
      metrics: { limitHits, calls: saslCalls },
    }
  }

  #makeServer(): SpiceServer {
    const { clock, logger } = this.#deps
    const metrics = this.#metrics
    const { limits, clients, listen, imageCompression, zlibGlzWanCompression, jpegWanCompression } =
      this.#config
    const guest = new DesktopInput({
      source: this.#source.input,
      model: this.#model,
      wanted: () => this.#heads.wanted,
      send: (events) => this.#qmp.execute('input-send-event', { events }),
    })
    const ackWindow = limits['ack-window']
    return new SpiceServer({
      listen,
      ...this.#doors,
      clients,
      limits,
      clock,
      logger: limitWarnings(logger.child({ component: 'server' }), limits['log-warnings'], clock),
      metrics: {
        clients: metrics.clients,
        channels: metrics.channels,
        bytesSent: metrics.channelBytesSent,
        bytesReceived: metrics.channelBytesReceived,
        limitHits: metrics.limitHits,
        strange: metrics.strangeMessages,
        authFailures: metrics.authFailures,
        authSources: metrics.authSources,
        authPenalties: metrics.authPenalties,
        authPenaltySeconds: metrics.authPenaltySeconds,
        authRefusals: metrics.authRefusals,
        linkRefusals: metrics.linkRefusals,
        clientsEnded: metrics.clientsEnded,
        errors: metrics.errors,
        lastActivity: metrics.lastClientActivity,
        viewOnlyIgnored: metrics.viewOnlyIgnored,
      },
      tickets: this.#tickets,
      frontDoor: { allowFrom: this.#config.allowFrom, trustedProxies: this.#config.trustedProxies },
      sessionLimits: {
        idleSeconds: this.#config.sessionIdleTimeout,
        maxSeconds: this.#config.sessionMaxDuration,
      },
      guest: {
        main: {
          vm: this.#vm,
          mouse: this.#mouse,
          heads: this.#heads,
          clock,
          roundTrip: metrics.clientRoundTrip,
          bitRate: metrics.clientBitRate,
        },
        display: {
          model: this.#model,
          encoders: this.#encoders,
          clock,
          compression: imageCompression,
          zlibGlzWan: zlibGlzWanCompression,
          jpegWan: jpegWanCompression,
          cachePixels: limits['pixmap-cache'],
          ackWindow,
          limits,
          video: videoDeps(this.#config, this.#model, this.#encoders, clock, metrics),
          metrics: {
            frames: metrics.framesSent,
            merged: metrics.damageMerged,
            updateWait: metrics.updateWaitSeconds,
            slowSteps: metrics.slowSteps,
            images: metrics.imagesEncoded,
            imageBytes: metrics.imageBytes,
            imagesFailed: metrics.imagesFailed,
            moves: metrics.movesSent,
            movedPixels: metrics.movedPixels,
            fills: metrics.fillsSent,
            cacheHits: metrics.pixmapCacheHits,
            cacheMisses: metrics.pixmapCacheMisses,
            cachedPixels: metrics.pixmapCachePixels,
            cacheEvictions: metrics.pixmapCacheEvictions,
            paletteHits: metrics.paletteHits,
            paletteMisses: metrics.paletteMisses,
            refinedPixels: metrics.refinedPixels,
          },
        },
        cursor: { model: this.#model, mouse: this.#mouse, ackWindow, shapes: metrics.cursorShapes },
        inputs: { guest, mouse: this.#mouse, locks: this.#locks, events: metrics.inputEvents },
      },
      clientsChanged: (count) => {
        this.#supervisor.watched(count > 0)
        this.#tidyUp.clients(count)
      },
    })
  }

  #pictureStore(width: number, height: number): ReturnType<typeof createPictureStore> {
    const store = createPictureStore(width, height)
    if (store === undefined) {
      this.#metrics.limitHits.add(1, { limit: 'memory-buffers' })
      this.#deps.logger.error(
        'No memory for the picture of a console, which stays dark: lower limit-image-pixels',
        {
          width,
          height,
        },
      )
    }
    return store
  }

  #followInput(): void {
    const { available, absolute, modifiers } = this.#source.input.state
    this.#mouse.allowClient(available && absolute)
    if (available) {
      this.#locks.reported(modifiers)
    }
  }

  /** Name and UUID for the clients' window titles; a QEMU that does not say has none. */
  async #askQemu(): Promise<void> {
    try {
      this.#vm.name = (await this.#qmp.execute('query-name')).name
      this.#vm.uuid = uuidBytes((await this.#qmp.execute('query-uuid')).UUID)
    } catch (error) {
      this.#deps.logger.warn('QEMU did not tell its name', { err: error })
    }
  }
}

/** 16 bytes of a textual UUID; `undefined` for anything else. */
const uuidBytes = (text: string): Uint8Array | undefined => {
  const digits = text.replaceAll('-', '')
  return /^[0-9a-f]{32}$/i.test(digits) ? Uint8Array.from(Buffer.from(digits, 'hex')) : undefined
}
