/*
 * GLZ coder (codecs.md 3): matches in the image itself and in the images kept from before. The host places images in a
 * ring; every plane (colours; for RGBA also the alpha values) is a row of 32-bit units, whatever the pixel format, and
 * begins on a block. The high byte of a colour of 24 bits is not looked at. A map from block to slot says which plane a
 * place of the ring belongs to, so the tables may hold places that mean something else by now: what is found there is
 * compared, looked up and then simply used.
 *
 * Three tables (performance-notes.md 2.3): the local one holds the last place of each key of three units, the tiny one
 * that of each key of two, the sampled one that of each sixteenth key of three, which keeps it for long.
 *
 * A slot is 32 bytes: type (0: not to be matched), sequence number, first byte, end, turn of the last image that
 * referred to it.
 */

/** Bytes of a block of the ring. */
const BLOCK_SHIFT: usize = 8
const SLOT_SHIFT: usize = 5

const LOCAL_BITS: u64 = 15
const TINY_BITS: u64 = 13
const SAMPLED_BITS: u64 = 16
/** One position of this many plus one, by hash, goes into the sampled table. */
const SAMPLE_MASK: u32 = 15

/* Where the tables lie, entries of four bytes one behind the other: the offsets are part of the loads and stores. */
const TINY_OFFSET: usize = 4 << 15
const SAMPLED_OFFSET: usize = TINY_OFFSET + (4 << 13)
const TABLE_BYTES: usize = SAMPLED_OFFSET + (4 << 16)

const KEY_PAIR: u64 = 0x9e3779b97f4a7c15
const KEY_THIRD: u64 = 0xd6e8feb86659fd93

/** After this many misses in a row (as a power of two) the search skips one unit more each time. */
const SKIP_SHIFT: u32 = 6
/** Bytes of a match that is taken without a look into the tables. */
const GOOD_MATCH: usize = 3 * 4

let ring: usize = 0
let ringBytes: usize = 0
let blockMap: usize = 0
let slots: usize = 0
/** The local table; the others follow. */
let tables: usize = 0
/** Count, then that many sequence numbers. */
let references: usize = 0
/** Number of the image that is being coded, counted as images come, whether they are kept or not. */
let turn: u32 = 0

/** First free byte of memory. */
export function base(): usize {
  return __heap_base
}

/** Bytes that the tables take. */
export function tableBytes(): usize {
  return TABLE_BYTES
}

/** All addresses are multiples of 64; the memory is zero. 64 bytes after the ring must be readable. */
export function setup(
  ringAt: usize,
  ringSize: usize,
  mapAt: usize,
  slotsAt: usize,
  tablesAt: usize,
  referencesAt: usize,
): void {
  ring = ringAt
  ringBytes = ringSize
  blockMap = mapAt
  slots = slotsAt
  tables = tablesAt
  references = referencesAt
}

/**
 * Begins an image: nothing has been referred to. The tables that every search asks are read once from start to end, since
 * small images would otherwise wait for many of their lines one by one.
 *
 * @returns nothing of use; it keeps those reads from being left out
 */
export function begin(): u32 {
  turn++
  store<u32>(references, 0)
  let all: u32 = 0
  for (let at = tables, stop = tables + SAMPLED_OFFSET; at < stop; at += 256) {
    all |= load<u32>(at) | load<u32>(at, 64) | load<u32>(at, 128) | load<u32>(at, 192)
  }
  return all
}

/** Gives the ring from `start` (a block) to `end` to a slot. */
export function place(slot: u32, type: u32, sequence: u32, start: usize, end: usize): void {
  const at = slots + ((<usize>slot) << SLOT_SHIFT)
  store<u32>(at, type)
  store<u32>(at, sequence, 4)
  store<u32>(at, <u32>start, 8)
  store<u32>(at, <u32>end, 12)
  store<u32>(at, 0, 16)
  const last = blockMap + (((end - ring - 1) >> BLOCK_SHIFT) << 1)
  for (let map = blockMap + (((start - ring) >> BLOCK_SHIFT) << 1); map <= last; map += 2) {
    store<u16>(map, <u16>slot)
  }
}

/** Nothing is matched with this slot any more. */
export function forget(slot: u32): void {
  store<u32>(slots + ((<usize>slot) << SLOT_SHIFT), 0)
}

