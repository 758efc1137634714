import test from 'ava'
import fc from 'fast-check'
import { createQuicEncoder, decodeQuic, quicMaxEncodedSize } from '../../src/codecs/quic/index.js'
import { encodeQuicPlainly } from '../../src/codecs/quic/oracle.js'
import { QUIC_TYPES, type QuicFormat, type QuicImage } from '../../src/codecs/quic/quic-format.js'

const NUM_RUNS = 250

const size = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.integer({ min: 1, max: 140 }), fc.integer({ min: 1, max: 40 })) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(2047, 2048, 2049, 4095, 4096), fc.integer({ min: 1, max: 4 })),
  },
  { weight: 1, arbitrary: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom(255, 1024, 4096)) },
)

const CONTENT = ['noise', 'runs', 'text', 'gradient', 'mixed', 'extremes'] as const
type Content = (typeof CONTENT)[number]

/** Fills the bytes of an image, `unit` bytes a pixel, as one class of content. */
const fill = (bytes: Uint8Array, unit: number, rowBytes: number, content: Content, seed: number): void => {
  let state = seed | 1
  const next = (below: number): number => {
    state = Math.imul(state, 1664525) + 1013904223
    return (state >>> 8) % below
  }
  const band = 1 + next(6)
  let at = 0
  while (at < bytes.length) {
    const kind = content === 'mixed' ? CONTENT[(Math.floor(at / rowBytes / band) + band) % 4]! : content
    switch (kind) {
      case 'noise':
        bytes[at++] = next(256)
        break
      case 'extremes':
        bytes[at++] = next(9) === 0 ? 128 : next(2) * 255
        break
      case 'gradient': {
        const x = Math.floor((at % rowBytes) / unit)
        bytes[at] = ((x * (1 + (at % unit))) >> 1) + Math.floor(at / rowBytes) + next(3)
        at++
        break
      }
      default: {
        /* Runs, of which those of text are short; some rows repeat the one above. */
        const stop = Math.min(bytes.length, at + unit * (1 + next(kind === 'text' ? 9 : 300)))
        if (next(3) === 0 && at >= rowBytes) {
          const from = at - rowBytes
          bytes.copyWithin(at, from, Math.min(at, from + stop - at))
          at = Math.min(stop, at + rowBytes)
          break
        }
        const value = next(3) * 0x3b9aca07
        for (let k = 0; at < stop; at++, k++) {
          bytes[at] = value >> ((k % unit) * 8)
        }
      }
    }
  }
}

const FORMATS = Object.keys(QUIC_TYPES) as QuicFormat[]

const image: fc.Arbitrary<QuicImage> = fc
  .record({
    format: fc.constantFrom(...FORMATS),
    size,
    padding: fc.oneof(fc.constant(0), fc.constantFrom(1, 3, 4, 8, 64, 1000)),
    offset: fc.constantFrom(0, 0, 1, 2, 4),
    topDown: fc.boolean(),
    content: fc.constantFrom(...CONTENT),
    seed: fc.integer(),
  })
  .map(({ format, size: [width, height], padding, offset, topDown, content, seed }) => {
    const { pixelBytes } = QUIC_TYPES[format]
    const stride = width * pixelBytes + padding
    const pixels = new Uint8Array(offset + stride * height - padding).subarray(offset)
    fill(pixels, pixelBytes, stride, content, seed)
    return { format, width, height, stride, topDown, pixels }
  })

/** What a decoder gives back: packed rows from the top, and 0 where the format codes nothing. */
const canonical = (source: QuicImage): QuicImage => {
  const { format, width, height, stride, topDown } = source
  const packed = width * QUIC_TYPES[format].pixelBytes
  const pixels = new Uint8Array(packed * height)
  for (let y = 0; y < height; y++) {
    const from = (topDown ? y : height - 1 - y) * stride
    pixels.set(source.pixels.subarray(from, from + packed), y * packed)
  }
  if (format === 'rgb32' || format === 'rgb16') {
    const [step, bits] = format === 'rgb32' ? [4, 0] : [2, 0x7f]
    for (let at = step - 1; at < pixels.length; at += step) {
      pixels[at]! &= bits
    }
  }
  return { format, width, height, stride: packed, topDown: true, pixels }
}

const sameImage = (a: QuicImage, b: QuicImage): boolean =>
  a.format === b.format &&
  a.width === b.width &&
  a.height === b.height &&
  a.stride === b.stride &&
  a.topDown === b.topDown &&
  Buffer.compare(a.pixels, b.pixels) === 0

const encoder = createQuicEncoder({ maxPixels: 1 << 17 })

const outFor = ({ format, width, height }: QuicImage): Uint8Array =>
  new Uint8Array(quicMaxEncodedSize(format, width, height))

test('kernel and oracle write the same bytes, and decode after encode is identity', (t) => {
  fc.assert(
    fc.property(image, (source) => {
      const [fast, slow] = [outFor(source), outFor(source)]
      const [length, expected] = [encoder.encode(source, fast), encodeQuicPlainly(source, slow)]
      const coded = slow.subarray(0, expected)
      return (
        expected > 0 &&
        Buffer.compare(fast.subarray(0, length), coded) === 0 &&
        sameImage(decodeQuic(coded, source.width * source.height), canonical(source))
      )
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('packed pixels in the staging memory give the same bytes', (t) => {
  const staging = encoder.staging!
  fc.assert(
    fc.property(image, (source) => {
      const packed = canonical(source)
      staging.set(packed.pixels)
      const [fast, slow] = [outFor(source), outFor(source)]
      const own = staging.subarray(0, packed.pixels.length)
      const length = encoder.encode({ ...packed, topDown: source.topDown, pixels: own }, fast)
      const expected = encodeQuicPlainly({ ...packed, topDown: source.topDown }, slow)
      return Buffer.compare(fast.subarray(0, length), slow.subarray(0, expected)) === 0
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('the result is -1 exactly when the output is too short, and nothing is written past it', (t) => {
  fc.assert(
    fc.property(image, fc.integer({ min: -60, max: 3 }), fc.boolean(), (source, slack, plainly) => {
      const encode = plainly
        ? encodeQuicPlainly
        : (picture: QuicImage, out: Uint8Array) => encoder.encode(picture, out)
      const length = encode(source, outFor(source))
      const room = Math.max(0, length + slack)
      const memory = new Uint8Array(room + 16).fill(0x5a)
      const result = encode(source, memory.subarray(0, room))
      return memory.subarray(room).every((byte) => byte === 0x5a) && result === (room < length ? -1 : length)
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})
