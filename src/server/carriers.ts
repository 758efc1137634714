import type { Socket } from 'node:net'
import type { Clock, Timer } from '../core/clock.js'
import { SidecarError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { Counter } from '../core/metrics.js'
import { RecordTransport } from './record-transport.js'
import type { TlsFront } from './tls.js'
import { SocketTransport, type Transport } from './transport.js'
import type { WebFront } from './web-front.js'

/** What may come in at one listening address. */
export interface Door {
  readonly plain: boolean
  readonly tls: boolean
  /** SPICE without WebSocket around it. */
  readonly spice: boolean
  /** A unix socket. */
  readonly local: boolean
}

export const PLAIN_DOOR: Door = { plain: true, tls: false, spice: true, local: false }

/** Why a connection ended before its link stage; `served` is an answered request for a web page. */
export type CarrierEnd = 'deadline' | 'gone' | 'served' | 'carrier' | 'tls' | 'http'

export interface CarrierEvents {
  opened(transport: Transport): void
  /** Called at most once, and not after `opened`; the connection is destroyed. */
  ended(end: CarrierEnd, error?: SidecarError): void
}

export interface CarrierDeps {
  readonly clock: Clock
  readonly limits: Pick<Limits, 'handshake-ms'>
  readonly metrics: { readonly limitHits: Counter }
  /** Absent where no door takes TLS. */
  readonly tls: TlsFront | undefined
  readonly web: WebFront
}

/** What the first bytes of a connection show (`protocol-session.md` 1.8, 1.9). */
export type FirstBytes = 'tls' | 'http' | 'spice' | 'unclear'

const TLS_HANDSHAKE = 0x16
const HTTP_METHODS = ['GET ', 'HEAD ']

/** Tells by the first bytes; anything unknown is for the SPICE link stage to refuse. */
export const judgeFirstBytes = (bytes: Uint8Array): FirstBytes => {
  if (bytes[0] === TLS_HANDSHAKE) {
    return 'tls'
  }
  const text = String.fromCharCode(...bytes.subarray(0, 5))
  if (text !== '' && HTTP_METHODS.some((method) => text.startsWith(method))) {
    return 'http'
  }
  return HTTP_METHODS.some((method) => method.startsWith(text)) ? 'unclear' : 'spice'
}

const swallow = (): void => undefined

/** Reads until the first bytes are clear, and puts them back. */
const peek = (socket: Socket, seen: (first: FirstBytes) => void): void => {
  let bytes: Buffer = Buffer.alloc(0)
  const read = (chunk: Buffer): void => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
    const first = judgeFirstBytes(bytes)
    if (first !== 'unclear') {
      socket.pause()
      socket.removeListener('data', read)
      socket.unshift(bytes)
      seen(first)
    }
  }
  socket.on('data', read)
  socket.resume()
}

/** Takes a connection from its first byte to the stream that SPICE is spoken on: as it is, in TLS, in WebSocket. */
export class Carriers {
  readonly #deps: CarrierDeps

  constructor(deps: CarrierDeps) {
    this.#deps = deps
  }

  /**
   * Opens a new, paused connection.
   *
   * @returns ends it, when it is not opened yet
   */
  open(socket: Socket, door: Door, events: CarrierEvents): (end: CarrierEnd) => void {
    const { clock, limits, metrics, tls, web } = this.#deps
    let over = false
    let closing: CarrierEnd = 'gone'
    let closingError: SidecarError | undefined
    let deadline: Timer | undefined

    const end = (why: CarrierEnd, error?: SidecarError): void => {
      if (!over) {
        over = true
        deadline?.cancel()
        socket.destroy()
        events.ended(why, error)
      }
    }
    const opened = (transport: Transport): void => {
      deadline?.cancel()
      if (over) {
        transport.destroy()
      } else {
        over = true
        events.opened(transport)
      }
    }
    const hurry = (): void => {
      deadline ??= clock.after(limits['handshake-ms'], () => {
        metrics.limitHits.add(1, { limit: 'handshake-ms' })
        end('deadline')
      })
    }
    const look = (stream: Socket, secure: boolean, certificate?: string): void => {
      peek(stream, (first) => {
        if (first === 'tls' && !secure && door.tls && tls !== undefined) {
          hurry()
          tls.accept(stream, {
            secured: (inner, subject) => look(inner, true, subject),
            failed: (error) => end('tls', error),
          })
        } else if (!secure && !door.plain) {
          end('carrier', new SidecarError('SIDECAR_LINK', 'peer does not speak TLS on a TLS port'))
        } else if (first === 'http') {
          hurry()
          web.take(
            stream,
            { secure, local: door.local, remoteAddress: socket.remoteAddress, certificate },
            {
              opened,
              served: () => {
                closing = 'served'
              },
              refused: (error) => {
                closing = 'http'
                closingError = error
              },
            },
          )
        } else if (door.spice) {
          opened(
            secure
              ? new RecordTransport(stream, socket, certificate)
              : new SocketTransport(stream, door.local),
          )
        } else {
          end(
            'carrier',
            new SidecarError('SIDECAR_LINK', 'peer does not speak WebSocket on a WebSocket port'),
          )
        }
      })
    }
    socket.on('error', swallow)
    socket.on('close', () => end(closing, closingError))
    look(socket, false)
    return end
  }
}
