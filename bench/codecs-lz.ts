/**
 * Speed and size of the LZ kernel beside the readable encoder. Run: `node build/bench/codecs-lz.js [rounds]`.
 *
 * Method: every result is decoded and compared first; then all contestants run once per round in one process, the
 * order rotating, short ones looped to a millisecond; the figure is the median of the ratios of the rounds, so that a
 * busy machine moves both sides alike. MB/s counts source pixels at 4 bytes, from the fastest round.
 */
import type { Image } from '../src/codecs/image.js'
import { createLzEncoder, decodeLz } from '../src/codecs/lz/index.js'
import { LzOracle } from '../src/codecs/lz/oracle.js'
import { benchImage, IMAGE_CLASSES } from './codecs-images.js'

interface Contestant {
  readonly name: string
  readonly encode: (image: Image, out: Uint8Array) => number
}

const SIZES = [
  [1920, 1080],
  [64, 64],
] as const
const MIN_TURN_MS = 1
const rounds = Number(process.argv[2] ?? 9)

const oracle = new LzOracle()
const encoder = createLzEncoder()
const CONTESTANTS: readonly Contestant[] = [
  { name: 'oracle', encode: (image, out) => oracle.encode(image, out) },
  { name: 'kernel', encode: (image, out) => encoder.encode(image, out) },
]

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!

const geomean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)

const verifiedSize = ({ name, encode }: Contestant, image: Image, out: Uint8Array): number => {
  const size = encode(image, out)
  if (size < 0) {
    throw new Error(`${name} did not fit`)
  }
  const decoded = decodeLz(out.subarray(0, size), image.width * image.height)
  if (Buffer.compare(decoded.pixels, image.pixels) !== 0) {
    throw new Error(`${name} changed the pixels`)
  }
  return size
}

const timeOf = ({ encode }: Contestant, image: Image, out: Uint8Array, loops: number): number => {
  const start = performance.now()
  for (let loop = 0; loop < loops; loop++) {
    encode(image, out)
  }
  return (performance.now() - start) / loops
}

const measure = (image: Image, out: Uint8Array): { bytes: number[]; best: number[]; ratio: number } => {
  const bytes = CONTESTANTS.map((contestant) => verifiedSize(contestant, image, out))
  const loops = CONTESTANTS.map((contestant) => {
    let turn = 0
    for (const warmUp of [1, 20, 20]) {
      turn = image.width > 640 && warmUp > 1 ? turn : timeOf(contestant, image, out, warmUp)
    }
    return Math.max(1, Math.ceil(MIN_TURN_MS / turn))
  })
  const times: number[][] = CONTESTANTS.map(() => [])
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < CONTESTANTS.length; turn++) {
      const which = (round + turn) % CONTESTANTS.length
      times[which]!.push(timeOf(CONTESTANTS[which]!, image, out, loops[which]!))
    }
  }
  return {
    bytes,
    best: times.map((list) => Math.min(...list)),
    ratio: median(times[0]!.map((time, round) => time / times[1]![round]!)),
  }
}

console.log('image               oracle bytes  kernel bytes  bytes  oracle MB/s  kernel MB/s  speed')
for (const [width, height] of SIZES) {
  const speeds: number[] = []
  const sizes: number[] = []
  for (const name of IMAGE_CLASSES) {
    const image = benchImage(name, width, height)
    const result = measure(image, new Uint8Array(image.pixels.length + 4096))
    const [oracleBytes, kernelBytes] = result.bytes as [number, number]
    const mbPerSecond = result.best.map((ms) => (image.pixels.length / 1e3 / ms).toFixed(0))
    speeds.push(result.ratio)
    sizes.push(kernelBytes / oracleBytes)
    console.log(
      `${name} ${width}x${height}`.padEnd(18),
      String(oracleBytes).padStart(13),
      String(kernelBytes).padStart(13),
      (kernelBytes / oracleBytes).toFixed(3).padStart(6),
      mbPerSecond[0]!.padStart(12),
      mbPerSecond[1]!.padStart(12),
      `${result.ratio.toFixed(2)}x`.padStart(6),
    )
  }
  console.log(
    `geomean ${width}x${height}: bytes ${geomean(sizes).toFixed(3)}, speed ${geomean(speeds).toFixed(2)}x (least ${Math.min(...speeds).toFixed(2)}x)`,
  )
}
