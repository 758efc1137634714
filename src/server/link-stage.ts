import { SidecarError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import {
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

/** What the link stage asks of the server. */
export interface LinkDeps {
  readonly limits: Pick<Limits, 'link' | 'caps'>
  /** Capability words offered to every channel, and to one of the type. */
  readonly commonCaps: readonly number[]
  channelCaps(type: number): readonly number[]
  /** Hands out a single-use key pair now or later; the result gives the wait up. */
  takeKey(use: (pair: TicketKeyPair) => void): () => void
  /** Judges the ticket block and the wanted channel together; `OK` admits. */
  authenticate(mess: LinkMess, pair: TicketKeyPair, block: Uint8Array): LinkErrorCode
}

/** What the link stage makes happen. */
export interface LinkEvents {
  write(bytes: Uint8Array): void
  /** The channel may begin; `rest` are bytes of the data stage that came along. */
  linked(mess: LinkMess, rest: Uint8Array): void
  /** Nothing more will come of this connection; the answer has been written. */
  refused(error: SidecarError): void
}

type State = 'header' | 'mess' | 'key' | 'mechanism' | 'ticket' | 'done'

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

  constructor(deps: LinkDeps, events: LinkEvents) {
    this.#deps = deps
    this.#events = events
  }

  /** Waiting for a key: the connection should not be read meanwhile. */
  get busy(): boolean {
    return this.#state === 'key'
  }

  push(chunk: Uint8Array): void {
    if (this.#state === 'done') {
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
        return this.#refuse(LINK_ERROR.invalidData, 'link message has an impossible size')
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
      return this.#refuse(LINK_ERROR.invalidData, 'link message is malformed', error)
    }
    const mess = this.#mess
    this.#state = 'key'
    this.#giveUpKey = this.#deps.takeKey((pair) => this.#reply(mess, pair))
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
    if (mechanism !== AUTH_SPICE) {
      return this.#refuse(LINK_ERROR.invalidData, 'peer chose a way to authenticate that was not offered')
    }
    this.#state = 'ticket'
    return true
  }

  #ticket(): boolean {
    const block = this.#take(TICKET_SIZE)
    const mess = this.#mess
    const pair = this.#pair
    if (block === undefined || mess === undefined || pair === undefined) {
      return false
    }
    this.#state = 'done'
    this.#pair = undefined
    const code = this.#deps.authenticate(mess, pair, block)
    this.#events.write(encodeLinkResult(code))
    if (code === LINK_ERROR.ok) {
      this.#events.linked(mess, this.#buffer)
    } else {
      this.#events.refused(
        new SidecarError('SIDECAR_AUTH', 'link refused after the ticket was read', { linkError: code }),
      )
    }
    this.#buffer = new Uint8Array(0)
    return false
  }

  #refuse(code: LinkErrorCode, text: string, cause?: unknown): false {
    this.close()
    this.#events.write(encodeLinkErrorReply(code))
    this.#events.refused(new SidecarError('SIDECAR_LINK', text, { linkError: code }, cause))
    return false
  }
}
