import { SidecarError } from '../../core/errors.js'
import type { Clock } from '../../core/clock.js'
import {
  CHANNEL_TYPES,
  commonClient,
  commonServer,
  hasCap,
  MAIN_CAP,
  mainClient,
  mainServer,
  NOTIFY_SEVERITY,
  NOTIFY_VISIBILITY,
} from '../../protocol/index.js'
import type { Channel, ChannelContext } from '../channel.js'
import type { MouseModes } from '../mouse-mode.js'
import { ChannelWire, type WireRecord } from '../wire.js'
import {
  AGENT_TOKENS,
  MonitorsAgent,
  newAgentRecord,
  type AgentRecord,
  type GuestHeads,
} from './monitors-agent.js'
import { LineMeter, type LineMeterMetrics } from './line-meter.js'
import {
  lineFacts,
  newPingRecord,
  RATE_PAYLOAD,
  RATE_PING_ID,
  type LineFacts,
  type PingRecord,
} from './pings.js'

const EMPTY_PAYLOAD = new Uint8Array(0)

/** A channel that a client may open beside its main channel. */
export interface ChannelOffer {
  readonly type: number
  readonly id: number
}

/** What the VM is called and how many heads it has; shared by the main channels of all clients. */
export interface VmFacts {
  /** QEMU's `-name`; `undefined` while unknown. */
  readonly name: string | undefined
  /** 16 bytes in the order of RFC 4122. */
  readonly uuid: Uint8Array | undefined
  /** Channels on offer now, display channels first. */
  offers(): readonly ChannelOffer[]
  /** @returns a function that ends the observation of {@link offers} */
  observe(changed: () => void): () => void
}

/** State of a main channel; plain. */
export interface MainRecord {
  readonly kind: 'main'
  readonly wire: WireRecord
  /** Connection id of all channels of this client. */
  readonly sessionId: number
  /** Main channel capability words of the client. */
  readonly caps: readonly number[]
  /** When the client asked for its channels, milliseconds; `undefined`: it did not yet. */
  attachedMs: number | undefined
  /** Channels named to the client so far, as `type:id`. */
  named: string[]
  /** Mouse modes as last told. */
  mouse: { supported: number; current: number }
  readonly pings: PingRecord
  readonly agent: AgentRecord
}

export const newMainRecord = (wire: WireRecord, sessionId: number, caps: readonly number[]): MainRecord => ({
  kind: 'main',
  wire,
  sessionId,
  caps,
  attachedMs: undefined,
  named: [],
  mouse: { supported: 0, current: 0 },
  pings: newPingRecord(),
  agent: newAgentRecord(),
})

export interface MainDeps extends LineMeterMetrics {
  readonly vm: VmFacts
  readonly mouse: MouseModes
  readonly heads: GuestHeads
  readonly clock: Clock
  /** Measure latency, bit rate and liveness: off on a unix socket. */
  readonly pings: boolean
}

/** Multimedia time: monotonic milliseconds, truncated to 32 bits (`protocol-session.md` 3.3). */
export const multiMediaTime = (clock: Clock): number => Math.floor(clock.nowMs()) % 0x1_0000_0000

/** Session control of one client (`protocol-session.md` section 3). */
export class MainChannel implements Channel {
  readonly type = CHANNEL_TYPES.main
  readonly id = 0
  readonly stalled = false
  readonly #record: MainRecord
  readonly #wire: ChannelWire
  readonly #deps: MainDeps
  readonly #agent: MonitorsAgent
  readonly #meter: LineMeter
  readonly #detach: (() => void)[] = []

