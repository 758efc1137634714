import type { Image } from '../image.js'
import { LZ_MAX_DISTANCE, LZ_NEAR_LIMIT } from './lz-format.js'

/** The pad byte of a pixel is not coded and never compared. */
const RGB = 0xffffff
/** 2^13 positions, 32 KiB: stays in the first-level cache (performance-notes.md 2.2). */
const TABLE_BITS = 13
/** Positions in the table stay below 2^31. */
const BASE_LIMIT = 0x7fffffff
/** After this many misses in a row (as a power of two) the search skips one pixel more each time. */
const SKIP_SHIFT = 5
/** A match with the row above that has this many pixels is taken without a look into the table. */
const GOOD_MATCH = 8
/** Fewest pixels in a match at a far distance: four bytes of token, one of the literal run that it splits. */
const FAR_MIN_MATCH = 3

const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

/** Two-pixel key, its high bits. */
const hashPair = (a: number, b: number): number =>
  (Math.imul(a, 0x9e3779b1) + Math.imul(b, 0x85ebca6b)) >>> (32 - TABLE_BITS)

/** Writes pixels `from` to `end` as literal tokens; the room for them has been checked. */
const putLiterals = (px: Int32Array, from: number, end: number, out: Uint8Array, at: number): number => {
  while (from < end) {
    const stop = Math.min(from + 32, end)
    out[at++] = stop - from - 1
    for (; from < stop; from++) {
      const pixel = px[from]!
      out[at] = pixel
      out[at + 1] = pixel >> 8
      out[at + 2] = pixel >> 16
      at += 3
    }
  }
  return at
}

/** Writes one match token; the room for it has been checked. `stored` is the distance minus one. */
const putMatch = (out: Uint8Array, at: number, length: number, stored: number): number => {
  const far = stored >= LZ_NEAR_LIMIT
  const high = far ? 31 : stored >> 8
  if (length < 7) {
    out[at++] = (length << 5) | high
  } else {
    out[at++] = 0xe0 | high
    let extension = length - 7
    for (; extension >= 255; extension -= 255) {
      out[at++] = 255
    }
    out[at++] = extension
  }
  if (far) {
    out[at++] = 255
    out[at++] = (stored - LZ_NEAR_LIMIT) >> 8
    out[at++] = stored - LZ_NEAR_LIMIT
  } else {
    out[at++] = stored
  }
  return at
}

/**
 * HOT PATH (damage to encoded image): RGB32 pixels to LZ tokens. It chooses its own matches, so its bytes differ from
 * those of `LzOracle`, its pixels do not. Per position: a run of the previous pixel; else the longer of the row above and
 * the last place with the same two pixels, stretched backwards over literals; else a literal, skipping ahead where
 * nothing has matched for long.
 *
 * Budget: over 100 MB/s of pixels where little matches, several hundred on text; `bench/codecs-lz.ts` prints it beside
 * the oracle's. A call allocates one view of the pixels; packed copies of strided or unaligned pixels live in scratch
 * memory that stays with the kernel.
 *
 * INVARIANT: `px` holds `count` pixels, and every index into it is below `count` or is an earlier, coded position.
 * Every write to `out` comes after a check of the room for the whole token. Both hold even when the pixels change
 * during the call; the stream then decodes to a mixture.
 */
export class LzRgb32Kernel {
  readonly #table = new Int32Array(1 << TABLE_BITS)
  /** Added to every position of the current image, so that what older images left behind lies below it. */
  #base: number
  #packed = new Int32Array(0)

  /** @param base where positions start to count, above 0; a test sets it high to see the table start again */
  constructor(base = 1) {
    this.#base = base
  }

