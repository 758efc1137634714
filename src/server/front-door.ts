import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.js'
import type { Limits } from '../core/limits.js'
import type { Counter, Gauge } from '../core/metrics.js'
import { LINK_ERROR, type LinkMess } from '../protocol/index.js'
import { sourceOf } from './admission.js'
import type { Audit } from './audit.js'
import { AuthLimiter } from './auth-limiter.js'
import { ConnectRate } from './connect-rate.js'
import type { Verdict } from './link-intake.js'
import { readProxyHeader } from './proxy-reader.js'
import { SourceFilter, type SourceRange } from './source-filter.js'

/** Who may knock, by address. */
export interface FrontDoorRules {
  /** Empty: from everywhere. */
  readonly allowFrom: readonly SourceRange[]
  readonly trustedProxies: readonly SourceRange[]
}

export const OPEN_DOOR: FrontDoorRules = { allowFrom: [], trustedProxies: [] }

export interface FrontDoorDeps {
  readonly clock: Clock
  readonly limits: Limits
  readonly audit: Audit
  readonly metrics: {
    readonly limitHits: Counter
    readonly linkRefusals: Counter
    readonly authFailures: Counter
    /** By state: failed, penalised. */
    readonly authSources: Gauge
    readonly authPenalties: Counter
    readonly authPenaltySeconds: Counter
    /** By limit. */
    readonly authRefusals: Counter
  }
}

/**
 * Stands before the link stage: settles where a connection comes from, and turns away who may not knock, knocks too
 * often or guessed too often. What it turns away costs neither a key nor a TLS handshake (threat model B4, section 9).
 */
export class FrontDoor {
  readonly #deps: FrontDoorDeps
  readonly #allowed: SourceFilter
  readonly #proxies: SourceFilter
  readonly #limiter: AuthLimiter
  readonly #rate: ConnectRate
  /** Connections of proxies whose header has not come yet. */
  readonly #reading = new Set<Socket>()

  constructor(deps: FrontDoorDeps, { allowFrom, trustedProxies }: FrontDoorRules) {
    this.#deps = deps
    this.#allowed = new SourceFilter(allowFrom)
    this.#proxies = new SourceFilter(trustedProxies)
    this.#limiter = new AuthLimiter(deps.limits)
    this.#rate = new ConnectRate(deps.limits)
  }

  /**
   * Takes a new, paused connection and hands it on, still paused, with the part of its address that counts as one
   * source. `local`: over a unix socket.
   */
  connected(socket: Socket, local: boolean, open: (source: string) => void): void {
    const { remoteAddress } = socket
    if (local) {
      this.#enter(socket, sourceOf(undefined), open)
    } else if (remoteAddress === undefined) {
      this.#drop(socket)
    } else if (this.#proxies.has(remoteAddress)) {
      this.#viaProxy(socket, remoteAddress, open)
    } else {
      this.#fromAddress(socket, remoteAddress, open)
    }
  }

  /** Drops all whose PROXY header has not come. */
  close(): void {
    for (const socket of [...this.#reading]) {
      socket.destroy()
    }
  }

  /**
   * Has the last word on a link that was judged, before its answer goes out: counts a failure, and refuses a source
   * that got its penalty while it waited.
   */
  judged(source: string, _mess: LinkMess, verdict: Verdict): Verdict {
    const { clock, metrics } = this.#deps
    const refusal = this.#limiter.refusal(source, clock.nowMs())
    if (refusal !== undefined) {
      metrics.limitHits.add(1, { limit: refusal })
      metrics.authRefusals.add(1, { limit: refusal })
      metrics.authFailures.add(1, { reason: 'limited' })
      return { code: LINK_ERROR.permissionDenied, proof: undefined }
    }
    if (verdict.code === LINK_ERROR.permissionDenied || verdict.code === LINK_ERROR.badConnectionId) {
      this.failed(source)
    } else if (verdict.code === LINK_ERROR.ok) {
      this.harmless(source)
    }
    return verdict
  }

  /** A connection of this source was none to be wary of; the rate of connections is there for the others. */
  harmless(source: string): void {
    this.#rate.refund(source, this.#deps.clock.nowMs())
  }

  /** A peer of this source could not prove itself. */
  failed(source: string): void {
    const { clock, metrics, audit } = this.#deps
    const forgets = this.#limiter.full && !this.#limiter.knows(source)
    const penaltyMs = this.#limiter.failed(source, clock.nowMs())
    if (forgets) {
      metrics.limitHits.add(1, { limit: 'auth-sources' })
    }
    metrics.authSources.set(this.#limiter.size - this.#limiter.penalised, { state: 'failed' })
    metrics.authSources.set(this.#limiter.penalised, { state: 'penalised' })
    if (penaltyMs > 0) {
      metrics.authPenalties.add(1)
      metrics.authPenaltySeconds.add(penaltyMs / 1000)
      metrics.limitHits.add(1, { limit: 'auth-source' })
      audit.refused(source, 'penalty', { seconds: penaltyMs / 1000 })
    }
  }

  #viaProxy(socket: Socket, proxy: string, open: (source: string) => void): void {
    const { clock, limits } = this.#deps
    if (this.#reading.size >= limits.pending) {
      this.#refuse(socket, sourceOf(proxy), 'pending', 'pending')
      return
    }
    this.#reading.add(socket)
    readProxyHeader(socket, clock, limits['stage-ms'], (result) => {
      this.#reading.delete(socket)
      if (result.kind === 'bad') {
        this.#refuse(socket, sourceOf(proxy), 'proxy', undefined, { problem: result.problem })
      } else {
        this.#fromAddress(socket, result.address ?? proxy, open)
      }
    })
  }

  #fromAddress(socket: Socket, address: string, open: (source: string) => void): void {
    if (this.#allowed.empty || this.#allowed.has(address)) {
      this.#enter(socket, sourceOf(address), open)
    } else {
      this.#refuse(socket, sourceOf(address), 'source')
    }
  }

  #enter(socket: Socket, source: string, open: (source: string) => void): void {
    const nowMs = this.#deps.clock.nowMs()
    const penalty = this.#limiter.refusal(source, nowMs)
    if (penalty !== undefined) {
      this.#deps.metrics.authRefusals.add(1, { limit: penalty })
      this.#refuse(socket, source, 'penalty', penalty)
    } else if (this.#rate.admit(source, nowMs)) {
      open(source)
    } else {
      this.#refuse(socket, source, 'rate', 'source-burst')
    }
  }

  #refuse(
    socket: Socket,
    source: string,
    reason: 'pending' | 'proxy' | 'source' | 'penalty' | 'rate',
    limit?: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): void {
    const { metrics, audit } = this.#deps
    if (limit !== undefined) {
      metrics.limitHits.add(1, { limit })
    }
    metrics.linkRefusals.add(1, { reason })
    audit.refused(source, reason, fields)
    this.#drop(socket)
  }

  #drop(socket: Socket): void {
    socket.on('error', () => undefined)
    socket.destroy()
  }
}
