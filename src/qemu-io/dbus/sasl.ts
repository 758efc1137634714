import { SidecarError } from '../../core/errors.js'

const MAX_LINE = 512
const encoder = new TextEncoder()

type Stage = 'authenticating' | 'negotiating' | 'done'

/** Hex digits of the ASCII digits of a number. */
const hexOfDecimal = (value: number): string =>
  [...encoder.encode(String(value))].map((byte) => byte.toString(16).padStart(2, '0')).join('')

/**
 * Client side of the D-Bus handshake with the EXTERNAL mechanism and descriptor passing; QEMU is the server on the
 * main connection and on every listener socket (qemu-integration.md 2.2). Pure: the caller moves the bytes, as with
 * the message framer.
 */
export class SaslClient {
  readonly #uid: number
  readonly #line = new Uint8Array(MAX_LINE)
  #have = 0
  #stage: Stage = 'authenticating'

  constructor(uid: number) {
    this.#uid = uid
  }

  get done(): boolean {
    return this.#stage === 'done'
  }

  /** What to send first. */
  start(): Uint8Array {
    return encoder.encode(`\0AUTH EXTERNAL ${hexOfDecimal(this.#uid)}\r\n`)
  }

  target(): Uint8Array {
    return this.#line.subarray(this.#have)
  }

  /**
   * @returns what to send, if a whole line is there
   * @throws SidecarError SIDECAR_PROTOCOL when the server refuses or does not keep to the handshake
   */
  filled(length: number): Uint8Array | undefined {
    this.#have += length
    const end = this.#line.subarray(0, this.#have).indexOf(0x0a)
    if (end < 0) {
      return this.#have < MAX_LINE ? undefined : this.#fail('sends an endless line')
    }
    // The server speaks only when asked: a byte behind the line is not part of the handshake.
    if (end !== this.#have - 1 || this.#line[end - 1] !== 0x0d) {
      return this.#fail('does not keep to lines')
    }
    const line = String.fromCharCode(...this.#line.subarray(0, end - 1))
    this.#have = 0
    return this.#answer(line)
  }

  #answer(line: string): Uint8Array {
    if (this.#stage === 'authenticating' && /^OK [0-9a-fA-F]{32}$/.test(line)) {
      this.#stage = 'negotiating'
      return encoder.encode('NEGOTIATE_UNIX_FD\r\n')
    }
    if (this.#stage === 'negotiating' && line === 'AGREE_UNIX_FD') {
      this.#stage = 'done'
      return encoder.encode('BEGIN\r\n')
    }
    return this.#fail(
      this.#stage === 'authenticating' ? 'refused to authenticate us' : 'refused to pass descriptors',
    )
  }

  #fail(what: string): never {
    throw new SidecarError('SIDECAR_PROTOCOL', `d-bus peer ${what}`)
  }
}