  /**
   * Appends the body of `image`, which must be `rgb32` and pass `isLzImage`, to `out` from `at` on.
   *
   * @returns position after the body, or -1 when it does not fit
   */
  encode(image: Image, out: Uint8Array, at: number): number {
    const px = this.#pixels(image)
    const count = image.width * image.height
    const base = this.#begin(count)
    const table = this.#table
    const room = out.length
    const above = image.width
    const aboveFrom = above <= LZ_MAX_DISTANCE ? above : count
    const last = count - 1
    let literals = 0
    let misses = 0
    let i = 0
    while (i < last) {
      const a = px[i]! & RGB
      const b = px[i + 1]! & RGB
      let length = 0
      let distance = 1
      if (a === b && i > 0 && (px[i - 1]! & RGB) === a) {
        let end = i + 2
        while (end < count && (px[end]! & RGB) === a) {
          end++
        }
        length = end - i
        if (i >= aboveFrom && end < count && ((px[end]! ^ px[end - above]!) & RGB) === 0) {
          let k = i
          while (k < count && ((px[k]! ^ px[k - above]!) & RGB) === 0) {
            k++
          }
          if (k - i > length) {
            length = k - i
            distance = above
          }
        }
      } else {
        if (i >= aboveFrom && (px[i - above]! & RGB) === a && (px[i + 1 - above]! & RGB) === b) {
          let end = i + 2
          while (end < count && ((px[end]! ^ px[end - above]!) & RGB) === 0) {
            end++
          }
          length = end - i
          distance = above
        }
        if (length < GOOD_MATCH) {
          const slot = hashPair(a, b)
          const candidate = table[slot]! - base
          table[slot] = base + i
          const back = i - candidate
          if (
            candidate >= 0 &&
            back <= LZ_MAX_DISTANCE &&
            (px[candidate]! & RGB) === a &&
            (px[candidate + 1]! & RGB) === b
          ) {
            let end = i + 2
            while (end < count && ((px[end]! ^ px[end - back]!) & RGB) === 0) {
              end++
            }
            if (end - i > length) {
              length = end - i
              distance = back
            }
          }
        }
        if (length === 0 || (distance > LZ_NEAR_LIMIT && length < FAR_MIN_MATCH)) {
          i += 1 + (misses++ >> SKIP_SHIFT)
          continue
        }
        while (i > literals && i > distance && ((px[i - 1]! ^ px[i - 1 - distance]!) & RGB) === 0) {
          i--
          length++
        }
      }
      misses = 0
      const pending = i - literals
      const needed =
        pending * 3 +
        ((pending + 31) >>> 5) +
        (distance > LZ_NEAR_LIMIT ? 4 : 2) +
        (length < 7 ? 0 : (((length - 7) / 255) | 0) + 1)
      if (needed > room - at) {
        return -1
      }
      at = putMatch(out, putLiterals(px, literals, i, out, at), length, distance - 1)
      i += length
      literals = i
      if (i < last) {
        table[hashPair(px[i - 1]! & RGB, px[i]! & RGB)] = base + i - 1
      }
    }
    const pending = count - literals
    if (pending * 3 + ((pending + 31) >>> 5) > room - at) {
      return -1
    }
    return putLiterals(px, literals, count, out, at)
  }

  #begin(count: number): number {
    if (this.#base > BASE_LIMIT - count) {
      this.#table.fill(0)
      this.#base = 1
    }
    const base = this.#base
    this.#base += count
    return base
  }

  /** The pixels as packed words: a view where memory allows, else a copy. */
  #pixels({ pixels, width, height, stride }: Image): Int32Array {
    const count = width * height
    const asWords = LITTLE_ENDIAN && pixels.byteOffset % 4 === 0 && stride % 4 === 0
    if (asWords && stride === width * 4) {
      return new Int32Array(pixels.buffer, pixels.byteOffset, count)
    }
    if (this.#packed.length < count) {
      this.#packed = new Int32Array(count)
    }
    const packed = this.#packed
    let to = 0
    if (asWords) {
      const pitch = stride / 4
      const words = new Int32Array(pixels.buffer, pixels.byteOffset, pitch * (height - 1) + width)
      for (let row = 0; row < height; row++) {
        const end = row * pitch + width
        for (let at = row * pitch; at < end; at++) {
          packed[to++] = words[at]!
        }
      }
    } else {
      for (let row = 0; row < height; row++) {
        const end = row * stride + width * 4
        for (let at = row * stride; at < end; at += 4) {
          packed[to++] = pixels[at]! | (pixels[at + 1]! << 8) | (pixels[at + 2]! << 16)
        }
      }
    }
    return packed
  }
}
