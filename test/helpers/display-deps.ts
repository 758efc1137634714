import type { DisplayDeps } from '../../src/channels/index.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { noCounter, noHistogram } from '../../src/core/metrics.js'

export const noDisplayMetrics: DisplayDeps['metrics'] = {
  frames: noCounter,
  merged: noCounter,
  updateWait: noHistogram,
  slowSteps: noCounter,
  images: noCounter,
  imageBytes: noCounter,
  imagesFailed: noCounter,
  moves: noCounter,
  movedPixels: noCounter,
  fills: noCounter,
  cacheHits: noCounter,
  cacheMisses: noCounter,
  cachedPixels: noCounter,
  cacheEvictions: noCounter,
  paletteHits: noCounter,
  paletteMisses: noCounter,
  refinedPixels: noCounter,
}

/** What display channels work with, as tests that do not care for a thing have it: all that is optional is off. */
export const displayDeps = (
  own: Pick<DisplayDeps, 'model' | 'encoders' | 'clock'> & Partial<DisplayDeps>,
): DisplayDeps => ({
  compression: 'auto',
  zlibGlzWan: 'never',
  jpegWan: 'never',
  cachePixels: DEFAULT_LIMITS['pixmap-cache'],
  ackWindow: 20,
  limits: DEFAULT_LIMITS,
  metrics: noDisplayMetrics,
  ...own,
})
