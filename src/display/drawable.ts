import type { Rect } from '../core/region.js'
import type { Image } from './image.js'
import type { Surface } from './surface.js'

/** Pixels. */
export interface Point {
  readonly x: number
  readonly y: number
}

/** What paints; `color` is a pixel of a 32-bit surface, 0x00RRGGBB. A pattern has a corner at `pos` and repeats everywhere. */
export type Brush =
  | { readonly kind: 'none' }
  | { readonly kind: 'solid'; readonly color: number }
  | { readonly kind: 'pattern'; readonly image: Image; readonly pos: Point }

/** Bits of a 1-bit image say which pixels are drawn: the corner of the box is at `pos` of it. Outside of it nothing is drawn. */
export interface Mask {
  readonly image: Image
  readonly pos: Point
  readonly inverse: boolean
}

/** How a source is brought to the size of the box. */
export type ScaleMode = 'interpolate' | 'nearest'

/** What the guest says a drawing does to what it covers. Only a hint, as everything is rendered at once. */
export type Effect =
  | 'blend'
  | 'opaque'
  | 'revertOnDup'
  | 'blacknessOnDup'
  | 'whitenessOnDup'
  | 'nopOnDup'
  | 'nop'
  | 'opaqueBrush'

/** What all drawings have. */
export interface DrawableBase {
  /** Id of the surface that is drawn into. */
  readonly surface: number
  /** In the surface; pixels. */
  readonly box: Rect
  /** Only these rectangles of the box, which may overlap; all of it when left out. */
  readonly clip?: readonly Rect[]
  readonly effect?: Effect
}

interface WithMask {
  readonly mask?: Mask
}

/** A source and the rectangle of it that covers the box. */
interface WithSource {
  readonly image: Image
  readonly sourceArea: Rect
}

/** `rop` holds bits of `ROP` in `display-types.ts` (`protocol-display.md` section 9). */
export interface FillDrawable extends DrawableBase, WithMask {
  readonly kind: 'fill'
  readonly brush: Brush
  readonly rop: number
}

export interface OpaqueDrawable extends DrawableBase, WithMask, WithSource {
  readonly kind: 'opaque'
  readonly brush: Brush
  readonly rop: number
  readonly scale: ScaleMode
}

export interface CopyDrawable extends DrawableBase, WithMask, WithSource {
  readonly kind: 'copy' | 'blend'
  readonly rop: number
  readonly scale: ScaleMode
}

export interface PlainDrawable extends DrawableBase, WithMask {
  readonly kind: 'blackness' | 'whiteness' | 'invers'
}

/** `rop3` is a ternary raster operation of Windows, 0 to 255. */
export interface Rop3Drawable extends DrawableBase, WithMask, WithSource {
  readonly kind: 'rop3'
  readonly brush: Brush
  readonly rop3: number
  readonly scale: ScaleMode
}

/** Source pixels of `trueColor`, 0x00RRGGBB, are left out. */
export interface TransparentDrawable extends DrawableBase, WithSource {
  readonly kind: 'transparent'
  readonly trueColor: number
}

export interface AlphaBlendDrawable extends DrawableBase, WithSource {
  readonly kind: 'alphaBlend'
  /** 0 to 255, for the whole source. */
  readonly alpha: number
  /** The unused byte of an xRGB target is its alpha. */
  readonly destHasAlpha: boolean
  /** The unused byte of an xRGB surface that is the source is its alpha. */
  readonly sourceHasAlpha: boolean
}

/** Points of a path in 28.4 fixed point: x, y, x, y and so on. */
export interface PathSegment {
  /** Begins a run of lines at its first point; else it goes on where the last one ended. */
  readonly begin: boolean
  readonly end: boolean
  /** A line back to where the run began. */
  readonly close: boolean
  /** Three points for each curve, behind the one where it begins. */
  readonly bezier: boolean
  readonly points: Int32Array
}

