/**
 * LZ tokens (codecs.md 2.3) from units of 4 bytes (rgb in 32 bits, the top byte is not coded), 2 bytes (rgb16, the top bit
 * is not compared) and 1 byte (palettes and alpha).
 *
 * Memory belongs to the caller: units and output may be read and written up to SLACK bytes past their ends.
 */

/** Bits of a slot number: two tables of 2^12 slots of 4 bytes stay in the first-level cache (performance-notes.md 2.2). */
const TABLE_BITS: u64 = 12
const TABLE_BYTES: usize = 4 << (<usize>TABLE_BITS)
const FACTOR: u64 = 0x9e3779b97f4a7c15
const LONG_FACTOR: u64 = 0xc2b2ae3d27d4eb4f

/** Largest distance of a match and of one in the near form, in units. */
const MAX_DISTANCE: u32 = 73727
const NEAR_DISTANCE: u32 = 8191

const MAX_LITERALS: usize = 32

/** After this many misses without a good match (as a power of two) the search skips one unit more each time. */
const SKIP_SHIFT: u32 = 4

/** A match with the row above that has this many units is taken without a look into the table. */
const GOOD_MATCH: usize = 32

/** Positions in the table are bytes; the first is further from the zeros of a new table than any match goes. */
const FIRST_POSITION: u32 = MAX_DISTANCE * 4 + 64
const LAST_POSITION: u32 = 0xf0000000

/** Position of the next pass: it grows from pass to pass, so that what older ones left behind is out of reach. */
export let position: u32 = FIRST_POSITION

/** First free byte of memory. */
export function base(): usize {
  return __heap_base
}

/** Units that a table key is made of: what two places must share at least. */
function keyUnits<T>(): usize {
  return sizeof<T>() == 4 ? 2 : sizeof<T>() == 2 ? 3 : 4
}

/** The compared bits of the first units at `at`. */
function keyAt<T>(at: usize): u64 {
  if (sizeof<T>() == 4) {
    return load<u64>(at) & 0x00ffffff00ffffff
  }
  if (sizeof<T>() == 2) {
    return load<u64>(at) & 0x00007fff7fff7fff
  }
  return load<u32>(at)
}

function sameUnit<T>(a: usize, b: usize): bool {
  if (sizeof<T>() == 4) {
    return ((load<u32>(a) ^ load<u32>(b)) & 0xffffff) == 0
  }
  if (sizeof<T>() == 2) {
    return ((load<u16>(a) ^ load<u16>(b)) & 0x7fff) == 0
  }
  return load<u8>(a) == load<u8>(b)
}

function slotOf(table: usize, hash: u64): usize {
  return table + ((<usize>(hash >> (64 - TABLE_BITS))) << 2)
}

/** The bits of a difference that count. */
function compared<T>(difference: v128): v128 {
  return sizeof<T>() == 4
    ? v128.shl<u32>(difference, 8)
    : sizeof<T>() == 2
      ? v128.shl<u16>(difference, 1)
      : difference
}

/** One bit for each byte without a difference that counts. */
function equalBytes<T>(difference: v128): i32 {
  return i8x16.bitmask(i8x16.eq(compared<T>(difference), i8x16.splat(0)))
}

/** Bytes in whole units before the first zero bit of `equal`. */
function wholeUnits<T>(equal: i32): usize {
  return (<usize>ctz(~equal)) & ~(sizeof<T>() - 1)
}

/** End of the units from `at` on that equal those `distance` bytes before; at most `end`. */
function matchEnd<T>(at: usize, distance: usize, end: usize): usize {
  const first = equalBytes<T>(v128.xor(v128.load(at), v128.load(at - distance)))
  if (first != 0xffff) {
    return min(at + wholeUnits<T>(first), end)
  }
  for (at += 16; at < end; at += 32) {
    const a = v128.xor(v128.load(at), v128.load(at - distance))
    const b = v128.xor(v128.load(at, 16), v128.load(at - distance, 16))
    if (v128.any_true(compared<T>(v128.or(a, b)))) {
      return min(at + wholeUnits<T>(equalBytes<T>(a) | (equalBytes<T>(b) << 16)), end)
    }
  }
  return end
}

