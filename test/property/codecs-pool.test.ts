import test from 'ava'
import fc from 'fast-check'
import { systemClock } from '../../src/app/system-clock.js'
import type { PixelFormat } from '../../src/codecs/image.js'
import { decodeLz } from '../../src/codecs/lz/index.js'
import {
  blockOf,
  EncoderPool,
  InlineCoder,
  joinPieces,
  NO_POOL_METRICS,
  packedRowSize,
  packedSize,
  type EncodeOutcome,
  type FreeCodec,
  type FreeJob,
  type PixelStore,
} from '../../src/codecs/pool/index.js'
import { copyBlock } from '../../src/codecs/pool/pixel-block.js'
import { silentLogger } from '../../src/core/logger.js'
import type { Rect } from '../../src/core/region.js'

const MAX_PIXELS = 100_000
/** Those whose bytes follow from the pixels alone. */
const CODECS: readonly FreeCodec[] = ['raw', 'lz', 'quic', 'lz4']
const FORMATS: readonly PixelFormat[] = [
  ...(['plt1-le', 'plt1-be', 'plt4-le', 'plt4-be', 'plt8', 'a8', 'rgb16', 'rgb24', 'rgb32', 'rgba'] as const),
]

const limits = { maxPixels: MAX_PIXELS, jobMs: 60_000, waitMs: 60_000, startMs: 60_000, waitingPerOwner: 64 }
const pool = new EncoderPool(
  { clock: systemClock, logger: silentLogger, metrics: NO_POOL_METRICS },
  { limits },
)
const inline = new InlineCoder(MAX_PIXELS)
test.after.always(() => pool.close())

const fill = (bytes: Uint8Array, seed: number): void => {
  let state = seed | 1
  for (let at = 0; at < bytes.length; at++) {
    state = Math.imul(state, 1664525) + 1013904223
    const repeat = state & 0x700 && at >= 64
    bytes[at] = repeat ? bytes[at - 64]! : state >>> 24
  }
}

const store: fc.Arbitrary<PixelStore> = fc
  .record({
    format: fc.constantFrom(...FORMATS),
    width: fc.integer({ min: 1, max: 90 }),
    height: fc.integer({ min: 1, max: 60 }),
    padding: fc.constantFrom(0, 0, 1, 3, 8),
    offset: fc.constantFrom(0, 1, 4, 64),
    topDown: fc.boolean(),
    isShared: fc.boolean(),
    seed: fc.integer(),
  })
  .map(({ format, width, height, padding, offset, topDown, isShared, seed }) => {
    const stride = packedRowSize(format, width) + padding
    const size = offset + stride * height
    const memory = isShared ? new SharedArrayBuffer(size) : new ArrayBuffer(size)
    fill(new Uint8Array(memory), seed)
    return { memory, offset, format, width, height, stride, topDown }
  })

/** Begins with a whole byte, whatever the format. */
const rectIn = (
  { width, height }: PixelStore,
  [a, b, c, d]: readonly [number, number, number, number],
): Rect => {
  const left = Math.floor((a * width) / 8) * 8
  const top = Math.floor(b * height)
  return {
    ...{ left, top },
    right: left + 1 + Math.floor(c * (width - left - 1)),
    bottom: top + 1 + Math.floor(d * (height - top - 1)),
  }
}

const part = fc.double({ min: 0, max: 0.99, noNaN: true })

const job: fc.Arbitrary<FreeJob> = fc
  .tuple(store, fc.tuple(part, part, part, part), fc.constantFrom(...CODECS), fc.nat({ max: 200 }))
  .map(([from, parts, codec, headroom]) => {
    const rect = rectIn(from, parts)
    const inside = rect.left < from.width ? rect : { ...rect, left: 0, right: from.width }
    return { owner: 1, codec, headroom, block: blockOf(from, inside) }
  })

const run = (each: FreeJob): Promise<EncodeOutcome> =>
  new Promise((resolve, reject) => {
    const { kind } = pool.submit(each, resolve)
    if (kind !== 'queued') {
      reject(new Error(kind))
    }
  })

/** What can be compared of an outcome. */
const seen = (outcome: EncodeOutcome): readonly unknown[] =>
  outcome.kind === 'failed'
    ? [outcome.reason, outcome.error.code, outcome.error.message]
    : [outcome.codec, outcome.size, Buffer.from(joinPieces(outcome)).toString('hex')]

test('a worker gives the same bytes as the main thread, whatever it did before', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(job, { minLength: 1, maxLength: 8 }), async (jobs) => {
      const outcomes = await Promise.all(jobs.map(run))
      t.deepEqual(
        outcomes.map(seen),
        jobs.map((each) => seen(inline.encode(each))),
      )
    }),
    { numRuns: 100 },
  )
  t.pass()
})

test('raw, and what goes raw, is the rectangle itself', async (t) => {
  await fc.assert(
    fc.asyncProperty(job, async (each) => {
      const outcome = await run(each)
      if (outcome.kind === 'coded' && outcome.codec === 'raw') {
        const expected = new Uint8Array(packedSize(each.block))
        copyBlock(each.block, expected)
        t.is(Buffer.compare(joinPieces(outcome).subarray(each.headroom), expected), 0)
      }
    }),
    { numRuns: 60 },
  )
  t.pass()
})

test('an image coded in bands decodes to the pixels of the rectangle', async (t) => {
  const rgb32 = store.filter(({ format }) => format === 'rgb32')
  await fc.assert(
    fc.asyncProperty(rgb32, fc.integer({ min: 2, max: 4 }), async (from, bands) => {
      const block = blockOf(from, { left: 0, top: 0, right: from.width, bottom: from.height })
      const outcome = await run({ owner: 1, codec: 'lz', headroom: 3, block, bands })
      if (outcome.kind === 'failed') {
        throw outcome.error
      }
      const bytes = joinPieces(outcome).subarray(3)
      /* One row makes one band, and that goes raw like any image where coding does not pay. */
      const decoded =
        outcome.codec === 'raw' ? { topDown: block.topDown, pixels: bytes } : decodeLz(bytes, MAX_PIXELS)
      const expected = new Uint8Array(packedSize(block))
      copyBlock(block, expected)
      t.is(decoded.topDown, from.topDown)
      t.deepEqual(
        decoded.pixels.filter((_, at) => at % 4 < 3),
        expected.filter((_, at) => at % 4 < 3),
      )
    }),
    { numRuns: 100 },
  )
  t.pass()
})
