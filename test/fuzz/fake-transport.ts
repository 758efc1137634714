import type { Transport, TransportHandler } from '../../src/server/transport.js'
import type { FakeClock } from '../helpers/fake-clock.js'
import { hold } from './oracle.js'

interface Write {
  readonly bytes: Uint8Array
  taken: number
  readonly written: (() => void) | undefined
}

/** A socket whose peer is the test: it takes bytes when it likes, and time passes before the end of anything is told. */
export class FakeTransport implements Transport {
  readonly remoteAddress = '192.0.2.1'
  readonly secure = false
  readonly local = false
  destroyed = false
  readonly #clock: FakeClock
  #user: TransportHandler | undefined
  #paused = true
  #ending = false
  #peerEnded = false
  readonly #inbox: Uint8Array[] = []
  readonly #queue: Write[] = []
  #waiting = 0

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  get waitingBytes(): number {
    return this.#waiting
  }

  get unsentBytes(): number {
    return this.#waiting
  }

  use(handler: TransportHandler | undefined): void {
    this.#user = handler
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    if (this.#inbox.length > 0 || this.#peerEnded) {
      this.#clock.nextTurn(() => this.#flush())
    }
  }

  write(bytes: Uint8Array, written?: () => void): void {
    hold(!this.#ending && !this.destroyed, 'nothing is written behind the end')
    this.#queue.push({ bytes, taken: 0, written })
    this.#waiting += bytes.length
  }

  end(): void {
    this.#ending = true
    this.#closeWhenDone()
  }

  destroy(): void {
    if (!this.destroyed) {
      this.destroyed = true
      this.#queue.length = 0
      this.#inbox.length = 0
      this.#waiting = 0
      this.#clock.nextTurn(() => this.#user?.closed())
    }
  }

  /** The peer sends bytes. */
  deliver(bytes: Uint8Array): void {
    if (!this.destroyed && !this.#peerEnded && bytes.length > 0) {
      this.#inbox.push(bytes)
      this.#flush()
    }
  }

  /** The peer sends nothing more. */
  peerEnds(): void {
    this.#peerEnded = true
    this.#flush()
  }

  /** The connection breaks. */
  breaks(): void {
    if (!this.destroyed) {
      this.#user?.failed(new Error('reset by peer'))
      this.destroy()
    }
  }

  /** The peer takes at most `size` bytes. */
  take(size: number): Uint8Array {
    const parts: Uint8Array[] = []
    for (let left = size, first = this.#queue[0]; left > 0 && first !== undefined; first = this.#queue[0]) {
      const part = first.bytes.subarray(first.taken, first.taken + left)
      parts.push(part)
      left -= part.length
      this.#waiting -= part.length
      first.taken += part.length
      if (first.taken < first.bytes.length) {
        break
      }
      this.#queue.shift()
      first.written?.()
    }
    this.#closeWhenDone()
    return Buffer.concat(parts)
  }

  #flush(): void {
    while (!this.#paused && !this.destroyed) {
      const bytes = this.#inbox.shift()
      if (bytes === undefined) {
        break
      }
      this.#user?.data(bytes)
    }
    if (this.#peerEnded && !this.#paused && !this.destroyed && this.#inbox.length === 0) {
      this.#user?.end()
    }
  }

  #closeWhenDone(): void {
    if (this.#ending && this.#queue.length === 0) {
      this.destroy()
    }
  }
}
