import { SidecarError } from '../../core/errors.js'
import {
  AGENT_CAP,
  AGENT_PORT,
  AGENT_REPLY,
  AGENT_TYPE,
  agentMessages,
  AgentReassembler,
  capsOf,
  encodeAgentMessage,
  encodeMonitorsConfig,
  hasCap,
  MONITORS_FLAG,
  type AgentMonitor,
} from '../../protocol/index.js'
import { ChunkReader, chunksOf } from './chunk-reader.js'

/** What the sidecar, which stands for the client here, says that it can do. */
const OUR_CAPS = capsOf([AGENT_CAP.monitorsConfig, AGENT_CAP.reply, AGENT_CAP.monitorsConfigPosition])

/** Why something that the guest sent was dropped. */
export type AgentDrop = 'type' | 'long' | 'broken' | 'port' | 'empty'

export const AGENT_DROPS: readonly AgentDrop[] = ['type', 'long', 'broken', 'port', 'empty']

export interface AgentSessionEvents {
  /** An agent said what it can do: one that is new, or one that can do more than it said before. */
  announced(): void
  /** The agent did, or did not, what the last layout asked for. */
  laidOut(done: boolean): void
  dropped(what: AgentDrop): void
}

/**
 * Talks with the program behind one connection to the guest's agent port (`protocol-session.md` 3.7, 3.8): learns what
 * it can do and has it lay out the guest's heads. What waits to be sent is at most one announcement and the newest
 * layout, whatever the guest does; what is kept of its messages is L-agent. Everything else it says is dropped.
 */
export class AgentSession {
  readonly #events: AgentSessionEvents
  readonly #chunks: ChunkReader
  readonly #stream: AgentReassembler
  /** Capabilities add up: a guest that takes one back and gives it again would have each client told so. */
  readonly #caps = new Set<number>()
  /** Value of `request` in the announcement that is due. */
  #announce: 0 | 1 | undefined = 1
  #layout: readonly AgentMonitor[] | undefined

  /** `limit`: data bytes of a message that is kept whole (L-agent). */
  constructor({ limit }: { readonly limit: number }, events: AgentSessionEvents) {
    this.#events = events
    this.#chunks = new ChunkReader((port, piece) => this.#piece(port, piece))
    this.#stream = new AgentReassembler({ limit })
  }

  /** An agent is there and lays out heads. */
  get takesLayouts(): boolean {
    return this.#caps.has(AGENT_CAP.monitorsConfig)
  }

  /** Chunks that the guest began. */
  get chunks(): number {
    return this.#chunks.chunks
  }

  /**
   * Takes bytes from the guest.
   *
   * @throws SidecarError SIDECAR_PROTOCOL when the stream is out of step: there is nothing to do but to connect again
   */
  receive(bytes: Uint8Array): void {
    this.#chunks.push(bytes)
  }

  /** Asks for a layout; one that was not sent yet is forgotten. */
  layOut(monitors: readonly AgentMonitor[]): void {
    this.#layout = monitors
  }

  /** What is to be sent next; `undefined` when there is nothing. */
  take(): Uint8Array | undefined {
    if (this.#announce !== undefined) {
      const request = this.#announce
      this.#announce = undefined
      return this.#framed(
        AGENT_TYPE.announceCapabilities,
        agentMessages.announceCapabilities.encode({ request, caps: OUR_CAPS }),
      )
    }
    const monitors = this.#layout
    if (monitors === undefined || !this.takesLayouts) {
      return undefined
    }
    this.#layout = undefined
    return this.#framed(AGENT_TYPE.monitorsConfig, this.#monitorsConfig(monitors))
  }

  /**
   * Agents that cannot switch heads off are told of those that are on alone. Sizes in millimetres are left out: there is
   * no capability for them, and spice-vdagentd 0.22 drops a config that has them without a reply.
   */
  #monitorsConfig(monitors: readonly AgentMonitor[]): Uint8Array {
    const on = ({ width, height }: AgentMonitor): boolean => width !== 0 && height !== 0
    const told = this.#caps.has(AGENT_CAP.sparseMonitorsConfig)
      ? monitors.slice(0, monitors.findLastIndex(on) + 1)
      : monitors.filter(on)
    const flags = this.#caps.has(AGENT_CAP.monitorsConfigPosition) ? MONITORS_FLAG.usePosition : 0
    return encodeMonitorsConfig({ flags, monitors: told })
  }

  #framed(type: number, data: Uint8Array): Uint8Array {
    return chunksOf(AGENT_PORT.client, encodeAgentMessage(type, data))
  }

  #piece(port: number, piece: Uint8Array): void {
    if (port !== AGENT_PORT.client) {
      this.#events.dropped('port')
      return
    }
    if (piece.length === 0) {
      this.#events.dropped('empty')
      return
    }
    const result = this.#stream.push(piece)
    if (result.kind === 'error') {
      throw result.error
    }
    if (!result.last) {
      return
    }
    if (result.data === undefined) {
      this.#events.dropped('long')
      return
    }
    this.#message(result.type, result.data)
  }

  #message(type: number, data: Uint8Array): void {
    if (type !== AGENT_TYPE.announceCapabilities && type !== AGENT_TYPE.reply) {
      this.#events.dropped('type')
      return
    }
    try {
      if (type === AGENT_TYPE.reply) {
        this.#reply(data)
      } else {
        this.#announced(data)
      }
    } catch (error) {
      if (!(error instanceof SidecarError)) {
        throw error
      }
      this.#events.dropped('broken')
    }
  }

  #reply(data: Uint8Array): void {
    const reply = agentMessages.reply.decode(data)
    if (reply.type === AGENT_TYPE.monitorsConfig) {
      this.#events.laidOut(reply.error === AGENT_REPLY.ok)
    } else {
      this.#events.dropped('type')
    }
  }

  #announced(data: Uint8Array): void {
    const { request, caps } = agentMessages.announceCapabilities.decode(data)
    if (request !== 0) {
      this.#announce = 0
    }
    const before = this.#caps.size
    for (const cap of Object.values(AGENT_CAP)) {
      if (hasCap(caps, cap)) {
        this.#caps.add(cap)
      }
    }
    if (request !== 0 || this.#caps.size > before) {
      this.#events.announced()
    }
  }
}
