import koffi, { type LibraryHandle } from 'koffi'
import { SidecarError } from '../core/errors.js'
import type { CallSlots } from './call-slots.js'
import { copyOf, memory, textAt, textMemory, type Whole } from './sasl-memory.js'
import { libcFunction } from './system-call.js'

/** Largest answer of one step that is handed on (`protocol-session.md` 1.7), bytes. */
const MAX_ANSWER = 1024 * 1024

/** Size of the buffer that clients are told of; encoded data is fed in smaller pieces (`protocol-session.md` 1.7). */
const RECEIVE_BUFFER = 8192

/** Bounds of the strength of a security layer of SASL's own: outside TLS it is needed, inside it is not wanted. */
const LAYER_STRENGTH = { min: 56, max: 100_000 }

const SASL_OK = 0
const SASL_CONTINUE = 1
const SASL_SUCCESS_DATA = 4
const SASL_SEC_NOPLAINTEXT = 0x1
const SASL_SEC_NOANONYMOUS = 0x10

const PROP_USERNAME = 0
const PROP_STRENGTH = 1
const PROP_MAX_OUT = 2
const PROP_EXTERNAL_STRENGTH = 100
const PROP_SECURITY = 101

type Value = number | bigint | null
/** A function that takes addresses and numbers, here or on another thread. */
type Native = ((...values: Value[]) => number) & {
  async(...values: [...Value[], (error: Error | null, result: number) => void]): void
}

const SERVICE = textMemory('spice')
const COMMA = textMemory(',')

/** Mutexes for the library, which has none of its own unless it is given some. */
const giveMutexes = (library: LibraryHandle): void => {
  const dlsym: (handle: bigint, name: string) => Whole = libcFunction(
    'uint64_t dlsym(uint64_t handle, const char *name)',
  )
  const calloc: (count: number, size: number) => Whole = libcFunction(
    'uint64_t calloc(uint64_t count, uint64_t size)',
  )
  const symbol = (name: string): bigint => BigInt(dlsym(0n, name))
  const prototype = koffi.proto('uint64_t SaslMutexAlloc(void)')
  // All zero is an unlocked mutex of glibc; 128 bytes are more than it has on any machine.
  const alloc = koffi.register(() => calloc(1, 128), koffi.pointer(prototype))
  const setMutex: (...functions: readonly bigint[]) => void = library.func(
    'void sasl_set_mutex(SaslMutexAlloc *alloc, uint64_t lock, uint64_t unlock, uint64_t free)',
  )
  setMutex(alloc, symbol('pthread_mutex_lock'), symbol('pthread_mutex_unlock'), symbol('free'))
}

const openLibrary = (): LibraryHandle => {
  try {
    return koffi.load('libsasl2.so.2')
  } catch (cause) {
    throw new SidecarError('SIDECAR_HOST', 'cannot load libsasl2.so.2, so SASL is not there', {}, cause)
  }
}

/** An answer of the mechanism to the client; `data` is `undefined` when it has none, which is not the same as empty. */
export interface SaslAnswer {
  readonly complete: boolean
  readonly data: Uint8Array | undefined
}

/** Who a complete exchange proved the client to be, and what it agreed on. */
export interface SaslOutcome {
  readonly user: string
  /** Strength of the layer in bits; 0 means that there is none. */
  readonly strength: number
  /** Most bytes that one call may encode. */
  readonly maxPiece: number
}

/**
 * Cyrus SASL, the library that QEMU's built-in server uses. Its configuration is the file `qemu.conf` in one of the
 * directories of `SASL_CONF_PATH` or in its default ones (kubevirt-and-ecosystem.md 17). It lives as long as the process.
 */
export class SaslLibrary {
  static #instance: SaslLibrary | undefined
  readonly #library: LibraryHandle
  readonly functions: Readonly<Record<'new' | 'mechanisms' | 'start' | 'step', Native>> &
    Readonly<Record<'setProperty' | 'getProperty' | 'encode' | 'decode' | 'dispose', Native>>
  readonly #errorDetail: (connection: bigint) => bigint

  private constructor() {
    this.#library = openLibrary()
    const address = 'uint64_t'
    const native = (name: string, ...types: readonly string[]): Native =>
      this.#library.func(name, 'int', [...types]) as Native
    this.functions = {
      new: native('sasl_server_new', ...Array<string>(6).fill(address), 'uint32_t', address),
      mechanisms: native('sasl_listmech', ...Array<string>(8).fill(address)),
      start: native('sasl_server_start', address, address, address, 'uint32_t', address, address),
      step: native('sasl_server_step', address, address, 'uint32_t', address, address),
      setProperty: native('sasl_setprop', address, 'int', address),
      getProperty: native('sasl_getprop', address, 'int', address),
      encode: native('sasl_encode', address, address, 'uint32_t', address, address),
      decode: native('sasl_decode', address, address, 'uint32_t', address, address),
      dispose: this.#library.func('sasl_dispose', 'void', [address]) as Native,
    }
    const detail: (connection: bigint) => Whole = this.#library.func('sasl_errdetail', address, [address])
    this.#errorDetail = (connection) => BigInt(detail(connection))
    giveMutexes(this.#library)
    const init: (callbacks: null, application: string) => number = this.#library.func(
      'int sasl_server_init(const void *callbacks, const char *application)',
    )
    const code = init(null, 'qemu')
    if (code !== SASL_OK) {
      throw new SidecarError('SIDECAR_HOST', 'libsasl2 cannot be used: look at its configuration file', {
        result: code,
      })
    }
  }

