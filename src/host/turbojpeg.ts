import koffi, { type LibraryHandle } from 'koffi'
import { SidecarError } from '../core/errors.js'
import { openShared, probeLibrary, type OpenLibrary, type Probe } from './optional-library.js'
import { textAt, type Whole } from './sasl-memory.js'
import { checkHeld, heldStill, onThread, ThreadCalls, type Native } from './thread-calls.js'

const SONAME = 'libturbojpeg.so.0'

/** Longest side that the library codes, pixels. */
export const JPEG_MAX_SIDE = 65500

/** Byte order of a pixel in memory; the fourth byte of `bgrx` and `bgra` is not coded. */
export type JpegLayout = 'bgr' | 'bgrx' | 'bgra'
export type JpegSubsampling = '4:4:4' | '4:2:2' | '4:2:0' | 'gray'

const LAYOUT_NUMBERS: Readonly<Record<JpegLayout, number>> = { bgr: 1, bgrx: 3, bgra: 8 }
const LAYOUT_BYTES: Readonly<Record<JpegLayout, number>> = { bgr: 3, bgrx: 4, bgra: 4 }
const SUBSAMPLING_NUMBERS: Readonly<Record<JpegSubsampling, number>> = {
  '4:4:4': 0,
  '4:2:2': 1,
  '4:2:0': 2,
  gray: 3,
}

const FLAG_BOTTOM_UP = 2
const FLAG_NO_REALLOC = 1024
const FLAG_FAST_DCT = 2048
const FLAG_ACCURATE_DCT = 4096

/** Pixels to code; rows in memory order, the first one on top unless `topDown` is false. */
export interface JpegSource {
  readonly layout: JpegLayout
  /** Pixels, 1 to {@link JPEG_MAX_SIDE}. */
  readonly width: number
  readonly height: number
  /** Bytes from row to row. */
  readonly stride: number
  readonly topDown: boolean
  readonly pixels: Uint8Array
}

export interface JpegOptions {
  /** 1 to 100. */
  readonly quality: number
  readonly subsampling: JpegSubsampling
  /** The slow integer transform, or the fast one with a little less precision. */
  readonly dct: 'accurate' | 'fast'
}

interface Functions {
  readonly init: () => Whole
  readonly destroy: (handle: Whole) => number
  readonly compress: Native
  readonly bufferSize: (width: number, height: number, subsampling: number) => Whole
  readonly errorText: (handle: Whole) => Whole
}

const bind = (library: LibraryHandle): TurboJpeg => {
  const address = 'uint64_t'
  const numbers = (count: number): string[] => Array<string>(count).fill('int')
  return new TurboJpeg({
    init: library.func('tjInitCompress', address, []) as Functions['init'],
    destroy: library.func('tjDestroy', 'int', [address]) as Functions['destroy'],
    compress: library.func('tjCompress2', 'int', [
      ...[address, 'const void *', ...numbers(4)],
      ...[address, address, ...numbers(3)],
    ]) as Native,
    bufferSize: library.func('tjBufSize', address, numbers(3)) as Functions['bufferSize'],
    errorText: library.func('tjGetErrorStr2', address, [address]) as Functions['errorText'],
  })
}

/** libturbojpeg, the library that JPEG is coded with everywhere (`performance-notes.md` section 6). */
export class TurboJpeg {
  readonly functions: Functions

  constructor(functions: Functions) {
    this.functions = functions
  }

  /** Most bytes that an image can take, by the library's own word. */
  maxSize(width: number, height: number, subsampling: JpegSubsampling): number {
    return Number(this.functions.bufferSize(width, height, SUBSAMPLING_NUMBERS[subsampling]))
  }

  compressor(): JpegCompressor {
    return new JpegCompressor(this)
  }
}

