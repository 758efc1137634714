import type { Socket } from 'node:net'
import type { Server, TLSSocket, TlsOptions } from 'node:tls'
import type { Clock } from '../core/clock.js'
import { asSidecarError, SidecarError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import type { Counter, Gauge } from '../core/metrics.js'
import { isNamed, subjectOf } from './client-certificate.js'
import { shownName } from './peer.js'
import { versionOf, type TlsFiles } from './tls-files.js'
import { loadTlsMaterial } from './tls-material.js'

/** The files are looked at for changes no more often than this. */
const LOOK_EVERY_MS = 1000

export interface TlsFrontOptions {
  /** Finds the files anew at each load, since a directory may be filled later. */
  files(): TlsFiles
  readonly ciphers: string | undefined
  /** Who may come in with a client certificate; empty: everybody who has one. */
  readonly clientNames?: readonly string[]
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: {
    /** By result: ok, failed. */
    readonly reloads: Counter
    /** Seconds since 1970. */
    readonly expires: Gauge
  }
}

export interface TlsEvents {
  /** The handshake is done; the inner socket is paused. `certificate` is the subject of the client's. */
  secured(socket: TLSSocket, certificate: string | undefined): void
  failed(error: SidecarError): void
}

/** Names a TCP connection for as long as it is up. */
const pairOf = ({ localAddress, localPort, remoteAddress, remotePort }: Socket): string =>
  [localAddress, localPort, remoteAddress, remotePort].join('|')

/** Handshakes with the newest good key pair. Sessions keep the pair that they began with. */
export class TlsFront {
  readonly #options: TlsFrontOptions
  readonly #waiting = new Map<string, TlsEvents>()
  #server: Server | undefined
  #version = ''
  #asksClients = false
  #lookedMs = 0

  constructor(options: TlsFrontOptions) {
    this.#options = options
  }

  /**
   * Loads the first key pair.
   *
   * @throws SidecarError SIDECAR_CONFIG when it cannot be used
   */
  start(): void {
    this.#load()
  }

  /** Loads the key pair again; one that cannot be used is reported and the old one stays (N-TLS-04). */
  reload(): void {
    const { logger, metrics } = this.#options
    try {
      this.#load()
      metrics.reloads.add(1, { result: 'ok' })
      logger.info('TLS key pair loaded again')
    } catch (error) {
      metrics.reloads.add(1, { result: 'failed' })
      logger.error('TLS key pair not loaded; the old one stays', { err: asSidecarError(error) })
    }
  }

  /** Shakes hands over a paused socket; its owner keeps the deadline and sees it close. */
  accept(socket: Socket, events: TlsEvents): void {
    this.#look()
    const pair = pairOf(socket)
    this.#waiting.set(pair, events)
    socket.once('close', () => this.#waiting.delete(pair))
    this.#server?.emit('connection', socket)
  }

  /** Watching directories misses swapped links, so the files are looked at when somebody comes. */
  #look(): void {
    const nowMs = this.#options.clock.nowMs()
    if (nowMs - this.#lookedMs >= LOOK_EVERY_MS) {
      this.#lookedMs = nowMs
      if (this.#currentVersion() !== this.#version) {
        this.reload()
      }
    }
  }

  #currentVersion(): string {
    try {
      return versionOf(this.#options.files())
    } catch {
      return 'none'
    }
  }

  #load(): void {
    const { ciphers, clock, metrics } = this.#options
    this.#lookedMs = clock.nowMs()
    this.#version = this.#currentVersion()
    const where = this.#options.files()
    const { options, key, expires } = loadTlsMaterial(where, ciphers)
    const { constants } = process.getBuiltinModule('node:crypto')
    const asked = where.clientCa !== undefined
    this.#asksClients = asked
    const all: TlsOptions = {
      ...options,
      key,
      secureOptions:
        constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION | constants.SSL_OP_NO_TICKET,
      requestCert: asked,
      rejectUnauthorized: asked,
    }
    try {
      this.#server = this.#serverWith(all)
    } catch (error) {
      throw new SidecarError(
        'SIDECAR_CONFIG',
        'TLS cannot be set up; check tls-ciphers and the key pair',
        {},
        error,
      )
    } finally {
      key.fill(0)
    }
    metrics.expires.set(expires)
  }

  #serverWith(options: TlsOptions): Server {
    const { createServer } = process.getBuiltinModule('node:tls')
    const server = createServer({ ...options, pauseOnConnect: true }, (inner) => this.#secured(inner))
    server.on('tlsClientError', (error, inner) => {
      const events = this.#taken(inner)
      events?.failed(
        new SidecarError('SIDECAR_LINK', 'TLS handshake failed', { reason: reasonOf(error) }, error),
      )
    })
    return server
  }

  #secured(inner: TLSSocket): void {
    const events = this.#taken(inner)
    if (events === undefined) {
      inner.destroy()
      return
    }
    inner.on('error', () => undefined)
    const { clientNames = [] } = this.#options
    const certificate = this.#asksClients ? inner.getPeerX509Certificate() : undefined
    const subject = certificate && subjectOf(certificate)
    if (clientNames.length > 0 && (certificate === undefined || !isNamed(certificate, clientNames))) {
      inner.destroy()
      events.failed(
        new SidecarError('SIDECAR_LINK', 'client certificate has no name of tls-client-name', {
          certificate: shownName(subject ?? ''),
        }),
      )
      return
    }
    events.secured(inner, subject)
  }

  #taken(inner: TLSSocket): TlsEvents | undefined {
    const pair = pairOf(inner)
    const events = this.#waiting.get(pair)
    this.#waiting.delete(pair)
    return events
  }
}

const reasonOf = (error: Error): string =>
  'code' in error && typeof error.code === 'string' ? error.code : 'unknown'
