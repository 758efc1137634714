import { asSidecarError, SidecarError, type ErrorContext } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import {
  AUTH_SASL,
  AUTH_SPICE,
  COMMON_CAP,
  decodeLinkMess,
  encodeLinkErrorReply,
  encodeLinkReply,
  encodeLinkResult,
  hasCap,
  LINK_ERROR,
  LINK_HEADER_SIZE,
  parseLinkHeader,
  SPICE_MAGIC,
  startsWithMagic,
  TICKET_SIZE,
  type LinkErrorCode,
  type LinkMess,
} from '../protocol/index.js'
import type { TicketKeyPair } from './key-pool.js'
import { SaslSession, type SaslExchange, type SaslLimits, type SaslProven } from './sasl-session.js'

/** SASL instead of tickets. */
export interface LinkSasl {
  /** The connection is inside TLS. */
  readonly secure: boolean
  begin(): SaslExchange
  /** Judges the proven user and the wanted channel together; `OK` admits. */
  authorize(mess: LinkMess, user: string): LinkErrorCode
  /** SASL let the client not in. */
  failed(mess: LinkMess): void
}

/** What the link stage asks of the server. */
export interface LinkDeps {
  readonly limits: Pick<Limits, 'link' | 'caps'> & SaslLimits
  /** Capability words offered to every channel, and to one of the type. */
  readonly commonCaps: readonly number[]
  channelCaps(type: number): readonly number[]
  /** May a channel of this type come over this connection; `OK` when it may (`protocol-session.md` 1.8). */
  judgeSecurity(type: number): LinkErrorCode
  /** When SASL is on, the one way to authenticate. */
  readonly sasl?: LinkSasl | undefined
  /** Hands out a single-use key pair now or later; the result gives the wait up. */
  takeKey(use: (pair: TicketKeyPair) => void): () => void
  /**
   * Opens the ticket block at once.
   *
   * @returns judges the ticket and the wanted channel together, when the answer is due; `OK` admits
   */
  authenticate(mess: LinkMess, pair: TicketKeyPair, block: Uint8Array): () => LinkErrorCode
  /** Calls `answer` a fixed time from now, unless the connection is gone by then. */
  answerLater(answer: () => void): void
}

/** What the link stage makes happen. */
export interface LinkEvents {
  write(bytes: Uint8Array): void
  /** A stage that was busy wants to read on. */
  ready?(): void
  /**
   * The channel may begin; `rest` are bytes of the data stage that came along. All of them go through `layer` if there
   * is one.
   */
  linked(mess: LinkMess, rest: Uint8Array, layer?: SaslProven['layer']): void
  /** Nothing more will come of this connection; the answer has been written. */
  refused(error: SidecarError): void
}

type State = 'header' | 'mess' | 'key' | 'mechanism' | 'ticket' | 'answer' | 'sasl' | 'done'

/** Where a link message has the numbers of its capability words (`protocol-session.md` 1.2). */
const COUNTS_AT = [6, 10]

/** All bytes that a peer can make us keep before it is linked: one read of the socket. */
const concat = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const joined = new Uint8Array(a.length + b.length)
  joined.set(a)
  joined.set(b, a.length)
  return joined
}

/**
 * The link stage of one connection (`protocol-session.md` section 1): no socket, no timer. A peer learns nothing about
 * channels or sessions before it showed a good ticket.
 */
export class LinkStage {
  readonly #deps: LinkDeps
  readonly #events: LinkEvents
  #state: State = 'header'
  #buffer: Uint8Array = new Uint8Array(0)
  #messSize = 0
  #mess: LinkMess | undefined
  #pair: TicketKeyPair | undefined
  #giveUpKey: (() => void) | undefined
  #sasl: SaslSession | undefined

  constructor(deps: LinkDeps, events: LinkEvents) {
    this.#deps = deps
    this.#events = events
  }