  /**
   * Loads the library and its plugins, once for the process.
   *
   * @throws SidecarError SIDECAR_HOST when it is not installed or refuses its configuration
   */
  static open(): SaslLibrary {
    SaslLibrary.#instance ??= new SaslLibrary()
    return SaslLibrary.#instance
  }

  /**
   * One client to authenticate.
   *
   * @param externalStrength bits of the TLS connection around it, 0 without TLS
   * @param slots holds its calls; each takes a thread of Node's pool, which files and keys need as well
   */
  exchange(externalStrength: number, slots: CallSlots): SaslServerExchange {
    return new SaslServerExchange(this, externalStrength, slots)
  }

  /** What the library says about the last failure of a connection, in one printable line. */
  detail(connection: bigint): string {
    return textAt(this.#errorDetail(connection))
      .replaceAll(/[^ -~]+/g, ' ')
      .slice(0, 200)
  }
}

/** Runs a function on another thread. The caller keeps what the addresses point to. */
const onThread = (native: Native, ...values: Value[]): Promise<number> =>
  new Promise((resolve, reject) => {
    native.async(...values, (error, result) => {
      if (error === null) {
        resolve(result)
      } else {
        reject(new SidecarError('SIDECAR_HOST', 'call of libsasl2 failed', {}, error))
      }
    })
  })

/**
 * The server's side of one authentication. What may wait for a directory, a disk or a name server runs on another
 * thread, a few at once; the calls of one exchange come one after the other.
 */
export class SaslServerExchange {
  readonly #library: SaslLibrary
  readonly #externalStrength: number
  readonly #slots: CallSlots
  /** Where the library puts an address (at 0) and a length (at 8); the rest is for properties. */
  readonly #scratch = memory(64)
  readonly #view = new DataView(this.#scratch.bytes.buffer)
  #connection = 0n
  #busy = false
  #disposed = false

  constructor(library: SaslLibrary, externalStrength: number, slots: CallSlots) {
    this.#library = library
    this.#externalStrength = externalStrength
    this.#slots = slots
  }

  /**
   * Mechanisms for this client, with a comma around each: `,SCRAM-SHA-256,PLAIN,`.
   *
   * @throws SidecarError SIDECAR_HOST when there is none, SIDECAR_PEER_GONE once disposed
   */
  mechanisms(): Promise<string> {
    return this.#run(async () => {
      const { functions } = this.#library
      const out = this.#scratch.address
      const made = await onThread(functions.new, SERVICE.address, 0, 0, 0, 0, 0, SASL_SUCCESS_DATA, out)
      if (made !== SASL_OK) {
        throw new SidecarError('SIDECAR_HOST', 'libsasl2 cannot begin an exchange', { result: made })
      }
      this.#connection = this.#view.getBigUint64(0, true)
      this.#mustLive()
      this.#setSecurity()
      const mark = COMMA.address
      const code = await onThread(
        functions.mechanisms,
        this.#connection,
        0,
        mark,
        mark,
        mark,
        out,
        out + 8n,
        out + 16n,
      )
      const list = code === SASL_OK ? textAt(this.#view.getBigUint64(0, true)) : ''
      if (/^,*$/.test(list)) {
        throw new SidecarError(
          'SIDECAR_HOST',
          this.#externalStrength > 0
            ? 'SASL has no mechanism to offer: look at mech_list and at the installed plugins'
            : 'SASL has no mechanism to offer: without TLS only those with a security layer are allowed',
          { result: code },
        )
      }
      return list
    })
  }

