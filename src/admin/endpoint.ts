import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.js'
import { asSidecarError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { Logger } from '../core/logger.js'
import type { Counter } from '../core/metrics.js'
import { AdminError } from './admin-error.js'
import type { AdminControl } from './control.js'
import { answerRequest, type AdminAnswer } from './routes.js'

/** Whoever may connect is trusted, so these are only against a runaway script. */
export type AdminLimits = Pick<Limits, 'admin-connections' | 'admin-ms' | 'admin-body' | 'http-header-bytes'>

export interface AdminEndpointOptions {
  readonly control: AdminControl
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: AdminLimits
  readonly limitHits: Counter
  /** May this peer use local control; judged by the kernel's word for who it is (threat model R10). */
  peerAllowed(socket: Socket): boolean
}

/** Local control over HTTP: one request for each connection, JSON both ways. */
export class AdminEndpoint {
  readonly #options: AdminEndpointOptions
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(options: AdminEndpointOptions) {
    this.#options = options
    /* An `import` of node:http costs 12 MB of an idle process. */
    const { createServer } = process.getBuiltinModule('node:http')
    this.#server = createServer(
      {
        maxHeaderSize: options.limits['http-header-bytes'],
        headersTimeout: 0,
        requestTimeout: 0,
        keepAliveTimeout: 0,
      },
      (request, response) => {
        this.#read(request, response)
      },
    )
  }

  /** Takes a new, paused connection of the admin socket. */
  connected(socket: Socket): void {
    const { clock, logger, limits } = this.#options
    socket.on('error', () => socket.destroy())
    const allowed = this.#options.peerAllowed(socket)
    if (!allowed || this.#sockets.size >= limits['admin-connections']) {
      if (allowed) {
        this.#count('admin-connections')
      }
      logger.warn('Admin connection refused', { reason: allowed ? 'too many' : 'user' })
      socket.destroy()
      return
    }
    const deadline = clock.after(limits['admin-ms'], () => {
      this.#count('admin-ms')
      socket.destroy()
    })
    this.#sockets.add(socket)
    socket.once('close', () => {
      deadline.cancel()
      this.#sockets.delete(socket)
    })
    this.#server.emit('connection', socket)
    socket.resume()
  }

  /** Drops what is connected; callable any number of times. */
  close(): void {
    for (const socket of [...this.#sockets]) {
      socket.destroy()
    }
  }

  #read(request: IncomingMessage, response: ServerResponse): void {
    const maxBody = this.#options.limits['admin-body']
    const chunks: Buffer[] = []
    let size = 0
    let over = false
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= maxBody) {
        chunks.push(chunk)
      } else if (!over) {
        over = true
        this.#count('admin-body')
        sendError(response, new AdminError(413, 'too_large', `a body may have at most ${maxBody} bytes`))
      }
    })
    request.on('end', () => {
      if (!over) {
        const bytes = Buffer.concat(chunks)
        this.#answer(request, response, bytes.toString('utf8'))
        bytes.fill(0)
      }
      chunks.forEach((chunk) => chunk.fill(0))
    })
    request.on('error', () => request.destroy())
  }

  #count(limit: keyof AdminLimits): void {
    this.#options.limitHits.add(1, { limit })
  }

  #answer(request: IncomingMessage, response: ServerResponse, body: string): void {
    const { control, logger } = this.#options
    const [path = ''] = (request.url ?? '').split('?')
    try {
      send(response, answerRequest({ method: request.method ?? '', path, body }, control, logger))
    } catch (thrown) {
      if (thrown instanceof AdminError) {
        sendError(response, thrown)
        return
      }
      logger.error('Admin request failed', { err: asSidecarError(thrown) })
      sendError(response, new AdminError(500, 'bug', 'the request failed; the log says more'))
    }
  }
}

const sendError = (response: ServerResponse, { status, code, message, allow }: AdminError): void => {
  if (allow.length > 0) {
    response.setHeader('allow', allow.join(', '))
  }
  send(response, { status, json: { code, message } })
}

const send = (response: ServerResponse, { status, json }: AdminAnswer): void => {
  const bytes = json === undefined ? Buffer.alloc(0) : Buffer.from(`${JSON.stringify(json)}\n`)
  response.writeHead(status, {
    ...(json === undefined
      ? {}
      : { 'content-type': 'application/json; charset=utf-8', 'content-length': bytes.length }),
    'cache-control': 'no-store',
    connection: 'close',
  })
  response.end(bytes)
}
