import type { Image } from '../src/codecs/image.js'
import { SIDES, WINDOW_PIXELS, type Codec, type Contestant, type Side } from './codecs-contestants.js'
import type { BenchImage } from './codecs-images.js'
import { interleaved, speedRatio, threadMs, type Times } from './codecs-timing.js'

/** What came out for one image. */
export interface Result {
  readonly image: BenchImage
  readonly bytes: Readonly<Partial<Record<Side, number>>>
  readonly times: Readonly<Partial<Record<Side, Times>>>
}

/** Room for every codec's worst case. */
const SLACK = 2

const roomFor = (images: readonly BenchImage[]): Uint8Array =>
  new Uint8Array(Math.max(...images.map(({ image }) => image.pixels.length)) * SLACK + 65536)

/** Codes an image with everybody and checks all results. A figure without this check is void. */
function verified(
  codec: Codec,
  { name, image }: BenchImage,
  out: Uint8Array,
  first: boolean,
): Result['bytes'] {
  const bytes: Partial<Record<Side, number>> = {}
  let model: Buffer | undefined
  for (const { side, stage, encode } of codec.contestants) {
    const size = encode(stage?.(image) ?? image, out)
    if (size < 0) {
      throw new Error(`${codec.name}: ${side} does not code ${name}`)
    }
    const coded = out.subarray(0, size)
    const complaint = codec.verify(side, coded, image, first)
    if (complaint !== undefined) {
      throw new Error(`${codec.name}: ${side} on ${name}: ${complaint}`)
    }
    model ??= Buffer.from(coded)
    if (codec.identical && Buffer.compare(model, coded) !== 0) {
      throw new Error(`${codec.name}: ${side} on ${name}: other bytes than ${codec.contestants[0]!.side}`)
    }
    bytes[side] = size
  }
  return bytes
}

/** Every image for itself. */
function alone(codec: Codec, images: readonly BenchImage[], rounds: number): Result[] {
  const out = roomFor(images)
  return images.map((image) => {
    const bytes = verified(codec, image, out, true)
    const runs = codec.contestants.map(
      ({ encode }) =>
        () =>
          void encode(image.image, out),
    )
    const times = interleaved(runs, rounds)
    return { image, bytes, times: bySide(codec.contestants, times) }
  })
}

const bySide = <T>(contestants: readonly Contestant[], values: readonly T[]): Partial<Record<Side, T>> =>
  Object.fromEntries(contestants.map(({ side }, n) => [side, values[n]!]))

const [FILLER_WIDTH, FILLER_HEIGHT] = [1920, 1080]

/** Blank images of one colour. */
const filler: Image = {
  ...{ format: 'rgb32', width: FILLER_WIDTH, height: FILLER_HEIGHT, stride: FILLER_WIDTH * 4, topDown: true },
  pixels: new Uint8Array(FILLER_WIDTH * FILLER_HEIGHT * 4).fill(0x6e),
}
const FILLERS = Math.ceil(WINDOW_PIXELS / (FILLER_WIDTH * FILLER_HEIGHT))

const SETTLING = 500

/** Runs everybody's code on small images until it is as fast as it gets. */
function settle(contestants: readonly Contestant[], out: Uint8Array): void {
  const size = 64
  for (const { restart, stage, encode } of contestants) {
    restart?.()
    for (let n = 0; n < SETTLING; n++) {
      const pixels = Uint8Array.from({ length: size * size * 4 }, (_, at) => (at >> 4) * n)
      const image: Image = {
        format: 'rgb32',
        width: size,
        height: size,
        stride: size * 4,
        topDown: true,
        pixels,
      }
      encode(stage?.(image) ?? image, out)
    }
  }
}

/**
 * One image after the other, each with what came before it in the dictionary. Between the rounds blank images push
 * everything out of the window, so that no image meets itself again and the memory stays the one that is in use already.
 */
function inSequence(codec: Codec, images: readonly BenchImage[], rounds: number): Result[] {
  const out = roomFor([...images, { name: 'filler', kind: 'screen', image: filler }])
  const { contestants } = codec
  settle(contestants, out)
  contestants.forEach((contestant) => contestant.restart?.())
  const bytes = images.map((image, n) => verified(codec, image, out, n === 0))
  const times: number[][][] = images.map(() => contestants.map(() => []))
  for (let round = 0; round < rounds; round++) {
    for (let n = 0; n < FILLERS; n++) {
      for (let turn = 0; turn < contestants.length; turn++) {
        const { stage, encode } = contestants[(round + n + turn) % contestants.length]!
        encode(stage?.(filler) ?? filler, out)
      }
    }
    images.forEach(({ image }, n) => {
      for (let turn = 0; turn < contestants.length; turn++) {
        const which = (round + n + turn) % contestants.length
        const { stage, encode } = contestants[which]!
        const staged = stage?.(image) ?? image
        const start = threadMs()
        encode(staged, out)
        times[n]![which]!.push(threadMs() - start)
      }
    })
  }
  return images.map((image, n) => ({ image, bytes: bytes[n]!, times: bySide(contestants, times[n]!) }))
}

export function tryCodec(codec: Codec, images: readonly BenchImage[], rounds: number): Result[] {
  if (images.length === 0 || codec.contestants.length === 0) {
    return []
  }
  return codec.dictionary ? inSequence(codec, images, rounds) : alone(codec, images, rounds)
}

/** Ratios of one image; NaN where a side is missing. */
export interface Ratios {
  /** Times as fast as the C code. */
  readonly kernelToC: number
  readonly oracleToC: number
  readonly kernelToOracle: number
  /** Bytes, kernel's to C's. */
  readonly bytes: number
}

export function ratiosOf({ bytes, times }: Result): Ratios {
  return {
    kernelToC: speedRatio(times.C, times.kernel),
    oracleToC: speedRatio(times.C, times.oracle),
    kernelToOracle: speedRatio(times.oracle, times.kernel),
    bytes: (bytes.kernel ?? Number.NaN) / (bytes.C ?? bytes.oracle ?? Number.NaN),
  }
}

/** Source pixels at 4 bytes over the fastest round, megabytes a second. */
export function megabytesPerSecond({ image, times }: Result): string[] {
  return SIDES.map((side) => {
    const known = times[side]
    return known === undefined ? '-' : (image.image.pixels.length / 1e3 / Math.min(...known)).toFixed(0)
  })
}
