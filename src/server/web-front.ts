import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { WebSocketServer } from 'ws'
import { SidecarError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { WebRoot } from './web-root.js'
import { answerPlain } from './web-answer.js'
import { judgeUpgrade } from './web-upgrade.js'
import { WebSocketTransport, type WebDeps } from './websocket.js'
import type { Transport } from './transport.js'

/** Time for the peer to answer a close frame. */
const CLOSE_MS = 1000

/** Facts about the connection below. */
export interface WebFacts {
  readonly secure: boolean
  readonly local: boolean
  readonly remoteAddress: string | undefined
  /** Subject of the client's certificate. */
  readonly certificate?: string | undefined
}

export interface WebEvents {
  opened(transport: Transport): void
  /** The request was for a page; the connection closes once the answer is out. */
  served(): void
  /** The request was wrong; the connection closes once it was told. */
  refused(error: SidecarError): void
}

interface Visit {
  readonly facts: WebFacts
  readonly events: WebEvents
}

/** HTTP on the SPICE ports: WebSocket upgrades, and the files of `web-root`. Modules are loaded for the first visit. */
export class WebFront {
  readonly #deps: WebDeps
  readonly #root: WebRoot | undefined
  readonly #visits = new WeakMap<object, Visit>()
  #http: Server | undefined
  #websockets: Promise<WebSocketServer> | undefined

  constructor(deps: WebDeps, root: WebRoot | undefined) {
    this.#deps = deps
    this.#root = root
  }

  /** Takes a paused connection whose first bytes are an HTTP request; its owner keeps the deadline. */
  take(socket: Socket, facts: WebFacts, events: WebEvents): void {
    this.#http ??= this.#makeHttp()
    this.#visits.set(socket, { facts, events })
    this.#http.emit('connection', socket)
    socket.resume()
  }

  #makeHttp(): Server {
    const { createServer } = process.getBuiltinModule('node:http')
    const server = createServer({
      maxHeaderSize: this.#deps.limits['web-header-bytes'],
      headersTimeout: 0,
      requestTimeout: 0,
      keepAliveTimeout: 0,
      noDelay: true,
    })
    /* One more than allowed, so that too many are seen and not cut off. */
    server.maxHeadersCount = this.#deps.limits['web-headers'] + 1
    server.on('request', (request, response) => this.#page(request, response))
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.#upgrade(request, socket, head).catch((error: unknown) => {
        this.#refuse(socket, 500, 'upgrade failed', error)
      })
    })
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      const isLimit = error.code === 'HPE_HEADER_OVERFLOW'
      if (isLimit) {
        this.#deps.limitHits.add(1, { limit: 'web-header-bytes' })
      }
      this.#refuse(socket, isLimit ? 431 : 400, 'malformed request', error)
    })
    return server
  }

  #page(request: IncomingMessage, response: ServerResponse): void {
    const visit = this.#visits.get(request.socket)
    response.setHeader('connection', 'close')
    if (this.#tooManyHeaders(request)) {
      visit?.events.refused(new SidecarError('SIDECAR_LINK', 'HTTP request has too many headers'))
      answerPlain(response, 431, 'too many headers')
      return
    }
    visit?.events.served()
    if (this.#root === undefined) {
      answerPlain(response, 404, 'this is a SPICE server; it serves no pages')
    } else {
      this.#root.answer(request, response)
    }
  }

  async #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const visit = this.#visits.get(socket)
    const refusal = this.#tooManyHeaders(request)
      ? { status: 431, text: 'too many headers' }
      : judgeUpgrade(request.headers)
    if (visit === undefined || refusal !== undefined) {
      this.#refuse(socket, refusal?.status ?? 500, refusal?.text ?? 'upgrade failed')
      return
    }
    this.#websockets ??= makeWebSockets(this.#deps.limits)
    const websockets = await this.#websockets
    if (socket.destroyed) {
      return
    }
    const refused = (error: Error): void => this.#refuse(socket, 400, 'WebSocket upgrade refused', error)
    websockets.once('wsClientError', refused)
    websockets.handleUpgrade(request, socket, head, (websocket) => {
      visit.events.opened(new WebSocketTransport(websocket, socket, visit.facts, this.#deps))
    })
    websockets.removeListener('wsClientError', refused)
  }

  #tooManyHeaders({ rawHeaders }: IncomingMessage): boolean {
    const { limits, limitHits } = this.#deps
    const tooMany = rawHeaders.length > 2 * limits['web-headers']
    if (tooMany) {
      limitHits.add(1, { limit: 'web-headers' })
    }
    return tooMany
  }

  #refuse(socket: Socket, status: number, text: string, cause?: unknown): void {
    this.#visits
      .get(socket)
      ?.events.refused(
        new SidecarError('SIDECAR_LINK', 'HTTP request refused', { status, reason: text }, cause),
      )
    const body = `${text}\n`
    socket.end(
      [
        `HTTP/1.1 ${status} Refused`,
        'Connection: close',
        'Content-Type: text/plain; charset=utf-8',
        `Content-Length: ${Buffer.byteLength(body)}`,
        '',
        body,
      ].join('\r\n'),
    )
  }
}

const makeWebSockets = async (limits: Limits): Promise<WebSocketServer> => {
  const { WebSocketServer: Class } = await import('ws')
  const options = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits['websocket-message'],
    maxFragments: limits['websocket-fragments'],
    closeTimeout: CLOSE_MS,
    handleProtocols: () => 'binary' as const,
  }
  return new Class(options)
}
