import koffi from 'koffi'
import { createJpegEncoder } from '../src/codecs/jpeg/index.js'
import { createLz4Encoder, decodeLz4 } from '../src/codecs/lz4/index.js'
import type { AsyncImageEncoder, Image } from '../src/codecs/image.js'
import { loadLz4 } from '../src/host/lz4.js'
import { loadTurboJpeg } from '../src/host/turbojpeg.js'
import type { BenchImage, Group } from './codecs-images.js'
import { geomean, greatest, interleaved, speedRatio } from './codecs-timing.js'
import { table } from './statistics.js'

const MAX_PIXELS = 2048 * 2048
const QUALITY = 85
const LZ4_HEADER = 6

/** The library called directly, with what our encoder gives it. @returns bytes written */
type Direct = (image: Image, out: Uint8Array) => number

interface Trial {
  readonly name: string
  readonly encoder: AsyncImageEncoder
  readonly direct: Direct
  /** A word on what is wrong with our bytes, beside the library's. */
  readonly verify: (ours: Uint8Array, direct: Uint8Array, image: Image) => string | undefined
}

function directLz4(): Direct {
  const compress = koffi
    .load('liblz4.so.1')
    .func('int LZ4_compress_fast(const uint8_t *from, uint8_t *to, int size, int room, int acceleration)')
  return ({ pixels }, out) => compress(pixels, out, pixels.length, out.length, 1) as number
}

const [TJ_BGRX, TJ_420, TJ_NO_REALLOC, TJ_ACCURATE_DCT] = [3, 2, 1024, 4096]

function directJpeg(): Direct {
  const library = koffi.load('libturbojpeg.so.0')
  const handle: unknown = library.func('void *tjInitCompress(void)')()
  const compress = library.func(
    'int tjCompress2(void *handle, const uint8_t *from, int width, int pitch, int height, int format, ' +
      'void *out, void *size, int subsampling, int quality, int flags)',
  )
  const [target, size] = [new BigUint64Array(1), new BigUint64Array(1)]
  return ({ pixels, width, height, stride }, out) => {
    target[0] = koffi.address(out.buffer)
    const flags = TJ_NO_REALLOC | TJ_ACCURATE_DCT
    compress(handle, pixels, width, stride, height, TJ_BGRX, target, size, TJ_420, QUALITY, flags)
    return Number(size[0])
  }
}

const sameBytes = (a: Uint8Array, b: Uint8Array): string | undefined =>
  Buffer.compare(a, b) === 0 ? undefined : 'other bytes than the library'

function jpeg(): Trial | string {
  const library = loadTurboJpeg()
  return library === undefined
    ? 'libturbojpeg is missing'
    : {
        name: 'jpeg',
        encoder: createJpegEncoder({ maxPixels: MAX_PIXELS, library, quality: QUALITY }),
        direct: directJpeg(),
        verify: sameBytes,
      }
}

function lz4(): Trial | string {
  const library = loadLz4()
  return library === undefined
    ? 'liblz4 is missing'
    : {
        name: 'lz4',
        encoder: createLz4Encoder({ maxPixels: MAX_PIXELS, library }),
        direct: directLz4(),
        verify: (ours, direct, image) =>
          sameBytes(ours.subarray(LZ4_HEADER), direct) ??
          sameBytes(decodeLz4(ours, image, MAX_PIXELS).pixels, image.pixels),
      }
}

const TRIALS = { jpeg, lz4 } as const

/** @returns our time to the library's */
function measured(
  { name, encoder, direct, verify }: Trial,
  { name: picture, image }: BenchImage,
  rounds: number,
): Row {
  const [out, model] = [
    new Uint8Array(image.pixels.length + 65536),
    new Uint8Array(image.pixels.length + 65536),
  ]
  const [size, directSize] = [encoder.encode(image, out), direct(image, model)]
  const complaint = verify(out.subarray(0, Math.max(0, size)), model.subarray(0, directSize), image)
  if (complaint !== undefined) {
    throw new Error(`${name} on ${picture}: ${complaint}`)
  }
  const [ours, library] = interleaved(
    [() => void encoder.encode(image, out), () => void direct(image, model)],
    rounds,
  )
  const ratio = 1 / speedRatio(library, ours)
  const times = [Math.min(...ours!), Math.min(...library!)].map((ms) => ms.toFixed(3))
  return { ratio, cells: [picture, String(size), ...times, ratio.toFixed(3)] }
}

interface Row {
  readonly ratio: number
  readonly cells: readonly string[]
}

function report(trial: Trial, groups: readonly Group[], rounds: number): void {
  console.log(`\n# ${trial.name}`)
  for (const { name, images } of groups.filter((group) => group.images.length > 0)) {
    const rows = images.map((image) => measured(trial, image, rounds))
    const head = ['', 'bytes', 'ms', 'library ms', 'time to library']
    console.log(`\n${name}\n${table([head, ...rows.map(({ cells }) => cells)])}`)
    const ratios = rows.map(({ ratio }) => ratio)
    console.log(`geometric mean ${geomean(ratios).toFixed(3)}, most ${greatest(ratios).toFixed(3)}`)
  }
}

/** JPEG and LZ4 beside the library that both sides use: its bytes, and little more than its time. */
export async function libraryReport(
  wanted: readonly string[],
  groups: readonly Group[],
  rounds: number,
): Promise<void> {
  for (const name of Object.keys(TRIALS) as (keyof typeof TRIALS)[]) {
    if (!wanted.includes(name)) {
      continue
    }
    const trial = TRIALS[name]()
    if (typeof trial === 'string') {
      console.log(`\n# ${name}: ${trial}`)
      continue
    }
    report(trial, groups, rounds)
    await trial.encoder.close()
  }
}
