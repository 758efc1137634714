import test from 'ava'
import fc from 'fast-check'
import type { Image } from '../../src/codecs/image.js'
import { availableVideo, createVideoEncoder, type VideoCodec } from '../../src/codecs/video/index.js'
import { SidecarError } from '../../src/core/errors.js'
import { AvLedger } from '../../src/host/avcodec-ledger.js'
import { loadAvcodec } from '../../src/host/avcodec.js'
import { movingFrame } from '../helpers/moving-picture.js'
import { psnr, VideoDecoder } from '../helpers/video-decoder.js'

const { codecs, reason } = availableVideo()
const withVideo = codecs.length === 0 ? test.skip : test

test('video is tested where there are coders', (t) => {
  t.is(codecs.length > 0, loadAvcodec() !== undefined)
  if (codecs.length === 0) {
    t.log(`tests are skipped: ${reason}`)
  }
})

const side = fc.integer({ min: 16, max: 120 })
const anyNumber = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(0, -1, 2 ** 31, 2 ** 53, 1e300))

const frameSteps = fc.record({
  keep: fc.boolean(),
  width: side,
  height: side,
  pad: fc.integer({ min: 0, max: 40 }),
  topDown: fc.boolean(),
  stepMs: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: -(10 ** 9), max: 10 ** 9 })),
  bitRate: fc.option(fc.oneof(fc.integer({ min: 50_000, max: 10_000_000 }), anyNumber), { nil: undefined }),
  fps: fc.option(fc.oneof(fc.integer({ min: 1, max: 60 }), anyNumber), { nil: undefined }),
  keyFrame: fc.option(fc.boolean(), { nil: undefined }),
  close: fc.boolean(),
})

/** The same picture in other memory: rows apart, and upside down. */
const spread = (image: Image, pad: number, topDown: boolean): Image => {
  const { width, height } = image
  const stride = width * 4 + pad
  const pixels = new Uint8Array(stride * (height - 1) + width * 4).fill(0xee)
  for (let row = 0; row < height; row++) {
    const to = topDown ? row : height - 1 - row
    pixels.set(image.pixels.subarray(row * width * 4, (row + 1) * width * 4), to * stride)
  }
  return { ...image, stride, topDown, pixels }
}

withVideo('whatever comes, a frame that is coded decodes to its picture, and nothing is left', (t) => {
  const library = loadAvcodec()!
  fc.assert(
    fc.property(
      fc.constantFrom<VideoCodec>(...codecs),
      fc.array(frameSteps, { minLength: 1, maxLength: 8 }),
      (codec, steps) => {
        const ledger = new AvLedger()
        const first = { codec, width: 64, height: 64, fps: 25, bitRate: 1_000_000 }
        const encoder = createVideoEncoder(first, { library, ledger })
        const out = new Uint8Array(1 << 18)
        let decoder = new VideoDecoder(library, codec)
        let [width, height, ptsMs] = [64, 64, 0]
        steps.forEach((step, frame) => {
          ptsMs += step.stepMs
          if (!step.keep) {
            // A client makes a new decoder for a stream of another size.
            ;({ width, height } = step)
            decoder.close()
            decoder = new VideoDecoder(library, codec)
          }
          if (step.close) {
            encoder.close()
          }
          const picture = movingFrame(width, height, frame, 0)
          const { bitRate, fps, keyFrame = !step.keep } = step
          const key = { ptsMs, bitRate, fps, keyFrame: keyFrame || !step.keep }
          const size = encoder.encode(spread(picture, step.pad, step.topDown), out, key)
          t.true(ledger.held === 1)
          if (size > 0) {
            const decoded = decoder.decode(out.subarray(0, size), 'bt601')
            t.true(decoded.width - width <= 1 && decoded.height - height <= 1)
            const likeness = psnr(decoded, picture, width, height)
            if (likeness <= 11) {
              throw new Error(`${codec} frame ${frame}: ${likeness} dB`)
            }
          }
        })
        encoder.close()
        decoder.close()
        t.is(ledger.held, 0)
      },
    ),
    { numRuns: 100 },
  )
})

withVideo('a picture that is none is refused before anything is opened', (t) => {
  const library = loadAvcodec()!
  const ledger = new AvLedger()
  const [codec] = codecs
  fc.assert(
    fc.property(
      ...([anyNumber, anyNumber, anyNumber, fc.integer({ min: 0, max: 5000 })] as const),
      fc.boolean(),
      (width, height, stride, size, topDown) => {
        const encoder = createVideoEncoder(
          { codec: codec!, width, height, fps: 25, bitRate: 1_000_000 },
          { library, ledger },
        )
        const image = {
          format: 'rgb32' as const,
          width,
          height,
          stride,
          topDown,
          pixels: new Uint8Array(size),
        }
        try {
          encoder.encode(image, new Uint8Array(1 << 16), { ptsMs: 0 })
        } catch (thrown) {
          t.true(thrown instanceof SidecarError)
          t.is((thrown as SidecarError).code, 'SIDECAR_BUG')
          t.is(ledger.held, 0)
        }
        encoder.close()
      },
    ),
  )
  t.is(ledger.held, 0)
})
