/**
 * When a client is to show a frame: a little after it arrives. Stock clients drop MJPEG frames that come too late, and hold back
 * those that come early (`protocol-display.md` 17.5, `protocol-session.md` 5.6). A client's clock is what INIT of the main channel
 * told, so it lags by the time that took; a frame stamped with the time of its sending is late by all that it takes longer.
 */
export interface StampRecord {
  /** Added to the time of sending, ms. */
  marginMs: number
  /** Of the last frame; 0: none was sent. */
  last: number
  /** Shortest time before its stamp at which a frame came since then, ms. */
  leastMs: number
  sinceMs: number
}

/** Frames are meant to come so much before their time, ms. */
const EARLY_MS = 12

/** A margin that was never short of this is too large, ms; it is looked at so often. */
const SPARE_MS = 25
const LOOK_MS = 1000

/** Frames that are later than this are late because the line is full; waiting for them would only be delay. */
const MAX_MARGIN_MS = 200

/** A frame of the size of frames at the start, bytes, on a line that nobody measured, bits a second. */
const FIRST_FRAME_BYTES = 40_000
const UNKNOWN_LINE_BPS = 10e6

/** @param lineBps bits a second of the line, where they were measured */
export const newStamps = (lineBps: number | undefined, nowMs: number): StampRecord => ({
  marginMs: Math.min(
    MAX_MARGIN_MS,
    EARLY_MS + Math.round((FIRST_FRAME_BYTES * 8000) / (lineBps ?? UNKNOWN_LINE_BPS)),
  ),
  last: 0,
  leastMs: MAX_MARGIN_MS,
  sinceMs: nowMs,
})

/** Multimedia time of a frame that is sent now, ms, 1 to 2^32 - 1; later than that of the frame before. */
export const stampNow = (stamps: StampRecord, nowMs: number): number => {
  const wanted = asTime(Math.floor(nowMs) + stamps.marginMs)
  const stamp = stamps.last !== 0 && ((wanted - stamps.last) | 0) <= 0 ? asTime(stamps.last + 1) : wanted
  stamps.last = stamp
  return stamp
}

/** @param earlyMs time before its stamp at which a frame came; negative: it was late */
export const frameCame = (stamps: StampRecord, earlyMs: number, nowMs: number): void => {
  if (earlyMs < EARLY_MS) {
    stamps.marginMs = Math.min(MAX_MARGIN_MS, stamps.marginMs + Math.ceil(EARLY_MS - earlyMs))
    stamps.leastMs = EARLY_MS
    stamps.sinceMs = nowMs
    return
  }
  stamps.leastMs = Math.min(stamps.leastMs, earlyMs)
  if (nowMs - stamps.sinceMs >= LOOK_MS) {
    if (stamps.leastMs > SPARE_MS) {
      stamps.marginMs = Math.max(0, stamps.marginMs - Math.ceil((stamps.leastMs - EARLY_MS) / 2))
    }
    stamps.leastMs = MAX_MARGIN_MS
    stamps.sinceMs = nowMs
  }
}

/** Clients take 0 for a mistake (`protocol-session.md` 5.6). */
const asTime = (ms: number): number => ms % 0x1_0000_0000 || 1
