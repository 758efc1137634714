/**
 * QUIC rows to bits (codecs.md 4), bit for bit what the readable encoder writes. Each row is coded in passes: a bit mask of
 * pixels that equal their left neighbour, from which the runs follow; residuals, only of spans that are really coded; codes.
 *
 * Residuals lie as four numbers of 16 bits a pixel (b, g, r, unused), those of a single channel as one, each doubled: with
 * best codes that are offsets into the table of codes, one addition gives the place of a code. All memory has fixed places,
 * so that most loads need no address arithmetic; the host lays its own behind {@link base}. What V8 makes of this was looked
 * at: there is no call in the loop over pixels and little that lives longer, since it spills such values on every turn; and
 * vector constants come from memory, since it builds others anew at every use, of three instructions each.
 */

/** Widest row; the readable encoder takes what is wider. */
const MAX_WIDTH = 16384
/** Vectors may reach this far past the end of a row. */
const SLACK = 320

/** Behind the static data, which `setUp` checks. */
const START: usize = 4096

/* One group of channels: scalars, then per channel 256 best codes, as offsets, and 8 buckets of 8 counters. */
const WAIT: usize = 0
const SEED: usize = 4
const LEVEL: usize = 8
const LEFT: usize = 12
const RUN_STATE: usize = 16
const BEST: usize = 64
const COUNTERS: usize = BEST + 3 * 512
const GROUP_SIZE: usize = COUNTERS + 3 * 128

/* One family: vectors, codes by inverted code number and residual, lengths and bucket offsets by residual. */
const SIGN: usize = 0
const SAMPLE: usize = 16
const CODES: usize = 32
const LENGTHS: usize = CODES + 8 * 256 * 2
const BUCKETS: usize = LENGTHS + 256 * 16
const FAMILY_SIZE: usize = BUCKETS + 512

/* The family in use, both families ready, short runs by run state and length, constants, the two groups, the rows. */
const FAMILY: usize = START
const FAMILY8: usize = FAMILY + FAMILY_SIZE
const FAMILY5: usize = FAMILY8 + FAMILY_SIZE
const SHORT_RUNS: usize = FAMILY5 + FAMILY_SIZE
const ONES: usize = SHORT_RUNS + 32 * 64 * 4
const COLOURS: usize = ONES + 16
const COLOUR: usize = COLOURS + 16
const SINGLE: usize = COLOUR + GROUP_SIZE
const COLOUR_RESIDUALS: usize = SINGLE + GROUP_SIZE + 64
const SINGLE_RESIDUALS: usize = COLOUR_RESIDUALS + MAX_WIDTH * 8 + SLACK
const COLOUR_EQUAL: usize = SINGLE_RESIDUALS + MAX_WIDTH * 2 + SLACK
const COLOUR_RUNS: usize = COLOUR_EQUAL + MAX_WIDTH / 8 + 64
const SINGLE_EQUAL: usize = COLOUR_RUNS + MAX_WIDTH / 8 + 64
const SINGLE_RUNS: usize = SINGLE_EQUAL + MAX_WIDTH / 8 + 64
const COLOUR_ROWS: usize = SINGLE_RUNS + MAX_WIDTH / 8 + 128
const COLOUR_ROW_SIZE: usize = MAX_WIDTH * 4 + SLACK
const SINGLE_ROWS: usize = COLOUR_ROWS + 2 * COLOUR_ROW_SIZE
const SINGLE_ROW_SIZE: usize = MAX_WIDTH + SLACK
const OUT: usize = SINGLE_ROWS + 2 * SINGLE_ROW_SIZE
/** Coded bytes after which `rows` stops, and room for the longest row after that: 17 bytes a pixel. */
const OUT_SOFT: usize = 65536
const OUT_SIZE: usize = OUT_SOFT + MAX_WIDTH * 17 + 64
const END: usize = (OUT + OUT_SIZE + 63) & ~63

const GRAY = 1
const RGB16 = 2
const RGB24 = 3
const RGBA = 5

const LAST_LEVEL: u32 = 6
const LEVEL_PIXELS: u32 = 2048

