import { intersect, rectOf, type Rect } from '../../src/core/region.js'
import type { DisplayModel, Frame, PointerShape } from '../../src/display/index.js'

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

const shown = new WeakMap<DisplayModel, Frame>()

/** Shows a frame on the first console, to be drawn into with {@link scribble}. */
export const show = (model: DisplayModel, frame: Frame): void => {
  shown.set(model, frame)
  model.scanout(0, frame)
}

/** The guest changes every pixel of `rect` that is on its screen and reports `rect`. */
export const scribble = (model: DisplayModel, rect: Rect, value = 0x5a): void => {
  const frame = shown.get(model)
  if (frame !== undefined) {
    const { left, top, right, bottom } = intersect(rect, rectOf(0, 0, frame.width, frame.height))
    for (let y = top; y < bottom; y++) {
      for (let at = y * frame.stride + left * 4; at < y * frame.stride + right * 4; at++) {
        frame.pixels[at] = (frame.pixels[at] ?? 0) ^ value
      }
    }
  }
  model.damage(0, [rect])
}