  constructor(record: MainRecord, context: ChannelContext, deps: MainDeps) {
    this.#record = record
    this.#wire = new ChannelWire(record.wire, context.output)
    this.#deps = deps
    this.#agent = new MonitorsAgent(record.agent, deps.heads, {
      data: (data) => this.#wire.send(mainServer.agentData, { data }),
      tokens: (tokens) => this.#wire.send(mainServer.agentToken, { tokens }),
      dropped: () => this.#wire.strange('agent'),
    })
    const line = {
      ping: (id: number, nowMs: number) => this.#ping(id, nowMs),
      ratePing: (nowMs: number) => this.#ratePing(nowMs),
      alarm: (delayMs: number) => context.alarm(delayMs),
    }
    this.#meter = new LineMeter(record.pings, line, deps)
  }

  /** What is known of the client's line. */
  get line(): LineFacts {
    return lineFacts(this.#record.pings)
  }

  /** What the client can do, as it said on this channel. */
  get clientCaps(): readonly number[] {
    return this.#record.caps
  }

  start(): void {
    const { vm, mouse, clock, heads } = this.#deps
    this.#agent.offer(heads.resizable)
    this.#record.mouse = { supported: mouse.supported, current: mouse.current }
    this.#wire.send(mainServer.init, {
      sessionId: this.#record.sessionId,
      displayChannelsHint: Math.max(
        1,
        vm.offers().filter((offer) => offer.type === CHANNEL_TYPES.display).length,
      ),
      supportedMouseModes: mouse.supported,
      currentMouseMode: mouse.current,
      agentConnected: heads.resizable ? 1 : 0,
      agentTokens: AGENT_TOKENS,
      multiMediaTime: multiMediaTime(clock),
      ramHint: 0,
    })
    if (hasCap(this.#record.caps, MAIN_CAP.nameAndUuid)) {
      if (vm.name !== undefined) {
        this.#wire.send(mainServer.name, { name: vm.name })
      }
      if (vm.uuid !== undefined) {
        this.#wire.send(mainServer.uuid, { uuid: vm.uuid })
      }
    }
    if (this.#deps.pings) {
      this.#meter.start(clock.nowMs())
    }
  }

  attach(): void {
    this.#detach.push(
      this.#deps.mouse.observe(() => this.#tellMouseMode()),
      this.#deps.vm.observe(() => this.#nameNewChannels()),
      this.#deps.heads.observe(() => this.#tellAgent()),
    )
    if (this.#deps.pings) {
      this.#meter.attach(this.#deps.clock.nowMs())
    }
  }

  receive(type: number, body: Uint8Array): void {
    switch (type) {
      case mainClient.attachChannels.id: {
        this.#attachChannels()
        return
      }
      case mainClient.mouseModeRequest.id: {
        this.#deps.mouse.request(mainClient.mouseModeRequest.decode(body).mode)
        return
      }
      case commonClient.pong.id: {
        this.#pong(commonClient.pong.decode(body).id)
        return
      }
      case mainClient.agentStart.id: {
        this.#agent.start(mainClient.agentStart.decode(body).tokens)
        return
      }
      case mainClient.agentData.id: {
        this.#agent.receive(mainClient.agentData.decode(body).data)
        return
      }
      case mainClient.agentToken.id: {
        this.#agent.addCredit(mainClient.agentToken.decode(body).tokens)
        return
      }
      /* Checked, not acted upon, and no reason to lose the client (3.2). */
      case mainClient.clientInfo.id: {
        mainClient.clientInfo.decode(body)
        return
      }
      case mainClient.qualityIndicator.id: {
        mainClient.qualityIndicator.decode(body)
        return
      }
      default: {
        if (!this.#wire.receiveCommon(type, body)) {
          throw new SidecarError('SIDECAR_PROTOCOL', 'unknown or untimely message on the main channel', {
            type,
          })
        }
      }
    }
  }

  settle(): void {
    return
  }

  pump(): boolean {
    return false
  }

  alarm(): void {
    this.#meter.alarm(this.#deps.clock.nowMs())
  }

  /** Tells the person at the client something; stock clients only log it. */
  notify(text: string, severity: number = NOTIFY_SEVERITY.warn): void {
    this.#wire.send(commonServer.notify, {
      timestamp: this.#nanoseconds(this.#deps.clock.nowMs()),
      severity,
      visibility: NOTIFY_VISIBILITY.high,
      what: 0,
      message: text,
    })
  }

  /** Tells the client that its session ends and why (a link error code), before the connection closes. */
  disconnecting(reason: number, text: string): void {
    this.notify(text)
    const timestamp = this.#nanoseconds(this.#deps.clock.nowMs())
    this.#wire.send(commonServer.disconnecting, { timestamp, reason })
  }

  snapshot(): MainRecord {
    return structuredClone(this.#record)
  }

  close(): void {
    for (const detach of this.#detach.splice(0)) {
      detach()
    }
  }

  #attachChannels(): void {
    const offers = this.#deps.vm.offers()
    this.#record.attachedMs ??= this.#deps.clock.nowMs()
    this.#record.named = offers.map((offer) => `${offer.type}:${offer.id}`)
    this.#wire.send(mainServer.channelsList, { channels: offers.map(({ type, id }) => ({ type, id })) })
  }

  /** A list names only what is new: clients open again what is named again (`protocol-session.md` 3.10). */
  #nameNewChannels(): void {
    const record = this.#record
    if (record.attachedMs === undefined) {
      return
    }
    const offers = this.#deps.vm.offers()
    const fresh = offers.filter((offer) => !record.named.includes(`${offer.type}:${offer.id}`))
    record.named = offers.map((offer) => `${offer.type}:${offer.id}`)
    for (const { type, id } of fresh) {
      this.#wire.send(mainServer.channelsList, { channels: [{ type, id }] })
    }
  }

  #tellAgent(): void {
    const { resizable } = this.#deps.heads
    if (resizable === this.#record.agent.offered) {
      return
    }
    this.#agent.offer(resizable)
    if (!resizable) {
      this.#wire.send(mainServer.agentDisconnected, { errorCode: 0 })
    } else if (hasCap(this.#record.caps, MAIN_CAP.agentConnectedTokens)) {
      this.#wire.send(mainServer.agentConnectedTokens, { tokens: AGENT_TOKENS })
    } else {
      this.#wire.send(mainServer.agentConnected, {})
    }
  }

  #tellMouseMode(): void {
    const { supported, current } = this.#deps.mouse
    const told = this.#record.mouse
    if (told.supported !== supported || told.current !== current) {
      this.#record.mouse = { supported, current }
      this.#wire.send(mainServer.mouseMode, { supported, current })
    }
  }

  #nanoseconds(nowMs: number): bigint {
    return BigInt(Math.floor(nowMs * 1e6))
  }

  #ping(id: number, nowMs: number): void {
    this.#wire.send(commonServer.ping, {
      id,
      timestamp: this.#nanoseconds(nowMs),
      payload: EMPTY_PAYLOAD,
    })
  }

  /** The zeros of the payload are never copied. */
  #ratePing(nowMs: number): void {
    const start = this.#wire.headerSize
    const fixed = commonServer.ping.encode({
      id: RATE_PING_ID,
      timestamp: this.#nanoseconds(nowMs),
      payload: EMPTY_PAYLOAD,
    })
    const bytes = new Uint8Array(start + fixed.length + RATE_PAYLOAD)
    bytes.set(fixed, start)
    this.#wire.sendFramed(commonServer.ping.id, bytes)
  }

  #pong(id: number): void {
    const { clock } = this.#deps
    if (!this.#meter.pong(id, clock.nowMs(), this.#record.attachedMs)) {
      this.#wire.strange('pong')
    }
  }
}