/* Numbers modulo 64 (codecs.md 4.6), bits of a run's remainder (4.9), triggers (4.6). */
const RANDOM = memory.data<u8>([
  2, 23, 19, 21, 7, 18, 40, 14, 12, 32, 47, 44, 36, 6, 18, 11, 4, 19, 42, 29, 16, 63, 57, 51, 16, 3, 5, 14, 15, 30, 20,
  9, 36, 45, 3, 57, 61, 0, 8, 5, 41, 14, 43, 27, 43, 59, 31, 35, 39, 60, 42, 38, 13, 54, 62, 1, 26, 3, 11, 61, 52, 34,
  7, 48, 4, 59, 22, 12, 22, 8, 50, 4, 10, 6, 44, 8, 11, 46, 31, 51, 53, 17, 1, 43, 46, 60, 36, 54, 10, 27, 39, 44, 22,
  41, 23, 2, 44, 0, 40, 53, 40, 48, 16, 43, 32, 28, 33, 12, 20, 2, 56, 62, 55, 58, 18, 20, 13, 55, 38, 29, 57, 19, 49,
  33, 47, 63, 59, 0, 35, 61, 19, 25, 46, 38, 60, 4, 35, 1, 26, 40, 28, 10, 5, 14, 25, 18, 48, 49, 20, 59, 62, 34, 46,
  7, 33, 52, 34, 58, 9, 29, 8, 55, 62, 60, 37, 36, 37, 50, 6, 3, 10, 28, 48, 24, 26, 61, 57, 30, 11, 54, 2, 6, 50, 47,
  7, 17, 35, 53, 32, 12, 23, 17, 5, 21, 49, 55, 51, 45, 52, 27, 39, 25, 39, 63, 22, 24, 42, 52, 56, 38, 41, 41, 56, 32,
  13, 24, 26, 51, 27, 56, 58, 37, 24, 42, 15, 28, 17, 30, 31, 15, 16, 23, 25, 54, 33, 34, 1, 29, 31, 50, 53, 21, 49,
  15, 47, 9, 0, 58, 37, 45, 30, 13, 9, 45, 63, 21,
])
const RUN_BITS = memory.data<u8>([
  0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15,
])
const TRIGGERS = memory.data<u16>([110, 550, 900, 800, 550, 400, 350])

/* The image at hand. */
let type: u32 = 0
let width: u32 = 0
let firstRow: bool = true
let above: usize = 0
let aboveSingle: usize = 0
/** Which of the two row buffers the next converted row goes to. */
let rowBuffer: usize = 0
let family: u32 = 0

/* The bit writer: `pending` bits, below 32, wait in the low end of `bits`; what lies above them was written before. */
let bits: u64 = 0
let pending: u32 = 0
let end: usize = 0

/** First free byte of memory. */
export function base(): usize {
  return END
}

/** Where coded bytes lie. */
export function output(): usize {
  return OUT
}

/** End of the coded bytes. */
export function outputEnd(): usize {
  return end
}

function fillFamily(to: usize, depth: u32): void {
  const count: u32 = 1 << depth
  for (let inverted: u32 = 0; inverted < 8; inverted++) {
    /* Codes above the depth repeat the last one, so that they win no comparison that it would not. */
    const low: u32 = min<u32>(7 - inverted, depth - 1)
    const prefix: u32 = min<u32>(26 - depth, ((<u32>1) << (depth - low)) - 1)
    const escapeFrom: u32 = prefix << low
    const escapeBits: u32 = 32 - clz(count - escapeFrom - 1)
    for (let n: u32 = 0; n < count; n++) {
      const golomb = n < escapeFrom
      const length = golomb ? (n >> low) + 1 + low : prefix + escapeBits
      const value = golomb ? ((<u32>1) << low) | (n & (((<u32>1) << low) - 1)) : n - escapeFrom
      store<u16>(to + CODES + (inverted << 9) + (n << 1), <u16>((value << 8) | length))
      /* Lane l, 8 times the length: the low three bits of a counter hold the inverted code number. */
      store<u16>(to + LENGTHS + (n << 4) + ((7 - inverted) << 1), <u16>(length << 3))
    }
  }
  v128.store(to, i8x16.splat(<u8>(count >> 1)), SIGN)
  v128.store(to, i8x16.splat(<u8>(count - 1)), SAMPLE)
  for (let n: u32 = 0; n < count; n++) {
    store<u8>(to + BUCKETS + (n << 1), <u8>(min(31 - clz(n + 1), depth - 1) << 4))
  }
}