/** Rows of b, g, r, a to units of a alone. */
export function takeAlpha(from: usize, stride: usize, width: usize, height: usize, to: usize): void {
  const rowBytes = width << 2
  for (let row: usize = 0; row < height; row++, from += stride) {
    const end = to + rowBytes
    let at = from
    for (; to + 16 <= end; to += 16, at += 16) {
      v128.store(to, v128.shr<u32>(v128.load(at), 24))
    }
    for (; to < end; to += 4, at += 4) {
      store<u32>(to, load<u32>(at) >> 24)
    }
  }
}

/** Rows of b, g, r to units; up to 16 bytes after the last row are read. */
export function takeColours24(from: usize, stride: usize, width: usize, height: usize, to: usize): void {
  for (let row: usize = 0; row < height; row++, from += stride) {
    const end = to + (width << 2)
    let at = from
    for (; to + 16 <= end; to += 16, at += 12) {
      v128.store(
        to,
        i8x16.swizzle(v128.load(at), i8x16(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1)),
      )
    }
    for (; to < end; to += 4, at += 3) {
      store<u32>(to, (<u32>load<u16>(at)) | ((<u32>load<u8>(at, 2)) << 16))
    }
  }
}

/** Rows of 15-bit pixels to units. */
export function takeColours16(from: usize, stride: usize, width: usize, height: usize, to: usize): void {
  for (let row: usize = 0; row < height; row++, from += stride) {
    const end = to + (width << 2)
    for (let at = from; to < end; to += 4, at += 2) {
      store<u32>(to, (<u32>load<u16>(at)) & 0x7fff)
    }
  }
}

/** Bits of a unit that are coded. */
// @ts-ignore: decorator
@inline
function unitMask<T>(): u32 {
  return sizeof<T>() == 4 ? 0xffffff : 0xffffffff
}

/** Bits of two units that are coded. */
// @ts-ignore: decorator
@inline
function pairMask<T>(): u64 {
  return sizeof<T>() == 4 ? 0x00ffffff00ffffff : 0xffffffffffffffff
}

/** A non-zero number of at most 24 bits for each unit with differences in bits that are coded. */
// @ts-ignore: decorator
@inline
function codedBits<T>(bits: v128): v128 {
  return sizeof<T>() == 4 ? v128.shl<u32>(bits, 8) : bits
}

/** All bits set in the units that differ, four at a time. */
// @ts-ignore: decorator
@inline
function differing<T>(a: usize, b: usize): v128 {
  if (sizeof<T>() == 4) {
    const bits = v128.shl<u32>(v128.xor(v128.load(a), v128.load(b)), 8)
    return v128.ne<u32>(bits, v128.splat<u32>(0))
  }
  return v128.ne<u32>(v128.load(a), v128.load(b))
}

/** First place from `a` on, at most `end`, where the units differ from those from `b` on; reads up to 63 bytes more. */
// @ts-ignore: decorator
@inline
function longMatchEnd<T>(a: usize, b: usize, end: usize): usize {
  while (a < end) {
    const d0 = v128.xor(v128.load(a), v128.load(b))
    const d1 = v128.xor(v128.load(a, 16), v128.load(b, 16))
    const d2 = v128.xor(v128.load(a, 32), v128.load(b, 32))
    const d3 = v128.xor(v128.load(a, 48), v128.load(b, 48))
    let all = v128.or(v128.or(d0, d1), v128.or(d2, d3))
    if (sizeof<T>() == 4) {
      all = v128.shl<u32>(all, 8)
    }
    if (v128.any_true(all)) {
      const low = i16x8.narrow_i32x4_s(codedBits<T>(d0), codedBits<T>(d1))
      const high = i16x8.narrow_i32x4_s(codedBits<T>(d2), codedBits<T>(d3))
      const differ = ~i8x16.bitmask(i8x16.eq(i8x16.narrow_i16x8_s(low, high), i8x16.splat(0)))
      return min(a + ((<usize>ctz(differ)) << 2), end)
    }
    a += 64
    b += 64
  }
  return end
}

