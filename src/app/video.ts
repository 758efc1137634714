import type { Encoders, VideoDeps } from '../channels/index.js'
import type { Config } from '../config/index.js'
import type { Clock } from '../core/clock.js'
import { VideoWatch, type DisplayModel } from '../display/index.js'
import type { Metrics } from '../metrics/index.js'

/** What video streams need; `undefined`: they are off. */
export const videoDeps = (
  { streamingVideo, videoCodecs }: Pick<Config, 'streamingVideo' | 'videoCodecs'>,
  model: DisplayModel,
  encoders: Encoders,
  clock: Clock,
  metrics: Metrics,
): VideoDeps | undefined => {
  if (streamingVideo === 'off' || videoCodecs.length === 0) {
    return undefined
  }
  let open = 0
  return {
    watch: new VideoWatch(
      model,
      clock,
      ({ pixels, stride }, { left, top, right, bottom }) =>
        streamingVideo === 'all' ||
        encoders.isPhoto({
          pixels: pixels.subarray(top * stride + left * 4),
          ...{ width: right - left, height: bottom - top, stride },
        }),
    ),
    codecs: videoCodecs,
    opened: (count) => {
      open += count
      metrics.videoStreams.set(open)
    },
    metrics: {
      started: metrics.videoStreamsStarted,
      ended: metrics.videoStreamsEnded,
      frames: metrics.videoFrames,
      bytes: metrics.videoBytes,
      dropped: metrics.videoDropped,
      fps: metrics.videoFrameRate,
      quality: metrics.videoQuality,
    },
  }
}
