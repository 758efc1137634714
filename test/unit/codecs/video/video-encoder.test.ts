import test, { type ExecutionContext } from 'ava'
import type { Image } from '../../../../src/codecs/image.js'
import { matrixFor } from '../../../../src/codecs/video/coder-settings.js'
import {
  createVideoEncoder,
  VIDEO_CODECS,
  videoCodecsOf,
  type VideoCodec,
  type VideoEncoder,
  type VideoFormat,
} from '../../../../src/codecs/video/index.js'
import { SidecarError } from '../../../../src/core/errors.js'
import { AvLedger } from '../../../../src/host/avcodec-ledger.js'
import { avcodecReason, loadAvcodec } from '../../../../src/host/avcodec.js'
import { movingFrame } from '../../../helpers/moving-picture.js'
import { psnr, VideoDecoder } from '../../../helpers/video-decoder.js'

const library = loadAvcodec()
const codecs = videoCodecsOf(library)
const ROOM = 1 << 22

const open = (
  t: ExecutionContext,
  format: Partial<VideoFormat> & Pick<VideoFormat, 'codec'>,
): { readonly encoder: VideoEncoder; readonly ledger: AvLedger } => {
  const ledger = new AvLedger()
  const encoder = createVideoEncoder(
    { width: 320, height: 240, fps: 30, bitRate: 2_000_000, ...format },
    { library: library!, ledger },
  )
  t.teardown(() => encoder.close())
  return { encoder, ledger }
}

const decoderOf = (t: ExecutionContext, codec: VideoCodec): VideoDecoder => {
  const decoder = new VideoDecoder(library!, codec)
  t.teardown(() => decoder.close())
  return decoder
}

/** Whether a frame stands for itself, by its own first bytes (RFC 6386 9.1, VP9 6.2, H.264 7.4.1). */
const isKey = (codec: VideoCodec, bytes: Uint8Array): boolean => {
  const first = bytes[0] ?? 0
  switch (codec) {
    case 'vp8':
      return first % 2 === 0
    case 'vp9':
      return (first & 0x4) === 0
    case 'h264':
      return Buffer.from(bytes).includes(Buffer.from([0, 0, 1, 0x65]))
  }
}

test('which codecs there are is known, and why there are none', (t) => {
  t.deepEqual(videoCodecsOf(undefined), [])
  if (codecs.length < VIDEO_CODECS.length) {
    t.log(
      `only ${codecs.join(', ') || 'none'} is tested: ${avcodecReason() ?? 'the library has no more coders'}`,
    )
  }
  t.is(avcodecReason() === undefined, library !== undefined)
})

