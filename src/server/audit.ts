import type { Logger } from '../core/logger.js'
import type { Client, ClientEnd } from './client.js'

/**
 * The audit trail: one line for each session, refusal, takeover and end, marked by its field `audit`. No field ever
 * holds a ticket (threat model section 9). Refusals are warnings, so that a flood of them is bounded (L-log).
 */
export class Audit {
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  linked({ number, source, auth, names, viewOnly }: Client, tls: boolean): void {
    this.#logger.info('Client linked', {
      audit: 'link',
      client: number,
      source,
      auth,
      ...names,
      viewOnly,
      tls,
    })
  }

  /** Nobody got in. */
  refused(source: string, reason: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#logger.warn('Link refused', { audit: 'refusal', source, reason, ...fields })
  }

  /** Client `by` takes the place of `client`. */
  takeover(client: Client, by: Client): void {
    this.#logger.info('Client taken over', {
      audit: 'takeover',
      client: client.number,
      source: client.source,
      ...client.names,
      by: by.number,
      bySource: by.source,
      ...(by.names.user === undefined ? {} : { byUser: by.names.user }),
    })
  }

  ended(client: Client, reason: ClientEnd, seconds: number): void {
    this.#logger.info('Client left', {
      audit: 'end',
      client: client.number,
      source: client.source,
      auth: client.auth,
      ...client.names,
      reason,
      seconds,
      bytesSent: client.bytesSent,
      bytesReceived: client.bytesReceived,
    })
  }
}