/** First place from `a` on, at most `end`, where a unit differs from `unit`; reads up to 63 bytes more. */
// @ts-ignore: decorator
@inline
function runEnd<T>(a: usize, unit: u32, end: usize): usize {
  const wanted = i32x4.splat(unit)
  while (a < end) {
    const d0 = v128.xor(v128.load(a), wanted)
    const d1 = v128.xor(v128.load(a, 16), wanted)
    const d2 = v128.xor(v128.load(a, 32), wanted)
    const d3 = v128.xor(v128.load(a, 48), wanted)
    let all = v128.or(v128.or(d0, d1), v128.or(d2, d3))
    if (sizeof<T>() == 4) {
      all = v128.shl<u32>(all, 8)
    }
    if (v128.any_true(all)) {
      const low = i16x8.narrow_i32x4_s(codedBits<T>(d0), codedBits<T>(d1))
      const high = i16x8.narrow_i32x4_s(codedBits<T>(d2), codedBits<T>(d3))
      const differ = ~i8x16.bitmask(i8x16.eq(i8x16.narrow_i16x8_s(low, high), i8x16.splat(0)))
      return min(a + ((<usize>ctz(differ)) << 2), end)
    }
    a += 64
  }
  return end
}

/** The same for matches that are likely short. */
// @ts-ignore: decorator
@inline
function matchEnd<T>(a: usize, b: usize, end: usize): usize {
  while (a < end) {
    const first = differing<T>(a, b)
    const second = differing<T>(a + 16, b + 16)
    if (v128.any_true(v128.or(first, second))) {
      const differ = v128.bitmask<u32>(first) | (v128.bitmask<u32>(second) << 4)
      return min(a + ((<usize>ctz(differ)) << 2), end)
    }
    a += 32
    b += 32
  }
  return end
}

/** Bytes of a literal unit: 3, 2 or 1 for the kinds u32, u16 and u8. */
// @ts-ignore: decorator
@inline
function literalBytes<T>(): usize {
  return sizeof<T>() == 4 ? 3 : sizeof<T>() == 2 ? 2 : 1
}

// @ts-ignore: decorator
@inline
function putRun<T>(from: usize, end: usize, at: usize): usize {
  if (sizeof<T>() == 4) {
    const pack = i8x16(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1)
    const stop = at + ((end - from) >> 2) * 3
    while (from < end) {
      v128.store(at, i8x16.swizzle(v128.load(from), pack))
      from += 16
      at += 12
    }
    return stop
  }
  if (sizeof<T>() == 2) {
    for (; from < end; from += 4, at += 2) {
      const unit = load<u32>(from)
      store<u8>(at, <u8>(unit >> 8))
      store<u8>(at, <u8>unit, 1)
    }
    return at
  }
  for (; from < end; from += 4, at++) {
    store<u8>(at, load<u8>(from))
  }
  return at
}

/** Literal tokens for the units `from` to `end`. */
// @ts-ignore: decorator
@inline
function putLiterals<T>(from: usize, end: usize, at: usize): usize {
  while (end - from > 32 * 4) {
    store<u8>(at, 31)
    at = putRun<T>(from, from + 32 * 4, at + 1)
    from += 32 * 4
  }
  if (from < end) {
    store<u8>(at, <u8>(((end - from) >> 2) - 1))
    at = putRun<T>(from, end, at + 1)
  }
  return at
}

/** Bytes of a match token without its length extension. */
// @ts-ignore: decorator
@inline
function tokenBytes(offset: u32, distance: u32): u32 {
  if (offset < 4096) {
    return 3 + (<u32>(distance >= 64)) + (<u32>(distance >= 16384)) + (<u32>(distance >= 4194304))
  }
  return (
    3 +
    (<u32>(offset >= 131072)) +
    (<u32>(distance > 0)) +
    (<u32>(distance >= 256)) +
    (<u32>(distance >= 65536))
  )
}

