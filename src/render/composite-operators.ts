import type { CompositeOperator } from '../display/index.js'
import { mul8 } from './blend.js'

/**
 * One channel of an operation of Porter and Duff: the source `s` and the target `d` with the alphas that count for the channel,
 * all 0 to 255 and premultiplied.
 */
export type ChannelOperator = (s: number, sa: number, d: number, da: number) => number

/** What part of the source, or the target, is left: by the alpha of the other. */
type Part = 'none' | 'all' | 'inside' | 'outside'

const part = (value: number, alpha: number, how: Part): number => {
  switch (how) {
    case 'none': {
      return 0
    }
    case 'all': {
      return value
    }
    case 'inside': {
      return mul8(value, alpha)
    }
    case 'outside': {
      return mul8(value, 255 - alpha)
    }
  }
}

const parts =
  (source: Part, target: Part): ChannelOperator =>
  (s, sa, d, da) =>
    Math.min(255, part(s, da, source) + part(d, sa, target))

/** As much of the source as there is room for beside the target. */
const saturate: ChannelOperator = (s, sa, d, da) => {
  const room = 255 - da
  return Math.min(255, d + (sa <= room ? s : Math.round((s * room) / sa)))
}

const PORTER_DUFF: Partial<Readonly<Record<CompositeOperator, ChannelOperator>>> = {
  clear: parts('none', 'none'),
  src: parts('all', 'none'),
  dst: parts('none', 'all'),
  over: parts('all', 'outside'),
  overReverse: parts('outside', 'all'),
  in: parts('inside', 'none'),
  inReverse: parts('none', 'inside'),
  out: parts('outside', 'none'),
  outReverse: parts('none', 'outside'),
  atop: parts('inside', 'outside'),
  atopReverse: parts('outside', 'inside'),
  xor: parts('outside', 'outside'),
  add: parts('all', 'all'),
  saturate,
}

/** `B(cb, cs)` of the PDF blend modes, for colours that are not premultiplied, 0 to 1. */
type BlendMode = (cb: number, cs: number) => number

const hardLight: BlendMode = (cb, cs) => (cs <= 0.5 ? cb * 2 * cs : cb + (2 * cs - 1) - cb * (2 * cs - 1))

const softLight: BlendMode = (cb, cs) => {
  if (cs <= 0.5) {
    return cb - (1 - 2 * cs) * cb * (1 - cb)
  }
  const curve = cb <= 0.25 ? ((16 * cb - 12) * cb + 4) * cb : Math.sqrt(cb)
  return cb + (2 * cs - 1) * (curve - cb)
}

const BLEND_MODES: Partial<Readonly<Record<CompositeOperator, BlendMode>>> = {
  multiply: (cb, cs) => cb * cs,
  screen: (cb, cs) => cb + cs - cb * cs,
  overlay: (cb, cs) => hardLight(cs, cb),
  darken: Math.min,
  lighten: Math.max,
  colorDodge: (cb, cs) => (cb === 0 ? 0 : cs >= 1 ? 1 : Math.min(1, cb / (1 - cs))),
  colorBurn: (cb, cs) => (cb >= 1 ? 1 : cs === 0 ? 0 : 1 - Math.min(1, (1 - cb) / cs)),
  hardLight,
  softLight,
  difference: (cb, cs) => Math.abs(cb - cs),
  exclusion: (cb, cs) => cb + cs - 2 * cb * cs,
}

/** The colour of a premultiplied channel, 0 to 1. */
const colorOf = (value: number, alpha: number): number => (alpha === 0 ? 0 : Math.min(1, value / alpha))

const toByte = (value: number): number => Math.max(0, Math.min(255, Math.round(value * 255)))

/** The alpha of all blend modes: as over. */
const union = (sa: number, da: number): number => sa + da - sa * da

const blended =
  (mode: BlendMode): ChannelOperator =>
  (s, sa, d, da) => {
    const [fs, fsa, fd, fda] = [s / 255, sa / 255, d / 255, da / 255]
    const both = mode(colorOf(d, da), colorOf(s, sa)) * fsa * fda
    return toByte((1 - fsa) * fd + (1 - fda) * fs + both)
  }

/** How one channel is computed, colours and alpha; `undefined` for operators that look at all colours at once. */
export const channelOperator = (
  operator: CompositeOperator,
): { readonly color: ChannelOperator; readonly alpha: ChannelOperator } | undefined => {
  const plain = PORTER_DUFF[operator]
  if (plain !== undefined) {
    return { color: plain, alpha: plain }
  }
  const mode = BLEND_MODES[operator]
  return mode && { color: blended(mode), alpha: (_s, sa, _d, da) => toByte(union(sa / 255, da / 255)) }
}

/** Red, green, blue, 0 to 1. */
export type Color = readonly [number, number, number]

const luminosity = ([r, g, b]: Color): number => 0.3 * r + 0.59 * g + 0.11 * b

const saturation = (color: Color): number => Math.max(...color) - Math.min(...color)

/** Brings a colour back into range without changing its luminosity. */
const clipped = (color: Color): Color => {
  const light = luminosity(color)
  const low = Math.min(...color)
  const high = Math.max(...color)
  const fit = (value: number): number => {
    const up = low < 0 && light > low ? light + ((value - light) * light) / (light - low) : value
    return high > 1 && high > light ? light + ((up - light) * (1 - light)) / (high - light) : up
  }
  const [r, g, b] = color
  return [fit(r), fit(g), fit(b)]
}

const withLuminosity = (color: Color, light: number): Color => {
  const by = light - luminosity(color)
  const [r, g, b] = color
  return clipped([r + by, g + by, b + by])
}

const withSaturation = (color: Color, wanted: number): Color => {
  const low = Math.min(...color)
  const range = Math.max(...color) - low
  const fit = (value: number): number => (range === 0 ? 0 : ((value - low) * wanted) / range)
  const [r, g, b] = color
  return [fit(r), fit(g), fit(b)]
}

/** What blend modes do that look at all colours at once: of the target's colour and the source's, not premultiplied. */
const COLOR_MODES: Partial<Readonly<Record<CompositeOperator, (cb: Color, cs: Color) => Color>>> = {
  hslHue: (cb, cs) => withLuminosity(withSaturation(cs, saturation(cb)), luminosity(cb)),
  hslSaturation: (cb, cs) => withLuminosity(withSaturation(cb, saturation(cs)), luminosity(cb)),
  hslColor: (cb, cs) => withLuminosity(cs, luminosity(cb)),
  hslLuminosity: (cb, cs) => withLuminosity(cb, luminosity(cs)),
}

/** The word of an operator on hue, saturation and luminosity. */
export const blendColors = (operator: CompositeOperator, source: number, dest: number): number => {
  const mode = COLOR_MODES[operator]
  const sa = (source >>> 24) / 255
  const da = (dest >>> 24) / 255
  const channels = (word: number): Color => [
    ((word >>> 16) & 0xff) / 255,
    ((word >>> 8) & 0xff) / 255,
    (word & 0xff) / 255,
  ]
  const s = channels(source)
  const d = channels(dest)
  const plain = ([r, g, b]: Color, alpha: number): Color => [
    colorOf(r, alpha),
    colorOf(g, alpha),
    colorOf(b, alpha),
  ]
  const both = mode?.(plain(d, da), plain(s, sa)) ?? plain(d, da)
  const channel = (i: 0 | 1 | 2): number => toByte((1 - sa) * d[i] + (1 - da) * s[i] + both[i] * sa * da)
  return (toByte(union(sa, da)) << 24) | (channel(0) << 16) | (channel(1) << 8) | channel(2)
}