/** Fills the tables; to be called once. */
export function setUp(): void {
  if (__heap_base > START) {
    unreachable()
  }
  v128.store(ONES, i8x16.splat(1))
  v128.store(COLOURS, i32x4.splat(0xffffff))
  fillFamily(FAMILY8, 8)
  fillFamily(FAMILY5, 5)
  fillShortRuns()
}

function resetGroup(group: usize): void {
  store<u32>(group, 0, WAIT)
  store<u32>(group, 255, SEED)
  store<u32>(group, 0, LEVEL)
  store<u32>(group, LEVEL_PIXELS, LEFT)
  store<u32>(group, 0, RUN_STATE)
  memory.fill(group + BEST, 0, 3 * 512)
  const fresh = i16x8(7, 6, 5, 4, 3, 2, 1, 0)
  for (let bucket: usize = 0; bucket < 3 * 8; bucket++) {
    v128.store(group + (bucket << 4), fresh, COUNTERS)
  }
}

/** Starts an image of `columns` pixels a row, at most MAX_WIDTH. */
export function begin(imageType: u32, columns: u32): void {
  const depth: u32 = imageType == RGB16 ? 5 : 8
  if (family != depth) {
    memory.copy(FAMILY, depth == 5 ? FAMILY5 : FAMILY8, FAMILY_SIZE)
    family = depth
  }
  type = imageType
  width = columns
  firstRow = true
  if (imageType != GRAY) {
    resetGroup(COLOUR)
  }
  if (imageType == GRAY || imageType == RGBA) {
    resetGroup(SINGLE)
  }
  bits = 0
  pending = 0
  end = OUT
}

/** The coded bytes so far were taken. */
export function rewind(): void {
  end = OUT
}

/** Fills the last word with zeros and adds the empty one. */
export function finish(): void {
  if (pending > 0) {
    put(0, 32 - pending)
  }
  store<u32>(end, 0)
  end += 4
}

/** `count` at most 32. */
function put(value: u32, count: u32): void {
  bits = (bits << count) | value
  const filled = pending + count
  store<u32>(end, <u32>(bits >> (filled - 32)))
  end += (filled >> 3) & 4
  pending = filled & 31
}

/** Codes a run of n pixels and returns the next run state (codecs.md 4.9). */
function putRun(from: u32, n: u32): u32 {
  let state = from
  let size: u32 = load<u8>(RUN_BITS + state)
  let ones: u32 = 0
  while (n >> size) {
    n -= (<u32>1) << size
    if (state < 31) {
      state++
      size = load<u8>(RUN_BITS + state)
    }
    if (++ones == 15) {
      put(0x7fff, 15)
      ones = 0
    }
  }
  /* 14 ones, a zero and 15 bits at most. */
  put(((((<u32>1) << ones) - 1) << (size + 1)) | n, ones + 1 + size)
  return state > 0 ? state - 1 : 0
}

/** Runs below this length have their code in a table: value << 10 | length << 5 | next state. */
const SHORT_RUN: u32 = 64

/** Fills the table of short runs by coding each; none has more than 21 bits. */
function fillShortRuns(): void {
  for (let state: u32 = 0; state < 32; state++) {
    for (let n: u32 = 0; n < SHORT_RUN; n++) {
      bits = 0
      pending = 0
      end = OUT
      const next = putRun(state, n)
      const length = pending
      store<u32>(SHORT_RUNS + (state << 8) + (n << 2), <u32>(bits << 10) | (length << 5) | next)
    }
  }
}

/** First column from `from` on where a run is due, or `stop`. */
// @ts-ignore: decorator
@inline
function findRun(runs: usize, from: u32, stop: u32): u32 {
  if (from >= stop) {
    return stop
  }
  let word = load<u64>(runs + ((from >> 6) << 3)) >> (from & 63)
  if (word != 0) {
    return min(from + <u32>ctz(word), stop)
  }
  for (let column = (from | 63) + 1; column < stop; column += 64) {
    word = load<u64>(runs + (column >> 3))
    if (word != 0) {
      return min(column + <u32>ctz(word), stop)
    }
  }
  return stop
}