/** A match token: `coded` is the length less the bias, `offset` and `distance` as in codecs.md 3.3. */
function putMatch(coded: usize, offset: u32, distance: u32, at: usize): usize {
  const wide: u32 = offset >= 4096 ? 16 : 0
  store<u8>(at, <u8>(((<u32>min<usize>(coded, 7)) << 5) | wide | (offset & 15)))
  at++
  if (coded >= 7) {
    coded -= 7
    while (coded >= 255) {
      store<u8>(at++, 255)
      coded -= 255
    }
    store<u8>(at++, <u8>coded)
  }
  store<u8>(at++, <u8>(offset >> 4))
  if (wide == 0) {
    const extra = (<u32>(distance >= 64)) + (<u32>(distance >= 16384)) + (<u32>(distance >= 4194304))
    store<u8>(at++, <u8>((extra << 6) | (distance & 63)))
    distance >>= 6
    for (let k: u32 = 0; k < extra; k++, distance >>= 8) {
      store<u8>(at++, <u8>distance)
    }
    return at
  }
  const extra = (<u32>(distance > 0)) + (<u32>(distance >= 256)) + (<u32>(distance >= 65536))
  const long: u32 = offset >= 131072 ? 32 : 0
  store<u8>(at++, <u8>((extra << 6) | long | ((offset >> 12) & 31)))
  for (let k: u32 = 0; k < extra; k++, distance >>= 8) {
    store<u8>(at++, <u8>distance)
  }
  if (long != 0) {
    store<u8>(at++, <u8>(offset >> 17))
  }
  return at
}

// @ts-ignore: decorator
@inline
function hashPair(pair: u64): usize {
  return (<usize>((pair * KEY_PAIR) >> (64 - TINY_BITS))) << 2
}

/** 32 good bits of three units. */
// @ts-ignore: decorator
@inline
function hashTriple(pair: u64, third: u32): u32 {
  return <u32>((pair * KEY_PAIR + (<u64>third) * KEY_THIRD) >> 32)
}

/** Place of an entry in the local table. */
// @ts-ignore: decorator
@inline
function localIndex(hash: u32): usize {
  return ((<usize>hash) >> (32 - (<usize>LOCAL_BITS))) << 2
}

/** Place of an entry in the sampled table. */
// @ts-ignore: decorator
@inline
function sampledIndex(hash: u32): usize {
  return (((<usize>hash) >> 4) & ((1 << (<usize>SAMPLED_BITS)) - 1)) << 2
}

/**
 * Bits of the hash that are kept with a place in the bits that addresses leave free, so that most places which hold
 * something else are known without a look at them: they are likely no longer in any cache. No bit that chose the entry
 * is among them.
 */
// @ts-ignore: decorator
@inline
function tagOf(hash: u32): u32 {
  return ((hash << 15) & 0xe0000000) | (hash & 3)
}

// @ts-ignore: decorator
@inline
function sampledTagOf(hash: u32): u32 {
  return (hash & 0xe0000000) | ((hash >> 27) & 3)
}

// @ts-ignore: decorator
@inline
function isPlace(entry: usize): bool {
  return (entry & 0xe0000003) == 0
}

/**
 * The slot of another plane of this type that has a place of the ring, as an address; 0 when there is none. The first
 * unit of a plane counts as none: no match begins there.
 */
// @ts-ignore: decorator
@inline
function otherAt(place: usize, type: u32, own: usize): usize {
  const offset = place - ring
  if (offset >= ringBytes) {
    return 0
  }
  const slot = slots + ((<usize>load<u16>(blockMap + ((offset >> BLOCK_SHIFT) << 1))) << SLOT_SHIFT)
  const fits =
    load<u32>(slot) == type &&
    slot != own &&
    place > <usize>load<u32>(slot, 8) &&
    place < <usize>load<u32>(slot, 12)
  return fits ? slot : 0
}

/**
 * HOT PATH: one pass over the plane of `slot`. `T` says what the units are: u32 colours of 24 bits, u16 colours of 15
 * bits, u8 alpha values.
 *
 * `hintSlot` is another plane, `hintDelta` bytes away from whose places ours are likely the same; `slot` itself:
 * none. Output from `at` on may be as long as if all units were literals, and 16 bytes more are written over; past
 * `limit` the pass gives up and returns 0.
 */
