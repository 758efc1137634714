import type { Frame } from '../../src/display/index.js'

/** Pixels of a frame as a client has them: packed, unused byte 0. */
export const pictureOf = (frame: Frame): Uint8Array => {
  const pixels = new Uint8Array(frame.width * frame.height * 4)
  for (let y = 0; y < frame.height; y++) {
    const row = frame.pixels.subarray(y * frame.stride, y * frame.stride + frame.width * 4)
    pixels.set(row, y * frame.width * 4)
  }
  for (let at = 3; at < pixels.length; at += 4) {
    pixels[at] = 0
  }
  return pixels
}
