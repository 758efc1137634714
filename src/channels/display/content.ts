import { area, intersect, isEmpty, rectOf, subtract, type Rect } from '../../core/region.js'
import type { Pixels } from './share.js'

/** Side of the squares whose content is told apart, pixels: smaller ones cost LZ and GLZ more than they win. */
const TILE = 128

/** Every so many rows of a square are looked at. */
const ROW_STEP = 8

/** Neighbours that differ by more than this in any channel are an edge, by less a slope. */
const SLOPE = 16

/** Of a thousand neighbours so many are slopes where QUIC is best, and there are so many slopes for each edge. */
const MIN_SLOPES = 100
const SLOPES_PER_EDGE = 8

/** An image is smooth when so much of it is: text costs QUIC a third of what a photo costs LZ. */
const SMOOTH_SHARE = 1 / 3

/** Of a thousand neighbours so many are edges in text; there is some in a photo as well, here and there. */
const MAX_EDGES = 10
const DRAWN_SHARE = 1 / 16

/** Fewer squares than this side by side or one above the other are not worth an image of their own. */
const MIN_TILES = 4

/** What is smooth ends somewhere in a square; to find it strips of so many pixels are looked at. */
const STRIP = 16

/** More parts than this are not worth their messages. */
const MAX_PARTS = 12

const PIXEL_BYTES = 4

/** `flat`: of one colour, or nearly. */
type Content = 'smooth' | 'drawn' | 'flat'

/**
 * Photos and gradients, which QUIC codes best, and not what programs draw. Where squares were told apart so, QUIC and LZ together
 * took 1 % more than with the better one of both for each square (`bench/codecs-images.ts`); a score of slopes alone took 9 %.
 */
const contentOf = (
  { pixels, stride }: Pixels,
  x: number,
  y: number,
  width: number,
  height: number,
  rowStep = ROW_STEP,
): Content => {
  let [slopes, edges, pairs] = [0, 0, 0]
  for (let row = y + Math.min(rowStep >> 1, height >> 1); row < y + height; row += rowStep) {
    let at = row * stride + x * PIXEL_BYTES
    let blue = pixels[at] ?? 0
    let green = pixels[at + 1] ?? 0
    let red = pixels[at + 2] ?? 0
    for (let left = width - 1; left > 0; left--) {
      at += PIXEL_BYTES
      const nextBlue = pixels[at] ?? 0
      const nextGreen = pixels[at + 1] ?? 0
      const nextRed = pixels[at + 2] ?? 0
      const step = Math.max(Math.abs(nextBlue - blue), Math.abs(nextGreen - green), Math.abs(nextRed - red))
      if (step > SLOPE) {
        edges += 1
      } else if (step > 0) {
        slopes += 1
      }
      blue = nextBlue
      green = nextGreen
      red = nextRed
    }
    pairs += width - 1
  }
  if (slopes > 0 && 1000 * slopes >= MIN_SLOPES * pairs && edges * SLOPES_PER_EDGE < slopes) {
    return 'smooth'
  }
  return 1000 * edges > MAX_EDGES * pairs ? 'drawn' : 'flat'
}

interface Tile {
  readonly rect: Rect
  readonly content: Content
}

/** HOT PATH: the squares of an image, row by row; about a millisecond for two million pixels. */
const tilesOf = (image: Pixels): Tile[] => {
  const { width, height } = image
  const tiles: Tile[] = []
  for (let y = 0; y < height; y += TILE) {
    for (let x = 0; x < width; x += TILE) {
      const [w, h] = [Math.min(TILE, width - x), Math.min(TILE, height - y)]
      tiles.push({ rect: rectOf(x, y, w, h), content: contentOf(image, x, y, w, h) })
    }
  }
  return tiles
}

/** Is so much of an image photo or gradient that QUIC takes fewer bytes for it than LZ and GLZ? */
export const isSmooth = (image: Pixels): boolean => {
  const tiles = tilesOf(image)
  return tiles.filter(({ content }) => content === 'smooth').length > SMOOTH_SHARE * tiles.length
}

/** Is there text, or a drawing with hard edges, whose lost detail would hurt? */
export const hasDrawn = (image: Pixels): boolean => {
  const tiles = tilesOf(image)
  return tiles.filter(({ content }) => content === 'drawn').length > DRAWN_SHARE * tiles.length
}

