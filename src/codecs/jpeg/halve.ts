import type { Image } from '../image.js'

/** The mean of the bytes of two words. */
const mean = (a: number, b: number): number => ((a & b) + (((a ^ b) & 0xfefefefe) >>> 1)) >>> 0

/**
 * Halves width and height of 32 bit pixels, packed, rows in memory order: each pixel is the mean of four. A last column or row
 * without a partner is left out.
 *
 * HOT PATH: one pass, no allocation where pixels lie on whole words.
 *
 * @param out at least one word for each pixel that is left
 */
export const halveRgb32 = ({ pixels, width, height, stride }: Image, out: Uint32Array): void => {
  const whole = pixels.byteOffset % 4 === 0 ? pixels : pixels.slice()
  const words = new Uint32Array(whole.buffer, whole.byteOffset, whole.length >> 2)
  const row = stride >> 2
  let to = 0
  for (let y = 0; y + 1 < height; y += 2) {
    let at = y * row
    for (let x = 0; x + 1 < width; x += 2, at += 2) {
      const above = mean(words[at] ?? 0, words[at + 1] ?? 0)
      out[to++] = mean(above, mean(words[at + row] ?? 0, words[at + row + 1] ?? 0))
    }
  }
}
