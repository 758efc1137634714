import type { GuestHeads } from '../channels/index.js'
import type { Limits } from '../core/limits.js'
import type { Logger } from '../core/logger.js'
import { noCounter, type Counter } from '../core/metrics.js'
import type { ConsoleInfo, DisplaySource, WantedHead } from '../display/index.js'
import type { AgentMonitor } from '../protocol/index.js'

/** Bits a pixel that heads are asked for with; agents of today take no notice. */
const DEPTH = 32

/** The program in the guest that lays out its heads. */
export interface LayoutAgent {
  /** It is there and takes layouts. */
  readonly takesLayouts: boolean
  layOut(monitors: readonly AgentMonitor[]): void
}

/** Lets clients lay out the heads of the guest: its display device does so, or else the agent in the guest. */
export class Heads implements GuestHeads {
  readonly limits: Limits
  readonly #source: Pick<DisplaySource, 'setHeads'>
  readonly #logger: Logger
  readonly #observers = new Set<() => void>()
  readonly #limitHits: Counter
  readonly #consoles: () => readonly ConsoleInfo[]
  readonly #agent: LayoutAgent | undefined
  #deviceFollows = true
  #told = true
  #wanted: readonly WantedHead[] = []

  constructor(
    source: Pick<DisplaySource, 'setHeads'>,
    limits: Limits,
    logger: Logger,
    limitHits: Counter = noCounter,
    consoles: () => readonly ConsoleInfo[] = () => [],
    agent?: LayoutAgent,
  ) {
    this.#agent = agent
    this.#consoles = consoles
    this.#limitHits = limitHits
    this.#source = source
    this.limits = limits
    this.#logger = logger
  }

  /** True until the display device refuses a layout, which QEMU does not tell before, and with an agent still then. */
  get resizable(): boolean {
    return this.#deviceFollows || this.#agent?.takesLayouts === true
  }

  get consoles(): readonly ConsoleInfo[] {
    return this.#consoles()
  }

  /** The layout that was asked for last. */
  get wanted(): readonly WantedHead[] {
    return this.#wanted
  }

  setHeads(heads: readonly WantedHead[]): void {
    this.#wanted = heads
    if (this.#deviceFollows) {
      this.#source.setHeads(heads)
    } else {
      this.#askAgent()
    }
  }

  limitHit(limit: string): void {
    this.#limitHits.add(1, { limit })
  }

  refused(problem: string): void {
    this.#logger.warn('Monitors config refused', { problem })
  }

  /** The display device takes layouts, or does not; a new QEMU is taken to do so again. */
  follow(deviceFollows: boolean): void {
    const refused = this.#deviceFollows && !deviceFollows
    this.#deviceFollows = deviceFollows
    if (refused && !this.resizable) {
      this.#logger.warn(
        "The guest does not follow the clients' windows: take virtio-gpu for its display, or start the guest's spice-vdagent and give its channel as `agent`",
      )
    }
    this.agentChanged()
  }

  /** The agent is there, is another one, or is gone: what the device refused goes to it. */
  agentChanged(): void {
    if (!this.#deviceFollows) {
      this.#askAgent()
    }
    if (this.resizable !== this.#told) {
      this.#told = this.resizable
      for (const changed of [...this.#observers]) {
        changed()
      }
    }
  }

  observe(changed: () => void): () => void {
    this.#observers.add(changed)
    return () => this.#observers.delete(changed)
  }

  #askAgent(): void {
    if (this.#wanted.length > 0 && this.#agent?.takesLayouts === true) {
      this.#agent.layOut(this.#wanted.map((head) => ({ ...head, depth: DEPTH })))
    }
  }
}
