import { QuicBitWriter } from './bits.js'
import { quicFamily, type QuicFamily } from './code-family.js'
import {
  groupChannels,
  QUIC_HEADER_SIZE,
  QUIC_TYPES,
  writeQuicHeader,
  type QuicImage,
} from './quic-format.js'
import { QuicGroup } from './quic-group.js'
import { loadRow } from './rows.js'

class QuicGroupWriter extends QuicGroup {
  readonly #writer: QuicBitWriter

  constructor(family: QuicFamily, channelCount: number, width: number, writer: QuicBitWriter) {
    super(family, channelCount, width)
    this.#writer = writer
  }

  protected override pixel(y: number, i: number): void {
    const { folded, lengths, values, max } = this.family
    for (const channel of this.channels) {
      const sample = channel.current[i] ?? 0
      const residual = folded[(sample - channel.prediction(y, i)) & max] ?? 0
      const entry = channel.codeAt(i) * (max + 1) + residual
      channel.setResidual(i, residual)
      this.#writer.put(values[entry] ?? 0, lengths[entry] ?? 0)
    }
  }

  protected override run(i: number, end: number): number {
    let length = 0
    while (i + length < end && this.equalsLeft(i + length)) {
      length++
    }
    let left = length
    while (left >= 1 << this.runBits()) {
      this.#writer.put(1, 1)
      left -= 1 << this.runBits()
      this.stepRunState(true)
    }
    this.#writer.put(0, 1)
    this.#writer.put(left, this.runBits())
    this.stepRunState(false)
    return length
  }
}

/**
 * Readable encoder of every QUIC type, written from codecs.md section 4. Every bit of the output is defined, so the
 * kernel is held to these bytes; where there is no WebAssembly SIMD this is the encoder.
 *
 * @param image must pass `isQuicImage`
 * @returns bytes written, or -1 when they do not fit
 */
export const encodeQuicPlainly = (image: QuicImage, out: Uint8Array): number => {
  if (out.length < QUIC_HEADER_SIZE) {
    return -1
  }
  writeQuicHeader(image, out)
  const { format, width, height, stride, topDown, pixels } = image
  const { depth, groups, pixelBytes } = QUIC_TYPES[format]
  const writer = new QuicBitWriter(out)
  const writers = groups.map(
    (kind) => new QuicGroupWriter(quicFamily(depth), groupChannels(kind), width, writer),
  )
  for (let y = 0; y < height && !writer.overflowed; y++) {
    const row = writers.map(({ channels }) => channels.map(({ current }) => current))
    loadRow(format, pixelBytes, pixels, (topDown ? y : height - 1 - y) * stride, row)
    for (const group of writers) {
      group.codeRow(y)
      group.endRow()
    }
  }
  return writer.finish()
}
