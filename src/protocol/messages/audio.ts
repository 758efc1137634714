import { empty, enumOf, list, message, rest, u16, u32, u8 } from '../schema.js'

/** How audio bytes are coded (`protocol-session.md` 5.3); 2, CELT 0.5.1, is dead. */
export const AUDIO_MODE = { raw: 1, celt: 2, opus: 3 } as const
/** Sample formats: signed 16 bit, little-endian, interleaved. */
export const AUDIO_FORMAT = { s16: 1 } as const

/** Audio bytes of one message: more than half a second of raw stereo at 48 kHz; a real one has 10 ms. */
export const AUDIO_DATA_MAX = 128 * 1024
/** Bytes that a change of mode may carry; nobody sends any. */
const MODE_EXTRA_MAX = 1024

/** `time` is multimedia time in milliseconds, modulo 2^32, here and below. */
const data = { time: u32, data: rest({ max: AUDIO_DATA_MAX }) } as const
const mode = { time: u32, mode: enumOf(u16, AUDIO_MODE), extra: rest({ max: MODE_EXTRA_MAX }) } as const
const format = { channels: u32, format: enumOf(u16, AUDIO_FORMAT), frequency: u32 } as const
/** One volume for each channel, 0 to 65 535. */
const volume = { volumes: list(u8, u16, { max: 255 }) } as const
/** 0 or 1. */
const mute = { mute: u8 } as const

/** Messages of the playback channel from the server; the client sends common ones only (`protocol-session.md` 5.1). */
export const playbackServer = {
  data: message(101, data),
  mode: message(102, mode),
  /** `frequency` in Hz. */
  start: message(103, { ...format, time: u32 }),
  stop: message(104, empty),
  volume: message(105, volume),
  mute: message(106, mute),
  latency: message(107, { latencyMs: u32 }),
} as const

/** Messages of the record channel from the server (`protocol-session.md` 5.2). */
export const recordServer = {
  start: message(101, format),
  stop: message(102, empty),
  volume: message(103, volume),
  mute: message(104, mute),
} as const

/** Messages of the record channel from the client. */
export const recordClient = {
  data: message(101, data),
  mode: message(102, mode),
  startMark: message(103, { time: u32 }),
} as const
