/*
 * Loops over pixels of 4 bytes (blue, green, red and a fourth byte), which the host puts here in bands of at most 64 rows,
 * packed. The fourth byte takes part in nothing but the alpha functions. Reads may go 16 bytes past a band.
 */

/** First free byte of memory. */
export function base(): usize {
  return __heap_base
}

// @ts-ignore: decorator
@inline const TILE: i32 = 64
// @ts-ignore: decorator
@inline const COLOUR: u32 = 0x00ffffff

// @ts-ignore: decorator
@inline function differing(a: usize, b: usize): v128 {
  return v128.and(v128.xor(v128.load(a), v128.load(b)), i32x4.splat(COLOUR))
}

// @ts-ignore: decorator
@inline function differs(a: usize, b: usize): bool {
  return ((load<u32>(a) ^ load<u32>(b)) & COLOUR) != 0
}

/** Whether `n` pixels differ anywhere. */
function rowDiffers(a: usize, b: usize, n: i32): bool {
  let i = 0
  for (; i + 16 <= n; i += 16, a += 64, b += 64) {
    const low = v128.or(v128.xor(v128.load(a), v128.load(b)), v128.xor(v128.load(a, 16), v128.load(b, 16)))
    const high = v128.or(
      v128.xor(v128.load(a, 32), v128.load(b, 32)),
      v128.xor(v128.load(a, 48), v128.load(b, 48)),
    )
    if (v128.any_true(v128.and(v128.or(low, high), i32x4.splat(COLOUR)))) {
      return true
    }
  }
  for (; i < n; i++, a += 4, b += 4) {
    if (differs(a, b)) {
      return true
    }
  }
  return false
}

/** Index of the first of `n` pixels that differs, `n` if none does. */
function firstDiffering(a: usize, b: usize, n: i32): i32 {
  let i = 0
  for (; i + 4 <= n; i += 4) {
    const lanes = i32x4.bitmask(i32x4.ne(differing(a + (i << 2), b + (i << 2)), i32x4.splat(0)))
    if (lanes != 0) {
      return i + ctz(lanes)
    }
  }
  for (; i < n; i++) {
    if (differs(a + (i << 2), b + (i << 2))) {
      return i
    }
  }
  return n
}

/** One more than the index of the last of `n` pixels that differs, 0 if none does. */
function afterLastDiffering(a: usize, b: usize, n: i32): i32 {
  let i = n
  for (; i >= 4; i -= 4) {
    const lanes = i32x4.bitmask(i32x4.ne(differing(a + ((i - 4) << 2), b + ((i - 4) << 2)), i32x4.splat(0)))
    if (lanes != 0) {
      return i - clz(lanes << 28)
    }
  }
  for (; i > 0; i--) {
    if (differs(a + ((i - 1) << 2), b + ((i - 1) << 2))) {
      return i
    }
  }
  return 0
}

/**
 * Box around what differs between the columns `left` and `right`, found from its four sides. Writes left, top, right,
 * bottom to `out`; there must be a difference.
 */
function shrink(a: usize, b: usize, width: i32, height: i32, left: i32, right: i32, rows: usize, out: usize): void {
  const stride = width << 2
  a += left << 2
  b += left << 2
  let n = right - left
  let top = 0
  while (top < height && (!load<u8>(rows + top) || !rowDiffers(a + top * stride, b + top * stride, n))) {
    top++
  }
  let bottom = height
  while (
    bottom > top + 1 &&
    (!load<u8>(rows + bottom - 1) || !rowDiffers(a + (bottom - 1) * stride, b + (bottom - 1) * stride, n))
  ) {
    bottom--
  }
  let first = n
  let after = 0
  for (let y = top; y < bottom; y++) {
    if (load<u8>(rows + y)) {
      first = firstDiffering(a + y * stride, b + y * stride, first)
      const from = after << 2
      after += afterLastDiffering(a + y * stride + from, b + y * stride + from, n - after)
    }
  }
  store<i32>(out, left + first)
  store<i32>(out, top, 4)
  store<i32>(out, left + after, 8)
  store<i32>(out, bottom, 12)
}