/** First column from `from` on that differs from its left neighbour, or `stop`. */
// @ts-ignore: decorator
@inline
function findRunEnd(equal: usize, from: u32, stop: u32): u32 {
  let word = ~load<u64>(equal + ((from >> 6) << 3)) >> (from & 63)
  if (word != 0) {
    return min(from + <u32>ctz(word), stop)
  }
  for (let column = (from | 63) + 1; column < stop; column += 64) {
    word = ~load<u64>(equal + (column >> 3))
    if (word != 0) {
      return min(column + <u32>ctz(word), stop)
    }
  }
  return stop
}

/** Whether four pixels equal their left neighbours in b, g, r. */
// @ts-ignore: decorator
@inline
function equalsLeft(p: usize, colours: v128): v128 {
  const differing = v128.xor(v128.load(p), v128.load(p - 4))
  return i32x4.eq(v128.and(differing, colours), i32x4.splat(0))
}

// @ts-ignore: decorator
@inline
function equalsLeft16(p: usize, colours: v128): u64 {
  const low = i16x8.narrow_i32x4_s(equalsLeft(p, colours), equalsLeft(p + 16, colours))
  const high = i16x8.narrow_i32x4_s(equalsLeft(p + 32, colours), equalsLeft(p + 48, colours))
  return <u64>(<u32>i8x16.bitmask(i8x16.narrow_i16x8_s(low, high)))
}

// @ts-ignore: decorator
@inline
function singleEqualsLeft16(p: usize): u64 {
  return <u64>(<u32>i8x16.bitmask(i8x16.eq(v128.load(p), v128.load(p - 1))))
}

/**
 * Stores the mask of one word and what it and that of the row above mean for runs. The first row has none, nor have the
 * first three pixels of any.
 */
// @ts-ignore: decorator
@inline
function storeMasks(equal: usize, runs: usize, word: u64, carry: u64, allowed: u64): void {
  const over = load<u64>(equal)
  store<u64>(equal, word)
  store<u64>(runs, over & ((word << 1) | carry) & allowed)
}

function maskColour(row: usize): void {
  const colours = v128.load(COLOURS)
  const rest: u64 = firstRow ? 0 : ~(<u64>0)
  let allowed = rest & ~7
  let equal = COLOUR_EQUAL
  let runs = COLOUR_RUNS
  let carry: u64 = 0
  const stop = row + (width << 2)
  for (let p = row; p < stop; p += 256, equal += 8, runs += 8) {
    const word =
      equalsLeft16(p, colours) |
      (equalsLeft16(p + 64, colours) << 16) |
      (equalsLeft16(p + 128, colours) << 32) |
      (equalsLeft16(p + 192, colours) << 48)
    storeMasks(equal, runs, word, carry, allowed)
    carry = word >> 63
    allowed = rest
  }
}

function maskSingle(row: usize): void {
  const rest: u64 = firstRow ? 0 : ~(<u64>0)
  let allowed = rest & ~7
  let equal = SINGLE_EQUAL
  let runs = SINGLE_RUNS
  let carry: u64 = 0
  const stop = row + width
  for (let p = row; p < stop; p += 64, equal += 8, runs += 8) {
    const word =
      singleEqualsLeft16(p) |
      (singleEqualsLeft16(p + 16) << 16) |
      (singleEqualsLeft16(p + 32) << 32) |
      (singleEqualsLeft16(p + 48) << 48)
    storeMasks(equal, runs, word, carry, allowed)
    carry = word >> 63
    allowed = rest
  }
}

/**
 * Residuals of the bytes from `from` to `stop` of a row, folded (codecs.md 4.4); `left` is how far back the left neighbour
 * is. In the first row `over` must be the left neighbours. The vector behind `stop` keeps its values: a context after a run
 * is what was stored there last.
 */
