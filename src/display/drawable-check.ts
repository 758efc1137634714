import type { Rect } from '../core/region.js'
import type {
  Brush,
  CompositeSource,
  Drawable,
  Mask,
  Point,
  StrokeDrawable,
  TextDrawable,
} from './drawable.js'
import {
  checkInside,
  checkInsideFull,
  checkSides,
  checkWhole,
  MAX_I32,
  MAX_U32,
  MIN_I32,
  refuse,
} from './guest-check.js'
import {
  checkedSurface,
  checkImage,
  checkMaskImage,
  type DrawingLimits,
  type DrawingRoom,
} from './image-check.js'
import type { Surface } from './surface.js'
import type { Image } from './image.js'

/** Bits of `ROP`. */
const MAX_ROP = 0xffff

/**
 * Points of a path are refused farther out, 28.4 fixed point: 2^22 pixels. The arithmetic of lines is exact up to there, and no
 * driver goes so far.
 */
const MAX_PATH_COORDINATE = 2 ** 26

/** Lengths of dashes in one pattern (`protocol-display.md` section 7: one byte). */
const MAX_DASHES = 255

/** Three points for each curve. */
const BEZIER_POINTS = 3

const MAX_I16 = 0x7fff

const checkPoint = ({ x, y }: Point, what: string): void => {
  checkWhole(x, MIN_I32, MAX_I32, what)
  checkWhole(y, MIN_I32, MAX_I32, what)
}

const checkBrush = (brush: Brush, room: DrawingRoom): void => {
  switch (brush.kind) {
    case 'none': {
      return
    }
    case 'solid': {
      checkWhole(brush.color, 0, MAX_U32, 'colour of a brush')
      return
    }
    case 'pattern': {
      checkImage(brush.image, room, 'a pattern')
      checkPoint(brush.pos, 'place of a pattern')
    }
  }
}

const checkMask = (mask: Mask | undefined, room: DrawingRoom): void => {
  if (mask !== undefined) {
    checkMaskImage(mask.image, room)
    checkPoint(mask.pos, 'place of a mask')
  }
}

const checkSource = (image: Image, area: Rect, room: DrawingRoom): void => {
  const { width, height } = checkImage(image, room, 'a source image')
  checkInsideFull(area, width, height, 'source area')
}

const checkClip = (clip: readonly Rect[] | undefined, limits: DrawingLimits): void => {
  checkWhole(clip?.length ?? 0, 0, limits['clip-rects'], 'number of clip rectangles')
  for (const rect of clip ?? []) {
    checkSides(rect, 'clip rectangle')
  }
}

const checkStroke = ({ path, dashes, brush }: StrokeDrawable, room: DrawingRoom): void => {
  const { limits } = room
  checkWhole(path.length, 0, limits['path-segments'], 'number of path segments')
  let points = 0
  for (const segment of path) {
    const count = segment.points.length / 2
    points += count
    checkWhole(count, 0, limits['path-points'], 'points of a segment')
    checkWhole(points, 0, limits['path-points'], 'points of a path')
    const curves = segment.begin ? count - 1 : count
    if (segment.bezier && (curves < 0 || curves % BEZIER_POINTS !== 0)) {
      refuse('a curve lacks points', { points: count })
    }
    for (const coordinate of segment.points) {
      checkWhole(coordinate, -MAX_PATH_COORDINATE, MAX_PATH_COORDINATE, 'point of a path')
    }
  }
  if (dashes !== undefined) {
    checkWhole(dashes.length, 1, MAX_DASHES, 'number of dashes')
    for (const length of dashes) {
      checkWhole(length, 1, MAX_I32, 'length of a dash')
    }
  }
  checkBrush(brush, room)
}