  /** Waiting for a key, the time of the answer or SASL: the connection should not be read meanwhile. */
  get busy(): boolean {
    return (
      this.#state === 'key' ||
      this.#state === 'answer' ||
      (this.#state === 'sasl' && this.#sasl?.busy === true)
    )
  }

  push(chunk: Uint8Array): void {
    if (this.#state === 'done') {
      return
    }
    if (this.#state === 'sasl') {
      this.#sasl?.push(chunk)
      return
    }
    this.#buffer = this.#buffer.length === 0 ? chunk : concat(this.#buffer, chunk)
    this.#run()
  }

  /** The connection is gone. */
  close(): void {
    this.#state = 'done'
    this.#giveUpKey?.()
    this.#giveUpKey = undefined
    this.#sasl?.close()
  }

  #run(): void {
    let going = true
    while (going) {
      going = this.#step()
    }
  }

  #take(size: number): Uint8Array | undefined {
    if (this.#buffer.length < size) {
      return undefined
    }
    const taken = this.#buffer.subarray(0, size)
    this.#buffer = this.#buffer.subarray(size)
    return taken
  }

  /** @returns whether there may be more to do at once */
  #step(): boolean {
    switch (this.#state) {
      case 'header': {
        return this.#header()
      }
      case 'mess': {
        return this.#linkMess()
      }
      case 'mechanism': {
        return this.#mechanism()
      }
      case 'ticket': {
        return this.#ticket()
      }
      case 'key':
      case 'answer':
      case 'sasl':
      case 'done': {
        return false
      }
    }
  }

  #header(): boolean {
    if (this.#buffer.length >= SPICE_MAGIC.length && !startsWithMagic(this.#buffer)) {
      return this.#refuse(LINK_ERROR.invalidMagic, 'peer does not speak SPICE')
    }
    const bytes = this.#take(LINK_HEADER_SIZE)
    if (bytes === undefined) {
      return false
    }
    const header = parseLinkHeader(bytes, this.#deps.limits.link)
    switch (header.kind) {
      case 'ok': {
        this.#messSize = header.size
        this.#state = 'mess'
        return true
      }
      case 'badMagic': {
        return this.#refuse(LINK_ERROR.invalidMagic, 'peer does not speak SPICE')
      }
      case 'badVersion': {
        return this.#refuse(LINK_ERROR.versionMismatch, 'peer speaks another version of SPICE')
      }
      case 'badSize': {
        return this.#refuse(LINK_ERROR.invalidData, 'link message has an impossible size', { limit: 'link' })
      }
    }
  }

  #linkMess(): boolean {
    const bytes = this.#take(this.#messSize)
    if (bytes === undefined) {
      return false
    }
    try {
      this.#mess = decodeLinkMess(bytes, { maxCapWords: this.#deps.limits.caps })
    } catch (error) {
      const context = this.#tooManyCaps(bytes) ? { limit: 'caps' } : {}
      return this.#refuse(LINK_ERROR.invalidData, 'link message is malformed', context, error)
    }
    const mess = this.#mess
    const security = this.#deps.judgeSecurity(mess.channelType)
    if (security !== LINK_ERROR.ok) {
      return this.#refuse(security, 'channel may not come over this kind of connection')
    }
    if (this.#deps.sasl !== undefined) {
      return this.#replyForSasl(mess)
    }
    this.#state = 'key'
    this.#giveUpKey = this.#deps.takeKey((pair) => this.#reply(mess, pair))
    return true
  }

  /** No key: there is no ticket to encrypt. */
  #replyForSasl(mess: LinkMess): boolean {
    if (!hasCap(mess.commonCaps, COMMON_CAP.authSelection)) {
      return this.#refuse(LINK_ERROR.versionMismatch, 'peer cannot choose SASL')
    }
    this.#events.write(
      encodeLinkReply({
        error: LINK_ERROR.ok,
        commonCaps: this.#deps.commonCaps,
        channelCaps: this.#deps.channelCaps(mess.channelType),
      }),
    )
    this.#state = 'mechanism'
    return true
  }

  #reply(mess: LinkMess, pair: TicketKeyPair): void {
    if (this.#state !== 'key') {
      return
    }
    this.#pair = pair
    this.#events.write(
      encodeLinkReply({
        error: LINK_ERROR.ok,
        publicKey: pair.publicKey,
        commonCaps: this.#deps.commonCaps,
        channelCaps: this.#deps.channelCaps(mess.channelType),
      }),
    )
    this.#state = hasCap(mess.commonCaps, COMMON_CAP.authSelection) ? 'mechanism' : 'ticket'
    this.#run()
  }

  #mechanism(): boolean {
    const bytes = this.#take(4)
    if (bytes === undefined) {
      return false
    }
    const mechanism = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true)
    const { sasl } = this.#deps
    if (mechanism !== (sasl === undefined ? AUTH_SPICE : AUTH_SASL)) {
      return this.#refuse(LINK_ERROR.invalidData, 'peer chose a way to authenticate that was not offered')
    }
    if (sasl !== undefined) {
      return this.#beginSasl(sasl)
    }
    this.#state = 'ticket'
    return true
  }

  #beginSasl(sasl: LinkSasl): false {
    const mess = this.#mess
    if (mess === undefined) {
      return false
    }
    this.#state = 'sasl'
    this.#sasl = new SaslSession(sasl.begin(), sasl.secure, this.#deps.limits, {
      write: (bytes) => this.#events.write(bytes),
      ready: () => this.#events.ready?.(),
      proven: (proven, rest) => this.#proven(sasl, mess, proven, rest),
      refused: (error, code) => {
        this.close()
        if (error.code === 'SIDECAR_AUTH') {
          sasl.failed(mess)
        }
        if (code !== undefined) {
          this.#events.write(encodeLinkErrorReply(code))
        }
        this.#events.refused(error)
      },
    })
    const rest = this.#buffer
    this.#buffer = new Uint8Array(0)
    this.#sasl.start()
    this.#sasl.push(rest)
    return false
  }

  /** The link result is the first that goes through the layer (`protocol-session.md` 1.7). */
  #proven(sasl: LinkSasl, mess: LinkMess, { user, layer }: SaslProven, rest: Uint8Array): void {
    this.#state = 'done'
    const code = sasl.authorize(mess, user)
    let result = encodeLinkResult(code)
    try {
      result = layer?.codec.encode(result) ?? result
    } catch (error) {
      layer?.codec.dispose()
      this.#events.refused(asSidecarError(error))
      return
    }
    this.#events.write(result)
    if (code === LINK_ERROR.ok) {
      this.#events.linked(mess, rest, layer)
    } else {
      layer?.codec.dispose()
      this.#events.refused(new SidecarError('SIDECAR_AUTH', 'link refused after SASL', { linkError: code }))
    }
  }

  #ticket(): boolean {
    const block = this.#take(TICKET_SIZE)
    const mess = this.#mess
    const pair = this.#pair
    if (block === undefined || mess === undefined || pair === undefined) {
      return false
    }
    this.#state = 'answer'
    this.#pair = undefined
    let judge: (() => LinkErrorCode) | undefined
    const opened = (): (() => LinkErrorCode) => (judge ??= this.#deps.authenticate(mess, pair, block))
    /* The time of the answer counts from before the ticket is opened, which takes longer for some than for others. */
    this.#deps.answerLater(() => this.#answer(mess, opened()))
    opened()
    return false
  }

  #answer(mess: LinkMess, judge: () => LinkErrorCode): void {
    if (this.#state !== 'answer') {
      return
    }
    this.#state = 'done'
    const code = judge()
    this.#events.write(encodeLinkResult(code))
    if (code === LINK_ERROR.ok) {
      this.#events.linked(mess, this.#buffer)
    } else {
      this.#events.refused(
        new SidecarError('SIDECAR_AUTH', 'link refused after the ticket was read', { linkError: code }),
      )
    }
    this.#buffer = new Uint8Array(0)
  }

  #tooManyCaps(bytes: Uint8Array): boolean {
    const { caps } = this.#deps.limits
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    return COUNTS_AT.some((at) => at + 4 <= bytes.length && view.getUint32(at, true) > caps)
  }

  #refuse(code: LinkErrorCode, text: string, context: ErrorContext = {}, cause?: unknown): false {
    this.close()
    this.#events.write(encodeLinkErrorReply(code))
    this.#events.refused(new SidecarError('SIDECAR_LINK', text, { linkError: code, ...context }, cause))
    return false
  }
}
