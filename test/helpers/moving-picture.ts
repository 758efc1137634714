import type { Image } from '../../src/codecs/image.js'

/** A picture that moves and has detail, as video has; `grain` (0 to 255) is how much of it is noise. Frame by frame the same. */
export const movingFrame = (width: number, height: number, frame: number, grain = 8): Image => {
  const pixels = new Uint8Array(width * height * 4)
  const waves = Array.from({ length: width }, (_, x) => [
    90 * Math.sin((x + frame * 3) / 17),
    80 * Math.sin((x - frame * 2) / 31),
  ])
  let state = (frame + 1) * 2654435761
  for (let y = 0, at = 0; y < height; y++) {
    const [blue, green] = [Math.cos(y / 23), Math.cos(y / 29)]
    for (let x = 0; x < width; x++, at += 4) {
      const [first = 0, second = 0] = waves[x] ?? []
      state = (Math.imul(state, 1664525) + 1013904223) | 0
      const noise = grain === 0 ? 0 : (state >>> 24) % grain
      pixels[at] = 118 + first * blue + noise
      pixels[at + 1] = 118 + second * green + noise
      pixels[at + 2] = 60 + ((x + y + frame * 4) % 120) + noise
    }
  }
  return { format: 'rgb32', width, height, stride: width * 4, topDown: true, pixels }
}