const checkText = ({ bits, glyphs, backArea, fore, back }: TextDrawable, room: DrawingRoom): void => {
  const { limits } = room
  checkWhole(glyphs.length, 1, limits['text-glyphs'], 'number of glyphs')
  let pixels = 0
  for (const { renderPos, origin, width, height, data } of glyphs) {
    checkPoint(renderPos, 'place of a glyph')
    checkPoint(origin, 'origin of a glyph')
    checkWhole(width, 0, limits['image-side'], 'width of a glyph')
    checkWhole(height, 0, limits['image-side'], 'height of a glyph')
    pixels += width * height
    checkWhole(pixels, 0, limits['text-pixels'], 'pixels of a text')
    if (Math.ceil((width * bits) / 8) * height > data.length) {
      refuse('a glyph has too few bytes', { width, height, bytes: data.length })
    }
  }
  checkSides(backArea, 'background of a text')
  checkBrush(fore, room)
  checkBrush(back, room)
}

const checkCompositeSource = (source: CompositeSource, room: DrawingRoom): void => {
  checkImage(source.image, room, 'an image to compose')
  checkWhole(source.origin.x, -MAX_I16 - 1, MAX_I16, 'origin of an image to compose')
  checkWhole(source.origin.y, -MAX_I16 - 1, MAX_I16, 'origin of an image to compose')
  for (const value of source.transform ?? []) {
    checkWhole(value, MIN_I32, MAX_I32, 'transform')
  }
}

const checkContents = (drawable: Drawable, room: DrawingRoom): void => {
  switch (drawable.kind) {
    case 'fill': {
      checkBrush(drawable.brush, room)
      checkWhole(drawable.rop, 0, MAX_ROP, 'raster operation')
      checkMask(drawable.mask, room)
      return
    }
    case 'opaque': {
      checkSource(drawable.image, drawable.sourceArea, room)
      checkBrush(drawable.brush, room)
      checkWhole(drawable.rop, 0, MAX_ROP, 'raster operation')
      checkMask(drawable.mask, room)
      return
    }
    case 'copy':
    case 'blend': {
      checkSource(drawable.image, drawable.sourceArea, room)
      checkWhole(drawable.rop, 0, MAX_ROP, 'raster operation')
      checkMask(drawable.mask, room)
      return
    }
    case 'blackness':
    case 'whiteness':
    case 'invers': {
      checkMask(drawable.mask, room)
      return
    }
    case 'rop3': {
      checkSource(drawable.image, drawable.sourceArea, room)
      checkBrush(drawable.brush, room)
      checkWhole(drawable.rop3, 0, 0xff, 'ternary raster operation')
      checkMask(drawable.mask, room)
      return
    }
    case 'stroke': {
      checkWhole(drawable.foreMode, 0, MAX_ROP, 'raster operation')
      checkStroke(drawable, room)
      return
    }
    case 'text': {
      checkText(drawable, room)
      return
    }
    case 'transparent': {
      checkSource(drawable.image, drawable.sourceArea, room)
      checkWhole(drawable.trueColor, 0, MAX_U32, 'transparent colour')
      return
    }
    case 'alphaBlend': {
      checkSource(drawable.image, drawable.sourceArea, room)
      checkWhole(drawable.alpha, 0, 0xff, 'alpha')
      return
    }
    case 'composite': {
      checkCompositeSource(drawable.source, room)
      if (drawable.mask !== undefined) {
        checkCompositeSource(drawable.mask, room)
      }
      return
    }
    case 'copyBits': {
      checkPoint(drawable.sourcePos, 'source of a move')
    }
  }
}

/**
 * A drawing of the guest: sizes, counts and places against its surface, the surfaces that it names and the limits
 * (`qxl-device.md` section 16, threat model L-image, L-path). Work is in proportion to the drawing, which may have any values in
 * fields whose type says number; the source must have checked names.
 *
 * @returns the surface that it is for
 * @throws SidecarError SIDECAR_GUEST
 */
export const checkDrawable = (drawable: Drawable, room: DrawingRoom): Surface => {
  const target = checkedSurface(drawable.surface, room, 'surface of a drawing')
  checkInside(drawable.box, target.width, target.height, 'box of a drawing')
  checkClip(drawable.clip, room.limits)
  checkContents(drawable, room)
  return target
}
