import { SidecarError } from '../../core/errors.js'
import {
  headOfEntry,
  layoutProblem,
  type ConsoleInfo,
  type LayoutLimits,
  type WantedHead,
} from '../../display/index.js'
import {
  AGENT_CAP,
  AGENT_REPLY,
  AGENT_TYPE,
  agentMessages,
  AgentReassembler,
  capsOf,
  decodeMonitorsConfig,
  encodeAgentMessage,
  MONITORS_FLAG,
  type AgentReassemblerState,
  type MonitorsConfig,
} from '../../protocol/index.js'

/** Credit that a client has for agent messages (`protocol-session.md` 3.7). */
export const AGENT_TOKENS = 10

/** Credit is given back in steps of this many messages. */
const TOKENS_PER_RETURN = 5

/** Longest piece of an agent message. */
const MAX_PIECE = 2048

/** All that this agent can do. */
const OUR_CAPS = capsOf([
  AGENT_CAP.monitorsConfig,
  AGENT_CAP.reply,
  AGENT_CAP.sparseMonitorsConfig,
  AGENT_CAP.monitorsConfigPosition,
])

/** The heads of the guest, as far as a client may change them. */
export interface GuestHeads {
  /** The display device or the guest's own agent takes layouts; an agent for them is worth offering. */
  readonly resizable: boolean
  readonly limits: LayoutLimits & { readonly 'agent-message': number }
  /** Consoles now, for which of them an entry of a layout is. */
  readonly consoles: readonly ConsoleInfo[]
  setHeads(heads: readonly WantedHead[]): void
  /** A client came up against a limit. */
  limitHit(limit: keyof LayoutLimits | 'agent-message'): void
  /** A layout was refused, with the reason. */
  refused(problem: string): void
  /** @returns a function that ends the observation of {@link resizable} */
  observe(changed: () => void): () => void
}

/** State of the agent towards one client; plain. */
export interface AgentRecord {
  /** The client was told that there is an agent. */
  offered: boolean
  /** The client started to talk to it. */
  started: boolean
  /** Messages that we may still send. */
  credit: number
  /** Messages that the client may still send. */
  clientCredit: number
  /** Messages consumed whose credit was not given back yet. */
  owed: number
  stream: AgentReassemblerState | undefined
}

export const newAgentRecord = (): AgentRecord => ({
  offered: false,
  started: false,
  credit: 0,
  clientCredit: AGENT_TOKENS,
  owed: 0,
  stream: undefined,
})

/** What the main channel sends for the agent. */
export interface AgentOutput {
  data(message: Uint8Array): void
  tokens(count: number): void
  /** A message that this agent never said it could take, such as a clipboard, was dropped. */
  dropped(): void
}

/**
 * An agent whose one capability is the monitors config: a stock client sends the sizes of its windows only to an agent,
 * and the display device can follow them without any program in the guest (`protocol-session.md` 3.7).
 */
export class MonitorsAgent {
  readonly #record: AgentRecord
  readonly #heads: GuestHeads
  readonly #output: AgentOutput

  constructor(record: AgentRecord, heads: GuestHeads, output: AgentOutput) {
    this.#record = record
    this.#heads = heads
    this.#output = output
  }

  /** The client was told that there is an agent, or that there is none any more. */
  offer(offered: boolean): void {
    Object.assign(this.#record, newAgentRecord(), { offered })
  }

  start(tokens: number): void {
    if (this.#record.offered) {
      this.#record.started = true
      this.#record.credit = tokens
    }
  }

  addCredit(tokens: number): void {
    this.#record.credit = Math.min(0xffff_ffff, this.#record.credit + tokens)
  }

  /**
   * Takes one piece of the client's agent stream.
   *
   * @throws SidecarError SIDECAR_PROTOCOL without credit, for a piece above 2048 bytes, or for a broken stream
   */
  receive(piece: Uint8Array): void {
    const record = this.#record
    if (!record.offered) {
      return
    }
    if (record.clientCredit === 0 || piece.length > MAX_PIECE) {
      throw new SidecarError('SIDECAR_PROTOCOL', 'agent data without credit or too long', {
        size: piece.length,
      })
    }
    record.clientCredit -= 1
    record.owed += 1
    this.#follow(piece)
    if (record.owed >= TOKENS_PER_RETURN) {
      const count = record.owed
      record.owed = 0
      record.clientCredit += count
      this.#output.tokens(count)
    }
  }

  #follow(piece: Uint8Array): void {
    const record = this.#record
    if (!record.started) {
      return
    }
    const stream = new AgentReassembler({ limit: this.#heads.limits['agent-message'] }, record.stream)
    const result = stream.push(piece)
    if (result.kind === 'error') {
      throw result.error
    }
    record.stream = stream.midMessage ? stream.snapshot() : undefined
    if (result.last && result.data !== undefined) {
      this.#message(result.type, result.data)
    } else if (result.last) {
      this.#heads.limitHit('agent-message')
      this.#output.dropped()
    }
  }

  #message(type: number, data: Uint8Array): void {
    if (type === AGENT_TYPE.announceCapabilities) {
      const { request } = agentMessages.announceCapabilities.decode(data)
      if (request !== 0) {
        const answer = agentMessages.announceCapabilities.encode({ request: 0, caps: OUR_CAPS })
        this.#send(AGENT_TYPE.announceCapabilities, answer)
      }
    } else if (type === AGENT_TYPE.monitorsConfig) {
      const done = this.#layout(decodeMonitorsConfig(data))
      this.#send(
        AGENT_TYPE.reply,
        agentMessages.reply.encode({ type, error: done ? AGENT_REPLY.ok : AGENT_REPLY.error }),
      )
    } else {
      this.#output.dropped()
    }
  }

  #layout({ flags, monitors }: MonitorsConfig): boolean {
    const placed = (flags & MONITORS_FLAG.usePosition) !== 0
    let nextX = 0
    const { consoles } = this.#heads
    const heads = monitors.map(({ width, height, x, y, widthMm, heightMm }, entry): WantedHead => {
      const place = placed ? { x, y } : { x: nextX, y: 0 }
      nextX += width
      return { ...headOfEntry(entry, consoles), width, height, ...place, widthMm, heightMm }
    })
    const last = heads.findLastIndex(({ width, height }) => width !== 0 || height !== 0)
    const asked = heads.slice(0, last + 1)
    const problem = layoutProblem(asked, this.#heads.limits)
    if (problem !== undefined) {
      if (problem.limit !== undefined) {
        this.#heads.limitHit(problem.limit)
      }
      this.#heads.refused(problem.what)
      return false
    }
    this.#heads.setHeads(heads)
    return true
  }

  #send(type: number, data: Uint8Array): void {
    if (this.#record.credit > 0) {
      this.#record.credit -= 1
      this.#output.data(encodeAgentMessage(type, data))
    }
  }
}
