import { quoted, type Kind } from './kinds.js'

/** Codecs of video streams that this server has; `mjpeg` is always there where JPEG is. */
export type VideoCodecName = 'mjpeg' | 'vp8' | 'vp9' | 'h264'

const NAMES: readonly VideoCodecName[] = ['mjpeg', 'vp8', 'vp9', 'h264']

/** Names of the encoders of other servers: theirs are not ours, so the codec alone counts. */
const ENCODERS = ['spice', 'gstreamer']

/** Order of `auto`: MJPEG takes the most bytes, the coders of VP8 and VP9 three to five times as long (`performance-notes.md` 6). */
export const AUTO_VIDEO_CODECS: readonly VideoCodecName[] = ['h264', 'mjpeg', 'vp8', 'vp9']

const ALLOWED =
  'auto, or codecs of mjpeg, vp8, vp9 and h264 with semicolons between, each with or without an encoder in front (spice:mjpeg;gstreamer:vp8)'

/**
 * The syntax of QEMU's `video-codecs`: `encoder:codec;encoder:codec`, the best first. A codec that this server does not have,
 * `h265`, is left out.
 */
export const videoCodecs: Kind<readonly VideoCodecName[]> = {
  placeholder: 'auto|CODEC;…',
  many: false,
  onOff: false,
  allowed: ALLOWED,
  read: (texts) => {
    // A list in a file is the same as semicolons.
    const text = texts.join(';')
    if (text === 'auto') {
      return { value: AUTO_VIDEO_CODECS }
    }
    const parts = text.split(';').filter((part) => part !== '')
    const names: VideoCodecName[] = []
    for (const part of parts) {
      const [encoder, codec] = part.includes(':') ? part.split(':') : ['spice', part]
      const name = NAMES.find((each) => each === codec)
      const known = ENCODERS.includes(encoder ?? '') && (name !== undefined || codec === 'h265')
      if (!known || part.split(':').length > 2) {
        return { problem: `has ${quoted(part)}, but must be ${ALLOWED}` }
      }
      if (name !== undefined && !names.includes(name)) {
        names.push(name)
      }
    }
    return parts.length === 0 ? { problem: `is ${quoted(text)}, but must be ${ALLOWED}` } : { value: names }
  },
}
