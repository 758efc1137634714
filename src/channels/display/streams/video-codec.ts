import { DISPLAY_CAP, hasCap, VIDEO_CODEC } from '../../../protocol/index.js'

/** Codecs of video streams that this server has. */
export type VideoName = 'mjpeg' | 'vp8' | 'vp9' | 'h264'

/** What the choice of a codec depends on. */
export interface VideoChoice {
  /** Display channel capability words of the client. */
  readonly caps: readonly number[]
  /** The client's wish, the best first; none: it has none. */
  readonly preferred: readonly VideoName[]
  /** What the server may use, the best first. */
  readonly configured: readonly VideoName[]
  /** What the client said it cannot decode after all, or the machine could not code. */
  readonly failed: readonly VideoName[]
  isAvailable(name: VideoName): boolean
}

/** Can a client decode it: all do MJPEG, unless they say what they do (`protocol-display.md` section 3). */
export const canDecode = (caps: readonly number[], name: VideoName): boolean => {
  if (!hasCap(caps, DISPLAY_CAP.multiCodec)) {
    return name === 'mjpeg'
  }
  switch (name) {
    case 'mjpeg': {
      return hasCap(caps, DISPLAY_CAP.codecMjpeg)
    }
    case 'vp8': {
      return hasCap(caps, DISPLAY_CAP.codecVp8)
    }
    case 'vp9': {
      return hasCap(caps, DISPLAY_CAP.codecVp9)
    }
    case 'h264': {
      return hasCap(caps, DISPLAY_CAP.codecH264)
    }
  }
}

/** Names for the numbers of PREFERRED_VIDEO_CODEC_TYPE, in that order; what this server does not know is left out. */
export const preferredNames = (codecs: readonly number[]): VideoName[] => {
  const names = codecs.flatMap((codec) => {
    const name = NAMES.find((each) => VIDEO_CODEC[each] === codec)
    return name === undefined ? [] : [name]
  })
  return [...new Set(names)]
}

const NAMES: readonly VideoName[] = ['mjpeg', 'vp8', 'vp9', 'h264']

/** The codecs that a stream may have, the best first: those of the server in the order of the client. */
export const videoCodecs = (choice: VideoChoice): VideoName[] => {
  const { caps, configured, failed } = choice
  const wanted = choice.preferred.filter((name) => configured.includes(name))
  return [...new Set([...wanted, ...configured])].filter(
    (name) => canDecode(caps, name) && !failed.includes(name) && choice.isAvailable(name),
  )
}
