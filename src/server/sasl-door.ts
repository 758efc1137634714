import { createHash, timingSafeEqual } from 'node:crypto'
import { CHANNEL_TYPES, LINK_ERROR, type LinkErrorCode, type LinkMess } from '../protocol/index.js'
import type { Verdict } from './link-intake.js'
import type { Peer } from './peer.js'
import type { SaslExchange } from './sasl-session.js'
import type { TicketProof } from './tickets.js'

/**
 * Strength of every TLS connection that this program accepts, in bits, as it is told to SASL: no cipher of TLS 1.2 and
 * later that Node offers has less.
 */
const TLS_STRENGTH = 128

/** A SASL library (`host/sasl.ts`). */
export interface SaslProvider {
  /** `externalStrength`: bits of the TLS connection around it, 0 without TLS. */
  exchange(externalStrength: number): SaslExchange
}

/** Who a session belongs to. */
export interface SaslSessionFacts {
  readonly proof: TicketProof
  readonly certificate: string | undefined
}

export type SaslDenial = 'sasl' | 'sasl-user' | 'certificate' | 'connection-id' | 'channel'

/** What the server tells of its sessions. */
export interface SaslDoorDeps {
  readonly provider: SaslProvider
  /** The session with this connection id; `undefined` when there is none. */
  session(connectionId: number): SaslSessionFacts | undefined
  /** May the session have this further channel. */
  channelFree(mess: LinkMess): boolean
  /** A refusal, counted by its reason; `code` is what the peer is told. */
  deny(code: LinkErrorCode, reason: SaslDenial): Verdict
  /** The last word over every verdict. */
  judged(source: string, mess: LinkMess, verdict: Verdict): Verdict
}

/** SASL in place of tickets: who a user is, and that further channels are the same user's. */
export class SaslDoor {
  readonly #deps: SaslDoorDeps

  constructor(deps: SaslDoorDeps) {
    this.#deps = deps
  }

  begin(secure: boolean): SaslExchange {
    return this.#deps.provider.exchange(secure ? TLS_STRENGTH : 0)
  }

  authorize(mess: LinkMess, user: string, peer: Peer): Verdict {
    return this.#deps.judged(peer.source, mess, this.#judge(mess, user, peer))
  }

  /** SASL itself did not let the peer in. */
  failed(mess: LinkMess, source: string): void {
    this.#deps.judged(source, mess, this.#deps.deny(LINK_ERROR.permissionDenied, 'sasl'))
  }

  /** A wrong user looks the same whatever else is wrong (threat model B4). */
  #judge(mess: LinkMess, user: string, peer: Peer): Verdict {
    const proof = createHash('sha256').update(user).digest()
    const isMain = mess.channelType === CHANNEL_TYPES.main
    const session = isMain ? undefined : this.#deps.session(mess.connectionId)
    if (session !== undefined && !timingSafeEqual(session.proof, proof)) {
      return this.#deps.deny(LINK_ERROR.permissionDenied, 'sasl-user')
    }
    if (session !== undefined && session.certificate !== peer.certificate) {
      return this.#deps.deny(LINK_ERROR.permissionDenied, 'certificate')
    }
    if (isMain ? mess.connectionId !== 0 : session === undefined) {
      return this.#deps.deny(LINK_ERROR.badConnectionId, 'connection-id')
    }
    return isMain || this.#deps.channelFree(mess)
      ? { code: LINK_ERROR.ok, proof, auth: 'sasl', user }
      : this.#deps.deny(LINK_ERROR.channelNotAvailable, 'channel')
  }
}