function codePass<T>(slot: u32, rowBytes: usize, hintSlot: u32, hintDelta: usize, at: usize, limit: usize): usize {
  const own = slots + ((<usize>slot) << SLOT_SHIFT)
  const start = <usize>load<u32>(own, 8)
  const end = <usize>load<u32>(own, 12)
  const table = tables
  const LITERAL = literalBytes<T>()
  const BIAS: usize = 3 - LITERAL
  /* Longer matches pay whatever their token takes. */
  const DOUBTFUL: usize = 7 / LITERAL
  /* Two units are left at this place. */
  const last = end - 4
  const aboveFrom = start + rowBytes
  let literals = start
  let p = start + 4
  let misses: u32 = 0
  /* The other plane of the last match there, and how far its places lie from ours. */
  let crossSlot: usize = 0
  let crossFrom: usize = 1
  let crossEnd: usize = 0
  let crossDelta: usize = 0
  if (hintSlot != slot) {
    crossSlot = slots + ((<usize>hintSlot) << SLOT_SHIFT)
    crossFrom = <usize>load<u32>(crossSlot, 8) + 4
    crossEnd = <usize>load<u32>(crossSlot, 12)
    crossDelta = hintDelta
  }
  while (p < last) {
    const pair = load<u64>(p) & pairMask<T>()
    const unit = <u32>pair
    let matchTo = p
    let source: usize = 0
    /* Slot of the source, 0 for this plane. */
    let from: usize = 0
    const searchedAt = p
    if (<u32>(pair >> 32) == unit && (load<u32>(p - 4) & unitMask<T>()) == unit) {
      matchTo = runEnd<T>(p + 8, unit, end)
      source = p - 4
      if (matchTo < end) {
        const next = load<u32>(matchTo)
        if (p >= aboveFrom && ((load<u32>(matchTo - rowBytes) ^ next) & unitMask<T>()) == 0) {
          const to = longMatchEnd<T>(p, p - rowBytes, end)
          if (to > matchTo) {
            matchTo = to
            source = p - rowBytes
          }
        }
      }
    } else {
      const q = p + crossDelta
      if (q >= crossFrom && q < crossEnd && (load<u64>(q) & pairMask<T>()) == pair) {
        matchTo = longMatchEnd<T>(p, q, min(end, crossEnd - crossDelta))
        source = q
        from = crossSlot
      }
      if (p >= aboveFrom && (load<u64>(p - rowBytes) & pairMask<T>()) == pair) {
        const to = longMatchEnd<T>(p + 8, p + 8 - rowBytes, end)
        if (to > matchTo) {
          matchTo = to
          source = p - rowBytes
          from = 0
        }
      }
      if (matchTo - p < GOOD_MATCH) {
        const third = load<u32>(p + 8) & unitMask<T>()
        const hash = hashTriple(pair, third)
        const entry = table + localIndex(hash)
        const tinyEntry = table + hashPair(pair)
        const tag = tagOf(hash)
        const near = <usize>(load<u32>(entry) ^ tag)
        const close = <usize>load<u32>(tinyEntry, TINY_OFFSET)
        store<u32>(entry, (<u32>p) ^ tag)
        store<u32>(tinyEntry, <u32>p, TINY_OFFSET)
        if (isPlace(near) && (load<u64>(near) & pairMask<T>()) == pair && (load<u32>(near + 8) & unitMask<T>()) == third) {
          if (near - start < p - start) {
            const to = longMatchEnd<T>(p, near, end)
            if (to > matchTo) {
              matchTo = to
              source = near
              from = 0
            }
          } else {
            const other = otherAt(near, load<u32>(own), own)
            if (other != 0) {
              const room = <usize>load<u32>(other, 12) - near
              const to = matchEnd<T>(p, near, p + min(end - p, room))
              if (to > matchTo) {
                matchTo = to
                source = near
                from = other
              }
            }
          }
        }
        if (matchTo == p && close - start < p - start && (load<u64>(close) & pairMask<T>()) == pair) {
          matchTo = matchEnd<T>(p + 8, close + 8, end)
          source = close
        }
        if ((hash & SAMPLE_MASK) == 0) {
          const sampledAt = table + sampledIndex(hash)
          const farTag = sampledTagOf(hash)
          const far = <usize>(load<u32>(sampledAt, SAMPLED_OFFSET) ^ farTag)
          store<u32>(sampledAt, (<u32>p) ^ farTag, SAMPLED_OFFSET)
          if (matchTo == p && isPlace(far) && (load<u64>(far) & pairMask<T>()) == pair && (load<u32>(far + 8) & unitMask<T>()) == third) {
            if (far - start < p - start) {
              const to = matchEnd<T>(p, far, end)
              if (to > matchTo) {
                matchTo = to
                source = far
                from = 0
              }
            } else {
              const other = otherAt(far, load<u32>(own), own)
              if (other != 0) {
                const room = <usize>load<u32>(other, 12) - far
                const to = matchEnd<T>(p, far, p + min(end - p, room))
                if (to > matchTo) {
                  matchTo = to
                  source = far
                  from = other
                }
              }
            }
          }
        }
      }
      if (matchTo == p) {
        p += (<usize>(1 + (misses++ >> SKIP_SHIFT))) << 2
        continue
      }
      /* Backwards over what would have been literals. */
      const low = from == 0 ? start : <usize>load<u32>(from, 8) + 4
      while (p > literals && p > start + 4 && source > low && ((load<u32>(p - 4) ^ load<u32>(source - 4)) & unitMask<T>()) == 0) {
        p -= 4
        source -= 4
      }
    }
    let offset: u32
    let distance: u32 = 0
    if (from == 0) {
      offset = <u32>((p - source) >> 2) - 1
    } else {
      offset = <u32>((source - <usize>load<u32>(from, 8)) >> 2)
      distance = load<u32>(own, 4) - load<u32>(from, 4)
    }
    const units = (matchTo - p) >> 2
    if (units <= DOUBTFUL && (units <= BIAS || units * LITERAL < <usize>tokenBytes(offset, distance) + 1)) {
      p = searchedAt + 4
      misses++
      continue
    }
    if (from != 0) {
      crossSlot = from
      crossFrom = <usize>load<u32>(from, 8) + 4
      crossEnd = <usize>load<u32>(from, 12)
      crossDelta = source - p
      if (load<u32>(from, 16) != turn) {
        store<u32>(from, turn, 16)
        const count = load<u32>(references)
        store<u32>(references + 4 + ((<usize>count) << 2), load<u32>(from, 4))
        store<u32>(references, count + 1)
      }
    }
    misses = 0
    at = putLiterals<T>(literals, p, at)
    const coded = units - BIAS
    if (distance == 0 && offset < 131072 && coded < 7 + 255) {
      /* What nearly all tokens look like. */
      const extension: usize = coded >= 7 ? 1 : 0
      store<u8>(at, <u8>(((<u32>min<usize>(coded, 7)) << 5) | (offset >= 4096 ? 16 : 0) | (offset & 15)))
      store<u8>(at, <u8>(coded - 7), 1)
      at += 1 + extension
      store<u8>(at, <u8>(offset >> 4))
      store<u8>(at, <u8>(offset >> 12), 1)
      at += 2
    } else {
      at = putMatch(coded, offset, distance, at)
    }
    if (at > limit) {
      return 0
    }
    p = matchTo
    literals = p
    if (units < 3 && p < last) {
      /* The end of a match of two: natural pictures gain by it, longer matches are better remembered by their start. */
      const tail = p - 4
      const tailPair = load<u64>(tail) & pairMask<T>()
      const hash = hashTriple(tailPair, load<u32>(p + 4) & unitMask<T>())
      store<u32>(table + localIndex(hash), (<u32>tail) ^ tagOf(hash))
      store<u32>(table + hashPair(tailPair), <u32>tail, TINY_OFFSET)
    }
  }
  at = putLiterals<T>(literals, end, at)
  return at > limit ? 0 : at
}

/** Colours of 24 bits; 0 when `limit` was passed. */
export function code24(slot: u32, rowBytes: usize, hintSlot: u32, hintDelta: usize, at: usize, limit: usize): usize {
  return codePass<u32>(slot, rowBytes, hintSlot, hintDelta, at, limit)
}

/** Colours of 15 bits. */
export function code15(slot: u32, rowBytes: usize, hintSlot: u32, hintDelta: usize, at: usize, limit: usize): usize {
  return codePass<u16>(slot, rowBytes, hintSlot, hintDelta, at, limit)
}

/** Alpha values. */
export function code8(slot: u32, rowBytes: usize, hintSlot: u32, hintDelta: usize, at: usize, limit: usize): usize {
  return codePass<u8>(slot, rowBytes, hintSlot, hintDelta, at, limit)
}
