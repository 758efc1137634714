import type { Frame, PointerShape } from '../../src/display/index.js'

let generation = 0

/** A frame whose pixels follow from their place and `seed`, so that any mix-up shows. */
export const testFrame = (width: number, height: number, seed = 1): Frame => {
  const pixels = new Uint8Array(width * height * 4)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 4
      pixels[at] = x * 3 + seed
      pixels[at + 1] = y * 5 + seed
      pixels[at + 2] = ((x >> 2) ^ (y >> 2)) * 7 * seed
    }
  }
  generation += 1
  return { generation, width, height, stride: width * 4, pixels }
}

/** A pointer shape of one colour, with a transparent corner. */
export const testShape = (
  width: number,
  height: number,
  pixel: readonly [number, number, number, number],
): PointerShape => {
  const pixels = new Uint8Array(width * height * 4)
  for (let at = 4; at < pixels.length; at += 4) {
    pixels.set(pixel, at)
  }
  return { width, height, hotX: 1, hotY: 2, pixels }
}

/** A frame that no lossless coder makes much smaller. */
export const noiseFrame = (width: number, height: number): Frame => {
  const frame = testFrame(width, height)
  let state = 1
  for (let at = 0; at < frame.pixels.length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    frame.pixels[at] = state >>> 16
  }
  return frame
}