for (const codec of VIDEO_CODECS) {
  const withCodec = codecs.includes(codec) ? test : test.skip

  withCodec(`${codec}: each frame comes at once and decodes to nearly what it was`, (t) => {
    const { encoder } = open(t, { codec })
    const decoder = decoderOf(t, codec)
    const out = new Uint8Array(ROOM)
    for (let frame = 0; frame < 20; frame++) {
      const image = movingFrame(320, 240, frame)
      const size = encoder.encode(image, out, { ptsMs: frame * 33 })
      t.true(size > 0)
      const decoded = decoder.decode(out.subarray(0, size), matrixFor(240))
      t.deepEqual([decoded.width, decoded.height], [320, 240])
      t.true(psnr(decoded, image) > 28, `frame ${frame}: ${psnr(decoded, image)} dB`)
    }
  })

  withCodec(`${codec}: colours are those of the height, also of high definition`, (t) => {
    for (const height of [576, 578]) {
      const { encoder } = open(t, { codec, width: 64, height })
      const pixels = Buffer.alloc(64 * height * 4, Buffer.from([0x70, 0x30, 0xc0, 0]))
      const image: Image = { format: 'rgb32', width: 64, height, stride: 256, topDown: true, pixels }
      const out = new Uint8Array(ROOM)
      const size = encoder.encode(image, out, { ptsMs: 0 })
      const { pixels: decoded } = decoderOf(t, codec).decode(
        out.subarray(0, size),
        height > 576 ? 'bt709' : 'bt601',
      )
      const [blue = 0, green = 0, red = 0] = decoded.subarray(64 * 300 * 4)
      const far = Math.max(Math.abs(blue - 0x70), Math.abs(green - 0x30), Math.abs(red - 0xc0))
      t.true(far <= 5, `${height} rows: ${[blue, green, red].join()}`)
    }
  })

  withCodec(`${codec}: only the first frame and those asked for are key frames`, (t) => {
    const { encoder } = open(t, { codec })
    const out = new Uint8Array(ROOM)
    const keys: number[] = []
    for (let frame = 0; frame < 40; frame++) {
      const keyFrame = frame === 25
      const size = encoder.encode(movingFrame(320, 240, frame), out, { ptsMs: frame * 33, keyFrame })
      if (isKey(codec, out.subarray(0, size))) {
        keys.push(frame)
      }
    }
    t.deepEqual(keys, [0, 25])
  })

  withCodec(`${codec}: bytes follow the bit rate, also when it changes on the way`, (t) => {
    const { encoder } = open(t, { codec, width: 160, height: 120, bitRate: 1_500_000 })
    const decoder = decoderOf(t, codec)
    const out = new Uint8Array(ROOM)
    let now = 0
    const bytesOf = (frames: number, bitRate: number): number => {
      let bytes = 0
      for (let frame = 0; frame < frames; frame++, now++) {
        const size = encoder.encode(movingFrame(160, 120, now, 64), out, { ptsMs: now * 33, bitRate })
        bytes += size
        if (size > 0) {
          decoder.decode(out.subarray(0, size), 'bt601')
        }
      }
      return bytes
    }
    const high = bytesOf(60, 1_500_000)
    bytesOf(30, 200_000)
    const low = bytesOf(60, 200_000)
    bytesOf(30, 1_500_000)
    const again = bytesOf(60, 1_500_000)
    t.true(high > low * 4, `${high} and ${low} bytes`)
    t.true(again > low * 4, `${again} and ${low} bytes`)
    // two seconds of what was asked for
    t.true(low < 1.4 * 2 * (200_000 / 8), `${low} bytes`)
    t.true(high < 1.4 * 2 * (1_500_000 / 8), `${high} bytes`)
  })

  withCodec(`${codec}: half the frames may take as many bytes in a second`, (t) => {
    const { encoder } = open(t, { codec, width: 160, height: 120, bitRate: 400_000 })
    const out = new Uint8Array(ROOM)
    let bytes = 0
    for (let frame = 0; frame < 60; frame++) {
      const size = encoder.encode(movingFrame(160, 120, frame, 64), out, { ptsMs: frame * 100, fps: 10 })
      bytes += frame < 30 ? 0 : size
    }
    // three seconds
    t.true(bytes > 0.6 * 3 * 50_000 && bytes < 1.4 * 3 * 50_000, `${bytes} bytes`)
  })

  withCodec(`${codec}: a frame of another size begins anew with a key frame`, (t) => {
    const { encoder, ledger } = open(t, { codec })
    const out = new Uint8Array(ROOM)
    for (const [frame, width, height] of [
      [0, 320, 240],
      [1, 320, 240],
      [2, 128, 64],
      [3, 128, 64],
      [4, 640, 360],
    ] as const) {
      const image = movingFrame(width, height, frame, 0)
      const size = encoder.encode(image, out, { ptsMs: frame * 33 })
      t.is(isKey(codec, out.subarray(0, size)), frame !== 1 && frame !== 3)
      if (frame === 2) {
        const decoded = decoderOf(t, codec).decode(out.subarray(0, size), 'bt601')
        t.deepEqual([decoded.width, decoded.height], [width, height])
        t.true(psnr(decoded, image) > 28)
      }
    }
    t.is(ledger.held, 1)
  })

  withCodec(`${codec}: odd sizes are coded, rounded up where the codec has none`, (t) => {
    const { encoder } = open(t, { codec })
    const out = new Uint8Array(ROOM)
    for (const [width, height] of [
      [101, 67],
      [100, 67],
      [101, 66],
      [17, 17],
    ] as const) {
      const image = movingFrame(width, height, 3, 0)
      const size = encoder.encode(image, out, { ptsMs: 0, bitRate: 4_000_000 })
      const decoded = decoderOf(t, codec).decode(out.subarray(0, size), 'bt601')
      const even = codec === 'h264'
      t.is(decoded.width, even ? width + (width % 2) : width)
      t.is(decoded.height, even ? height + (height % 2) : height)
      t.true(psnr(decoded, image, width, height) > 26, `${width}x${height}: ${psnr(decoded, image)}`)
    }
  })

  withCodec(`${codec}: rows may lie anywhere in memory, and upside down`, (t) => {
    const image = movingFrame(160, 120, 1)
    const stride = 160 * 4 + 36
    const pixels = new Uint8Array(stride * 120 + 5).fill(255)
    for (let row = 0; row < 120; row++) {
      pixels.set(image.pixels.subarray(row * 640, (row + 1) * 640), 5 + (119 - row) * stride)
    }
    const out = new Uint8Array(ROOM)
    const straight = open(t, { codec }).encoder.encode(image, out, { ptsMs: 0 })
    const expected = out.slice(0, straight)
    const odd: Image = {
      ...image,
      stride,
      topDown: false,
      pixels: pixels.subarray(5, 5 + stride * 119 + 640),
    }
    const size = open(t, { codec }).encoder.encode(odd, out, { ptsMs: 0 })
    t.is(Buffer.compare(expected, out.subarray(0, size)), 0)
  })

  withCodec(`${codec}: what is no frame is refused, and the next one is coded`, (t) => {
    const { encoder, ledger } = open(t, { codec })
    const good = movingFrame(64, 48, 0)
    const out = new Uint8Array(ROOM)
    const bad: readonly [Image, number][] = [
      [{ ...good, width: 15 }, 0],
      [{ ...good, width: 4097 }, 0],
      [{ ...good, height: 2 ** 31 }, 0],
      [{ ...good, height: 47.5 }, 0],
      [{ ...good, stride: 255 }, 0],
      [{ ...good, stride: Number.NaN }, 0],
      [{ ...good, pixels: good.pixels.subarray(1) }, 0],
      [{ ...good, format: 'rgb16' }, 0],
      [good, Number.NaN],
    ]
    for (const [image, ptsMs] of bad) {
      t.throws(() => encoder.encode(image, out, { ptsMs }), { instanceOf: SidecarError, code: 'SIDECAR_BUG' })
      t.is(ledger.held, 0)
    }
    t.true(encoder.encode(good, out, { ptsMs: 0 }) > 0)
    const small = new Uint8Array(8)
    t.throws(() => encoder.encode(good, small, { ptsMs: 33, keyFrame: true }), {
      instanceOf: SidecarError,
      code: 'SIDECAR_HOST',
    })
    t.is(ledger.held, 0)
    t.true(isKey(codec, out.subarray(0, encoder.encode(good, out, { ptsMs: 66 }))))
  })

  withCodec(`${codec}: time may stand still, jump or go back, and rates may be anything`, (t) => {
    const { encoder } = open(t, { codec, width: 64, height: 48 })
    const decoder = decoderOf(t, codec)
    const out = new Uint8Array(ROOM)
    let frame = 0
    for (const ptsMs of [0, 0, 0, 1e12, -1e12, 5, 2 ** 53]) {
      for (const [bitRate, fps] of [
        [1, 0],
        [Number.NaN, Number.NaN],
        [Infinity, 1e9],
      ] as const) {
        const size = encoder.encode(movingFrame(64, 48, frame++), out, { ptsMs, bitRate, fps })
        if (size > 0) {
          decoder.decode(out.subarray(0, size), 'bt601')
        }
      }
    }
    t.pass()
  })

  withCodec(`${codec}: what is closed gives everything back, and opens again when it is used`, (t) => {
    const { encoder, ledger } = open(t, { codec })
    const out = new Uint8Array(ROOM)
    t.is(ledger.held, 0)
    encoder.encode(movingFrame(320, 240, 0), out, { ptsMs: 0 })
    t.is(ledger.held, 1)
    encoder.close()
    encoder.close()
    t.is(ledger.held, 0)
    const size = encoder.encode(movingFrame(320, 240, 1), out, { ptsMs: 33 })
    t.true(isKey(codec, out.subarray(0, size)))
    t.is(ledger.held, 1)
  })
}

const withLibrary = library === undefined ? test.skip : test

withLibrary('more coders than a thread has room for are refused, and the others go on', (t) => {
  const codec = codecs[0]!
  const ledger = new AvLedger()
  const out = new Uint8Array(1 << 16)
  const image = movingFrame(16, 16, 0)
  const encoders = Array.from({ length: 65 }, () =>
    createVideoEncoder(
      { codec, width: 16, height: 16, fps: 10, bitRate: 100_000 },
      { library: library!, ledger },
    ),
  )
  const last = encoders.pop()!
  encoders.forEach((encoder) => encoder.encode(image, out, { ptsMs: 0 }))
  t.throws(() => last.encode(image, out, { ptsMs: 0 }), { instanceOf: SidecarError, code: 'SIDECAR_LIMIT' })
  t.true(encoders[5]!.encode(image, out, { ptsMs: 100 }) > 0)
  ledger.releaseAll(library!)
  t.is(ledger.held, 0)
  t.throws(() => encoders[5]!.encode(image, out, { ptsMs: 200 }), { code: 'SIDECAR_PEER_GONE' })
})
