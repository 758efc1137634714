import type { Limits } from '../core/limits.js'

const MINUTE_MS = 60_000
/** After so long without a failure nothing is held against a source. */
const FORGET_MS = 600_000

interface Failures {
  /** Failures in the current minute. */
  count: number
  minuteStartMs: number
  /** Penalties so far; each doubles the next. */
  penalties: number
  penaltyEndMs: number
  lastMs: number
}

type AuthLimits = Pick<
  Limits,
  'auth-source' | 'auth-all' | 'auth-sources' | 'auth-penalty-ms' | 'auth-penalty-max-ms'
>

/** Why a source is not even given a key. */
export type AuthRefusal = 'auth-source' | 'auth-all'

/**
 * Counts failed authentications by source and in all (threat model L-auth). Its memory is bounded: at overflow the
 * source that failed longest ago goes, those that got a penalty last.
 */
export class AuthLimiter {
  readonly #limits: AuthLimits
  /** Without a penalty so far, least recently failed first. */
  readonly #mild = new Map<string, Failures>()
  readonly #penalised = new Map<string, Failures>()
  #allCount = 0
  #allStartMs = Number.NEGATIVE_INFINITY

  constructor(limits: AuthLimits) {
    this.#limits = limits
  }

  /** Sources that are remembered. */
  get size(): number {
    return this.#mild.size + this.#penalised.size
  }

  /** Those among them that ever got a penalty. */
  get penalised(): number {
    return this.#penalised.size
  }

  knows(source: string): boolean {
    return this.#mild.has(source) || this.#penalised.has(source)
  }

  /** One more source would make another one forgotten. */
  get full(): boolean {
    return this.size >= this.#limits['auth-sources']
  }

  /** Why this source has to wait, or `undefined` when it may try. */
  refusal(source: string, nowMs: number): AuthRefusal | undefined {
    const failures = this.#penalised.get(source) ?? this.#mild.get(source)
    if (failures !== undefined && nowMs < failures.penaltyEndMs) {
      return 'auth-source'
    }
    const flooded = nowMs - this.#allStartMs < MINUTE_MS && this.#allCount >= this.#limits['auth-all']
    return flooded && failures !== undefined && nowMs - failures.lastMs < FORGET_MS ? 'auth-all' : undefined
  }

  /**
   * A source failed; called before it hears so.
   *
   * @returns length of the penalty that this began, ms; 0 for none
   */
  failed(source: string, nowMs: number): number {
    if (nowMs - this.#allStartMs >= MINUTE_MS) {
      this.#allStartMs = nowMs
      this.#allCount = 0
    }
    this.#allCount += 1
    const failures = this.#known(source, nowMs)
    if (nowMs - failures.minuteStartMs >= MINUTE_MS) {
      failures.minuteStartMs = nowMs
      failures.count = 0
    }
    failures.count += 1
    failures.lastMs = nowMs
    const punished = failures.penalties > 0 || failures.count > this.#limits['auth-source']
    const penaltyMs = punished && nowMs >= failures.penaltyEndMs ? this.#nextPenaltyMs(failures) : 0
    if (penaltyMs > 0) {
      failures.penalties += 1
      failures.penaltyEndMs = nowMs + penaltyMs
    }
    this.#remember(source, failures)
    return penaltyMs
  }

  #known(source: string, nowMs: number): Failures {
    const known = this.#penalised.get(source) ?? this.#mild.get(source)
    this.#penalised.delete(source)
    this.#mild.delete(source)
    return known === undefined || nowMs - known.lastMs >= FORGET_MS
      ? {
          count: 0,
          minuteStartMs: nowMs,
          penalties: 0,
          penaltyEndMs: Number.NEGATIVE_INFINITY,
          lastMs: nowMs,
        }
      : known
  }

  #nextPenaltyMs({ penalties }: Failures): number {
    const { 'auth-penalty-ms': first, 'auth-penalty-max-ms': longest } = this.#limits
    return Math.min(longest, first * 2 ** Math.min(penalties, 30))
  }

  #remember(source: string, failures: Failures): void {
    if (this.full) {
      const from = this.#mild.size > 0 ? this.#mild : this.#penalised
      const [oldest = ''] = from.keys()
      from.delete(oldest)
    }
    const into = failures.penalties > 0 ? this.#penalised : this.#mild
    into.set(source, failures)
  }
}
