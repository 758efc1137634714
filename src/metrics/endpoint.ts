import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../core/clock.js'
import { asSidecarError, SidecarError } from '../core/errors.js'
import type { Limits } from '../core/limits.js'
import type { Logger } from '../core/logger.js'
import type { Counter } from '../core/metrics.js'
import type { ExpositionFormat } from './definitions.js'

/** Threat model L-http. */
export type HttpLimits = Pick<Limits, 'http-requests' | 'http-waiting' | 'http-ms' | 'http-header-bytes'>

export interface MetricsEndpointOptions {
  /** IP address or name without brackets. */
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly limits: HttpLimits
  readonly clock: Clock
  readonly logger: Logger
  readonly limitHits: Counter
  render(format: ExpositionFormat): Promise<string>
  /** Why the process is not ready, or `undefined` when it is; must not wait for QEMU. */
  notReady(): string | undefined
}

export interface MetricsEndpoint {
  /**
   * Begins to listen; resolves with the port. Called once.
   *
   * @throws SidecarError SIDECAR_CONFIG when the address cannot be had
   */
  start(): Promise<number>
  /** Stops and drops what is connected; callable any number of times, also before start. */
  close(): Promise<void>
}

const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}
const PLAIN = 'text/plain; charset=utf-8'

/** OpenMetrics when the peer asks for it and does not like plain text more. */
export const chooseFormat = (accept: string | undefined): ExpositionFormat => {
  let open = 0
  let plain = 0
  for (const part of (accept ?? '').split(',')) {
    const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase())
    const q = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1)
    if (type === 'application/openmetrics-text') {
      open = Math.max(open, q)
    } else if (type === 'text/plain') {
      plain = Math.max(plain, q)
    }
  }
  return open > 0 && open >= plain ? 'openmetrics' : 'text'
}

/** An `import` of node:http would also load its WebSocket and fetch parts: 12 MB of an idle process. */
const { createServer } = process.getBuiltinModule('node:http')

class HttpEndpoint implements MetricsEndpoint {
  readonly #options: MetricsEndpointOptions
  readonly #server: Server
  /** Connections before their request, oldest first. */
  readonly #waiting = new Set<Socket>()
  #requests = 0

  constructor(options: MetricsEndpointOptions) {
    this.#options = options
    this.#server = createServer(
      // Deadlines are ours: one for the whole connection, on the product's clock.
      {
        maxHeaderSize: options.limits['http-header-bytes'],
        headersTimeout: 0,
        requestTimeout: 0,
        keepAliveTimeout: 0,
      },
      (request, response) => {
        this.#answer(request, response)
      },
    )
    this.#server.on('connection', (socket) => {
      this.#admit(socket)
    })
  }

  start(): Promise<number> {
    const { host, port } = this.#options
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const reason = error.code === 'EADDRINUSE' ? 'the port is in use' : (error.code ?? error.message)
        reject(
          new SidecarError(
            'SIDECAR_CONFIG',
            `metrics cannot listen on ${host} port ${port}: ${reason}`,
            {},
            error,
          ),
        )
      })
      this.#server.listen({ host, port }, () => {
        const address = this.#server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : port)
      })
    })
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve()
      })
      this.#server.closeAllConnections()
      this.#waiting.forEach((socket) => socket.destroy())
    })
  }

  #admit(socket: Socket): void {
    const { clock, limits, limitHits } = this.#options
    const deadline: Timer = clock.after(limits['http-ms'], () => {
      limitHits.add(1, { limit: 'http-ms' })
      socket.destroy()
    })
    this.#waiting.add(socket)
    socket.once('close', () => {
      deadline.cancel()
      this.#waiting.delete(socket)
    })
    /* So that slow ones cannot keep a scrape out. */
    if (this.#waiting.size > limits['http-waiting']) {
      const [oldest] = this.#waiting
      limitHits.add(1, { limit: 'http-waiting' })
      oldest?.destroy()
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.#waiting.delete(request.socket)
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      send(response, 405, 'only GET and HEAD are known here')
      return
    }
    const [path] = (request.url ?? '').split('?')
    switch (path ?? '') {
      case '/metrics':
        this.#metrics(response, chooseFormat(request.headers.accept))
        break
      case '/livez':
      case '/healthz':
        send(response, 200, 'ok')
        break
      case '/readyz': {
        const reason = this.#options.notReady()
        send(response, reason === undefined ? 200 : 503, reason ?? 'ok')
        break
      }
      default:
        send(response, 404, 'known are /metrics, /livez, /healthz and /readyz')
    }
  }

  #metrics(response: ServerResponse, format: ExpositionFormat): void {
    const { limits, limitHits, logger } = this.#options
    if (this.#requests >= limits['http-requests']) {
      limitHits.add(1, { limit: 'http-requests' })
      send(response, 503, 'too many requests at once')
      return
    }
    this.#requests += 1
    response.once('close', () => {
      this.#requests -= 1
    })
    this.#options.render(format).then(
      (text) => send(response, 200, text, CONTENT_TYPES[format]),
      (error: unknown) => {
        logger.error('Metrics could not be rendered', { err: asSidecarError(error) })
        send(response, 500, 'metrics could not be rendered')
      },
    )
  }
}

/** One answer for each connection: no keep-alive, so a peer holds nothing while it waits for its next scrape. */
const send = (response: ServerResponse, status: number, body: string, type = PLAIN): void => {
  const bytes = Buffer.from(type === PLAIN ? `${body}\n` : body)
  response.writeHead(status, {
    'content-type': type,
    'content-length': bytes.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    connection: 'close',
  })
  response.end(bytes)
}

export const createMetricsEndpoint = (options: MetricsEndpointOptions): MetricsEndpoint =>
  new HttpEndpoint(options)
