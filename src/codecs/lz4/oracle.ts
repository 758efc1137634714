import type { Image } from '../image.js'
import {
  LZ4_BLOCK_HEADER_SIZE,
  LZ4_HEADER_SIZE,
  LZ4_MAX_DISTANCE,
  LZ4_MIN_MATCH,
  packedRows,
  writeBlockSize,
  writeLz4Header,
} from './lz4-format.js'

const HASH_BITS = 14
/** A block ends with at least so many literals … */
const TAIL_LITERALS = 5
/** … and no match begins in its last so many bytes. */
const TAIL_SEARCH = 12
/** After so many misses in a row, by powers of two, the search takes longer steps. */
const SKIP_SHIFT = 6

/**
 * The readable encoder: greedy, one candidate per hash. It serves where liblz4 is missing and is the yardstick of the
 * decoder. Blocks refer back to those before them.
 */
export class Lz4Oracle {
  /** Per hash the position of the last six bytes seen with it, plus one; 0 for none. */
  readonly #table = new Int32Array(1 << HASH_BITS)
  #scratch = new Uint8Array(0)
  #source: Uint8Array = new Uint8Array(0)
  #out: Uint8Array = new Uint8Array(0)
  #at = 0

  /**
   * Codes `image`, which must pass `isLz4Image`, header included.
   *
   * @param segmentRows rows of each block, in order, all rows together; one block if left out
   * @returns bytes written, or -1 when `out` is too short
   */
  encode(image: Image, out: Uint8Array, segmentRows: readonly number[] = [image.height]): number {
    this.#source = packedRows(image, (size) => this.#scratchOf(size))
    this.#out = out
    this.#table.fill(0)
    const row = this.#source.length / image.height
    if (out.length < LZ4_HEADER_SIZE) {
      return -1
    }
    writeLz4Header(image, out)
    this.#at = LZ4_HEADER_SIZE
    let start = 0
    for (const rows of segmentRows) {
      const sizeAt = this.#at
      this.#at += LZ4_BLOCK_HEADER_SIZE
      if (!this.#block(start, start + rows * row)) {
        return -1
      }
      writeBlockSize(out, sizeAt, this.#at - sizeAt - LZ4_BLOCK_HEADER_SIZE)
      start += rows * row
    }
    return this.#at
  }

  /** Gives back the memory that images with padded rows took. */
  trim(): void {
    this.#scratch = new Uint8Array(0)
    this.#source = this.#scratch
    this.#out = this.#scratch
  }

  #scratchOf(size: number): Uint8Array {
    if (this.#scratch.length < size) {
      this.#scratch = new Uint8Array(size)
    }
    return this.#scratch
  }

  /** @returns whether it fitted */
  #block(start: number, end: number): boolean {
    let literals = start
    let at = start
    let misses = 1 << SKIP_SHIFT
    while (at < end - TAIL_SEARCH) {
      const candidate = this.#exchange(at)
      const distance = at - candidate
      if (candidate < 0 || distance > LZ4_MAX_DISTANCE || this.#word(candidate) !== this.#word(at)) {
        at += misses++ >> SKIP_SHIFT
        continue
      }
      const back = this.#equalBefore(candidate, at, literals)
      const length = back + this.#equalBytes(candidate, at, end - TAIL_LITERALS)
      if (!this.#sequence(literals, at - back, { length, distance })) {
        return false
      }
      at += length - back
      literals = at
      misses = 1 << SKIP_SHIFT
      this.#exchange(at - 2)
    }
    return this.#sequence(literals, end, undefined)
  }

  #word(at: number): number {
    const source = this.#source
    return (
      (source[at] ?? 0) |
      ((source[at + 1] ?? 0) << 8) |
      ((source[at + 2] ?? 0) << 16) |
      ((source[at + 3] ?? 0) << 24)
    )
  }

  /** Puts a position into the table. @returns the one that was there with the same hash, or -1 */
  #exchange(at: number): number {
    const mixed = Math.imul(this.#word(at), 0x9e3779b1) ^ Math.imul(this.#word(at + 2), 0x85ebca77)
    const hash = mixed >>> (32 - HASH_BITS)
    const before = (this.#table[hash] ?? 0) - 1
    this.#table[hash] = at + 1
    return before
  }

  /** Bytes from `at` on that equal those from `from` on, up to `end`. */
  #equalBytes(from: number, at: number, end: number): number {
    const source = this.#source
    let length = 0
    while (at + length < end && source[from + length] === source[at + length]) {
      length++
    }
    return length
  }

  /** Bytes in front of `at`, back to `start`, that equal those in front of `from`. */
  #equalBefore(from: number, at: number, start: number): number {
    const source = this.#source
    let length = 0
    while (at - length > start && from > length && source[from - length - 1] === source[at - length - 1]) {
      length++
    }
    return length
  }

  /** Literals up to `end`, then a match; the last sequence of a block has none. @returns whether it fitted */
  #sequence(start: number, end: number, match: { length: number; distance: number } | undefined): boolean {
    const count = end - start
    const extra = match === undefined ? 0 : match.length - LZ4_MIN_MATCH
    const size = 1 + lengthBytes(count) + count + (match === undefined ? 0 : 2 + lengthBytes(extra))
    if (size > this.#out.length - this.#at) {
      return false
    }
    this.#put((Math.min(count, 15) << 4) | Math.min(extra, 15))
    this.#putLength(count)
    this.#out.set(this.#source.subarray(start, end), this.#at)
    this.#at += count
    if (match !== undefined) {
      this.#put(match.distance)
      this.#put(match.distance >> 8)
      this.#putLength(extra)
    }
    return true
  }

  #putLength(length: number): void {
    if (length < 15) {
      return
    }
    let rest = length - 15
    for (; rest >= 255; rest -= 255) {
      this.#put(255)
    }
    this.#put(rest)
  }

  #put(value: number): void {
    this.#out[this.#at++] = value
  }
}

/** Bytes that a length takes besides its four bits of the token. */
const lengthBytes = (length: number): number => (length < 15 ? 0 : Math.floor((length - 15) / 255) + 1)
