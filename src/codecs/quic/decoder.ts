import { QuicBitReader } from './bits.js'
import { quicFamily, type QuicFamily } from './code-family.js'
import {
  groupChannels,
  QUIC_HEADER_SIZE,
  QUIC_TYPES,
  readQuicHeader,
  refuseQuic,
  type QuicHeader,
  type QuicImage,
} from './quic-format.js'
import { QuicGroup } from './quic-group.js'
import { storeRow } from './rows.js'

/** A pixel left of this column is never part of a run. */
const FIRST_RUN_COLUMN = 3

class QuicGroupReader extends QuicGroup {
  readonly #reader: QuicBitReader

  constructor(family: QuicFamily, channelCount: number, width: number, reader: QuicBitReader) {
    super(family, channelCount, width)
    this.#reader = reader
  }

  protected override pixel(y: number, i: number): void {
    const { unfolded, max } = this.family
    for (const channel of this.channels) {
      const residual = this.#residual(channel.codeAt(i))
      channel.setResidual(i, residual)
      channel.current[i] = ((unfolded[residual] ?? 0) + channel.prediction(y, i)) & max
    }
  }

  /** A code is at most 26 bits, so one look at 32 shows all of it. An escape may name more than a sample holds. */
  #residual(low: number): number {
    const code = this.family.codes[low]
    if (code === undefined) {
      return 0
    }
    const bits = this.#reader.peek()
    const zeros = Math.clz32(bits)
    if (zeros < code.prefix) {
      this.#reader.skip(zeros + 1 + low)
      return low === 0 ? zeros : (zeros << low) | ((bits << (zeros + 1)) >>> (32 - low))
    }
    this.#reader.skip(code.prefix + code.escapeBits)
    const residual = code.escapeFrom + ((bits << code.prefix) >>> (32 - code.escapeBits))
    if (residual > this.family.max) {
      throw refuseQuic('escaped value out of range', { residual })
    }
    return residual
  }

  protected override run(i: number, end: number): number {
    let length = 0
    while (this.#bits(1) === 1) {
      length += 1 << this.runBits()
      this.stepRunState(true)
      if (length > end - i) {
        throw refuseQuic('run goes past its segment', { length })
      }
    }
    length += this.#bits(this.runBits())
    this.stepRunState(false)
    if (length > end - i) {
      throw refuseQuic('run goes past its segment', { length })
    }
    for (const { current } of this.channels) {
      current.fill(current[i - 1] ?? 0, i, i + length)
    }
    return length
  }

  #bits(count: number): number {
    const bits = this.#reader.peek()
    this.#reader.skip(count)
    return count === 0 ? 0 : bits >>> (32 - count)
  }
}

/** Fewest bits that rows of this size take: one for every sample that cannot be part of a run. */
const fewestBits = ({ type, width, height }: QuicHeader): number => {
  const channels = type.groups.reduce((sum, kind) => sum + groupChannels(kind), 0)
  return channels * (width + (height - 1) * Math.min(width, FIRST_RUN_COLUMN))
}

/**
 * Decodes one QUIC image of any type (codecs.md 4). The result is packed, top row first; pad bytes of `rgb32` and bit 15
 * of `rgb16` are 0.
 *
 * Hostile input: the only memory is the image and six rows of it, and it is taken once the body is long enough for the
 * size; the work is linear in the image. Bytes that follow a whole image are not looked at, as in the clients; the empty word
 * at the end is required, as the clients read it.
 *
 * @param maxPixels cap on width times height
 * @throws SidecarError SIDECAR_PROTOCOL for everything that does not begin with a whole, well-formed image within the cap
 */
export const decodeQuic = (bytes: Uint8Array, maxPixels: number): QuicImage => {
  const header = readQuicHeader(bytes, maxPixels)
  const { type, width, height } = header
  const reader = new QuicBitReader(bytes.subarray(QUIC_HEADER_SIZE))
  if (fewestBits(header) > reader.left) {
    throw refuseQuic('body is too short for its size', { width, height, bits: reader.left })
  }
  const { format, depth, groups, pixelBytes } = QUIC_TYPES[type.format]
  const readers = groups.map(
    (kind) => new QuicGroupReader(quicFamily(depth), groupChannels(kind), width, reader),
  )
  const stride = width * pixelBytes
  const pixels = new Uint8Array(stride * height)
  for (let y = 0; y < height; y++) {
    for (const group of readers) {
      group.codeRow(y)
    }
    const row = readers.map(({ channels }) => channels.map(({ current }) => current))
    storeRow(format, pixelBytes, pixels, y * stride, row)
    for (const group of readers) {
      group.endRow()
    }
  }
  return { format, width, height, stride, topDown: true, pixels }
}
