import type { Socket } from 'node:net'
import type { Clock, Timer } from '../core/clock.js'
import { asSidecarError, type SidecarError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { Logger } from '../core/logger.js'
import type { Counter } from '../core/metrics.js'
import type { LinkErrorCode, LinkMess } from '../protocol/index.js'
import { Admission, sourceOf } from './admission.js'
import type { Peer } from './peer.js'
import { PLAIN_DOOR, type CarrierEnd, type Carriers, type Door } from './carriers.js'
import { channelCaps, COMMON_CAPS, SASL_COMMON_CAPS } from './guest.js'
import type { Keys, TicketKeyPair } from './key-pool.js'
import { LinkStage } from './link-stage.js'
import type { SaslDoor } from './sasl-door.js'
import type { SaslProven } from './sasl-session.js'
import { SaslTransport } from './sasl-transport.js'
import type { TicketProof } from './tickets.js'
import type { Transport } from './transport.js'

/** Time that a refused peer gets to read the answer. */
const REFUSAL_LINGER_MS = 1000

const NO_PROOF: TicketProof = new Uint8Array(0)

/** What the server thinks of a link whose ticket was read. */
export interface Verdict {
  /** `OK` admits. */
  readonly code: LinkErrorCode
  readonly proof: TicketProof | undefined
  /** How the peer proved itself; `ticket` when left out. */
  readonly auth?: string
  /** The session only watches. */
  readonly viewOnly?: boolean
  /** Name that the peer proved. */
  readonly user?: string
}

/** A connection whose link stage is done; it is paused and nobody uses it. */
export interface Linked {
  readonly transport: Transport
  readonly peer: Peer
  readonly mess: LinkMess
  readonly proof: TicketProof
  readonly auth: string
  readonly viewOnly: boolean
  /** Name that it proved, where the way to do so has names. */
  readonly user: string | undefined
  /** Bytes of the data stage that came along. */
  readonly rest: Uint8Array
}

export interface IntakeDeps {
  readonly clock: Clock
  readonly limits: Limits
  readonly logger: Logger
  readonly keys: Keys
  readonly carriers: Carriers
  /** Has a client from there a session now. */
  hasSession(source: string): boolean
  readonly metrics: {
    readonly limitHits: Counter
    readonly linkRefusals: Counter
  }
  /** May a channel of this type come over this transport; `OK` when it may. */
  judgeSecurity(type: number, transport: Transport): LinkErrorCode
  /** Opens a ticket now; the result judges it later. */
  authenticate(mess: LinkMess, pair: TicketKeyPair, block: Uint8Array, peer: Peer): () => Verdict
  /** Asked for each connection: SASL, where it is in place of tickets. */
  sasl(): SaslDoor | undefined
  linked(link: Linked): void
  /** A connection fetched a page and is gone. */
  served(source: string): void
}

const swallow = (): void => undefined

/** Every outcome of the ticket step takes the same time (threat model section 9); 0 is at once. */
const afterFixedTime = (
  { clock, limits }: Pick<IntakeDeps, 'clock' | 'limits'>,
  answer: () => void,
): Timer | undefined => {
  if (limits['answer-ms'] > 0) {
    return clock.after(limits['answer-ms'], answer)
  }
  answer()
  return undefined
}

/** Takes connections through the link stage, within its limits and its one deadline (threat model R15). */
export class LinkIntake {
  readonly #deps: IntakeDeps
  readonly #admission: Admission
  readonly #linking = new Set<Socket>()
  #closed = false

  constructor(deps: IntakeDeps) {
    this.#deps = deps
    this.#admission = new Admission(deps.limits, deps)
  }

  /** Drops all who have not linked yet; callable any number of times. */
  close(): void {
    this.#closed = true
    for (const socket of [...this.#linking]) {
      socket.destroy()
    }
  }

  /** Takes a new, paused connection. */
  connected(socket: Socket, door: Door = PLAIN_DOOR, source = sourceOf(undefined)): void {
    const { metrics } = this.#deps
    const place = this.#closed ? 'pending' : this.#admission.admit(source)
    if (typeof place === 'string') {
      metrics.limitHits.add(1, { limit: place })
      metrics.linkRefusals.add(1, { reason: place })
      socket.on('error', swallow)
      socket.destroy()
      return
    }
    this.#open(socket, door, source, place)
  }

  /** Finds out what carries the link: plain bytes, TLS, WebSocket, or TLS with WebSocket inside. */
  #open(socket: Socket, door: Door, source: string, leave: () => void): void {
    const { clock, limits, carriers, metrics } = this.#deps
    let late: () => void = () => socket.destroy()
    const deadline = clock.after(limits['stage-ms'], () => {
      metrics.limitHits.add(1, { limit: 'stage-ms' })
      late()
    })
    const over = (): void => {
      deadline.cancel()
      this.#linking.delete(socket)
      leave()
    }
    this.#linking.add(socket)
    const giveUp = carriers.open(socket, door, {
      opened: (transport) => {
        late = this.#link(transport, source, over)
      },
      ended: (end, error) => {
        over()
        this.#carrierEnded(source, end, error)
      },
    })
    late = () => giveUp('deadline')
  }

  #carrierEnded(source: string, end: CarrierEnd, error?: SidecarError): void {
    if (end === 'served') {
      this.#deps.served(source)
      this.#deps.logger.debug('Web request served', { source })
    } else {
      this.#refused(source, end, error)
    }
  }

  /** @returns what to call when the deadline has come */
  #link(transport: Transport, source: string, leave: () => void): () => void {
    const peer: Peer = { source, certificate: transport.certificate }
    const { keys } = this.#deps
    const sasl = this.#deps.sasl()
    let verdict: Verdict | undefined
    let answering: Timer | undefined
    let over = false

    const finish = (): void => {
      over = true
      leave()
      stage.close()
      answering?.cancel()
      transport.use(undefined)
    }
    const stage = new LinkStage(
      {
        limits: this.#deps.limits,
        commonCaps: sasl === undefined ? COMMON_CAPS : SASL_COMMON_CAPS,
        channelCaps,
        judgeSecurity: (type) => this.#deps.judgeSecurity(type, transport),
        takeKey: (use) => {
          if (keys.empty) {
            this.#deps.metrics.limitHits.add(1, { limit: 'keys' })
          }
          return keys.take((pair) => {
            use(pair)
            if (!over) {
              transport.resume()
            }
          }, this.#deps.hasSession(source))
        },
        authenticate: (mess, pair, block) => {
          const judge = this.#deps.authenticate(mess, pair, block, peer)
          return () => {
            verdict = judge()
            return verdict.code
          }
        },
        answerLater: (answer) => {
          answering = afterFixedTime(this.#deps, answer)
        },
        sasl: sasl && {
          secure: transport.secure,
          begin: () => sasl.begin(transport.secure),
          authorize: (mess, user) => {
            verdict = sasl.authorize(mess, user, peer)
            return verdict.code
          },
          failed: (mess) => sasl.failed(mess, source),
        },
      },
      {
        write: (bytes) => transport.write(bytes),
        ready: () => transport.resume(),
        linked: (mess, rest, layer) => {
          finish()
          transport.pause()
          this.#handOver(layer, {
            transport,
            peer,
            mess,
            proof: verdict?.proof ?? NO_PROOF,
            auth: verdict?.auth ?? 'ticket',
            viewOnly: verdict?.viewOnly ?? false,
            user: verdict?.user,
            rest,
          })
        },
        refused: (error) => {
          finish()
          this.#refused(source, error.code === 'SIDECAR_AUTH' ? 'auth' : 'link', error)
          this.#sayGoodbye(transport)
        },
      },
    )
    const give = (reason: 'deadline' | 'gone'): void => {
      if (!over) {
        finish()
        this.#refused(source, reason)
        transport.destroy()
      }
    }
    transport.use({
      data: (chunk) => {
        stage.push(chunk)
        if (!over && stage.busy) {
          transport.pause()
        }
      },
      end: () => give('gone'),
      failed: () => give('gone'),
      closed: () => give('gone'),
    })
    transport.resume()
    return () => give('deadline')
  }

  /** With a security layer of SASL's, the data stage goes through it. */
  #handOver(layer: SaslProven['layer'], link: Linked): void {
    if (layer === undefined) {
      this.#deps.linked(link)
      return
    }
    const inside = new SaslTransport(link.transport, layer.codec, layer.maxPiece, this.#deps.clock)
    let rest: Uint8Array
    try {
      rest = inside.decode(link.rest)
    } catch (error) {
      inside.destroy()
      this.#refused(link.peer.source, 'link', asSidecarError(error))
      return
    }
    this.#deps.linked({ ...link, transport: inside, rest })
  }

  #refused(source: string, reason: string, error?: SidecarError): void {
    const limit = error?.context['limit']
    if (typeof limit === 'string') {
      this.#deps.metrics.limitHits.add(1, { limit })
    }
    this.#deps.metrics.linkRefusals.add(1, { reason })
    this.#deps.logger.warn('Link refused', {
      audit: 'refusal',
      source,
      reason,
      ...(error === undefined ? {} : { err: error }),
    })
  }

  /** Lets the answer go out and reads nothing more. */
  #sayGoodbye(transport: Transport): void {
    const linger = this.#deps.clock.after(REFUSAL_LINGER_MS, () => transport.destroy())
    transport.use({
      data: () => undefined,
      end: () => undefined,
      failed: () => undefined,
      closed: () => linger.cancel(),
    })
    transport.resume()
    transport.end()
  }
}