export interface StrokeDrawable extends DrawableBase {
  readonly kind: 'stroke'
  readonly path: readonly PathSegment[]
  /** Lengths of dashes and gaps in turn, 28.4 fixed point; a full line when left out. */
  readonly dashes?: Int32Array
  readonly startWithGap: boolean
  readonly brush: Brush
  readonly foreMode: number
}

/** One letter: `height` rows of `ceil(width * bits / 8)` bytes, bottom row first, leftmost pixel in the highest bits. */
export interface Glyph {
  readonly renderPos: Point
  /** Of the corner at the upper left, from `renderPos`. */
  readonly origin: Point
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

export interface TextDrawable extends DrawableBase {
  readonly kind: 'text'
  /** Bits of a pixel of the glyphs. */
  readonly bits: 1 | 4 | 8
  readonly glyphs: readonly Glyph[]
  /** Filled with the back brush first; may be empty. */
  readonly backArea: Rect
  readonly fore: Brush
  readonly back: Brush
}

/** Operators by their Render numbers: 0 to 13, and 0x30 to 0x3e. */
export const COMPOSITE_OPERATORS = {
  clear: 0,
  src: 1,
  dst: 2,
  over: 3,
  overReverse: 4,
  in: 5,
  inReverse: 6,
  out: 7,
  outReverse: 8,
  atop: 9,
  atopReverse: 10,
  xor: 11,
  add: 12,
  saturate: 13,
  multiply: 0x30,
  screen: 0x31,
  overlay: 0x32,
  darken: 0x33,
  lighten: 0x34,
  colorDodge: 0x35,
  colorBurn: 0x36,
  hardLight: 0x37,
  softLight: 0x38,
  difference: 0x39,
  exclusion: 0x3a,
  hslHue: 0x3b,
  hslSaturation: 0x3c,
  hslColor: 0x3d,
  hslLuminosity: 0x3e,
} as const

export type CompositeOperator = keyof typeof COMPOSITE_OPERATORS

/** Two rows of three, 16.16 fixed point with a sign: from pixels of the target to pixels of the image. */
export type Transform = readonly [number, number, number, number, number, number]

/** An image of a composite operation. */
export interface CompositeSource {
  readonly image: Image
  /** Where the corner of the box is in the image, before the transform. */
  readonly origin: Point
  readonly transform?: Transform
  readonly filter: 'nearest' | 'bilinear'
  /** What is beside the image. */
  readonly repeat: 'none' | 'normal' | 'pad' | 'reflect'
  /** Its alpha does not count. */
  readonly opaque: boolean
}

export interface CompositeDrawable extends DrawableBase {
  readonly kind: 'composite'
  readonly operator: CompositeOperator
  readonly source: CompositeSource
  readonly mask?: CompositeSource
  /** Each colour of the mask is the alpha of its own colour. */
  readonly componentAlpha: boolean
  /** The alpha of the target does not count. */
  readonly destOpaque: boolean
}

/** Moves pixels inside the surface; those whose source is outside of it stay. */
export interface CopyBitsDrawable extends DrawableBase {
  readonly kind: 'copyBits'
  readonly sourcePos: Point
}

/** A drawing command of a guest (`protocol-display.md` section 7), in values of the model's own. */
export type Drawable =
  | FillDrawable
  | OpaqueDrawable
  | CopyDrawable
  | PlainDrawable
  | Rop3Drawable
  | StrokeDrawable
  | TextDrawable
  | TransparentDrawable
  | AlphaBlendDrawable
  | CompositeDrawable
  | CopyBitsDrawable

/** The memory of the guest that a drawing's pixels are in; it is released once, when nobody looks at them any more. */
export interface Lease {
  release(): void
}

/** Draws into surfaces; the canvas of `src/render`. */
export interface Renderer {
  /**
   * Draws what was checked with `checkDrawable`.
   *
   * @param surfaces the surface of an id; asked only for ids that were checked
   * @returns rectangles that cover every pixel that may have changed; they do not overlap
   */
  draw(target: Surface, drawable: Drawable, surfaces: (id: number) => Surface | undefined): readonly Rect[]
}
