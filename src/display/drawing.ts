import { isEmpty, type Rect } from '../core/region.js'
import type { Brush, Drawable } from './drawable.js'
import type { Move } from './motion.js'
import { readsDest, ROP_TABLE, ropTable, type RopTable } from './rop.js'

/** What a colour does to the pixels that it is painted on. */
export type FillOperator = 'put' | 'or' | 'and' | 'xor'

/** A drawing so simple that a client can be told to do the same, on the primary surface. */
export type Drawing =
  /** `color` is 0x00RRGGBB; the rectangles do not overlap. */
  | {
      readonly kind: 'fill'
      readonly rects: readonly Rect[]
      readonly operator: FillOperator
      readonly color: number
    }
  | { readonly kind: 'move'; readonly move: Move }

/** A fill of more rectangles is told as damage: each is a message. */
const MAX_FILL_RECTS = 8

const RGB = 0x00ff_ffff

/** What a raster operation with a colour comes to; `undefined` for the rarer ones, and for one that does nothing. */
const fillOf = (
  table: RopTable,
  color: number,
): { readonly operator: FillOperator; readonly color: number } | undefined => {
  const plain = color & RGB
  const inverse = ~color & RGB
  if (!readsDest(table)) {
    const bits = (table & 1 ? inverse : 0) | (table & 4 ? plain : 0)
    return { operator: 'put', color: bits }
  }
  switch (table) {
    case ROP_TABLE.xor: {
      return { operator: 'xor', color: plain }
    }
    case ROP_TABLE.xnor: {
      return { operator: 'xor', color: inverse }
    }
    case ROP_TABLE.invert: {
      return { operator: 'xor', color: RGB }
    }
    case ROP_TABLE.or: {
      return { operator: 'or', color: plain }
    }
    case ROP_TABLE.orInverse: {
      return { operator: 'or', color: inverse }
    }
    case ROP_TABLE.and: {
      return { operator: 'and', color: plain }
    }
    case ROP_TABLE.andInverse: {
      return { operator: 'and', color: inverse }
    }
    default: {
      return undefined
    }
  }
}

const colorOf = (brush: Brush): number | undefined => {
  switch (brush.kind) {
    case 'none': {
      return 0
    }
    case 'solid': {
      return brush.color
    }
    case 'pattern': {
      return undefined
    }
  }
}

const plainFill = (drawable: Drawable) => {
  switch (drawable.kind) {
    case 'fill': {
      const color = drawable.mask === undefined ? colorOf(drawable.brush) : undefined
      return color === undefined ? undefined : fillOf(ropTable(drawable.rop, 'brush onto destination'), color)
    }
    case 'blackness': {
      return drawable.mask === undefined ? fillOf(ROP_TABLE.black, 0) : undefined
    }
    case 'whiteness': {
      return drawable.mask === undefined ? fillOf(ROP_TABLE.white, 0) : undefined
    }
    case 'invers': {
      return drawable.mask === undefined ? fillOf(ROP_TABLE.invert, 0) : undefined
    }
    default: {
      return undefined
    }
  }
}

/**
 * The simple form of a drawing on the primary surface.
 *
 * @param region what it changes, exactly
 * @returns `undefined` when it has none: images, text, lines and whatever goes through a mask
 */
export const simpleDrawing = (drawable: Drawable, region: readonly Rect[]): Drawing | undefined => {
  if (drawable.kind === 'copyBits') {
    const [to] = region
    const { box, sourcePos } = drawable
    return to === undefined || region.length > 1 || isEmpty(to)
      ? undefined
      : { kind: 'move', move: { to, dx: box.left - sourcePos.x, dy: box.top - sourcePos.y } }
  }
  const fill = region.length <= MAX_FILL_RECTS ? plainFill(drawable) : undefined
  return fill && { kind: 'fill', rects: region, ...fill }
}