/** One compressor of the library and where its output goes; serves one call at a time. */
class Slot {
  readonly #functions: Functions
  readonly handle: Whole
  /** Address of the output and its size, which the library takes and gives through pointers. */
  readonly #parameters = new BigUint64Array(2)
  readonly #words = new Uint32Array(this.#parameters.buffer)
  readonly parametersAddress = koffi.address(this.#parameters.buffer)
  #out = new Uint8Array(new ArrayBuffer(0))
  #outAddress = 0n

  constructor(functions: Functions) {
    this.#functions = functions
    this.handle = functions.init()
    if (BigInt(this.handle) === 0n) {
      throw new SidecarError('SIDECAR_HOST', 'libturbojpeg cannot begin', { detail: this.errorText(0n) })
    }
  }

  /** Output goes into memory of the slot, which grows to `size` bytes and is zero where never written. */
  useOwn(size: number): void {
    if (this.#out.length < size) {
      this.#out = new Uint8Array(new ArrayBuffer(size))
      this.#outAddress = koffi.address(this.#out.buffer)
    }
    this.use(this.#outAddress)
  }

  /** Output goes to an address, which has room for all that the library may write. */
  use(address: bigint): void {
    this.#parameters[0] = address
    this.#parameters[1] = 0n
  }

  /** Bytes that the last call wrote; below 2^32, since an image of the largest size may not be larger. */
  get size(): number {
    return this.#words[2] ?? 0
  }

  /** Copies what the last call wrote. @returns its size, or -1 when it does not fit */
  take(out: Uint8Array): number {
    const { size } = this
    if (size > out.length || size > this.#out.length) {
      return -1
    }
    out.set(this.#out.subarray(0, size))
    return size
  }

  errorText(handle = this.handle): string {
    return textAt(BigInt(this.#functions.errorText(handle)))
      .replaceAll(/[^ -~]+/g, ' ')
      .slice(0, 200)
  }

  destroy(): void {
    this.#functions.destroy(this.handle)
  }
}

/**
 * Codes JPEG images, here or on other threads. Each call in flight has a compressor and an output of its own; they are
 * kept for the next call until `trim` or `close`.
 */
export class JpegCompressor {
  readonly #library: TurboJpeg
  readonly #calls = new ThreadCalls('the JPEG compressor')
  #idle: Slot[] = []

  constructor(library: TurboJpeg) {
    this.#library = library
  }

  /**
   * Codes `source` into `out`, at once.
   *
   * HOT PATH: one foreign call; the output is copied only where `out` is below {@link TurboJpeg.maxSize}.
   *
   * @returns bytes written, or -1 when the result does not fit
   * @throws SidecarError SIDECAR_HOST with the library's text when it fails, SIDECAR_BUG for a source that is not
   * whole, SIDECAR_PEER_GONE once closed
   */
  compress(source: JpegSource, options: JpegOptions, out: Uint8Array): number {
    this.#calls.checkOpen()
    const maxSize = this.#check(source, options)
    const slot = this.#takeSlot()
    try {
      const direct = out.length >= maxSize
      if (direct) {
        slot.use(koffi.address(out))
      } else {
        slot.useOwn(maxSize)
      }
      const { compress } = this.#library.functions
      const { pixels, width, stride, height } = source
      const result = compress(
        ...[slot.handle, pixels, width, stride, height, LAYOUT_NUMBERS[source.layout]],
        ...[slot.parametersAddress, slot.parametersAddress + 8n],
        ...[SUBSAMPLING_NUMBERS[options.subsampling], options.quality, flagsOf(source, options)],
      )
      this.#checkResult(result, slot)
      return direct ? slot.size : slot.take(out)
    } finally {
      this.#idle.push(slot)
    }
  }

  /**
   * Codes `source` into `out` on another thread; two at once, others wait. The pixels are read where they lie: until this
   * settles the caller neither changes them nor gives their memory away. `out` is written at the end, on this thread.
   *
   * @returns as `compress`
   * @throws SidecarError as `compress`, and SIDECAR_LIMIT when too many calls wait
   */
  async compressAsync(source: JpegSource, options: JpegOptions, out: Uint8Array): Promise<number> {
    const maxSize = this.#check(source, options)
    const size = source.pixels.length
    return this.#calls.run(async () => {
      const { width, stride, height } = source
      const pixels = heldStill(source.pixels, size)
      const slot = this.#takeSlot()
      try {
        slot.useOwn(maxSize)
        const result = await onThread(
          this.#library.functions.compress,
          SONAME,
          ...[slot.handle, pixels, width, stride, height, LAYOUT_NUMBERS[source.layout]],
          ...[slot.parametersAddress, slot.parametersAddress + 8n],
          ...[SUBSAMPLING_NUMBERS[options.subsampling], options.quality, flagsOf(source, options)],
        )
        this.#checkResult(result, slot)
        checkHeld(pixels, size)
        return slot.take(out)
      } finally {
        this.#idle.push(slot)
      }
    })
  }

  /** Gives back what no call in flight uses. */
  trim(): void {
    for (const slot of this.#idle.splice(0)) {
      slot.destroy()
    }
  }

  /** Calls in flight end, those that wait are refused; then everything is given back. Callable any number of times. */
  async close(): Promise<void> {
    await this.#calls.close()
    this.trim()
  }

  #takeSlot(): Slot {
    return this.#idle.pop() ?? new Slot(this.#library.functions)
  }

  /** @returns most bytes that the result can take */
  #check(source: JpegSource, { quality, subsampling }: JpegOptions): number {
    const { layout, width, height, stride, pixels } = source
    const row = width * LAYOUT_BYTES[layout]
    const side = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= JPEG_MAX_SIDE
    if (
      !side(width) ||
      !side(height) ||
      !(Number.isInteger(stride) && stride >= row && stride < 2 ** 31) ||
      !(pixels.length >= stride * (height - 1) + row) ||
      !(Number.isInteger(quality) && quality >= 1 && quality <= 100)
    ) {
      throw new SidecarError('SIDECAR_BUG', 'image given to libturbojpeg is not whole', {
        ...{ width, height, stride, quality },
        size: pixels.length,
      })
    }
    const maxSize = this.#library.maxSize(width, height, subsampling)
    if (maxSize >= 2 ** 32) {
      throw new SidecarError('SIDECAR_BUG', 'image given to libturbojpeg is too large', { width, height })
    }
    return maxSize
  }

  #checkResult(result: number, slot: Slot): void {
    if (result !== 0) {
      throw new SidecarError('SIDECAR_HOST', 'libturbojpeg cannot code the image', {
        detail: slot.errorText(),
      })
    }
  }
}

const flagsOf = (source: JpegSource, { dct }: JpegOptions): number =>
  FLAG_NO_REALLOC |
  (source.topDown ? 0 : FLAG_BOTTOM_UP) |
  (dct === 'fast' ? FLAG_FAST_DCT : FLAG_ACCURATE_DCT)

/** Tries the library anew; `open` stands in for the system's loader in tests. */
export const probeTurboJpeg = (open: OpenLibrary = openShared): Probe<TurboJpeg> =>
  probeLibrary(SONAME, open, bind)

let probed: Probe<TurboJpeg> | undefined

/** The library, loaded once in a thread, or `undefined` where it is not installed. */
export const loadTurboJpeg = (): TurboJpeg | undefined => (probed ??= probeTurboJpeg()).library

/** Why {@link loadTurboJpeg} gives nothing, for the log; `undefined` when it gives the library. */
export const turboJpegReason = (): string | undefined => (probed ??= probeTurboJpeg()).reason