/**
 * Compares a band of two frames. HOT PATH: allocates nothing.
 *
 * @param rows one byte a row, 0 for rows that are known to be equal and were not put here
 * @param tiles one byte for each 64 columns, set to 1 where something differs
 * @param boxes room for left, top, right, bottom (32 bits each) of half as many boxes as there are tiles, rounded up
 * @returns boxes written: one around what differs in each run of neighbouring tiles
 */
export function compareBand(
  a: usize,
  b: usize,
  width: i32,
  height: i32,
  rows: usize,
  tiles: usize,
  boxes: usize,
): i32 {
  const across = (width + TILE - 1) / TILE
  memory.fill(tiles, 0, across)
  let clean = across
  for (let y = 0; y < height && clean > 0; y++) {
    if (!load<u8>(rows + y)) {
      continue
    }
    const row = y * width
    for (let tile = 0; tile < across; tile++) {
      if (load<u8>(tiles + tile) == 0) {
        const x = tile * TILE
        const at = (row + x) << 2
        if (rowDiffers(a + at, b + at, min(TILE, width - x))) {
          store<u8>(tiles + tile, 1)
          clean--
        }
      }
    }
  }
  let count = 0
  for (let tile = 0; tile < across; tile++) {
    if (load<u8>(tiles + tile)) {
      const from = tile
      while (tile < across && load<u8>(tiles + tile)) {
        tile++
      }
      shrink(a, b, width, height, from * TILE, min(width, tile * TILE), rows, boxes + (count << 4))
      count++
    }
  }
  return count
}

/** Bytes of key for one block of 32 bytes. */
// @ts-ignore: decorator
@inline const BLOCK: i32 = 32
/** Blocks of a tile's row. */
// @ts-ignore: decorator
@inline const ROW_BLOCKS: i32 = 8

// @ts-ignore: decorator
@inline function nh(x: v128, y: v128, keyX: v128, keyY: v128): v128 {
  return i32x4.dot_i16x8_s(i16x8.add(x, keyX), i16x8.add(y, keyY))
}

// @ts-ignore: decorator
@inline function nhAt(x: v128, y: v128, key: usize): v128 {
  return nh(x, y, v128.load(key), v128.load(key, 16))
}

// @ts-ignore: decorator
@inline function laneSum(v: v128): u64 {
  const sum =
    i32x4.extract_lane(v, 0) + i32x4.extract_lane(v, 1) + i32x4.extract_lane(v, 2) + i32x4.extract_lane(v, 3)
  return <u64>(<u32>sum)
}

// @ts-ignore: decorator
@inline function strong(key: usize, h0: u64, h1: u64, h2: u64, h3: u64): u64 {
  return (
    (load<u64>(key) + load<u64>(key, 8) * h0 + load<u64>(key, 16) * h1 + load<u64>(key, 24) * h2 + load<u64>(key, 32) * h3) >>
    32
  )
}

/**
 * Hash of one tile. What it promises is written at `hashTiles` of src/kernels/frame.ts.
 *
 * @param scratch 32 bytes
 */
