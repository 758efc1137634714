import { asSidecarError, SidecarError } from '../core/errors.js'
import type { LimitKey, Limits } from '../core/limits.js'
import { LINK_ERROR, type LinkErrorCode } from '../protocol/index.js'

/** Bounds of one exchange; the step that starts it counts. */
export type SaslLimits = Pick<Limits, 'sasl-name' | 'sasl-data' | 'sasl-steps'>

/** Longest list that a stock client takes (`protocol-session.md` 1.7), bytes. */
const MAX_LIST = 300

/** Least strength of the security layer where nothing else encrypts, bits. */
const MIN_STRENGTH = 56

/** Smallest piece that a client may have us encode into, so that a layer does not swell what it carries. */
const MIN_PIECE = 1024

/** What a mechanism answers; no `data` is not the same as empty data. */
export interface SaslAnswer {
  readonly complete: boolean
  readonly data: Uint8Array | undefined
}

/** A security layer that was agreed on. Both calls throw SidecarError when it breaks. */
export interface SaslLayer {
  /** At most `maxPiece` bytes. */
  encode(bytes: Uint8Array): Uint8Array
  /** At most 4096 bytes; incomplete ones are kept until the rest comes. */
  decode(bytes: Uint8Array): Uint8Array
  dispose(): void
}

/** One authentication by a library; its promises reject with a SidecarError. */
export interface SaslExchange extends SaslLayer {
  /** With a comma around each. */
  mechanisms(): Promise<string>
  start(mechanism: string, data: Uint8Array | undefined): Promise<SaslAnswer>
  step(data: Uint8Array | undefined): Promise<SaslAnswer>
  outcome(): { readonly user: string; readonly strength: number; readonly maxPiece: number }
}

/** What a client proved to be. */
export interface SaslProven {
  readonly user: string
  /** The layer that all further bytes go through; `undefined` inside TLS. */
  readonly layer: { readonly codec: SaslLayer; readonly maxPiece: number } | undefined
}

export interface SaslEvents {
  write(bytes: Uint8Array): void
  /** More bytes of the client are wanted. */
  ready(): void
  /** `rest` came along, inside the layer. The owner disposes of the exchange from now on. */
  proven(proven: SaslProven, rest: Uint8Array): void
  /** `code`: the error reply that the client gets, if it gets one. */
  refused(error: SidecarError, code: LinkErrorCode | undefined): void
}

type Part = 'name-size' | 'name' | 'data-size' | 'data'

const u32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}

