/*
 * What changed in a picture, and where did its pixels go? The old and the new picture lie in memory with rows of the same `stride`
 * in pixels; `before` and `after` are the addresses of the same corner of a window in both, `width` and `height` its size. 4 bytes
 * a pixel, of which the last (padding) is never looked at. A strip is a run of 64 pixels of one row, counted from the left edge
 * of the window; the last strip of a row may be shorter.
 */

const STRIP: i32 = 64

/** First free byte of memory. */
export function base(): usize {
  return __heap_base
}

/** Are `n` pixels at `a` and at `b` the same? */
function same(a: usize, b: usize, n: i32): bool {
  const rgb = i32x4.splat(0x00ffffff)
  let i: i32 = 0
  for (; i + 4 <= n; i += 4) {
    const difference = v128.xor(v128.load(a + ((<usize>i) << 2)), v128.load(b + ((<usize>i) << 2)))
    if (v128.any_true(v128.and(difference, rgb))) {
      return false
    }
  }
  for (; i < n; i++) {
    const difference = load<u32>(a + ((<usize>i) << 2)) ^ load<u32>(b + ((<usize>i) << 2))
    if ((difference & 0x00ffffff) != 0) {
      return false
    }
  }
  return true
}

/**
 * HOT PATH: which strips of the new window equal the old one displaced by (`dx`, `dy`): pixel (x, y) of the new against
 * (x - dx, y - dy) of the old. Writes one byte a strip, row by row: 1 equal, 0 not or outside the window.
 *
 * @returns strips that are not equal
 */
export function matches(
  before: usize,
  after: usize,
  stride: i32,
  width: i32,
  height: i32,
  dx: i32,
  dy: i32,
  out: usize,
): i32 {
  let to = out
  let different: i32 = 0
  for (let y: i32 = 0; y < height; y++) {
    const inside = y - dy >= 0 && y - dy < height
    for (let x: i32 = 0; x < width; x += STRIP, to++) {
      const n = min(STRIP, width - x)
      let equal = false
      if (inside && x - dx >= 0 && x - dx + n <= width) {
        const a = after + ((<usize>(y * stride + x)) << 2)
        const b = before + ((<isize>((y - dy) * stride + x - dx)) << 2)
        equal = same(a, b, n)
      }
      different += equal ? 0 : 1
      store<u8>(to, equal ? 1 : 0)
    }
  }
  return different
}

/** Copies the pixels of a window. */
export function copy(from: usize, to: usize, stride: i32, width: i32, height: i32): void {
  for (let y: i32 = 0; y < height; y++) {
    const at = (<usize>(y * stride)) << 2
    memory.copy(to + at, from + at, (<usize>width) << 2)
  }
}

/**
 * Moves pixels inside one picture: those of the window at `to` come from (`dx`, `dy`) further left and up. Source and target may
 * overlap.
 */
export function move(to: usize, stride: i32, width: i32, height: i32, dx: i32, dy: i32): void {
  const from = to - ((<isize>(dy * stride + dx)) << 2)
  for (let i: i32 = 0; i < height; i++) {
    const y = dy > 0 ? height - 1 - i : i
    const at = (<usize>(y * stride)) << 2
    memory.copy(to + at, from + at, (<usize>width) << 2)
  }
}

/**
 * HOT PATH: a hash of 32 bits for the strip of each row that begins at `picture`, `n` pixels long; 0 for a strip of one colour,
 * which tells nothing about where it came from.
 */
export function stripHashes(picture: usize, stride: i32, n: i32, height: i32, out: usize): void {
  const rgb = i32x4.splat(0x00ffffff)
  const factor = i32x4.splat(0x9e3779b1)
  for (let y: i32 = 0; y < height; y++, out += 4) {
    const at = picture + ((<usize>(y * stride)) << 2)
    const first = i32x4.splat(load<u32>(at) & 0x00ffffff)
    let lanes = i32x4.splat(0x2545f491)
    let differences = i32x4.splat(0)
    let i: i32 = 0
    for (; i + 4 <= n; i += 4) {
      const pixels = v128.and(v128.load(at + ((<usize>i) << 2)), rgb)
      differences = v128.or(differences, v128.xor(pixels, first))
      lanes = i32x4.mul(v128.xor(lanes, pixels), factor)
      lanes = v128.xor(lanes, i32x4.shr_u(lanes, 15))
    }
    let hash: u32 = 0
    for (; i < n; i++) {
      const pixel = load<u32>(at + ((<usize>i) << 2)) & 0x00ffffff
      differences = v128.or(differences, v128.xor(i32x4.splat(pixel), first))
      hash = rotl<u32>(hash ^ pixel, 13) * 0x85ebca6b
    }
    hash = (hash ^ i32x4.extract_lane(lanes, 0)) * 0x85ebca6b
    hash = (hash ^ i32x4.extract_lane(lanes, 1)) * 0x85ebca6b
    hash = (hash ^ i32x4.extract_lane(lanes, 2)) * 0x85ebca6b
    hash = (hash ^ i32x4.extract_lane(lanes, 3)) * 0x85ebca6b
    store<u32>(out, v128.any_true(differences) ? hash | 1 : 0)
  }
}

const PROBE: i32 = 32
const FACTOR: u32 = 0x01000193

/** The hash of `PROBE` pixels, as {@link search} computes it; 0 when fewer than `turns` neighbours differ. */
export function probe(at: usize, turns: i32): u32 {
  let hash: u32 = 0
  let seen: i32 = 0
  let last: u32 = load<u32>(at) & 0x00ffffff
  for (let i: i32 = 0; i < PROBE; i++) {
    const pixel = load<u32>(at + ((<usize>i) << 2)) & 0x00ffffff
    seen += pixel != last ? 1 : 0
    last = pixel
    hash = hash * FACTOR + pixel
  }
  return seen < turns ? 0 : hash
}

/**
 * HOT PATH: looks for probes in every `step`th row of a window. `table` holds 1024 slots of two words, hash and number (from 1), a
 * probe in the slot `mixed(hash)` or the next free one. Writes three words a find: number, x, y.
 *
 * @returns finds, at most `most`
 */
export function search(
  picture: usize,
  stride: i32,
  width: i32,
  height: i32,
  step: i32,
  table: usize,
  out: usize,
  most: i32,
): i32 {
  let power: u32 = 1
  for (let i: i32 = 0; i < PROBE; i++) {
    power *= FACTOR
  }
  let found: i32 = 0
  for (let y: i32 = 0; y < height; y += step) {
    const row = picture + ((<usize>(y * stride)) << 2)
    let hash: u32 = 0
    for (let x: i32 = 0; x < width; x++) {
      hash = hash * FACTOR + (load<u32>(row + ((<usize>x) << 2)) & 0x00ffffff)
      if (x >= PROBE) {
        hash -= power * (load<u32>(row + ((<usize>(x - PROBE)) << 2)) & 0x00ffffff)
      }
      if (x < PROBE - 1) {
        continue
      }
      let slot = mixed(hash)
      while (load<u32>(table + ((<usize>slot) << 3) + 4) != 0) {
        if (load<u32>(table + ((<usize>slot) << 3)) == hash) {
          store<u32>(out, load<u32>(table + ((<usize>slot) << 3) + 4))
          store<i32>(out + 4, x - PROBE + 1)
          store<i32>(out + 8, y)
          out += 12
          found++
          if (found == most) {
            return found
          }
          break
        }
        slot = (slot + 1) & 1023
      }
    }
  }
  return found
}

/** Slot of a hash in the table of {@link search}. */
export function mixed(hash: u32): u32 {
  return (hash * 0x9e3779b1) >>> 22
}
