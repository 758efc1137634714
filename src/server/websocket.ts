import type { Socket } from 'node:net'
import type { RawData, WebSocket } from 'ws'
import type { Clock } from '../core/clock.js'
import { SidecarError } from '../core/errors.js'
import type { LimitKey, Limits } from '../core/limits.js'
import type { Counter } from '../core/metrics.js'
import { RateBudget } from '../core/rate-budget.js'
import { handleQueue, type Transport, type TransportHandler } from './transport.js'

const NORMAL = 1000
const UNSUPPORTED_DATA = 1003
const POLICY_VIOLATION = 1008

export interface WebDeps {
  readonly clock: Clock
  readonly limits: Limits
  readonly limitHits: Counter
}

/** Limits that the library holds, by its words for having reached them. */
const LIBRARY_LIMITS: ReadonlyMap<unknown, LimitKey> = new Map<unknown, LimitKey>([
  ['WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', 'websocket-message'],
  ['WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH', 'websocket-message'],
  ['WS_ERR_TOO_MANY_BUFFERED_PARTS', 'websocket-fragments'],
])

/** Messages as one buffer each, which is the default of the library. */
const bytesOf = (data: RawData): Buffer => {
  if (Buffer.isBuffer(data)) {
    return data
  }
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)
}

/** The stream of bytes inside binary WebSocket messages; where they begin and end means nothing. */
export class WebSocketTransport implements Transport {
  readonly remoteAddress: string | undefined
  readonly secure: boolean
  readonly local: boolean
  readonly certificate: string | undefined
  readonly #websocket: WebSocket
  readonly #below: Socket
  readonly #limitHits: Counter
  /** What arrived although it is paused: at most one read of the socket. */
  readonly #held: Buffer[] = []
  #paused = true
  #user: TransportHandler | undefined
  #error: Error | undefined

  /** `below` is the socket that carries the frames. */
  constructor(
    websocket: WebSocket,
    below: Socket,
    facts: Pick<Transport, 'remoteAddress' | 'secure' | 'local' | 'certificate'>,
    { clock, limits, limitHits }: WebDeps,
  ) {
    this.#websocket = websocket
    this.#below = below
    this.remoteAddress = facts.local ? undefined : facts.remoteAddress
    this.secure = facts.secure
    this.local = facts.local
    this.certificate = facts.certificate
    this.#limitHits = limitHits
    const frames = new RateBudget(limits['websocket-rate'], limits['websocket-burst'], clock.nowMs())
    const controls = new RateBudget(
      limits['websocket-ping-rate'],
      limits['websocket-ping-burst'],
      clock.nowMs(),
    )
    const control = (): void => {
      if (controls.spend(1, clock.nowMs()) > 0) {
        this.#refuse(POLICY_VIOLATION, 'too many pings', 'websocket-ping-rate')
      }
    }
    websocket.on('message', (data, isBinary) => {
      if (!isBinary) {
        this.#refuse(UNSUPPORTED_DATA, 'text frame')
      } else if (frames.spend(1, clock.nowMs()) > 0) {
        this.#refuse(POLICY_VIOLATION, 'too many frames', 'websocket-rate')
      } else {
        this.#received(bytesOf(data))
      }
    })
    websocket.on('ping', control)
    websocket.on('pong', control)
    websocket.on('error', (error) => {
      this.#error ??= error
      this.#count(LIBRARY_LIMITS.get('code' in error ? error.code : undefined))
    })
    websocket.on('close', () => {
      if (this.#error !== undefined) {
        this.#user?.failed(this.#error)
      }
      this.#user?.closed()
    })
    websocket.pause()
  }

  get waitingBytes(): number {
    return this.#websocket.bufferedAmount
  }

  get unsentBytes(): number {
    return this.#websocket.bufferedAmount + handleQueue(this.#below)
  }

  use(handler: TransportHandler | undefined): void {
    this.#user = handler
  }

  pause(): void {
    this.#paused = true
    this.#websocket.pause()
  }

  resume(): void {
    this.#paused = false
    this.#drain()
  }

  write(bytes: Uint8Array, written?: () => void): void {
    this.#websocket.send(bytes, { binary: true }, () => written?.())
  }

  end(): void {
    this.#websocket.close(NORMAL)
  }

  destroy(): void {
    this.#websocket.terminate()
  }

  #received(bytes: Buffer): void {
    if (this.#error !== undefined) {
      return
    }
    if (this.#paused) {
      this.#held.push(bytes)
    } else {
      this.#hand(bytes)
    }
  }

  /** Whoever takes the bytes may pause again. */
  #drain(): void {
    while (!this.#paused && this.#held.length > 0) {
      this.#hand(this.#held.shift())
    }
    if (!this.#paused) {
      this.#websocket.resume()
    }
  }

  #hand(bytes: Buffer | undefined): void {
    if (bytes !== undefined && bytes.length > 0) {
      this.#user?.data(bytes)
    }
  }

  #count(limit: LimitKey | undefined): void {
    if (limit !== undefined) {
      this.#limitHits.add(1, { limit })
    }
  }

  #refuse(code: number, reason: string, limit?: LimitKey): void {
    if (this.#error === undefined) {
      this.#count(limit)
      this.#error = new SidecarError('SIDECAR_LIMIT', 'WebSocket peer sent what is not taken', { reason })
      this.#websocket.close(code, reason)
    }
  }
}
