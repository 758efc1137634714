import { randomInt } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { MAX_PALETTE_PIXELS, SharedCuts, type Encoders } from '../channels/index.js'
import {
  GlzLedger,
  joinPieces,
  LzPaletteCoder,
  type EncoderPool,
  type PoolDeps,
  type PoolOptions,
} from '../codecs/index.js'
import type { Config } from '../config/index.js'
import type { Clock } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import { loadLz4, loadTurboJpeg } from '../host/index.js'
import { createFrameKernel, newHashKey, PHOTO_SCORE, type FrameKernel } from '../kernels/index.js'
import type { Metrics } from '../metrics/index.js'
import { limitWarnings } from './logger.js'

/** More threads than this do not pay (`performance-notes.md` section 4). */
const MAX_WORKERS = 2

/** What an encoder pool is made of. */
export const poolOptions = (
  { limits }: Pick<Config, 'limits'>,
  { clock, logger, metrics }: { readonly clock: Clock; readonly logger: Logger; readonly metrics: Metrics },
): [PoolDeps, PoolOptions] => [
  {
    clock,
    logger: limitWarnings(logger, limits['log-warnings'], clock),
    metrics: {
      waiting: metrics.encoderWaiting,
      workers: metrics.encoderWorkers,
      jobs: metrics.encoderJobs,
      inlineJobs: metrics.encoderInlineJobs,
      sharedJobs: metrics.encoderSharedJobs,
      waitSeconds: metrics.encoderWaitSeconds,
      encodeSeconds: metrics.encodeSeconds,
      workersLost: metrics.encoderWorkersLost,
      limitHits: metrics.limitHits,
    },
  },
  {
    limits: {
      workers: Math.min(MAX_WORKERS, availableParallelism()),
      waiting: limits['encoder-jobs'],
      waitingPerOwner: limits['encoder-jobs-client'],
      jobMs: limits['encoder-job-ms'],
      waitMs: limits['encoder-wait-ms'],
      videoStreams: limits['video-streams'],
      videoPixels: limits['video-pixels'],
    },
  },
]

/** The coders as display channels see them; `trim` gives back what was made for them. */
export const encodersOf = (pool: EncoderPool): Encoders & { trim(): void } => {
  let made: FrameKernel | undefined
  let indexer: LzPaletteCoder | undefined
  // One for all instances, so that what was hashed by one is found again by the next.
  let key: Uint8Array | undefined
  const kernel = (): FrameKernel => (made ??= createFrameKernel({ key: (key ??= newHashKey()) }))
  const paletteCoder = (): LzPaletteCoder =>
    (indexer ??= new LzPaletteCoder(MAX_PALETTE_PIXELS, randomInt(2 ** 32)))
  return {
    // Asked for only by channels that would use them, as loading costs memory.
    available: {
      get lz4() {
        return loadLz4() !== undefined
      },
      get jpeg() {
        return loadTurboJpeg() !== undefined
      },
      get video() {
        return pool.videoCodecs
      },
    },
    bandsFor: (pixels) => pool.bandsFor(pixels),
    warmUp: () => {
      pool.warmUp()
    },
    lane: (owner, ready) => pool.lane(owner, ready),
    sharing: () => pool.sharing,
    cuts: new SharedCuts(),
    openDictionary: (windowPixels, nextImage) => pool.openDictionary(windowPixels, nextImage),
    closeDictionary: (dictionary) => {
      pool.closeDictionary(dictionary)
    },
    openVideo: (format) => pool.openVideo(format),
    closeVideo: (stream) => {
      pool.closeVideo(stream)
    },
    trim: () => {
      made = undefined
      indexer = undefined
      pool.trim()
    },
    join: joinPieces,
    newLedger: (nextImage) => new GlzLedger(nextImage),
    isPhoto: (image) => kernel().photoScore(image) >= PHOTO_SCORE,
    hashTiles: (image, out) => {
      kernel().hashTiles(image, out)
    },
    solidColour: (image) => kernel().solidColour(image),
    palette: (image) => kernel().palette(image),
    encodePalette: (image, colours) => paletteCoder().encode(image, colours),
    lzSize: (image) => paletteCoder().sizeOfRgb(image),
  }
}
