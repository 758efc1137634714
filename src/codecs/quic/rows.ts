import type { QuicFormat } from './quic-format.js'

/** Samples of one row by group, then by channel in coding order. */
export type QuicRow = readonly (readonly Uint8Array[])[]

/** Memory offset of each channel in a pixel, by group, then by channel: b, g, r, a lie in this order in memory. */
const OFFSETS: Readonly<Record<Exclude<QuicFormat, 'rgb16'>, readonly (readonly number[])[]>> = {
  gray: [[0]],
  rgb24: [[2, 1, 0]],
  rgb32: [[2, 1, 0]],
  rgba: [[2, 1, 0], [3]],
}

/** Takes a row apart. `at` is where it begins in `pixels`. */
export const loadRow = (
  format: QuicFormat,
  step: number,
  pixels: Uint8Array,
  at: number,
  row: QuicRow,
): void => {
  if (format === 'rgb16') {
    const [reds, greens, blues] = row[0] ?? []
    const width = reds?.length ?? 0
    for (let x = 0, from = at; x < width && reds && greens && blues; x++, from += 2) {
      const value = (pixels[from] ?? 0) | ((pixels[from + 1] ?? 0) << 8)
      reds[x] = (value >> 10) & 31
      greens[x] = (value >> 5) & 31
      blues[x] = value & 31
    }
    return
  }
  OFFSETS[format].forEach((offsets, group) => {
    offsets.forEach((offset, channel) => {
      const samples = row[group]?.[channel] ?? new Uint8Array(0)
      for (let x = 0, from = at + offset; x < samples.length; x++, from += step) {
        samples[x] = pixels[from] ?? 0
      }
    })
  })
}

/** Puts a row together; pad bytes are left as they are. */
export const storeRow = (
  format: QuicFormat,
  step: number,
  pixels: Uint8Array,
  at: number,
  row: QuicRow,
): void => {
  if (format === 'rgb16') {
    const [reds, greens, blues] = row[0] ?? []
    const width = reds?.length ?? 0
    for (let x = 0, to = at; x < width; x++, to += 2) {
      const value = ((reds?.[x] ?? 0) << 10) | ((greens?.[x] ?? 0) << 5) | (blues?.[x] ?? 0)
      pixels[to] = value
      pixels[to + 1] = value >> 8
    }
    return
  }
  OFFSETS[format].forEach((offsets, group) => {
    offsets.forEach((offset, channel) => {
      const samples = row[group]?.[channel] ?? new Uint8Array(0)
      for (let x = 0, to = at + offset; x < samples.length; x++, to += step) {
        pixels[to] = samples[x] ?? 0
      }
    })
  })
}