// @ts-ignore: decorator
@inline
function residuals(to: usize, row: usize, over: usize, from: usize, stop: usize, left: usize): void {
  const ones = v128.load(ONES)
  const sign = v128.load(FAMILY + SIGN)
  const sample = v128.load(FAMILY + SAMPLE)
  const behind = to + (stop << 1)
  const kept = v128.load(behind)
  const keptToo = v128.load(behind, 16)
  for (let k = from; k < stop; k += 16) {
    const beside = v128.load(row + k - left)
    const above = v128.load(over + k)
    /* The average, rounded down. */
    const prediction = i8x16.sub(i8x16.avgr_u(beside, above), v128.and(v128.xor(beside, above), ones))
    const difference = i8x16.sub(v128.load(row + k), prediction)
    const negative = i8x16.eq(v128.and(difference, sign), sign)
    const folded = v128.and(v128.xor(i8x16.add(difference, difference), negative), sample)
    const low = i16x8.extend_low_i8x16_u(folded)
    const high = i16x8.extend_high_i8x16_u(folded)
    v128.store(to + (k << 1), i16x8.add(low, low))
    v128.store(to + (k << 1), i16x8.add(high, high), 16)
  }
  if (from == 0) {
    /* The first pixel is compared with the one above it, or with 0. */
    const above = firstRow ? i32x4.splat(0) : v128.load(over)
    const difference = i8x16.sub(v128.load(row), above)
    const negative = i8x16.eq(v128.and(difference, sign), sign)
    const folded = v128.and(v128.xor(i8x16.add(difference, difference), negative), sample)
    const low = i16x8.extend_low_i8x16_u(folded)
    const doubled = i16x8.add(low, low)
    if (left == 4) {
      store<u64>(to, i64x2.extract_lane(doubled, 0))
    } else {
      store<u16>(to, i16x8.extract_lane_u(doubled, 0))
    }
  }
  v128.store(behind, kept)
  v128.store(behind, keptToo, 16)
}

/** Code of a doubled residual, given the best code after the one before it: value << 8 | length. */
// @ts-ignore: decorator
@inline
function codeOf(best: u32, residual: u32): u32 {
  return load<u16>(best + residual, FAMILY + CODES)
}

/** Follows a change of a bucket's best code, and halves its counters above the trigger. `low` is its least counter. */
// @ts-ignore: decorator
@inline
function adjust(best: usize, counters: usize, context: u32, low: u32, trigger: u32): void {
  const offset: u32 = load<u8>(context, FAMILY + BUCKETS)
  const code = (low & 7) << 9
  if (code != load<u16>(best + context)) {
    const bucket = offset >> 4
    const size: u32 = (<u32>2) << bucket
    const first = best + size - 2
    if (size >= 16) {
      const all = i16x8.splat(<u16>code)
      for (let k: u32 = 0; k < size; k += 16) {
        v128.store(first + k, all)
      }
    } else {
      for (let k: u32 = 0; k < size; k += 2) {
        store<u16>(first + k, <u16>code)
      }
    }
    if (bucket == family - 1) {
      store<u16>(first + size, <u16>code)
    }
  }
  if (low > trigger) {
    const at = counters + offset
    const halved = v128.and(i16x8.shr_u(v128.load(at), 1), i16x8.splat(-8))
    v128.store(at, v128.or(halved, i16x8(7, 6, 5, 4, 3, 2, 1, 0)))
  }
}

/** Adds the lengths of a residual to the counters of its bucket. */
// @ts-ignore: decorator
@inline
function count(counters: usize, context: u32, residual: u32): v128 {
  const to = <u32>load<u8>(context, FAMILY + BUCKETS) + <u32>counters
  const sum = i16x8.add(v128.load(to), v128.load(residual << 3, FAMILY + LENGTHS))
  v128.store(to, sum)
  return sum
}

const RED: usize = COLOUR + BEST
const GREEN: usize = RED + 512
const BLUE: usize = GREEN + 512
const RED_COUNTERS: usize = COLOUR + COUNTERS
const GREEN_COUNTERS: usize = RED_COUNTERS + 128
const BLUE_COUNTERS: usize = GREEN_COUNTERS + 128

