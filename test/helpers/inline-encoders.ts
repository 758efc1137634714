import { encodersOf } from '../../src/app/encoders.js'
import type { Encoders } from '../../src/channels/index.js'
import { EncoderPool, NO_POOL_METRICS } from '../../src/codecs/index.js'
import type { Clock } from '../../src/core/clock.js'
import { silentLogger } from '../../src/core/logger.js'

/** Coders without threads: all is coded when its turn comes, at most `maxPixels` at once. */
export const inlineEncoders = (clock: Clock, maxPixels = 128 * 1024): Encoders =>
  encodersOf(
    new EncoderPool(
      { clock, logger: silentLogger, metrics: NO_POOL_METRICS },
      { limits: { workers: 0, inlineMaxPixels: maxPixels } },
    ),
  )

/** Memory for the GLZ windows of one client, bytes. */
export const WINDOW_BYTES = 64 * 1024 * 1024
