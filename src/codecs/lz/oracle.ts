import type { Image } from '../image.js'
import { LZ_HEADER_SIZE, LZ_NEAR_LIMIT, LZ_TYPES, writeLzHeader, type LzPass } from './lz-format.js'
import { LzTokenWriter } from './token-writer.js'
import { hashUnits, loadUnits, UNIT_MASK } from './units.js'

const TABLE_SIZE = 8192
/** The reference encoder does not use distances from here on, two short of what the format can say. */
const SEARCH_LIMIT = 73725
/** A match ends at least this many units before the end of its segment. */
const TAIL_UNITS = 3
/** No search where fewer than this many units are left in the segment. */
const SEARCH_TAIL_UNITS = 6
/** A segment with fewer units than this, at the start of a pass, is nothing but literals. */
const SHORT_SEGMENT_UNITS = 4

/**
 * The readable encoder: makes the token choices of the reference encoder, byte for byte, for every type
 * (codecs.md 2.4). It is the yardstick of the kernel, and codes where the kernel does not run.
 * Its scratch memory grows to the largest image it has seen: 4 bytes per pixel.
 */
export class LzOracle {
  #units = new Int32Array(0)
  /** Per hash the position of the last unit seen with it, and the end of that unit's segment. */
  readonly #table = new Int32Array(TABLE_SIZE)
  readonly #tableEnd = new Int32Array(TABLE_SIZE)

  /**
   * Codes `image`, which must pass `isLzImage`, header included.
   *
   * @param segmentRows rows of each guest data chunk, in order, all rows together; one segment if left out
   * @returns bytes written, or -1 when `out` is too short
   */
  encode(image: Image, out: Uint8Array, segmentRows: readonly number[] = [image.height]): number {
    if (out.length < LZ_HEADER_SIZE) {
      return -1
    }
    writeLzHeader(image, out)
    return this.encodeBody(image, out, LZ_HEADER_SIZE, segmentRows)
  }

  /**
   * Appends the body of `image` to `out` from `at` on.
   *
   * @returns position after the body, or -1 when it does not fit
   */
  encodeBody(
    image: Image,
    out: Uint8Array,
    at: number,
    segmentRows: readonly number[] = [image.height],
  ): number {
    const type = LZ_TYPES[image.format]
    const unitsPerRow = Math.ceil(image.width / type.unitPixels)
    const count = unitsPerRow * image.height
    if (this.#units.length < count) {
      this.#units = new Int32Array(count)
    }
    const writer = new LzTokenWriter(out, at)
    for (const pass of type.passes) {
      loadUnits(image, type, pass.kind, this.#units)
      this.#encodePass(
        pass,
        segmentRows.map((rows) => rows * unitsPerRow),
        writer,
      )
      if (writer.overflowed) {
        return -1
      }
    }
    return writer.at
  }

  #encodePass(pass: LzPass, segments: readonly number[], writer: LzTokenWriter): void {
    let start = 0
    let searching = false
    for (const size of segments) {
      const end = start + size
      let from = start
      if (!searching && size >= SHORT_SEGMENT_UNITS) {
        searching = true
        this.#table.fill(start)
        this.#tableEnd.fill(end)
        this.#literals(pass, start, start + 2, writer)
        from = start + 2
      }
      if (searching) {
        this.#encodeSegment(pass, { start, from, end }, writer)
      } else {
        this.#literals(pass, start, end, writer)
      }
      writer.closeRun()
      start = end
    }
  }

  #literals(pass: LzPass, from: number, end: number, writer: LzTokenWriter): void {
    for (let at = from; at < end; at++) {
      writer.literal(pass, this.#units[at] ?? 0)
    }
  }

  /** Positions count over all segments of the pass. `from` is past the start when literals were written already. */
  #encodeSegment(
    pass: LzPass,
    { start, from, end }: Readonly<Record<'start' | 'from' | 'end', number>>,
    writer: LzTokenWriter,
  ): void {
    const { kind } = pass
    let at = from
    while (at < end - SEARCH_TAIL_UNITS && !writer.overflowed) {
      let distance = 1
      let length = 0
      if (at > start && this.#equalUnits(kind, at - 1, at, at + 3) === 3) {
        length = this.#equalUnits(kind, at - 1, at, end)
      } else {
        const hash = hashUnits(this.#units, at, kind)
        const candidate = this.#table[hash] ?? 0
        const candidateEnd = this.#tableEnd[hash] ?? 0
        this.#remember(hash, at, end)
        distance = at - candidate
        if (distance > 0 && distance < SEARCH_LIMIT) {
          const equal = this.#equalUnits(kind, candidate, at, Math.min(end, at + candidateEnd - candidate))
          const needed = pass.minMatch + (distance < LZ_NEAR_LIMIT ? 0 : pass.literalBytes === 1 ? 2 : 1)
          length = equal < needed ? 0 : Math.min(equal, candidateEnd - 1 - candidate)
        }
      }
      if (length === 0) {
        writer.literal(pass, this.#units[at] ?? 0)
        at++
        continue
      }
      length = Math.min(length, end - TAIL_UNITS - at)
      writer.match(pass, length, distance)
      // Two positions near the end of the match enter the table, a short match of pixels leaves out its first.
      const beforeLast = at + length - 2
      const last = at + length - 1
      if (beforeLast > at || pass.literalBytes === 1) {
        this.#remember(hashUnits(this.#units, beforeLast, kind), beforeLast, end)
      }
      if (last > at || kind !== 'rgb') {
        this.#remember(hashUnits(this.#units, last, kind), last, end)
      }
      at += length
    }
    if (!writer.overflowed) {
      this.#literals(pass, at, end, writer)
    }
  }

  #remember(hash: number, at: number, end: number): void {
    this.#table[hash] = at
    this.#tableEnd[hash] = end
  }

  /** Units from `at` on that equal those from `source` on, up to `end`. */
  #equalUnits(kind: LzPass['kind'], source: number, at: number, end: number): number {
    const units = this.#units
    const mask = UNIT_MASK[kind]
    let length = 0
    while (at + length < end && (((units[source + length] ?? 0) ^ (units[at + length] ?? 0)) & mask) === 0) {
      length++
    }
    return length
  }
}