/** Trains the model on the pixel behind the one at `p` (codecs.md 4.5). */
// @ts-ignore: decorator
@inline
function trainColour(p: usize, trigger: u32): void {
  const blueBefore: u32 = load<u16>(p)
  const greenBefore: u32 = load<u16>(p, 2)
  const redBefore: u32 = load<u16>(p, 4)
  const blues = count(BLUE_COUNTERS, blueBefore, load<u16>(p, 8))
  const greens = count(GREEN_COUNTERS, greenBefore, load<u16>(p, 10))
  const reds = count(RED_COUNTERS, redBefore, load<u16>(p, 12))
  /* Least counter of each, in one lane of 32 bits: red, green, blue, blue. */
  const two = i16x8.min_u(v128.shuffle<u64>(reds, greens, 0, 2), v128.shuffle<u64>(reds, greens, 1, 3))
  const one = i16x8.min_u(blues, v128.shuffle<u64>(blues, blues, 1, 0))
  const pairs = i16x8.min_u(v128.shuffle<u32>(two, one, 0, 2, 4, 6), v128.shuffle<u32>(two, one, 1, 3, 5, 7))
  const least = i16x8.min_u(pairs, i32x4.shr_u(pairs, 16))
  const red: u32 = i32x4.extract_lane(least, 0)
  const green: u32 = i32x4.extract_lane(least, 1)
  const blue: u32 = i32x4.extract_lane(least, 2)
  const changed =
    (red ^ (load<u16>(redBefore, RED) >> 9)) |
    (green ^ (load<u16>(greenBefore, GREEN) >> 9)) |
    (blue ^ (load<u16>(blueBefore, BLUE) >> 9))
  if ((changed & 7) | <u32>v128.any_true(i32x4.gt_s(least, i32x4.splat(trigger)))) {
    adjust(RED, RED_COUNTERS, redBefore, red, trigger)
    adjust(GREEN, GREEN_COUNTERS, greenBefore, green, trigger)
    adjust(BLUE, BLUE_COUNTERS, blueBefore, blue, trigger)
  }
}

/** Trains the model on the pixel behind the one at `p`. */
// @ts-ignore: decorator
@inline
function trainSingle(p: usize, trigger: u32): void {
  const before: u32 = load<u16>(p)
  const sums = count(SINGLE + COUNTERS, before, load<u16>(p, 2))
  const four = i16x8.min_u(sums, v128.shuffle<u64>(sums, sums, 1, 0))
  const pair = i16x8.min_u(four, v128.shuffle<u32>(four, four, 1, 0, 3, 2))
  const low: u32 = i32x4.extract_lane(i16x8.min_u(pair, i32x4.shr_u(pair, 16)), 0)
  if (((low ^ (load<u16>(before, SINGLE + BEST) >> 9)) & 7) | <u32>(low > trigger)) {
    adjust(SINGLE + BEST, SINGLE + COUNTERS, before, low, trigger)
  }
}

/** Codes the pixels behind those from `p` to `stop`. Its locals are its own, so that all it needs stays in registers. */
function codeColours(p: usize, stop: usize): void {
  let word = bits
  let filled = pending
  let to = end
  do {
    const red = codeOf(load<u16>(<u32>load<u16>(p, 4), RED), load<u16>(p, 12))
    const green = codeOf(load<u16>(<u32>load<u16>(p, 2), GREEN), load<u16>(p, 10))
    const blue = codeOf(load<u16>(<u32>load<u16>(p), BLUE), load<u16>(p, 8))
    const length = (red + green + blue) & 0xff
    if (length <= 32) {
      /* A code is its own shift count: the bits above the length are no part of a count below 32. */
      word = (word << length) | (((((red >> 8) << green) | (green >> 8)) << blue) | (blue >> 8))
      filled += length
      store<u32>(to, <u32>(word >> (filled - 32)))
      to += (filled >> 3) & 4
      filled &= 31
    } else {
      word = (word << red) | (red >> 8)
      filled += red & 0xff
      store<u32>(to, <u32>(word >> (filled - 32)))
      to += (filled >> 3) & 4
      filled &= 31
      word = (word << green) | (green >> 8)
      filled += green & 0xff
      store<u32>(to, <u32>(word >> (filled - 32)))
      to += (filled >> 3) & 4
      filled &= 31
      word = (word << blue) | (blue >> 8)
      filled += blue & 0xff
      store<u32>(to, <u32>(word >> (filled - 32)))
      to += (filled >> 3) & 4
      filled &= 31
    }
    p += 8
  } while (p < stop)
  bits = word
  pending = filled
  end = to
}