/**
 * Parts an image where photos and gradients lie beside what programs draw, so that each goes with the codec that is best for it.
 *
 * @returns rectangles inside the image that cover it, none overlapping another, from top to bottom; one for an image that is
 * better left whole
 */
export const contentParts = (image: Pixels): Rect[] => {
  const whole = rectOf(0, 0, image.width, image.height)
  if (image.width <= TILE && image.height <= TILE) {
    return [whole]
  }
  const groups = smoothGroups(tilesOf(image)).filter(
    ({ left, top, right, bottom }) =>
      Math.ceil((right - left) / TILE) * Math.ceil((bottom - top) / TILE) >= MIN_TILES,
  )
  for (const [at, group] of groups.entries()) {
    groups[at] = fitted(
      image,
      group,
      groups.filter((other) => other !== group),
    )
  }
  const rest = groups.reduce((left, group) => left.flatMap((each) => subtract(each, group)), [whole])
  const parts = [...groups, ...rest]
  return parts.length > MAX_PARTS ? [whole] : parts.sort((a, b) => a.top - b.top || a.left - b.left)
}

const SIDES = ['top', 'left', 'bottom', 'right'] as const

/** A group whose edges lie where what is smooth ends, to a {@link STRIP}: no text at the edge of a photo. */
const fitted = (image: Pixels, group: Rect, others: readonly Rect[]): Rect =>
  // Corners are wrong until all sides are about right: only then each part of an edge counts.
  fittedBy(image, fittedBy(image, group, others, Infinity), others, TILE)

const fittedBy = (image: Pixels, group: Rect, others: readonly Rect[], part: number): Rect => {
  let fit = group
  for (const side of SIDES) {
    const out = side === 'top' || side === 'left' ? -STRIP : STRIP
    const most = side === 'left' || side === 'right' ? image.width : image.height
    const moved = (by: number): Rect => ({ ...fit, [side]: Math.max(0, Math.min(most, fit[side] + by)) })
    const strip = (inner: Rect, outer: Rect): boolean =>
      subtract(outer, inner).every((rect) => isSmoothStrip(image, rect, part))
    let steps = 0
    while (steps < TILE / STRIP && isWide(moved(-out)) && !strip(moved(-out), fit)) {
      fit = moved(-out)
      steps += 1
    }
    while (steps < TILE / STRIP && canGrow(fit, moved(out), others) && strip(fit, moved(out))) {
      fit = moved(out)
      steps += 1
    }
  }
  return fit
}

const isWide = ({ left, top, right, bottom }: Rect): boolean => right - left >= TILE && bottom - top >= TILE

const canGrow = (from: Rect, to: Rect, others: readonly Rect[]): boolean =>
  area(to) > area(from) && others.every((other) => isEmpty(intersect(other, to)))

/** Each part of a strip, of that length, has to be smooth: letters at one end of a long one would else go unseen. */
const isSmoothStrip = (image: Pixels, { left, top, right, bottom }: Rect, part: number): boolean => {
  for (let y = top; y < bottom; y += part) {
    for (let x = left; x < right; x += part) {
      const content = contentOf(image, x, y, Math.min(part, right - x), Math.min(part, bottom - y), 2)
      if (content !== 'smooth') {
        return false
      }
    }
  }
  return true
}

/** Runs of smooth squares, one for those with the same columns one above the other. */
const smoothGroups = (tiles: readonly Tile[]): Rect[] => {
  const runs: Rect[] = []
  for (const { rect, content } of tiles) {
    const smooth = content === 'smooth'
    const last = runs.at(-1)
    if (smooth && last?.top === rect.top && last.right === rect.left) {
      runs[runs.length - 1] = { ...last, right: rect.right }
    } else if (smooth) {
      runs.push(rect)
    }
  }
  const groups: Rect[] = []
  for (const run of runs) {
    const above = groups.findIndex(
      ({ left, right, bottom }) => left === run.left && right === run.right && bottom === run.top,
    )
    const group = groups[above]
    if (group === undefined) {
      groups.push(run)
    } else {
      groups[above] = { ...group, bottom: run.bottom }
    }
  }
  return groups
}
