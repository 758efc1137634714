import { intersect, rectOf, type Rect } from '../../src/core/region.js'

export interface PhotoTarget {
  readonly width: number
  readonly height: number
  /** Bytes from row to row. */
  readonly stride: number
  readonly pixels: Uint8Array
}

/** Neighbours differ by a little, everywhere: what JPEG loses something of and the content score takes for a photo. */
export const paintPhoto = (
  { width, height, stride, pixels }: PhotoTarget,
  rect: Rect,
  seed: number,
): void => {
  const { left, top, right, bottom } = intersect(rect, rectOf(0, 0, width, height))
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const noise =
        (Math.imul(Math.imul(x * 7919 + y * 104_729 + seed * 31, 0x9e37_79b1), 0x85eb_ca6b) >>> 8) & 0x0f0f
      const at = y * stride + x * 4
      pixels[at] = 60 + (x >> 1) * 0.25 + (noise & 15)
      pixels[at + 1] = 90 + (y >> 1) * 0.25 + (noise >> 8)
      pixels[at + 2] = 100 + ((seed * 37) & 63) + (noise & 15)
    }
  }
}

/** Letters of a kind: a few colours, hard edges, everything repeats. */
export const paintText = ({ width, height, stride, pixels }: PhotoTarget, rect: Rect, seed: number): void => {
  const { left, top, right, bottom } = intersect(rect, rectOf(0, 0, width, height))
  const view = new DataView(pixels.buffer, pixels.byteOffset)
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const ink = y % 16 < 11 && (Math.imul((x >> 3) + seed, 2_654_435_761) >>> (x & 7)) % 3 === 0
      view.setUint32(y * stride + x * 4, ink ? 0x20_2020 : 0xff_ffff, true)
    }
  }
}

/** A screen of text. */
export const textScreen = (width: number, height: number): PhotoTarget => {
  const screen = { width, height, stride: width * 4, pixels: new Uint8Array(width * height * 4) }
  paintText(screen, rectOf(0, 0, width, height), 1)
  return screen
}