/** End of the units from `at` on that equal the first of them; at most `end`. */
function runEnd<T>(at: usize, end: usize): usize {
  const unit =
    sizeof<T>() == 4 ? v128.load32_splat(at) : sizeof<T>() == 2 ? v128.load16_splat(at) : v128.load8_splat(at)
  const first = equalBytes<T>(v128.xor(v128.load(at), unit))
  if (first != 0xffff) {
    return min(at + wholeUnits<T>(first), end)
  }
  for (at += 16; at < end; at += 32) {
    const a = v128.xor(v128.load(at), unit)
    const b = v128.xor(v128.load(at, 16), unit)
    if (v128.any_true(compared<T>(v128.or(a, b)))) {
      return min(at + wholeUnits<T>(equalBytes<T>(a) | (equalBytes<T>(b) << 16)), end)
    }
  }
  return end
}

/** Writes the units `from` to `end` as literals, and up to 16 bytes of rubbish behind them. */
function putLiterals<T>(from: usize, end: usize, out: usize): usize {
  while (from < end) {
    const units = min((end - from) / sizeof<T>(), MAX_LITERALS)
    const stop = from + units * sizeof<T>()
    store<u8>(out++, <u8>(units - 1))
    let to = out
    do {
      const some = v128.load(from)
      if (sizeof<T>() == 4) {
        v128.store(to, i8x16.shuffle(some, some, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15))
        to += 12
      } else if (sizeof<T>() == 2) {
        v128.store(to, i8x16.shuffle(some, some, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14))
        to += 16
      } else {
        v128.store(to, some)
        to += 16
      }
      from += 16
    } while (from < stop)
    from = stop
    out += units * (sizeof<T>() == 4 ? 3 : sizeof<T>())
  }
  return out
}

/** Writes one match of `units` units, `distance` units back. */
function putMatch<T>(units: u32, distance: u32, out: usize): usize {
  const length = units - (sizeof<T>() == 4 ? 0 : sizeof<T>() == 2 ? 1 : 2)
  const near = distance <= NEAR_DISTANCE
  const stored = distance - 1
  const high = near ? stored >> 8 : 31
  if (length < 7) {
    store<u8>(out++, <u8>((length << 5) | high))
  } else {
    store<u8>(out++, <u8>(0xe0 | high))
    let extension = length - 7
    for (; extension >= 255; extension -= 255) {
      store<u8>(out++, 255)
    }
    store<u8>(out++, <u8>extension)
  }
  if (near) {
    store<u8>(out, <u8>stored)
    return out + 1
  }
  const far = stored - NEAR_DISTANCE
  store<u8>(out, 255)
  store<u8>(out + 1, <u8>(far >> 8))
  store<u8>(out + 2, <u8>far)
  return out + 3
}