function hashTile(tile: usize, stride: i32, width: i32, height: i32, key: usize, scratch: usize): u64 {
  const mask = i32x4.splat(COLOUR)
  const blocks = width >> 3
  const rest = (width & 7) << 2
  let h0 = i32x4.splat(0)
  let h1 = i32x4.splat(0)
  let h2 = i32x4.splat(0)
  let h3 = i32x4.splat(0)
  let k = key
  for (let y = 0; y < height; y++, tile += stride, k += BLOCK * ROW_BLOCKS) {
    let at = tile
    let kb = k
    let block = 0
    for (; block + 2 <= blocks; block += 2, at += 2 * BLOCK, kb += 2 * BLOCK) {
      const l0 = v128.and(v128.load(at), mask)
      const r0 = v128.and(v128.load(at, 16), mask)
      const l1 = v128.and(v128.load(at, 32), mask)
      const r1 = v128.and(v128.load(at, 48), mask)
      h0 = i32x4.add(h0, nh(l0, r0, v128.load(kb), v128.load(kb, 16)))
      let left = v128.load(kb, 32)
      let right = v128.load(kb, 48)
      h0 = i32x4.add(h0, nh(l1, r1, left, right))
      h1 = i32x4.add(h1, nh(l0, r0, left, right))
      left = v128.load(kb, 64)
      right = v128.load(kb, 80)
      h1 = i32x4.add(h1, nh(l1, r1, left, right))
      h2 = i32x4.add(h2, nh(l0, r0, left, right))
      left = v128.load(kb, 96)
      right = v128.load(kb, 112)
      h2 = i32x4.add(h2, nh(l1, r1, left, right))
      h3 = i32x4.add(h3, nh(l0, r0, left, right))
      h3 = i32x4.add(h3, nh(l1, r1, v128.load(kb, 128), v128.load(kb, 144)))
    }
    if (block < blocks) {
      const left = v128.and(v128.load(at), mask)
      const right = v128.and(v128.load(at, 16), mask)
      h0 = i32x4.add(h0, nhAt(left, right, kb))
      h1 = i32x4.add(h1, nhAt(left, right, kb + BLOCK))
      h2 = i32x4.add(h2, nhAt(left, right, kb + 2 * BLOCK))
      h3 = i32x4.add(h3, nhAt(left, right, kb + 3 * BLOCK))
      at += BLOCK
      kb += BLOCK
    }
    if (rest != 0) {
      memory.fill(scratch, 0, BLOCK)
      memory.copy(scratch, at, rest)
      const left = v128.and(v128.load(scratch), mask)
      const right = v128.and(v128.load(scratch, 16), mask)
      h0 = i32x4.add(h0, nhAt(left, right, kb))
      h1 = i32x4.add(h1, nhAt(left, right, kb + BLOCK))
      h2 = i32x4.add(h2, nhAt(left, right, kb + 2 * BLOCK))
      h3 = i32x4.add(h3, nhAt(left, right, kb + 3 * BLOCK))
    }
  }
  const end = key + BLOCK * ROW_BLOCKS * TILE
  const size = i32x4.replace_lane(i32x4.splat(0), 0, width | (height << 16))
  const none = i32x4.splat(0)
  h0 = i32x4.add(h0, nhAt(size, none, end))
  h1 = i32x4.add(h1, nhAt(size, none, end + BLOCK))
  h2 = i32x4.add(h2, nhAt(size, none, end + 2 * BLOCK))
  h3 = i32x4.add(h3, nhAt(size, none, end + 3 * BLOCK))
  const last = end + 4 * BLOCK
  const s0 = laneSum(h0)
  const s1 = laneSum(h1)
  const s2 = laneSum(h2)
  const s3 = laneSum(h3)
  return strong(last, s0, s1, s2, s3) | (strong(last + 40, s0, s1, s2, s3) << 32)
}

/** Hashes of the tiles of a band, 8 bytes each, to `out`. HOT PATH: allocates nothing. */
export function hashBand(band: usize, width: i32, height: i32, key: usize, scratch: usize, out: usize): void {
  for (let x = 0; x < width; x += TILE, out += 8) {
    store<u64>(out, hashTile(band + (x << 2), width << 2, min(TILE, width - x), height, key, scratch))
  }
}

// @ts-ignore: decorator
@inline const PALETTE_BITS: i32 = 10

/**
 * Puts the colours of `n` pixels into a palette.
 *
 * @param table 4096 bytes, all 0 before the first band
 * @param multiplier odd and secret, so that nobody can make colours that meet in the table
 * @param palette room for 256 colours; the first `count` are there already
 * @returns colours in the palette, 257 for more than 256
 */
