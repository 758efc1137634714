import type { Socket } from 'node:net'
import type { RawData, WebSocket } from 'ws'
import type { Clock } from '../core/clock.js'
import { SidecarError } from '../core/errors.js'
import { RateBudget } from './rate-budget.js'
import { handleQueue, type Transport, type TransportHandler } from './transport.js'

/** Largest message from a client; SPICE itself sets much smaller ones. */
export const MAX_PAYLOAD_BYTES = 1024 * 1024
/** Fragments of one message. */
export const MAX_FRAGMENTS = 64
/** A client sends about one frame for each SPICE message. */
const FRAMES_PER_SECOND = 2000
const FRAME_BURST = 8192
/** Pings and pongs. */
const CONTROLS_PER_SECOND = 10
const CONTROL_BURST = 50

const NORMAL = 1000
const UNSUPPORTED_DATA = 1003
const POLICY_VIOLATION = 1008

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
  readonly #websocket: WebSocket
  readonly #below: Socket
  /** What arrived although it is paused: at most one read of the socket. */
  readonly #held: Buffer[] = []
  #paused = true
  #user: TransportHandler | undefined
  #error: Error | undefined

  /** `below` is the socket that carries the frames. */
  constructor(
    websocket: WebSocket,
    below: Socket,
    facts: Pick<Transport, 'remoteAddress' | 'secure' | 'local'>,
    clock: Clock,
  ) {
    this.#websocket = websocket
    this.#below = below
    this.remoteAddress = facts.local ? undefined : facts.remoteAddress
    this.secure = facts.secure
    this.local = facts.local
    const frames = new RateBudget(FRAMES_PER_SECOND, FRAME_BURST, clock.nowMs())
    const controls = new RateBudget(CONTROLS_PER_SECOND, CONTROL_BURST, clock.nowMs())
    const control = (): void => {
      if (controls.spend(1, clock.nowMs()) > 0) {
        this.#refuse(POLICY_VIOLATION, 'too many pings')
      }
    }
    websocket.on('message', (data, isBinary) => {
      if (!isBinary) {
        this.#refuse(UNSUPPORTED_DATA, 'text frame')
      } else if (frames.spend(1, clock.nowMs()) > 0) {
        this.#refuse(POLICY_VIOLATION, 'too many frames')
      } else {
        this.#received(bytesOf(data))
      }
    })
    websocket.on('ping', control)
    websocket.on('pong', control)
    websocket.on('error', (error) => {
      this.#error ??= error
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

  #refuse(code: number, reason: string): void {
    if (this.#error === undefined) {
      this.#error = new SidecarError('SIDECAR_LIMIT', 'WebSocket peer sent what is not taken', { reason })
      this.#websocket.close(code, reason)
    }
  }
}
