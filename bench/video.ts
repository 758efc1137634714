/**
 * What video codecs cost and give. Run: `node build/bench/video.js [frames] [bit rate]`.
 *
 * A moving picture of 1280x720: a film that the camera pans over, with a still life before it that goes the other way, and
 * grain. Every codec gets the same frames at 30 a second; MJPEG at quality 50 and 80, the others at the bit rate. All turns
 * of one frame come one after the other, so that a busy machine is busy for all; times are of the thread, copying and
 * converting the pixels included. Every frame is decoded and compared with what it was made of.
 */
import { createJpegEncoder, decodeJpeg } from '../src/codecs/jpeg/index.js'
import type { Image } from '../src/codecs/image.js'
import { matrixFor } from '../src/codecs/video/coder-settings.js'
import { availableVideo, createVideoEncoder } from '../src/codecs/video/index.js'
import { AvLedger } from '../src/host/avcodec-ledger.js'
import { avcodecReason, loadAvcodec } from '../src/host/avcodec.js'
import { loadTurboJpeg, turboJpegReason } from '../src/host/turbojpeg.js'
import { psnr, VideoDecoder, type DecodedFrame } from '../test/helpers/video-decoder.js'
import { threadMs } from './codecs-timing.js'
import { benchFrames } from './codecs-images.js'
import { median, quantile, short, table } from './statistics.js'

const [WIDTH, HEIGHT, FPS] = [1280, 720, 30]
const frames = Math.min(90, Number(process.argv[2] ?? 60))
const bitRate = Number(process.argv[3] ?? 3_000_000)
const PIXEL_BYTES = 4
const GRAIN = 7

const film = benchFrames('film')[0]!.image
const still = benchFrames('photo')[0]!.image

/** Copies a rectangle of `from` into the frame. */
const put = (
  to: Uint8Array,
  from: Image,
  from0: number[],
  to0: number[],
  width: number,
  height: number,
): void => {
  const [fromX = 0, fromY = 0] = from0
  const [toX = 0, toY = 0] = to0
  for (let row = 0; row < height; row++) {
    const start = (fromY + row) * from.stride + fromX * PIXEL_BYTES
    to.set(
      from.pixels.subarray(start, start + width * PIXEL_BYTES),
      ((toY + row) * WIDTH + toX) * PIXEL_BYTES,
    )
  }
}

const frameOf = (frame: number): Image => {
  const pixels = new Uint8Array(WIDTH * HEIGHT * PIXEL_BYTES)
  put(pixels, film, [frame * 7, frame * 3], [0, 0], WIDTH, HEIGHT)
  put(pixels, still, [600, 400], [900 - frame * 9, 200], 360, 300)
  let state = frame + 1
  for (let at = 0; at < pixels.length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    pixels[at] = Math.min(255, Math.max(0, pixels[at]! + ((state >>> 24) % GRAIN) - (GRAIN >> 1)))
  }
  return { format: 'rgb32', width: WIDTH, height: HEIGHT, stride: WIDTH * PIXEL_BYTES, topDown: true, pixels }
}

interface Contestant {
  readonly name: string
  encode(image: Image, out: Uint8Array, frame: number): number
  decode(bytes: Uint8Array): DecodedFrame
  readonly times: number[]
  readonly sizes: number[]
  readonly likeness: number[]
}

const results = { times: [], sizes: [], likeness: [] }
const contestants: Contestant[] = []

const turboJpeg = loadTurboJpeg()
if (turboJpeg === undefined) {
  console.log(`no MJPEG: ${turboJpegReason() ?? ''}`)
} else {
  for (const quality of [50, 80]) {
    const encoder = createJpegEncoder({ maxPixels: WIDTH * HEIGHT, library: turboJpeg, quality })
    contestants.push({
      ...structuredClone(results),
      name: `mjpeg ${quality}`,
      encode: (image, out) => encoder.encode(image, out),
      decode: (bytes) => wide(decodeJpeg(bytes, WIDTH * HEIGHT)),
    })
  }
}

/** JPEG decodes to 3 bytes a pixel. */
const wide = ({ format, width, height, stride, pixels }: Image): DecodedFrame => {
  const step = format === 'rgb24' ? 3 : PIXEL_BYTES
  const to = new Uint8Array(width * height * PIXEL_BYTES)
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += PIXEL_BYTES) {
      to.set(pixels.subarray(y * stride + x * step, y * stride + x * step + 3), at)
    }
  }
  return { width, height, pixels: to }
}

const library = loadAvcodec()
if (library === undefined) {
  console.log(`no other video: ${avcodecReason() ?? ''}`)
} else {
  for (const codec of availableVideo().codecs) {
    const format = { codec, width: WIDTH, height: HEIGHT, fps: FPS, bitRate }
    const encoder = createVideoEncoder(format, { library, ledger: new AvLedger() })
    const decoder = new VideoDecoder(library, codec)
    contestants.push({
      ...structuredClone(results),
      name: codec,
      encode: (image, out, frame) => encoder.encode(image, out, { ptsMs: (frame * 1000) / FPS }),
      decode: (bytes) => decoder.decode(bytes, matrixFor(HEIGHT)),
    })
  }
}

const out = new Uint8Array(WIDTH * HEIGHT * PIXEL_BYTES)
for (let frame = 0; frame < frames; frame++) {
  const image = frameOf(frame)
  for (const contestant of contestants) {
    const { times, sizes, likeness } = contestant
    const start = threadMs()
    const size = contestant.encode(image, out, frame)
    times.push(threadMs() - start)
    sizes.push(size)
    if (size > 0) {
      likeness.push(psnr(contestant.decode(out.subarray(0, size)), image))
    }
  }
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length
const best = contestants.find(({ name }) => name === 'mjpeg 80')
console.log(`${frames} frames of ${WIDTH}x${HEIGHT} at ${FPS} a second, ${bitRate / 1e6} Mbit/s\n`)
console.log(
  table([
    [
      'codec',
      'ms',
      '95 %',
      'first bytes',
      'bytes',
      'kbit/s',
      'left out',
      'dB',
      'least dB',
      'bytes/mjpeg 80',
      'ms/mjpeg 80',
    ],
    ...contestants.map(({ name, times, sizes, likeness }) => [
      name,
      ...[short(median(times.slice(1))), short(quantile(times.slice(1), 0.95))],
      ...[short(sizes[0] ?? 0), short(mean(sizes.slice(1))), short((mean(sizes) * 8 * FPS) / 1000)],
      sizes.filter((size) => size === 0).length.toString(),
      ...[short(mean(likeness)), short(Math.min(...likeness))],
      short(mean(sizes) / mean(best?.sizes ?? [])),
      short(median(times) / median(best?.times ?? [])),
    ]),
  ]),
)
