import { connect, createServer, type Server, type Socket } from 'node:net'
import { nowMs } from './temp-deadline.js'

export interface LinkShape {
  /** One-way delay in ms, the same for both directions. */
  readonly delayMs: number
  /** Bits a second in each direction; undefined for no limit. */
  readonly bitsPerSecond?: number
}

/** Bytes under way in one direction before the sender is made to wait, as a router's queue would. */
const QUEUE_BYTES = 256 * 1024
const PIECE_BYTES = 1460

/** A TCP relay with a fixed delay and rate: all randomness of a real network left out on purpose. */
export class Shaper {
  readonly #server: Server
  readonly #sockets: ReadonlySet<Socket>
  readonly port: number

  private constructor(server: Server, sockets: ReadonlySet<Socket>, port: number) {
    this.#server = server
    this.#sockets = sockets
    this.port = port
  }

  /** All connections share the one link, as they do on a real line. */
  static async start(targetPort: number, shape: LinkShape): Promise<Shaper> {
    const up = new OneWay(shape)
    const down = new OneWay(shape)
    const sockets = new Set<Socket>()
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
      const far = connect({ port: targetPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
      for (const socket of [near, far]) {
        sockets.add(socket)
        socket.on('error', () => undefined)
        socket.on('close', () => {
          sockets.delete(socket)
          near.destroy()
          far.destroy()
        })
      }
      up.carry(near, far)
      down.carry(far, near)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    return new Shaper(server, sockets, typeof address === 'object' && address !== null ? address.port : 0)
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) {
      socket.destroy()
    }
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }
}

interface Parcel {
  readonly arrivesMs: number
  readonly deliver: () => void
}

/** One direction of the link: a piece leaves when the line is free and arrives the delay later, always in order. */
class OneWay {
  readonly #shape: LinkShape
  readonly #underWay: Parcel[] = []
  #freeAtMs = 0
  #waiting = false

  constructor(shape: LinkShape) {
    this.#shape = shape
  }

  carry(from: Socket, to: Socket): void {
    let queued = 0
    from.on('data', (data: Buffer) => {
      for (let at = 0; at < data.length; at += PIECE_BYTES) {
        const piece = data.subarray(at, at + PIECE_BYTES)
        queued += piece.length
        this.#send(piece.length, () => {
          queued -= piece.length
          to.write(piece)
          if (queued < QUEUE_BYTES && to.writableLength < QUEUE_BYTES) {
            from.resume()
          }
        })
      }
      if (queued >= QUEUE_BYTES || to.writableLength >= QUEUE_BYTES) {
        from.pause()
      }
    })
    to.on('drain', () => from.resume())
    from.on('end', () => this.#send(0, () => to.end()))
  }

  #send(bytes: number, deliver: () => void): void {
    const { bitsPerSecond, delayMs } = this.#shape
    const onLineMs = bitsPerSecond === undefined ? 0 : (bytes * 8000) / bitsPerSecond
    this.#freeAtMs = Math.max(nowMs(), this.#freeAtMs) + onLineMs
    this.#underWay.push({ arrivesMs: this.#freeAtMs + delayMs, deliver })
    this.#wait()
  }

  /** One timer for the first parcel only: timers of their own would overtake each other by rounding. */
  #wait(): void {
    const [first] = this.#underWay
    if (first === undefined || this.#waiting) {
      return
    }
    this.#waiting = true
    setTimeout(
      () => {
        this.#waiting = false
        while (this.#underWay[0] !== undefined && this.#underWay[0].arrivesMs <= nowMs()) {
          this.#underWay.shift()!.deliver()
        }
        this.#wait()
      },
      Math.max(0, first.arrivesMs - nowMs()),
    )
  }
}
