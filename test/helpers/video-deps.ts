import type { Encoders, VideoDeps } from '../../src/channels/index.js'
import type { Clock } from '../../src/core/clock.js'
import { noCounter, noHistogram, type Counter } from '../../src/core/metrics.js'
import { VideoWatch, type DisplayModel } from '../../src/display/index.js'

/** A counter that can be asked, by its only label. */
export class Tally implements Counter {
  readonly counts = new Map<string, number>()

  add(amount: number, labels: Readonly<Record<string, string>> = {}): void {
    const [label = ''] = Object.values(labels)
    this.counts.set(label, this.of(label) + amount)
  }

  of(label: string): number {
    return this.counts.get(label) ?? 0
  }
}

/** Video streams for tests: what looks like a photo, or anything that changes all the time. */
export const videoDeps = (
  model: DisplayModel,
  clock: Clock,
  encoders: Encoders,
  mode: 'filter' | 'all',
  own: Partial<VideoDeps> = {},
): VideoDeps => ({
  watch: new VideoWatch(
    model,
    clock,
    ({ pixels, stride }, { left, top, right, bottom }) =>
      mode === 'all' ||
      encoders.isPhoto({
        pixels: pixels.subarray(top * stride + left * 4),
        ...{ width: right - left, height: bottom - top, stride },
      }),
  ),
  codecs: ['mjpeg'],
  opened: () => undefined,
  metrics: {
    ...{ started: noCounter, ended: noCounter, frames: noCounter, bytes: noCounter, dropped: noCounter },
    ...{ fps: noHistogram, quality: noHistogram },
  },
  ...own,
})
