import type { DisplayDeps } from '../../src/channels/index.js'
import { noCounter } from '../../src/core/metrics.js'

export const noDisplayMetrics: DisplayDeps['metrics'] = {
  frames: noCounter,
  merged: noCounter,
  images: noCounter,
  imageBytes: noCounter,
  imagesFailed: noCounter,
  moves: noCounter,
  movedPixels: noCounter,
  fills: noCounter,
}

/** What display channels work with, as tests that do not care for a thing have it: all that is optional is off. */
export const displayDeps = (
  own: Pick<DisplayDeps, 'model' | 'encoders' | 'clock'> & Partial<DisplayDeps>,
): DisplayDeps => ({
  compression: 'auto',
  zlibGlzWan: 'never',
  ackWindow: 20,
  metrics: noDisplayMetrics,
  ...own,
})
