import type { Rect } from '../../src/core/region.js'
import type { GuestScreen } from './guest-screen.js'

/**
 * Draws something like text: of few colours, mostly the first.
 *
 * @param colours which colours; each number has its own, but for one that all share
 * @param text what is written
 */
export const typeText = (guest: GuestScreen, box: Rect, colours: number, text: number, shades = 6): void => {
  const words = new Uint32Array(guest.pixels.buffer, guest.pixels.byteOffset)
  for (let y = box.top; y < box.bottom; y++) {
    for (let x = box.left; x < box.right; x++) {
      const ink = Math.imul(Math.imul((x >> 1) + 977 * y + 31 * text, 0x9e3779b1), 0x85ebca6b) >>> 28
      words[y * (guest.stride / 4) + x] = ink >= shades ? 0xff_ffff : Math.imul(colours * 16 + ink, 0x01_0305)
    }
  }
}