  /**
   * @throws SidecarError SIDECAR_AUTH when the mechanism refuses, SIDECAR_PEER_GONE once disposed, and as `CallSlots.run`
   */
  start(mechanism: string, data: Uint8Array | undefined): Promise<SaslAnswer> {
    const name = textMemory(mechanism)
    return this.#exchange(data, (input, size, out) =>
      onThread(
        this.#library.functions.start,
        this.#connection,
        name.address,
        input,
        size,
        out,
        out + 8n,
      ).finally(() => name.bytes.fill(0)),
    )
  }

  /** @throws SidecarError SIDECAR_AUTH when the mechanism refuses, SIDECAR_PEER_GONE once disposed */
  step(data: Uint8Array | undefined): Promise<SaslAnswer> {
    return this.#exchange(data, (input, size, out) =>
      onThread(this.#library.functions.step, this.#connection, input, size, out, out + 8n),
    )
  }

  /**
   * Valid once an answer was complete.
   *
   * @throws SidecarError SIDECAR_AUTH when the library names no user
   */
  outcome(): SaslOutcome {
    const user = textAt(this.#property(PROP_USERNAME))
    const strength = this.#number(PROP_STRENGTH)
    if (user === '') {
      throw new SidecarError('SIDECAR_AUTH', 'SASL named no user')
    }
    return { user, strength, maxPiece: strength === 0 ? 0 : this.#number(PROP_MAX_OUT) }
  }

  /** Puts bytes into the security layer; at most `maxPiece` of them. */
  encode(bytes: Uint8Array): Uint8Array {
    return this.#layer(this.#library.functions.encode, bytes)
  }

  /** Takes bytes out of the security layer; what is incomplete is kept. At most 4096 of them. */
  decode(bytes: Uint8Array): Uint8Array {
    return this.#layer(this.#library.functions.decode, bytes)
  }

  /** Frees it, at the end of the call in progress if there is one; callable any number of times. */
  dispose(): void {
    this.#disposed = true
    if (!this.#busy && this.#connection !== 0n) {
      this.#view.setBigUint64(0, this.#connection, true)
      this.#connection = 0n
      this.#library.functions.dispose(this.#scratch.address)
    }
  }

  /** A call that is given up goes on here, and frees the exchange when it returns at last. */
  #run<T>(body: () => Promise<T>): Promise<T> {
    return this.#slots.run(async () => {
      this.#mustLive()
      this.#busy = true
      try {
        return await body()
      } finally {
        this.#busy = false
        if (this.#disposed) {
          this.dispose()
        }
      }
    })
  }

  #mustLive(): void {
    if (this.#disposed) {
      throw new SidecarError('SIDECAR_PEER_GONE', 'the exchange is over already')
    }
  }

  #setSecurity(): void {
    const inside = this.#externalStrength > 0
    const at = this.#scratch.address
    if (inside) {
      this.#view.setUint32(16, this.#externalStrength, true)
      this.#check(this.#set(PROP_EXTERNAL_STRENGTH, at + 16n), 'SASL does not take the strength of TLS')
    }
    this.#view.setUint32(24, inside ? 0 : LAYER_STRENGTH.min, true)
    this.#view.setUint32(28, inside ? 0 : LAYER_STRENGTH.max, true)
    this.#view.setUint32(32, RECEIVE_BUFFER, true)
    this.#view.setUint32(36, SASL_SEC_NOANONYMOUS | (inside ? 0 : SASL_SEC_NOPLAINTEXT), true)
    this.#check(this.#set(PROP_SECURITY, at + 24n), 'SASL does not take the demands on its security layer')
  }

  #set(property: number, address: bigint): number {
    return this.#library.functions.setProperty(this.#connection, property, address)
  }

  /** The value itself where it is an address, as that of a text is. */
  #property(property: number): bigint {
    const out = this.#scratch.address
    this.#check(
      this.#library.functions.getProperty(this.#connection, property, out),
      'SASL does not tell what it agreed on',
    )
    return this.#view.getBigUint64(0, true)
  }

  #number(property: number): number {
    const address = this.#property(property)
    return address === 0n ? 0 : new DataView(copyOf(address, 4).buffer).getUint32(0, true)
  }

  #exchange(
    data: Uint8Array | undefined,
    call: (input: bigint, size: number, out: bigint) => Promise<number>,
  ): Promise<SaslAnswer> {
    return this.#run(async () => {
      const input = memory((data?.length ?? 0) + 1)
      input.bytes.set(data ?? [])
      this.#scratch.bytes.fill(0, 0, 16)
      const code = await call(
        data === undefined ? 0n : input.address,
        data?.length ?? 0,
        this.#scratch.address,
      )
      // It may be a password.
      input.bytes.fill(0)
      if (code !== SASL_CONTINUE) {
        this.#check(code, 'SASL refused the client')
      }
      const address = this.#view.getBigUint64(0, true)
      const size = this.#view.getUint32(8, true)
      if (size > MAX_ANSWER) {
        throw new SidecarError('SIDECAR_AUTH', 'the answer of SASL is too long', { size, max: MAX_ANSWER })
      }
      return { complete: code === SASL_OK, data: address === 0n ? undefined : copyOf(address, size) }
    })
  }

  #layer(native: Native, bytes: Uint8Array): Uint8Array {
    const input = memory(bytes.length + 1)
    input.bytes.set(bytes)
    this.#scratch.bytes.fill(0, 0, 16)
    const out = this.#scratch.address
    const code = native(this.#connection, input.address, bytes.length, out, out + 8n)
    if (code !== SASL_OK) {
      throw new SidecarError('SIDECAR_PROTOCOL', 'security layer of SASL is broken', { result: code })
    }
    const size = this.#view.getUint32(8, true)
    return size === 0 ? new Uint8Array(0) : copyOf(this.#view.getBigUint64(0, true), size)
  }

  #check(code: number, text: string): void {
    if (code !== SASL_OK) {
      throw new SidecarError('SIDECAR_AUTH', text, {
        result: code,
        detail: this.#connection === 0n ? '' : this.#library.detail(this.#connection),
      })
    }
  }
}