export function paletteBand(band: usize, n: i32, table: usize, multiplier: u32, palette: usize, count: i32): i32 {
  let last: u32 = count == 0 ? ~0 : load<u32>(palette)
  for (let i = 0; i < n; i++) {
    const colour = load<u32>(band + (i << 2)) & COLOUR
    if (colour == last) {
      const same = i32x4.splat(colour)
      const mask = i32x4.splat(COLOUR)
      while (i + 5 <= n && i32x4.all_true(i32x4.eq(v128.and(v128.load(band + ((i + 1) << 2)), mask), same))) {
        i += 4
      }
      continue
    }
    last = colour
    let slot = (colour * multiplier) >>> (32 - PALETTE_BITS)
    while (true) {
      const entry = load<u32>(table + (slot << 2))
      if (entry == colour + 1) {
        break
      }
      if (entry == 0) {
        if (count == 256) {
          return 257
        }
        store<u32>(table + (slot << 2), colour + 1)
        store<u32>(palette + (count << 2), colour)
        count++
        break
      }
      slot = (slot + 1) & ((1 << PALETTE_BITS) - 1)
    }
  }
  return count
}

/** Whether `n` pixels all have the given colour. */
export function isColour(band: usize, n: i32, colour: u32): bool {
  const same = i32x4.splat(colour)
  let i = 0
  for (; i + 16 <= n; i += 16, band += 64) {
    const low = v128.or(v128.xor(v128.load(band), same), v128.xor(v128.load(band, 16), same))
    const high = v128.or(v128.xor(v128.load(band, 32), same), v128.xor(v128.load(band, 48), same))
    if (v128.any_true(v128.and(v128.or(low, high), i32x4.splat(COLOUR)))) {
      return false
    }
  }
  for (; i < n; i++, band += 4) {
    if (((load<u32>(band) ^ colour) & COLOUR) != 0) {
      return false
    }
  }
  return true
}

/** Bit 0: some of `n` fourth bytes are not 255; bit 1: some are not 0. Stops where both are known. */
export function alphas(band: usize, n: i32): i32 {
  let all: u32 = ~0
  let any: u32 = 0
  let i = 0
  while (i + 4 <= n) {
    const stop = min(n - 3, i + 1024)
    let allHere = i32x4.splat(-1)
    let anyHere = i32x4.splat(0)
    for (; i < stop; i += 4, band += 16) {
      const pixels = v128.load(band)
      allHere = v128.and(allHere, pixels)
      anyHere = v128.or(anyHere, pixels)
    }
    all &= i32x4.all_true(i32x4.eq(v128.or(allHere, i32x4.splat(COLOUR)), i32x4.splat(-1))) ? ~0 : COLOUR
    any |= v128.any_true(v128.andnot(anyHere, i32x4.splat(COLOUR))) ? 0xff000000 : 0
    if (all >>> 24 != 255 && any >>> 24 != 0) {
      return 3
    }
  }
  for (; i < n; i++, band += 4) {
    all &= load<u32>(band)
    any |= load<u32>(band)
  }
  return (all >>> 24 != 255 ? 1 : 0) | (any >>> 24 != 0 ? 2 : 0)
}

/**
 * Counts how the neighbours in each of `rows` rows differ: in no channel by more than `soft` but in some at all, or by more.
 * Writes the two counts, 32 bits each, to `out`.
 */
