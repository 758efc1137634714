import { SidecarError } from '../../core/errors.js'
import { BitReader } from './bit-reader.js'
import { Huffman } from './huffman.js'

/* Length and distance codes of RFC 1951, 3.2.5. */
const LENGTH_BASE = [
  ...[3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27],
  ...[31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258],
]
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]
const DISTANCE_BASE = [
  ...[1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073],
  ...[4097, 6145, 8193, 12289, 16385, 24577],
]
const DISTANCE_BITS = [
  ...[0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13],
]
const END_OF_BLOCK = 256
/** Order in which the lengths of the length code come (RFC 1951, 3.2.7). */
const LENGTH_CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
const ADLER_BASE = 65521
/** Bytes that can be summed up before the sums have to be reduced. */
const ADLER_RUN = 5552
/** Bytes that one byte of a stream can stand for at most. */
const MAX_EXPANSION = 1032

interface Codes {
  readonly literals: Huffman
  readonly distances: Huffman
}

const refuse = (what: string, offset: number): SidecarError =>
  new SidecarError('SIDECAR_PROTOCOL', `zlib stream refused: ${what}`, { offset })

let fixed: Codes | undefined

/** The codes of RFC 1951, 3.2.6. */
const fixedCodes = (): Codes => (fixed ??= makeFixedCodes())

const makeFixedCodes = (): Codes => {
  const lengths = new Uint8Array(288).fill(8)
  lengths.fill(9, 144, 256)
  lengths.fill(7, 256, 280)
  return { literals: new Huffman(lengths), distances: new Huffman(new Uint8Array(30).fill(5)) }
}

const readCodes = (bits: BitReader): Codes => {
  const [literalCount, distanceCount, orderCount] = [bits.read(5) + 257, bits.read(5) + 1, bits.read(4) + 4]
  const order = new Uint8Array(19)
  for (const symbol of LENGTH_CODE_ORDER.slice(0, orderCount)) {
    order[symbol] = bits.read(3)
  }
  const lengthCode = new Huffman(order)
  const lengths = new Uint8Array(literalCount + distanceCount)
  for (let at = 0; at < lengths.length;) {
    const symbol = lengthCode.read(bits)
    if (symbol >= 0 && symbol < 16) {
      lengths[at++] = symbol
      continue
    }
    if (symbol < 0 || (symbol === 16 && at === 0)) {
      throw refuse('wrong code lengths', bits.at)
    }
    const value = symbol === 16 ? (lengths[at - 1] ?? 0) : 0
    const count = symbol === 16 ? 3 + bits.read(2) : symbol === 17 ? 3 + bits.read(3) : 11 + bits.read(7)
    if (count > lengths.length - at) {
      throw refuse('wrong code lengths', bits.at)
    }
    lengths.fill(value, at, at + count)
    at += count
  }
  const codes = {
    literals: new Huffman(lengths.subarray(0, literalCount)),
    distances: new Huffman(lengths.subarray(literalCount)),
  }
  if (lengthCode.oversubscribed || codes.literals.oversubscribed || codes.distances.oversubscribed) {
    throw refuse('wrong code lengths', bits.at)
  }
  return codes
}

/** @returns bytes of `out` that are filled */
const readBlock = (
  bits: BitReader,
  { literals, distances }: Codes,
  out: Uint8Array,
  start: number,
): number => {
  let at = start
  for (;;) {
    const symbol = literals.read(bits)
    if (symbol === END_OF_BLOCK) {
      return at
    }
    if (symbol >= 0 && symbol < END_OF_BLOCK) {
      if (at >= out.length) {
        throw refuse('more data than it should hold', bits.at)
      }
      out[at++] = symbol
      continue
    }
    const [lengthBase, lengthBits] = [LENGTH_BASE[symbol - 257], LENGTH_BITS[symbol - 257]]
    if (lengthBase === undefined || lengthBits === undefined) {
      throw refuse('unknown code', bits.at)
    }
    const length = lengthBase + bits.read(lengthBits)
    const code = distances.read(bits)
    const [distanceBase, distanceBits] = [DISTANCE_BASE[code], DISTANCE_BITS[code]]
    if (distanceBase === undefined || distanceBits === undefined) {
      throw refuse('unknown code', bits.at)
    }
    const distance = distanceBase + bits.read(distanceBits)
    if (distance > at || length > out.length - at) {
      throw refuse(distance > at ? 'reaches before its data' : 'more data than it should hold', bits.at)
    }
    for (const end = at + length; at < end; at++) {
      out[at] = out[at - distance] ?? 0
    }
  }
}

const readStored = (bits: BitReader, out: Uint8Array, at: number): number => {
  bits.align()
  const [size, complement] = [bits.read(16), bits.read(16)]
  if ((size ^ complement) !== 0xffff) {
    throw refuse('wrong size of a stored block', bits.at)
  }
  if (size > out.length - at) {
    throw refuse('more data than it should hold', bits.at)
  }
  out.set(bits.take(size), at)
  return at + size
}

const adler32 = (bytes: Uint8Array): number => {
  let [low, high] = [1, 0]
  for (let start = 0; start < bytes.length; start += ADLER_RUN) {
    for (let at = start; at < Math.min(bytes.length, start + ADLER_RUN); at++) {
      low += bytes[at] ?? 0
      high += low
    }
    low %= ADLER_BASE
    high %= ADLER_BASE
  }
  return high * 65536 + low
}

/**
 * Inflates a zlib stream (RFC 1950) whose size is known, as that of a ZLIB_GLZ_RGB image is (codecs.md 8). Nothing of
 * Node, so that a browser can do it too.
 *
 * Hostile input: memory is `size`, once the stream is long enough for that, and a few tables; the work is linear in the
 * input and in `size`.
 *
 * @param size bytes that come out; the caller has checked it
 * @throws SidecarError SIDECAR_PROTOCOL for everything but one whole stream of exactly that size
 */
export const inflateZlib = (bytes: Uint8Array, size: number): Uint8Array => {
  const [method, flags] = [bytes[0] ?? 0, bytes[1] ?? 0]
  if ((method & 15) !== 8 || method >> 4 > 7 || (method * 256 + flags) % 31 !== 0 || (flags & 32) !== 0) {
    throw refuse('wrong header', 0)
  }
  if (size > bytes.length * MAX_EXPANSION) {
    throw refuse('too short for its size', bytes.length)
  }
  const bits = new BitReader(bytes, 2)
  const out = new Uint8Array(size)
  let at = 0
  for (let last = false; !last;) {
    last = bits.read(1) === 1
    switch (bits.read(2)) {
      case 0:
        at = readStored(bits, out, at)
        break
      case 1:
        at = readBlock(bits, fixedCodes(), out, at)
        break
      case 2:
        at = readBlock(bits, readCodes(bits), out, at)
        break
      default:
        throw refuse('unknown kind of block', bits.at)
    }
  }
  bits.align()
  const sum = bits.take(4).reduce((value, byte) => value * 256 + byte, 0)
  if (at !== size || sum !== adler32(out) || bits.at !== bytes.length) {
    throw refuse(
      at === size && sum === adler32(out) ? 'bytes are left over' : 'wrong size or checksum',
      bits.at,
    )
  }
  return out
}