/** As `codeColours`, for one channel. */
function codeSingles(p: usize, stop: usize): void {
  let word = bits
  let filled = pending
  let to = end
  do {
    const code = codeOf(load<u16>(<u32>load<u16>(p), SINGLE + BEST), load<u16>(p, 2))
    word = (word << code) | (code >> 8)
    filled += code & 0xff
    store<u32>(to, <u32>(word >> (filled - 32)))
    to += (filled >> 3) & 4
    filled &= 31
    p += 2
  } while (p < stop)
  bits = word
  pending = filled
  end = to
}

/**
 * HOT PATH (damage to encoded image): codes columns `from` to `stop` of a row. Budget and ratios: performance-notes.md 2.1.
 * No run is looked for while pixels are coded; the position of the next one is known before.
 */
// @ts-ignore: decorator
@inline
function segment(colour: bool, row: usize, over: usize, from: u32, stop: u32): void {
  const group: usize = colour ? COLOUR : SINGLE
  const runs: usize = colour ? COLOUR_RUNS : SINGLE_RUNS
  const equal: usize = colour ? COLOUR_EQUAL : SINGLE_EQUAL
  const kept: usize = colour ? COLOUR_RESIDUALS : SINGLE_RESIDUALS
  const pixelShift: u32 = colour ? 2 : 0
  const pixelSize: usize = colour ? 4 : 1
  /* Residuals take twice as much as pixels. */
  const shift: u32 = colour ? 3 : 1
  const step: usize = colour ? 8 : 2
  const level = load<u32>(group + LEVEL)
  const mask: u32 = ((<u32>1) << level) - 1
  const trigger: u32 = ((<u32>load<u16>(TRIGGERS + (level << 1))) << 3) | 7
  let seed = load<u32>(group + SEED)
  let runState = load<u32>(group + RUN_STATE)
  let i = from
  /** Where the residual of the pixel lies that is trained next. */
  let training = kept + ((from + load<u32>(group + WAIT)) << shift)
  let runFrom = from
  while (true) {
    const runAt = findRun(runs, runFrom, stop)
    if (i < runAt) {
      residuals(kept, row, over, i << pixelShift, runAt << pixelShift, pixelSize)
      /* The pixel before the one that is coded. */
      let p = kept + (i << shift) - step
      const last = kept + (runAt << shift) - step
      do {
        const pause = min(training, last)
        if (colour) {
          codeColours(p, pause)
        } else {
          codeSingles(p, pause)
        }
        p = pause
        if (p == training) {
          if (colour) {
            trainColour(p - step, trigger)
          } else {
            trainSingle(p - step, trigger)
          }
          seed = (seed + 1) & 255
          training += ((<u32>load<u8>(RANDOM + seed) & mask) + 1) << shift
        }
      } while (p < last)
    }
    if (runAt == stop) {
      break
    }
    const runEnd = findRunEnd(equal, runAt, stop)
    const n = runEnd - runAt
    if (n < SHORT_RUN) {
      const code = load<u32>((runState << 8) + (n << 2), SHORT_RUNS)
      runState = code & 31
      put(code >> 10, (code >> 5) & 31)
    } else {
      runState = putRun(runState, n)
    }
    i = runEnd
    training += n << shift
    if (runEnd == stop) {
      break
    }
    /* Where no pixel went into the run, the pixel is coded. */
    runFrom = i + <u32>(n == 0)
  }
  store<u32>(group + WAIT, ((training - kept) >> shift) - stop)
  store<u32>(group + SEED, seed)
  store<u32>(group + RUN_STATE, runState)
}

function colourSegment(row: usize, over: usize, from: u32, stop: u32): void {
  segment(true, row, over, from, stop)
}

function singleSegment(row: usize, over: usize, from: u32, stop: u32): void {
  segment(false, row, over, from, stop)
}

