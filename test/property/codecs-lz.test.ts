import test from 'ava'
import fc from 'fast-check'
import { SidecarError } from '../../src/core/errors.js'
import type { Image, PixelFormat } from '../../src/codecs/image.js'
import { createLzEncoder, decodeLz, lzMaxEncodedSize } from '../../src/codecs/index.js'
import { LZ_TYPES, lzPackedStride } from '../../src/codecs/lz/lz-format.js'
import { LzOracle } from '../../src/codecs/lz/oracle.js'

const NUM_RUNS = 400

const size = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(4095, 4096, 8192, 9000), fc.integer({ min: 1, max: 3 })) },
  { weight: 1, arbitrary: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom(255, 1024)) },
)

type Fill = (bytes: Uint8Array, unitBytes: number, seed: number, colours: number, stride: number) => void

/** Few colours, in runs, with jumps back: what LZ is about; and a share of plain noise. */
const runs: Fill = (bytes, unitBytes, seed, colours) => {
  let state = seed | 1
  const next = (below: number): number => {
    state = Math.imul(state, 1664525) + 1013904223
    return (state >>> 8) % below
  }
  let at = 0
  while (at < bytes.length) {
    const choice = next(4)
    const stop = Math.min(bytes.length, at + unitBytes * (1 + next(choice === 0 ? 600 : 12)))
    const from = unitBytes * next(at / unitBytes + 1)
    const value = next(colours) * 0x3b9aca07
    for (let k = 0; at < stop; at++, k++) {
      const noisy = choice === 3 ? next(256) : 0
      bytes[at] = choice === 1 ? bytes[from + k]! : choice === 3 ? noisy : value >> ((k % unitBytes) * 8)
    }
  }
}

const noise: Fill = (bytes, _, seed) => {
  for (let at = 0, state = seed | 1; at < bytes.length; at++) {
    state = Math.imul(state, 1664525) + 1013904223
    bytes[at] = state >>> 24
  }
}

const gradient: Fill = (bytes, unitBytes, seed, colours, stride) => {
  for (let at = 0; at < bytes.length; at++) {
    const [x, y] = [Math.floor((at % stride) / unitBytes), Math.floor(at / stride)]
    bytes[at] = (seed & 255) + ((x * (1 + (at % unitBytes)) + y * colours) >> 2)
  }
}

/** Glyphs of 5 by 7 out of a few, on paper of one colour. */
const text: Fill = (bytes, unitBytes, seed, colours, stride) => {
  for (let at = 0; at < bytes.length; at++) {
    const [x, y] = [Math.floor((at % stride) / unitBytes), Math.floor(at / stride)]
    const glyph = (Math.imul(Math.floor(x / 6) * 31 + Math.floor(y / 8), 0x9e3779b1) >>> 24) % (colours + 1)
    const inked =
      glyph > 0 && x % 6 < 5 && y % 8 < 7 && (Math.imul(glyph * 97 + (x % 6) * 7 + (y % 8), seed | 1) & 8) > 0
    bytes[at] = inked ? glyph : 0xf7
  }
}

const CONTENTS = [runs, runs, runs, text, gradient, noise]

const image = (formats: readonly PixelFormat[]): fc.Arbitrary<Image> =>
  fc
    .record({
      format: fc.constantFrom(...formats),
      size,
      padding: fc.oneof(fc.constant(0), fc.constantFrom(1, 3, 4, 8, 64)),
      offset: fc.constantFrom(0, 0, 1, 2, 4),
      topDown: fc.boolean(),
      seed: fc.integer(),
      colours: fc.constantFrom(1, 2, 3, 17, 256),
      content: fc.constantFrom(...CONTENTS),
    })
    .map(({ format, size: [width, height], padding, offset, topDown, seed, colours, content }) => {
      const stride = lzPackedStride(LZ_TYPES[format], width) + padding
      const pixels = new Uint8Array(offset + stride * height - padding).subarray(offset)
      content(pixels, LZ_TYPES[format].unitBytes, seed, colours, stride)
      return { format, width, height, stride, topDown, pixels }
    })

/** What a decoder gives back: packed rows, and 0 where the format codes nothing. */
const canonical = (source: Image): Image => {
  const type = LZ_TYPES[source.format]
  const stride = lzPackedStride(type, source.width)
  const pixels = new Uint8Array(stride * source.height)
  for (let row = 0; row < source.height; row++) {
    pixels.set(source.pixels.subarray(row * source.stride, row * source.stride + stride), row * stride)
  }
  return { ...source, stride, pixels: withoutUncoded(source.format, pixels) }
}

/** Per byte of a pixel the bits that are coded, where not all are. */
const CODED_BITS: Partial<Record<PixelFormat, readonly number[]>> = {
  rgb32: [0xff, 0xff, 0xff, 0],
  xxxa: [0, 0, 0, 0xff],
  rgb16: [0xff, 0x7f],
}

const withoutUncoded = (format: PixelFormat, pixels: Uint8Array): Uint8Array => {
  const bits = CODED_BITS[format]
  return bits === undefined ? pixels : pixels.map((byte, at) => byte & bits[at % bits.length]!)
}

