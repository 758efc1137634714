import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.js'
import type { SidecarError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { Logger } from '../core/logger.js'
import type { Counter } from '../core/metrics.js'
import type { LinkErrorCode, LinkMess } from '../protocol/index.js'
import { Admission, sourceOf } from './admission.js'
import { channelCaps, COMMON_CAPS } from './guest.js'
import type { KeyPool, TicketKeyPair } from './key-pool.js'
import { LinkStage } from './link-stage.js'
import type { TicketProof } from './tickets.js'

/** Time that a refused peer gets to read the answer. */
const REFUSAL_LINGER_MS = 1000

const NO_PROOF: TicketProof = new Uint8Array(0)

/** What the server thinks of a link whose ticket was read. */
export interface Verdict {
  /** `OK` admits. */
  readonly code: LinkErrorCode
  readonly proof: TicketProof | undefined
}

/** A connection whose link stage is done; its socket is paused and nobody listens to it. */
export interface Linked {
  readonly socket: Socket
  /** Where it came from, as {@link sourceOf} names it. */
  readonly source: string
  readonly mess: LinkMess
  readonly proof: TicketProof
  /** Bytes of the data stage that came along. */
  readonly rest: Uint8Array
}

export interface IntakeDeps {
  readonly clock: Clock
  readonly limits: Limits
  readonly logger: Logger
  readonly keys: KeyPool
  readonly metrics: {
    readonly limitHits: Counter
    readonly linkRefusals: Counter
  }
  authenticate(mess: LinkMess, pair: TicketKeyPair, block: Uint8Array): Verdict
  linked(link: Linked): void
}

const swallow = (): void => undefined

/** Takes connections through the link stage, within its limits and its one deadline (threat model R15). */
export class LinkIntake {
  readonly #deps: IntakeDeps
  readonly #admission: Admission
  readonly #linking = new Set<Socket>()
  #closed = false

  constructor(deps: IntakeDeps) {
    this.#deps = deps
    this.#admission = new Admission(deps.limits)
  }

  /** Drops all who have not linked yet; callable any number of times. */
  close(): void {
    this.#closed = true
    for (const socket of [...this.#linking]) {
      socket.destroy()
    }
  }

  /** Takes a new, paused connection. */
  connected(socket: Socket): void {
    const { metrics } = this.#deps
    const source = sourceOf(socket.remoteAddress)
    const place = this.#closed ? 'pending' : this.#admission.admit(source)
    if (typeof place === 'string') {
      metrics.limitHits.add(1, { limit: place })
      metrics.linkRefusals.add(1, { reason: place })
      socket.on('error', swallow)
      socket.destroy()
      return
    }
    this.#link(socket, source, place)
  }

  #link(socket: Socket, source: string, leave: () => void): void {
    const { clock, limits, keys, metrics } = this.#deps
    let verdict: Verdict | undefined
    let over = false

    const finish = (): void => {
      over = true
      leave()
      deadline.cancel()
      stage.close()
      this.#linking.delete(socket)
      for (const event of ['data', 'end', 'error', 'close']) {
        socket.removeAllListeners(event)
      }
    }
    const stage = new LinkStage(
      {
        limits,
        commonCaps: COMMON_CAPS,
        channelCaps,
        takeKey: (use) =>
          keys.take((pair) => {
            use(pair)
            if (!over) {
              socket.resume()
            }
          }),
        authenticate: (mess, pair, block) => {
          verdict = this.#deps.authenticate(mess, pair, block)
          return verdict.code
        },
      },
      {
        write: (bytes) => void socket.write(bytes),
        linked: (mess, rest) => {
          finish()
          socket.pause()
          this.#deps.linked({ socket, source, mess, proof: verdict?.proof ?? NO_PROOF, rest })
        },
        refused: (error) => {
          finish()
          this.#refused(source, error.code === 'SIDECAR_AUTH' ? 'auth' : 'link', error)
          this.#sayGoodbye(socket)
        },
      },
    )
    const give = (reason: 'deadline' | 'gone'): void => {
      if (!over) {
        finish()
        this.#refused(source, reason)
        socket.on('error', swallow)
        socket.destroy()
      }
    }
    const deadline = clock.after(limits['stage-ms'], () => {
      metrics.limitHits.add(1, { limit: 'stage-ms' })
      give('deadline')
    })
    this.#linking.add(socket)
    socket.on('data', (chunk: Buffer) => {
      stage.push(chunk)
      if (!over && stage.busy) {
        socket.pause()
      }
    })
    for (const event of ['end', 'error', 'close']) {
      socket.on(event, () => give('gone'))
    }
    socket.resume()
  }

  #refused(source: string, reason: string, error?: SidecarError): void {
    this.#deps.metrics.linkRefusals.add(1, { reason })
    this.#deps.logger.warn('Link refused', { source, reason, ...(error === undefined ? {} : { err: error }) })
  }

  /** Lets the answer go out and reads nothing more. */
  #sayGoodbye(socket: Socket): void {
    socket.on('error', swallow)
    socket.resume()
    socket.end()
    const linger = this.#deps.clock.after(REFUSAL_LINGER_MS, () => socket.destroy())
    socket.once('close', () => linger.cancel())
  }
}
