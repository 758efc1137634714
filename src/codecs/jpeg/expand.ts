import type { Image } from '../image.js'

/**
 * Widens 16 bit pixels to blue, green, red, 0 of 8 bits each (codecs.md 1), packed, rows in memory order.
 *
 * HOT PATH: one pass, no allocation. The words are in the byte order of the machines there are, low byte first.
 *
 * @param out at least one word for each pixel
 */
export const expandRgb16 = ({ pixels, width, height, stride }: Image, out: Uint32Array): void => {
  let to = 0
  for (let row = 0; row < height; row++) {
    let at = row * stride
    for (let x = 0; x < width; x++, at += 2) {
      const value = (pixels[at] ?? 0) | ((pixels[at + 1] ?? 0) << 8)
      // Five bits go to the top of their byte, the upper three of them once more to its bottom.
      const top = ((value & 0x1f) << 3) | ((value & 0x3e0) << 6) | ((value & 0x7c00) << 9)
      const bottom = ((value & 0x1c) >> 2) | ((value & 0x380) << 1) | ((value & 0x7000) << 4)
      out[to++] = top | bottom
    }
  }
}
