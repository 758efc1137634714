import type { AvEncoderOptions, ColourMatrix } from '../../host/avcodec-encoder.js'
import { clampBitRate, type VideoCodec, type VideoFormat } from './video-format.js'

/** One coder of libavcodec and how it is told to code a screen at once, without holding frames back. */
export interface CoderSettings {
  /** Name in the library. */
  readonly coder: string
  /** Sizes have to be even: the codec has no word for half a colour sample at the edge. */
  readonly evenSizes: boolean
  /**
   * What the time stamps count: with `ms` the coder sees for itself how many frames come in a second, with `frames` it
   * takes for granted that it is as many as it was opened for.
   */
  readonly clock: 'ms' | 'frames'
  /** The bit rate may change while it runs. */
  readonly retunes: boolean
  rateOptions(rate: CoderRate): Readonly<Record<string, string>>
  readonly options: Readonly<Record<string, string>>
}

/** What a coder is told of the bits that it has. */
export interface CoderRate {
  /** Bits a second, in the coder's own seconds. */
  readonly perSecond: number
  /** Bits that may gather. */
  readonly buffer: number
}

/** No key frames but those asked for: nothing is lost on the way (protocol-display.md 17). */
const KEY_DISTANCE = '100000'

/** Time of bits that may gather, s: the most that one frame delays those behind it (protocol-display.md 19). */
const BUFFER_S = 0.3

/** Bits that may gather are at least those of so many frames. */
const BUFFER_FRAMES = 2

const buffered = ({ perSecond, buffer }: CoderRate): Readonly<Record<string, string>> => ({
  b: perSecond.toString(),
  maxrate: perSecond.toString(),
  bufsize: buffer.toString(),
})

const COMMON = { g: KEY_DISTANCE, bf: '0', threads: '1' }

/** libvpx keeps a constant rate when the least and the most are the same; below 30 % of the buffer it leaves frames out. */
const VPX = {
  clock: 'ms',
  retunes: false,
  evenSizes: false,
  rateOptions: (rate: CoderRate) => ({ ...buffered(rate), minrate: rate.perSecond.toString() }),
} as const

const VPX_OPTIONS = {
  ...COMMON,
  ...{ deadline: 'realtime', 'lag-in-frames': '0', qmin: '10', 'drop-threshold': '30' },
}

/** Coders by codec, the best first (protocol-display.md 19, performance-notes.md 6). */
export const CODERS: Readonly<Record<VideoCodec, readonly CoderSettings[]>> = {
  h264: [
    {
      ...{ coder: 'libx264', evenSizes: true, clock: 'frames', retunes: true, rateOptions: buffered },
      // Key frames are IDR frames, with the parameter sets in front of each.
      options: { ...COMMON, preset: 'ultrafast', tune: 'zerolatency', 'forced-idr': '1', qmin: '15' },
    },
    {
      ...{ coder: 'libopenh264', evenSizes: true, clock: 'frames', retunes: false },
      rateOptions: buffered,
      options: { ...COMMON, rc_mode: 'bitrate', allow_skip_frames: '1' },
    },
  ],
  // A speed below 0 is fixed; above it the coder would follow the clock of the machine.
  vp8: [{ ...VPX, coder: 'libvpx', options: { ...VPX_OPTIONS, 'cpu-used': '-12' } }],
  vp9: [{ ...VPX, coder: 'libvpx-vp9', options: { ...VPX_OPTIONS, 'cpu-used': '8', 'row-mt': '1' } }],
}

/** Pictures higher than this are high definition to GStreamer, pixels. */
const SD_MAX_HEIGHT = 576

/**
 * How colours are coded. GStreamer's decoders of VP8 and VP9 heed only the height, and so does that of H.264 when nothing
 * stands in the stream: up to 576 rows it is BT.601, above BT.709, always in the narrow range.
 */
export const matrixFor = (height: number): ColourMatrix => (height > SD_MAX_HEIGHT ? 'bt709' : 'bt601')

/** What stands in the stream of codecs that can say it, so that decoders that do heed it agree. */
const COLOUR_NAMES: Readonly<Record<ColourMatrix, string>> = { bt601: 'smpte170m', bt709: 'bt709' }

const colourOptions = (codec: VideoCodec, matrix: ColourMatrix): Readonly<Record<string, string>> => {
  const name = COLOUR_NAMES[matrix]
  return codec === 'vp8'
    ? {}
    : { colorspace: name, color_primaries: name, color_trc: name, color_range: 'tv' }
}

/** Sizes are rounded up where they have to be even. */
export const codedSide = ({ evenSizes }: CoderSettings, side: number): number =>
  evenSizes ? side + (side % 2) : side

/** Ticks of the time stamps in a second. */
export const ticksOf = ({ clock }: CoderSettings, fps: number): number =>
  clock === 'ms' ? 1000 : Math.round(fps)

/**
 * What a coder is told of a bit rate when `fps` frames come in a second. One that takes it for granted that `openedFps` do
 * gets more or less, so that it comes to the same.
 */
export const rateOf = (
  settings: CoderSettings,
  openedFps: number,
  fps: number,
  bitRate: number,
): CoderRate => {
  const stretch = settings.clock === 'ms' ? 1 : ticksOf(settings, openedFps) / fps
  return {
    perSecond: clampBitRate(bitRate * stretch),
    buffer: Math.round(bitRate * Math.max(BUFFER_S, BUFFER_FRAMES / fps)),
  }
}

/** All that the library has to know to open a coder for a format. */
export const encoderOptions = (settings: CoderSettings, format: VideoFormat): AvEncoderOptions => {
  const { codec, width, height, fps, bitRate } = format
  const matrix = matrixFor(height)
  return {
    ...{ coder: settings.coder, codec, matrix, ticks: ticksOf(settings, fps) },
    ...{ width: codedSide(settings, width), height: codedSide(settings, height) },
    options: {
      ...settings.options,
      ...colourOptions(codec, matrix),
      ...settings.rateOptions(rateOf(settings, fps, fps, bitRate)),
    },
  }
}