const join = (...parts: readonly Uint8Array[]): Uint8Array => {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

const NUL = new Uint8Array(1)

/** Length and data with a counted NUL; without data the length 0 alone. */
const blob = (data: Uint8Array | undefined): Uint8Array =>
  data === undefined ? u32(0) : join(u32(data.length + 1), data, NUL)

/**
 * The exchange behind the mechanism word (`protocol-session.md` 1.7): no socket, no timer, no library. One message is
 * collected at a time, in memory of the size that it announced.
 */
export class SaslSession {
  readonly #exchange: SaslExchange
  readonly #secure: boolean
  readonly #limits: SaslLimits
  readonly #events: SaslEvents
  #part: Part = 'name-size'
  #wanted: Uint8Array = new Uint8Array(4)
  #have = 0
  #rest: Uint8Array = new Uint8Array(0)
  #list = ''
  #name = ''
  #steps = 0
  #busy = false
  #over = false

  /** `secure`: the connection is inside TLS. */
  constructor(exchange: SaslExchange, secure: boolean, limits: SaslLimits, events: SaslEvents) {
    this.#exchange = exchange
    this.#secure = secure
    this.#limits = limits
    this.#events = events
  }

  /** The library is at work: the connection should not be read meanwhile. */
  get busy(): boolean {
    return this.#busy
  }

  /** Offers the mechanisms. */
  start(): void {
    this.#ask(this.#exchange.mechanisms(), (list) => {
      if (!/^,(?:[\w-]+,)+$/.test(list) || list.length > MAX_LIST) {
        this.#refuse('SASL has no usable list of mechanisms')
        return
      }
      this.#list = list
      const bytes = new TextEncoder().encode(list)
      this.#events.write(join(u32(bytes.length), bytes))
    })
  }

  push(chunk: Uint8Array): void {
    if (this.#over) {
      return
    }
    this.#rest = this.#rest.length === 0 ? chunk : join(this.#rest, chunk)
    this.#run()
  }

  /** The connection is gone. */
  close(): void {
    if (!this.#over) {
      this.#over = true
      this.#exchange.dispose()
    }
  }

  #run(): void {
    while (!this.#busy && !this.#over) {
      const size = Math.min(this.#wanted.length - this.#have, this.#rest.length)
      this.#wanted.set(this.#rest.subarray(0, size), this.#have)
      this.#rest = this.#rest.subarray(size)
      this.#have += size
      if (this.#have < this.#wanted.length) {
        return
      }
      this.#complete(this.#wanted)
    }
  }

  #want(part: Part, size: number): void {
    this.#part = part
    this.#wanted = new Uint8Array(size)
    this.#have = 0
  }

  #complete(bytes: Uint8Array): void {
    switch (this.#part) {
      case 'name-size': {
        const size = new DataView(bytes.buffer).getUint32(0, true)
        if (size < 1 || size > this.#limits['sasl-name']) {
          this.#refuse('name of the SASL mechanism has an impossible length', undefined, 'sasl-name')
          return
        }
        this.#want('name', size)
        return
      }
      case 'name': {
        this.#chosen(bytes)
        return
      }
      case 'data-size': {
        this.#dataSize(new DataView(bytes.buffer).getUint32(0, true))
        return
      }
      case 'data': {
        // The last byte stands for a zero, but with Kerberos a stock client leaves another value there.
        this.#step(bytes.subarray(0, -1))
      }
    }
  }

  #chosen(bytes: Uint8Array): void {
    const name = String.fromCharCode(...bytes)
    if (name.includes(',') || !this.#list.includes(`,${name},`)) {
      this.#refuse('peer chose a SASL mechanism that was not offered', LINK_ERROR.invalidData)
      return
    }
    this.#name = name
    this.#want('data-size', 4)
  }

  #dataSize(size: number): void {
    if (size > this.#limits['sasl-data']) {
      const code = this.#steps === 0 ? LINK_ERROR.invalidData : undefined
      this.#refuse('data of a SASL step is too long', code, 'sasl-data')
    } else if (size === 0) {
      this.#step(undefined)
    } else {
      this.#want('data', size)
    }
  }

  #step(data: Uint8Array | undefined): void {
    this.#steps += 1
    if (this.#steps > this.#limits['sasl-steps']) {
      this.#refuse('peer needs too many SASL steps', undefined, 'sasl-steps')
      return
    }
    this.#want('data-size', 4)
    const asked = this.#steps === 1 ? this.#exchange.start(this.#name, data) : this.#exchange.step(data)
    this.#ask(asked, (answer) => {
      // It may be a password.
      data?.fill(0)
      this.#events.write(join(blob(answer.data), Uint8Array.of(answer.complete ? 1 : 0)))
      if (answer.complete) {
        this.#finish()
      }
    })
  }

  #finish(): void {
    let outcome: ReturnType<SaslExchange['outcome']>
    try {
      outcome = this.#exchange.outcome()
    } catch (error) {
      this.#fail(asSidecarError(error), undefined)
      return
    }
    const { user, strength, maxPiece } = outcome
    if (!this.#secure && (strength < MIN_STRENGTH || maxPiece < MIN_PIECE)) {
      const text = new TextEncoder().encode('Authentication failed')
      this.#events.write(join(u32(1), blob(text)))
      this.#refuse('security layer of SASL is too weak')
      return
    }
    this.#over = true
    this.#events.write(u32(0))
    const layer = strength > 0 ? { codec: this.#exchange, maxPiece } : undefined
    this.#events.proven({ user, layer }, this.#rest)
    if (layer === undefined) {
      this.#exchange.dispose()
    }
  }

  /** Waits for the library, then goes on with what came meanwhile. */
  #ask<T>(asked: Promise<T>, then: (answer: T) => void): void {
    this.#busy = true
    void asked.then(
      (answer) => {
        this.#busy = false
        if (!this.#over) {
          then(answer)
        }
        this.#goOn()
      },
      (error: unknown) => {
        this.#busy = false
        this.#fail(asSidecarError(error), undefined)
      },
    )
  }

  #goOn(): void {
    this.#run()
    if (!this.#over && !this.#busy) {
      this.#events.ready()
    }
  }

  #refuse(text: string, code?: LinkErrorCode, limit?: LimitKey): void {
    this.#fail(new SidecarError('SIDECAR_LINK', text, limit === undefined ? {} : { limit }), code)
  }

  #fail(error: SidecarError, code: LinkErrorCode | undefined): void {
    if (!this.#over) {
      this.close()
      this.#events.refused(error, code)
    }
  }
}