export function steps(band: usize, width: i32, rows: i32, soft: i32, out: usize): void {
  const mask = i32x4.splat(COLOUR)
  const byte = i32x4.splat(0xff)
  const zero = i32x4.splat(0)
  const limit = i32x4.splat(soft)
  let softs = i32x4.splat(0)
  let hards = i32x4.splat(0)
  for (let y = 0; y < rows; y++) {
    const row = band + ((y * width) << 2)
    for (let x = 0; x < width - 1; x += 4) {
      const here = v128.load(row + (x << 2))
      const next = v128.load(row + (x << 2), 4)
      let size = v128.and(v128.sub<u8>(v128.max<u8>(here, next), v128.min<u8>(here, next)), mask)
      size = v128.max<u8>(v128.max<u8>(size, i32x4.shr_u(size, 8)), i32x4.shr_u(size, 16))
      size = v128.and(size, byte)
      if (x + 5 > width) {
        // the last few: lanes past the last pair count as equal
        const left = i32x4.splat(width - 1 - x)
        const lane = v128(0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0)
        size = v128.and(size, i32x4.lt_s(lane, left))
      }
      const hard = i32x4.gt_s(size, limit)
      softs = i32x4.sub(softs, v128.andnot(i32x4.gt_s(size, zero), hard))
      hards = i32x4.sub(hards, hard)
    }
  }
  store<u32>(out, <u32>laneSum(softs))
  store<u32>(out, <u32>laneSum(hards), 4)
}

/** Drops the fourth byte of `n` pixels; writes up to 4 bytes too many. */
export function toBgr24(band: usize, n: i32, out: usize): void {
  for (let i = 0; i < n; i += 4, band += 16, out += 12) {
    const p = v128.load(band)
    v128.store(out, v128.shuffle<u8>(p, p, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15))
  }
}

/** As `toBgr24`, red first. */
export function toRgb24(band: usize, n: i32, out: usize): void {
  for (let i = 0; i < n; i += 4, band += 16, out += 12) {
    const p = v128.load(band)
    v128.store(out, v128.shuffle<u8>(p, p, 2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 3, 7, 11, 15))
  }
}

// @ts-ignore: decorator
@inline function widened(v: v128): v128 {
  const five = v128.and(v, i32x4.splat(31))
  return v128.or(i32x4.shl(five, 3), i32x4.shr_u(five, 2))
}

/** `n` pixels of x1r5g5b5 to 4 bytes, the fourth 0; writes up to 12 bytes too many. */
export function fromRgb16(band: usize, n: i32, out: usize): void {
  for (let i = 0; i < n; i += 4, band += 8, out += 16) {
    const p = i32x4.extend_low_i16x8_u(v128.load64_zero(band))
    const green = i32x4.shl(widened(i32x4.shr_u(p, 5)), 8)
    const red = i32x4.shl(widened(i32x4.shr_u(p, 10)), 16)
    v128.store(out, v128.or(v128.or(widened(p), green), red))
  }
}

/** c * a / 255, to the nearest. */
// @ts-ignore: decorator
@inline function scaled(c: u32, a: u32): u32 {
  const t = c * a + 128
  return (t + (t >>> 8)) >>> 8
}

/** Colours times alpha. */
export function premultiply(band: usize, n: i32, out: usize): void {
  for (let i = 0; i < n; i++) {
    const p = load<u32>(band + (i << 2))
    const a = p >>> 24
    const b = scaled(p & 255, a)
    const g = scaled((p >>> 8) & 255, a)
    const r = scaled((p >>> 16) & 255, a)
    store<u32>(out + (i << 2), b | (g << 8) | (r << 16) | (a << 24))
  }
}

// @ts-ignore: decorator
@inline function unscaled(c: u32, a: u32): u32 {
  return min<u32>(255, (c * 255 + (a >>> 1)) / a)
}

/** Colours divided by alpha, at most 255; 0 where alpha is 0. */
export function unpremultiply(band: usize, n: i32, out: usize): void {
  for (let i = 0; i < n; i++) {
    const p = load<u32>(band + (i << 2))
    const a = p >>> 24
    if (a == 0) {
      store<u32>(out + (i << 2), 0)
      continue
    }
    const b = unscaled(p & 255, a)
    const g = unscaled((p >>> 8) & 255, a)
    const r = unscaled((p >>> 16) & 255, a)
    store<u32>(out + (i << 2), b | (g << 8) | (r << 16) | (a << 24))
  }
}