/** One row of a group, in segments of one level (codecs.md 4.7). */
// @ts-ignore: decorator
@inline
function groupRow(colour: bool, row: usize, over: usize): void {
  const group: usize = colour ? COLOUR : SINGLE
  if (colour) {
    store<u64>(COLOUR_RESIDUALS - 8, firstRow ? 0 : load<u64>(COLOUR_RESIDUALS))
    maskColour(row)
  } else {
    store<u16>(SINGLE_RESIDUALS - 2, firstRow ? 0 : load<u16>(SINGLE_RESIDUALS))
    maskSingle(row)
  }
  let from: u32 = 0
  let left = load<u32>(group + LEFT)
  while (from < width) {
    const level = load<u32>(group + LEVEL)
    const ends = level < LAST_LEVEL && left <= width - from
    const stop = ends ? from + left : width
    if (colour) {
      colourSegment(row, over, from, stop)
    } else {
      singleSegment(row, over, from, stop)
    }
    if (ends) {
      store<u32>(group + LEVEL, level + 1)
      left = LEVEL_PIXELS
    } else if (level < LAST_LEVEL) {
      left -= width - from
    }
    from = stop
  }
  store<u32>(group + LEFT, left)
}

function colourRow(row: usize, over: usize): void {
  groupRow(true, row, over)
}

function singleRow(row: usize, over: usize): void {
  groupRow(false, row, over)
}

/** b, g, r to b, g, r, 0. */
function expand24(to: usize, from: usize): void {
  const stop = to + (width << 2)
  for (; to < stop; to += 16, from += 12) {
    const spread = i8x16(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1)
    v128.store(to, i8x16.swizzle(v128.load(from), spread))
  }
}

/** x1r5g5b5 to b, g, r, 0 of 5 bits each. */
function expand16(to: usize, from: usize): void {
  const stop = to + (width << 2)
  const five = i16x8.splat(31)
  for (; to < stop; to += 32, from += 16) {
    const pixels = v128.load(from)
    const red = v128.and(i16x8.shr_u(pixels, 10), five)
    const green = v128.and(i16x8.shr_u(pixels, 5), five)
    const low = v128.or(v128.and(pixels, five), i16x8.shl(green, 8))
    v128.store(to, v128.shuffle<u16>(low, red, 0, 8, 1, 9, 2, 10, 3, 11))
    v128.store(to, v128.shuffle<u16>(low, red, 4, 12, 5, 13, 6, 14, 7, 15), 16)
  }
}

/** The alpha bytes of a row. */
function takeAlpha(to: usize, from: usize): void {
  const stop = to + width
  for (; to < stop; to += 16, from += 64) {
    const first = i16x8.narrow_i32x4_u(i32x4.shr_u(v128.load(from), 24), i32x4.shr_u(v128.load(from, 16), 24))
    const second = i16x8.narrow_i32x4_u(
      i32x4.shr_u(v128.load(from, 32), 24),
      i32x4.shr_u(v128.load(from, 48), 24),
    )
    v128.store(to, i8x16.narrow_i16x8_u(first, second))
  }
}

/**
 * Codes rows that lie `stride` bytes apart, until the coded bytes reach their soft limit. The last row of the call before
 * must still be where it was.
 *
 * @returns rows coded
 */
export function rows(source: usize, stride: i32, count: u32): u32 {
  const soft = OUT + OUT_SOFT
  let row = source
  let done: u32 = 0
  while (done < count && end < soft) {
    if (type == GRAY) {
      singleRow(row, firstRow ? row - 1 : above)
      above = row
    } else {
      let colours = row
      if (type == RGB24 || type == RGB16) {
        rowBuffer = COLOUR_ROW_SIZE - rowBuffer
        colours = COLOUR_ROWS + rowBuffer
        if (type == RGB24) {
          expand24(colours, row)
        } else {
          expand16(colours, row)
        }
      }
      colourRow(colours, firstRow ? colours - 4 : above)
      above = colours
      if (type == RGBA) {
        const alphas = SINGLE_ROWS + (aboveSingle == SINGLE_ROWS ? SINGLE_ROW_SIZE : <usize>0)
        takeAlpha(alphas, row)
        singleRow(alphas, firstRow ? alphas - 1 : aboveSingle)
        aboveSingle = alphas
      }
    }
    firstRow = false
    row += stride
    done++
  }
  return done
}