const decodedOf = (bytes: Uint8Array, { width, height }: Image): Image => {
  const decoded = decodeLz(bytes, width * height)
  return { ...decoded, pixels: withoutUncoded(decoded.format, decoded.pixels) }
}

const sameImage = (a: Image, b: Image): boolean =>
  a.format === b.format &&
  a.width === b.width &&
  a.height === b.height &&
  a.stride === b.stride &&
  a.topDown === b.topDown &&
  Buffer.compare(a.pixels, b.pixels) === 0

const ALL = Object.keys(LZ_TYPES) as PixelFormat[]
const encoder = createLzEncoder()
const oracle = new LzOracle()

const outFor = ({ format, width, height }: Image): Uint8Array =>
  new Uint8Array(lzMaxEncodedSize(format, width, height))

test('decode after encode is identity for every format', (t) => {
  fc.assert(
    fc.property(image(ALL), (source) => {
      const out = outFor(source)
      const length = encoder.encode(source, out)
      return length > 0 && sameImage(decodedOf(out.subarray(0, length), source), canonical(source))
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('the kernel, in one piece or many, and the oracle code the same pixels', (t) => {
  const others = [3, 100].map((maxPixels) => createLzEncoder({ maxPixels }))
  fc.assert(
    fc.property(image(ALL), fc.constantFrom(encoder, ...others), (source, fastEncoder) => {
      const [fast, slow] = [new Uint8Array(outFor(source).length * 2), outFor(source)]
      const [fastLength, slowLength] = [fastEncoder.encode(source, fast), oracle.encode(source, slow)]
      return (
        fastLength > 0 &&
        slowLength > 0 &&
        sameImage(
          decodedOf(fast.subarray(0, fastLength), source),
          decodedOf(slow.subarray(0, slowLength), source),
        )
      )
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('the oracle codes any division into segments to the same pixels', (t) => {
  fc.assert(
    fc.property(image(ALL), fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 8 }), (source, wanted) => {
      const segments: number[] = []
      let left = source.height
      for (const rows of wanted) {
        segments.push(Math.min(rows, left))
        left -= Math.min(rows, left)
      }
      const out = new Uint8Array(outFor(source).length + segments.length * 2 + 2)
      const length = oracle.encode(source, out, [...segments, left])
      return length > 0 && sameImage(decodedOf(out.subarray(0, length), source), canonical(source))
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('the result is -1 exactly when the output is too short, and nothing is written past it', (t) => {
  fc.assert(
    fc.property(image(ALL), fc.integer({ min: -40, max: 3 }), (source, slack) => {
      const whole = outFor(source)
      const length = encoder.encode(source, whole)
      const room = Math.max(0, length + slack)
      const memory = new Uint8Array(room + 16).fill(0x5a)
      const result = encoder.encode(source, memory.subarray(0, room))
      const clean = memory.subarray(room).every((byte) => byte === 0x5a)
      const same = result < 0 || Buffer.compare(memory.subarray(0, result), whole.subarray(0, length)) === 0
      return clean && same && result === (room < length ? -1 : length)
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

/** True for an image or a SidecarError of the one allowed code; everything else is thrown on. */
const decodesOrRefuses = (bytes: Uint8Array): boolean => {
  try {
    const { width, height, stride, pixels } = decodeLz(bytes, 2 ** 16)
    return width * height <= 2 ** 16 && pixels.length === stride * height
  } catch (error) {
    if (error instanceof SidecarError) {
      return error.code === 'SIDECAR_PROTOCOL'
    }
    throw error
  }
}

test('any bytes after a plausible header give an image or a protocol error', (t) => {
  const header = fc
    .record({
      format: fc.constantFrom(...ALL),
      width: fc.integer({ min: 1, max: 64 }),
      height: fc.integer({ min: 1, max: 9 }),
    })
    .map(({ format, width, height }) => {
      const view = new DataView(new ArrayBuffer(28))
      const type = LZ_TYPES[format]
      const fields = [0x20205a4c, 0x00010001, type.type, width, height, lzPackedStride(type, width), 1]
      fields.forEach((value, at) => view.setUint32(at * 4, value))
      return new Uint8Array(view.buffer)
    })
  fc.assert(
    fc.property(header, fc.uint8Array({ maxLength: 300 }), (head, body) =>
      decodesOrRefuses(new Uint8Array([...head, ...body])),
    ),
    { numRuns: NUM_RUNS * 4 },
  )
  t.pass()
})

test('a coded image with some bytes changed, cut or added gives an image or a protocol error', (t) => {
  const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) })
  fc.assert(
    fc.property(
      image(ALL),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      fc.nat(4),
      fc.uint8Array({ maxLength: 2 }),
      (source, changes, cut, tail) => {
        const out = outFor(source)
        const length = encoder.encode(source, out)
        const bytes = new Uint8Array([...out.subarray(0, length - cut), ...tail])
        for (const { at, value } of changes) {
          bytes[at % bytes.length] = value
        }
        return decodesOrRefuses(bytes)
      },
    ),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})