function encode<T>(from: usize, count: u32, rowUnits: u32, out: usize, limit: usize, table: usize): usize {
  const unit = sizeof<T>()
  const end = from + <usize>count * unit
  const keyBytes = keyUnits<T>() * unit
  const searchBytes: usize = 2 * keyBytes
  const longTable = table + TABLE_BYTES
  const reach = MAX_DISTANCE * <u32>unit
  if (position > LAST_POSITION - (<u32>(end - from) + FIRST_POSITION)) {
    memory.fill(table, 0, 2 * TABLE_BYTES)
    position = FIRST_POSITION
  }
  // Added to an address it gives a position.
  const shift = position - <u32>from
  position += <u32>(end - from) + FIRST_POSITION
  const above = <usize>rowUnits * unit
  const aboveFrom = rowUnits <= MAX_DISTANCE ? from + above : end
  let literals = from
  let at = from + unit
  let misses: u32 = 0
  while (at + searchBytes <= end) {
    const key = keyAt<T>(at)
    let distance = unit
    let stop = at
    if (keyAt<T>(at - unit) == key) {
      stop = runEnd<T>(at, end)
      if (at >= aboveFrom && stop < end && sameUnit<T>(stop, stop - above)) {
        const other = matchEnd<T>(at, above, end)
        if (other > stop) {
          stop = other
          distance = above
        }
      }
    } else {
      if (at >= aboveFrom && keyAt<T>(at - above) == key) {
        stop = matchEnd<T>(at + keyBytes, above, end)
        distance = above
      }
      if (stop - at < GOOD_MATCH * unit) {
        // Both tables know the last place: one of this key, one of this key and the next, which makes for long matches.
        const here = <u32>at + shift
        const hash = key * FACTOR
        const slot = slotOf(table, hash)
        const longSlot = slotOf(longTable, hash + keyAt<T>(at + keyBytes) * LONG_FACTOR)
        const back = here - load<u32>(slot)
        const longBack = here - load<u32>(longSlot)
        store<u32>(slot, here)
        store<u32>(longSlot, here)
        if (longBack <= reach && keyAt<T>(at - <usize>longBack) == key) {
          const other = matchEnd<T>(at + keyBytes, <usize>longBack, end)
          if (other > stop) {
            stop = other
            distance = <usize>longBack
          }
        } else if (back <= reach && keyAt<T>(at - <usize>back) == key) {
          const other = matchEnd<T>(at + keyBytes, <usize>back, end)
          if (other > stop) {
            stop = other
            distance = <usize>back
          }
        }
      }
      const least = distance <= <usize>NEAR_DISTANCE * unit ? keyBytes : keyBytes + unit
      if (stop - at < least) {
        at += unit * (1 + (misses++ >> SKIP_SHIFT))
        continue
      }
      while (at > literals && at - from > distance && sameUnit<T>(at - unit, at - unit - distance)) {
        at -= unit
      }
    }
    // A match of the least length is hardly better than literals: where there are no others, the search goes on skipping.
    if (stop - at > keyBytes) {
      misses = 0
    }
    out = putLiterals<T>(literals, at, out)
    out = putMatch<T>(<u32>((stop - at) / unit), <u32>(distance / unit), out)
    if (out > limit) {
      return 0
    }
    at = stop
    literals = stop
    if (at + keyBytes <= end) {
      store<u32>(slotOf(table, keyAt<T>(at - unit) * FACTOR), <u32>(at - unit) + shift)
    }
  }
  out = putLiterals<T>(literals, end, out)
  return out > limit ? 0 : out
}

/**
 * HOT PATH (damage to encoded image). Writes the tokens of one pass over `count` units at `from` to `out`. Per position: a
 * run of the unit before; else the longest of the row above and the last places with the same key, stretched backwards
 * over literals; else a literal, skipping ahead where nothing has matched for long. `table` is 32 KiB, zero at first,
 * and keeps what it holds from call to call.
 *
 * A match is never longer than the literals that it stands for and the token that it splits, so the output is never longer
 * than all literals would be, and room for those is all that is needed, whatever `limit` says.
 *
 * @returns end of the tokens, or 0 when they go past `limit`
 */
export function encode32(
  from: usize,
  count: u32,
  rowUnits: u32,
  out: usize,
  limit: usize,
  table: usize,
): usize {
  return encode<u32>(from, count, rowUnits, out, limit, table)
}

export function encode16(
  from: usize,
  count: u32,
  rowUnits: u32,
  out: usize,
  limit: usize,
  table: usize,
): usize {
  return encode<u16>(from, count, rowUnits, out, limit, table)
}

export function encode8(
  from: usize,
  count: u32,
  rowUnits: u32,
  out: usize,
  limit: usize,
  table: usize,
): usize {
  return encode<u8>(from, count, rowUnits, out, limit, table)
}

/** Widens `count` pixels of 3 bytes to 4; `to` may lie before `from` in the same memory. */
export function widen24(from: usize, count: u32, to: usize): void {
  const end = to + ((<usize>count) << 2)
  for (; to < end; from += 12, to += 16) {
    v128.store(
      to,
      i8x16.swizzle(v128.load(from), i8x16(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1)),
    )
  }
}

/** Collects the fourth byte of `count` pixels. */
export function alphaOf(from: usize, count: u32, to: usize): void {
  const end = to + <usize>count
  for (; to < end; from += 32, to += 8) {
    const a = i32x4.shr_u(v128.load(from), 24)
    const b = i32x4.shr_u(v128.load(from, 16), 24)
    const words = i16x8.narrow_i32x4_u(a, b)
    v128.store64_lane(to, i8x16.narrow_i16x8_u(words, words), 0)
  }
}
