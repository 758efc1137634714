import { SidecarError } from '../../src/core/errors.js'
import type { SaslProvider } from '../../src/server/index.js'

interface Answer {
  readonly complete: boolean
  readonly data: Uint8Array | undefined
}

/** What the library was asked, in order; data as text, `none` for no data at all. */
export type Asked = readonly [call: string, ...rest: string[]]

const shown = (data: Uint8Array | undefined): string =>
  data === undefined ? 'none' : `"${Buffer.from(data).toString('latin1')}"`

/** Inverts all bits behind a length, as a security layer that needs whole packets. */
const packet = (bytes: Uint8Array): Buffer => {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(bytes.length)
  return Buffer.concat([size, bytes.map((byte) => byte ^ 0xff)])
}

export interface FakeSaslOptions {
  readonly list?: string
  /** Answers of start and steps; `undefined` refuses, and behind the last one all are `{ complete: false }`. */
  readonly answers?: readonly (Answer | undefined)[]
  readonly user?: string
  readonly strength?: number
  readonly maxPiece?: number
}

/** One exchange with a library that does what the test says, in later turns. */
export class FakeExchange {
  readonly asked: Asked[] = []
  readonly externalStrength: number
  disposed = 0
  #pending = Buffer.alloc(0)
  #answered = 0
  readonly #options: FakeSaslOptions

  constructor(options: FakeSaslOptions, externalStrength = 0) {
    this.#options = options
    this.externalStrength = externalStrength
  }

  async mechanisms(): Promise<string> {
    await Promise.resolve()
    return this.#options.list ?? ',FAKE,OTHER,'
  }

  start(mechanism: string, data: Uint8Array | undefined): Promise<Answer> {
    this.asked.push(['start', mechanism, shown(data)])
    return this.#answer()
  }

  step(data: Uint8Array | undefined): Promise<Answer> {
    this.asked.push(['step', shown(data)])
    return this.#answer()
  }

  outcome(): { user: string; strength: number; maxPiece: number } {
    if (this.#options.user === '') {
      throw new SidecarError('SIDECAR_AUTH', 'SASL named no user')
    }
    const { user = 'alice', strength = 128, maxPiece = 4096 } = this.#options
    return { user, strength, maxPiece }
  }

  encode(bytes: Uint8Array): Uint8Array {
    return packet(bytes)
  }

  decode(bytes: Uint8Array): Uint8Array {
    this.#pending = Buffer.concat([this.#pending, bytes])
    const plain: Buffer[] = []
    while (this.#pending.length >= 4) {
      const size = this.#pending.readUInt32LE(0)
      if (size > 8192) {
        throw new SidecarError('SIDECAR_PROTOCOL', 'packet of the layer is too long')
      }
      if (this.#pending.length < 4 + size) {
        break
      }
      plain.push(Buffer.from(this.#pending.subarray(4, 4 + size).map((byte) => byte ^ 0xff)))
      this.#pending = this.#pending.subarray(4 + size)
    }
    return Buffer.concat(plain)
  }

  dispose(): void {
    this.disposed += 1
  }

  async #answer(): Promise<Answer> {
    await Promise.resolve()
    const { answers = [{ complete: true, data: undefined }] } = this.#options
    const answer =
      this.#answered < answers.length ? answers[this.#answered] : { complete: false, data: undefined }
    this.#answered += 1
    if (answer === undefined) {
      throw new SidecarError('SIDECAR_AUTH', 'SASL refused the client')
    }
    return answer
  }
}

/** A library whose exchanges can be looked at afterwards; `options` may change between them. */
export class FakeSasl implements SaslProvider {
  options: FakeSaslOptions
  readonly exchanges: FakeExchange[] = []

  constructor(options: FakeSaslOptions = {}) {
    this.options = options
  }

  exchange(externalStrength: number): FakeExchange {
    const exchange = new FakeExchange(this.options, externalStrength)
    this.exchanges.push(exchange)
    return exchange
  }
}
