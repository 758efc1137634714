import { Socket } from 'node:net'
import type { WebSocket } from 'ws'

/** The stream inside a WebSocket, in place of a socket; `piece` cuts what is written into frames of so many bytes. */
class WebSocketEnd extends Socket {
  readonly #websocket: WebSocket
  readonly #piece: number

  constructor(websocket: WebSocket, piece = Number.POSITIVE_INFINITY) {
    super()
    this.#websocket = websocket
    this.#piece = piece
    websocket.on('message', (data: Buffer) => this.push(data))
    websocket.on('close', () => this.push(null))
    websocket.on('error', () => this.push(null))
  }

  override _read(): void {
    return
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    for (let at = 0; at < chunk.length; at += this.#piece) {
      this.#websocket.send(chunk.subarray(at, Math.min(chunk.length, at + this.#piece)))
    }
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#websocket.terminate()
    done(error)
  }
}

export const socketOver = (websocket: WebSocket, piece?: number): Socket => new WebSocketEnd(websocket, piece)
