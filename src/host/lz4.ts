import type { LibraryHandle } from 'koffi'
import { SidecarError } from '../core/errors.js'
import { openShared, probeLibrary, type OpenLibrary, type Probe } from './optional-library.js'
import { checkHeld, heldStill, onThread, ThreadCalls, type Native } from './thread-calls.js'

const SONAME = 'liblz4.so.1'

/** Most bytes that one block can be made of. */
export const LZ4_MAX_INPUT = 0x7e000000

/** The setting of the reference encoder (`codecs.md` section 5). */
const ACCELERATION = 1

const bind = (library: LibraryHandle): Lz4 =>
  new Lz4(
    library.func('LZ4_compress_fast', 'int', [
      ...['const void *', 'void *'],
      ...['int', 'int', 'int'],
    ]) as Native,
  )

/** Most bytes that a block of `size` bytes can take. */
export const lz4MaxBlockSize = (size: number): number => size + Math.floor(size / 255) + 16

/** liblz4 (`performance-notes.md` section 6). */
export class Lz4 {
  readonly compressFast: Native

  constructor(compressFast: Native) {
    this.compressFast = compressFast
  }

  compressor(): Lz4Compressor {
    return new Lz4Compressor(this)
  }
}

/** Codes raw LZ4 blocks, here or on other threads. Outputs of calls in flight are kept until `trim` or `close`. */
export class Lz4Compressor {
  readonly #library: Lz4
  readonly #calls = new ThreadCalls('the LZ4 compressor')
  #idle: Uint8Array<ArrayBuffer>[] = []

  constructor(library: Lz4) {
    this.#library = library
  }

  /**
   * Codes `source` as one block, at once.
   *
   * HOT PATH: one foreign call that writes where the result belongs.
   *
   * @returns bytes written, or -1 when the result does not fit
   * @throws SidecarError SIDECAR_BUG for a source of no or too many bytes, SIDECAR_PEER_GONE once closed
   */
  compress(source: Uint8Array, out: Uint8Array): number {
    this.#calls.checkOpen()
    checkSize(source)
    const room = Math.min(out.length, LZ4_MAX_INPUT)
    const size = this.#library.compressFast(source, out, source.length, room, ACCELERATION)
    return size > 0 ? size : -1
  }

  /**
   * Codes `source` as one block on another thread; two at once, others wait. The bytes are read where they lie: until
   * this settles the caller neither changes them nor gives their memory away. `out` is written at the end, on this
   * thread.
   *
   * @returns as `compress`
   * @throws SidecarError as `compress`, and SIDECAR_LIMIT when too many calls wait, SIDECAR_HOST when no call can be made
   */
  async compressAsync(source: Uint8Array, out: Uint8Array): Promise<number> {
    checkSize(source)
    const { length } = source
    const room = Math.min(out.length, lz4MaxBlockSize(length))
    return this.#calls.run(async () => {
      const bytes = heldStill(source, length)
      const result = this.#takeResult(room)
      try {
        const { compressFast } = this.#library
        const size = await onThread(compressFast, SONAME, bytes, result, length, room, ACCELERATION)
        checkHeld(bytes, length)
        if (size <= 0 || size > out.length) {
          return -1
        }
        out.set(result.subarray(0, size))
        return size
      } finally {
        this.#idle.push(result)
      }
    })
  }

  /** Gives back what no call in flight uses. */
  trim(): void {
    this.#idle = []
  }

  /** Calls in flight end, those that wait are refused; then everything is given back. Callable any number of times. */
  async close(): Promise<void> {
    await this.#calls.close()
    this.trim()
  }

  #takeResult(room: number): Uint8Array<ArrayBuffer> {
    const kept = this.#idle.pop()
    return kept !== undefined && kept.length >= room ? kept : new Uint8Array(new ArrayBuffer(room))
  }
}

const checkSize = ({ length }: Uint8Array): void => {
  if (length === 0 || length > LZ4_MAX_INPUT) {
    throw new SidecarError('SIDECAR_BUG', 'bytes given to liblz4 are none or too many', { size: length })
  }
}

/** Tries the library anew; `open` stands in for the system's loader in tests. */
export const probeLz4 = (open: OpenLibrary = openShared): Probe<Lz4> => probeLibrary(SONAME, open, bind)

let probed: Probe<Lz4> | undefined

/** The library, loaded once in a thread, or `undefined` where it is not installed. */
export const loadLz4 = (): Lz4 | undefined => (probed ??= probeLz4()).library

/** Why {@link loadLz4} gives nothing, for the log; `undefined` when it gives the library. */
export const lz4Reason = (): string | undefined => (probed ??= probeLz4()).reason
