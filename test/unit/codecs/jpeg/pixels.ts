import type { Image } from '../../../../src/codecs/image.js'

/** Blue, green, red and the fourth byte of each pixel, packed, top row first; the fourth byte is 0 but for `rgba`. */
export const canonical = ({ format, width, height, stride, topDown, pixels }: Image): Uint8Array => {
  const out = new Uint8Array(width * height * 4)
  const bytes = { rgb16: 2, rgb24: 3 }[format as string] ?? 4
  for (let y = 0; y < height; y++) {
    const row = (topDown ? y : height - 1 - y) * stride
    for (let x = 0; x < width; x++) {
      const at = row + x * bytes
      const to = (y * width + x) * 4
      if (format === 'rgb16') {
        const value = pixels[at]! | (pixels[at + 1]! << 8)
        const wide = [value & 31, (value >> 5) & 31, (value >> 10) & 31].map((v) => (v << 3) | (v >> 2))
        out.set(wide, to)
      } else {
        out.set(pixels.subarray(at, at + 3), to)
        out[to + 3] = format === 'rgba' ? pixels[at + 3]! : 0
      }
    }
  }
  return out
}

/** Of the colours of two canonical images. */
export const meanError = (a: Uint8Array, b: Uint8Array): number => {
  let sum = 0
  for (let at = 0; at < a.length; at++) {
    sum += at % 4 === 3 ? 0 : Math.abs(a[at]! - b[at]!)
  }
  return sum / ((a.length / 4) * 3)
}

const CLASSES = ['noise', 'runs', 'text', 'gradient', 'solid'] as const
export type PixelClass = (typeof CLASSES)[number]
export const PIXEL_CLASSES: readonly PixelClass[] = CLASSES

/** Fills memory with what screens show, whatever the format makes of it. */
export const fillPixels = (bytes: Uint8Array, kind: PixelClass, seed: number, stride: number): void => {
  let state = seed | 1
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return state >>> 8
  }
  let run = 0
  let value = next()
  for (let at = 0; at < bytes.length; at++) {
    const [x, y] = [at % stride, Math.floor(at / stride)]
    switch (kind) {
      case 'noise':
        bytes[at] = next()
        break
      case 'runs':
        if (run-- <= 0) {
          run = next() % 90
          value = next()
        }
        bytes[at] = value >> ((at & 3) * 8)
        break
      case 'text':
        bytes[at] = (Math.imul((x >> 2) + 131, (y % 12) + seed) >> 3) % 5 === 0 ? 20 : 255
        break
      case 'gradient':
        bytes[at] = (x >> 2) + y + (x & 3) * 60
        break
      case 'solid':
        bytes[at] = seed >> ((at & 3) * 8)
        break
    }
  }
}
