import { contains, intersect, isEmpty, rectOf, type Rect } from '../../core/region.js'
import type { Frame } from '../../display/index.js'
import type { Pixels } from './share.js'

/** Side of the tiles in which pictures are compared with what was sent, as the kernel hashes them. */
export const TILE = 64

const PIXEL_BYTES = 4

/** What is in a rectangle of a screen: a hash of each tile of the screen that it touches, cut at its edges; plain. */
export interface TileGrid {
  readonly box: Rect
  /** Row by row. */
  readonly hashes: BigUint64Array
}

/** Moves the cuts between the parts of a rectangle to where no tile is cut; a part may vanish by that. */
export const betweenTiles = (box: Rect, parts: readonly Rect[]): Rect[] => {
  const snap = (at: number, from: number, to: number): number =>
    at === from || at === to ? at : Math.max(from, Math.min(to, Math.round(at / TILE) * TILE))
  return parts
    .map(({ left, top, right, bottom }) => ({
      left: snap(left, box.left, box.right),
      top: snap(top, box.top, box.bottom),
      right: snap(right, box.left, box.right),
      bottom: snap(bottom, box.top, box.bottom),
    }))
    .filter((part) => !isEmpty(part))
}

/** Hashes tiles of {@link TILE}, row by row from the first pixel on: `FrameKernel.hashTiles`. */
export type HashTiles = (image: Pixels, out: BigUint64Array) => void

/** The tiles that a rectangle touches, counted from the corner of the screen. */
export const tilesOf = ({ left, top, right, bottom }: Rect): Rect => ({
  left: Math.floor(left / TILE),
  top: Math.floor(top / TILE),
  right: Math.ceil(right / TILE),
  bottom: Math.ceil(bottom / TILE),
})

/** The part of a tile that lies in `box`. */
export const tileIn = (box: Rect, column: number, row: number): Rect =>
  intersect(rectOf(column * TILE, row * TILE, TILE, TILE), box)

/** A rectangle of a frame, for the kernels of this thread. */
export const pixelsIn = (frame: Frame, { left, top, right, bottom }: Rect): Pixels => ({
  width: right - left,
  height: bottom - top,
  pixels: frame.pixels.subarray(top * frame.stride + left * PIXEL_BYTES),
  stride: frame.stride,
})

/** Where a kernel that begins a tile at its first pixel has to begin anew to keep to the tiles of the screen. */
const cuts = (from: number, to: number): readonly (readonly [number, number])[] => {
  const aligned = Math.ceil(from / TILE) * TILE
  return aligned === from || aligned >= to
    ? [[from, to]]
    : [
        [from, aligned],
        [aligned, to],
      ]
}

/** HOT PATH: hashes a rectangle of a frame. */
export const gridOf = (hashTiles: HashTiles, frame: Frame, box: Rect): TileGrid => {
  const tiles = tilesOf(box)
  const across = tiles.right - tiles.left
  const hashes = new BigUint64Array(across * (tiles.bottom - tiles.top))
  const columns = cuts(box.left, box.right)
  for (const [top, bottom] of cuts(box.top, box.bottom)) {
    for (const [left, right] of columns) {
      const part = { left, top, right, bottom }
      const at = (Math.floor(top / TILE) - tiles.top) * across + Math.floor(left / TILE) - tiles.left
      if (right - left === box.right - box.left) {
        hashTiles(pixelsIn(frame, part), hashes.subarray(at))
      } else {
        putRows(hashTiles, pixelsIn(frame, part), hashes, at, across)
      }
    }
  }
  return { box, hashes }
}

const putRows = (
  hashTiles: HashTiles,
  image: Pixels,
  hashes: BigUint64Array,
  at: number,
  across: number,
): void => {
  const [width, height] = [Math.ceil(image.width / TILE), Math.ceil(image.height / TILE)]
  const part = new BigUint64Array(width * height)
  hashTiles(image, part)
  for (let row = 0; row < height; row++) {
    hashes.set(part.subarray(row * width, (row + 1) * width), at + row * across)
  }
}

/**
 * The part of a grid for a rectangle within its own.
 *
 * @returns `undefined` where an edge of the rectangle cuts tiles that the grid's own edges do not cut
 */
export const partOfGrid = ({ box: outer, hashes }: TileGrid, box: Rect): TileGrid | undefined => {
  const isClean = (edge: number, own: number): boolean => edge === own || edge % TILE === 0
  const fits =
    !isEmpty(box) &&
    contains(outer, box) &&
    isClean(box.left, outer.left) &&
    isClean(box.top, outer.top) &&
    isClean(box.right, outer.right) &&
    isClean(box.bottom, outer.bottom)
  if (!fits) {
    return undefined
  }
  const [all, tiles] = [tilesOf(outer), tilesOf(box)]
  const [from, across] = [all.right - all.left, tiles.right - tiles.left]
  const part = new BigUint64Array(across * (tiles.bottom - tiles.top))
  for (let row = tiles.top; row < tiles.bottom; row++) {
    const at = (row - all.top) * from + tiles.left - all.left
    part.set(hashes.subarray(at, at + across), (row - tiles.top) * across)
  }
  return { box, hashes: part }
}

/** What is looked for in the cache: the tiles cut at the edges of a rectangle, and the same ones whole. */
export interface SoughtTiles {
  readonly cut: TileGrid
  /** With the pixels around the rectangle, as far as the screen goes. */
  readonly whole: TileGrid
}

/** The tiles that a rectangle touches, as far as the screen goes. */
const coverOf = (box: Rect, screen: Rect): Rect => {
  const { left, top, right, bottom } = tilesOf(box)
  return intersect({ left: left * TILE, top: top * TILE, right: right * TILE, bottom: bottom * TILE }, screen)
}

/** As {@link partOfGrid}, for both. */
export const partOfSought = ({ cut, whole }: SoughtTiles, box: Rect): SoughtTiles | undefined => {
  const part = partOfGrid(cut, box)
  const entire = part === undefined ? undefined : partOfGrid(whole, coverOf(box, whole.box))
  return part === undefined || entire === undefined ? undefined : { cut: part, whole: entire }
}

/** HOT PATH: hashes a rectangle of a frame and the rest of the tiles that it cuts. */
export const soughtTiles = (hashTiles: HashTiles, frame: Frame, box: Rect): SoughtTiles => {
  const cut = gridOf(hashTiles, frame, box)
  const tiles = tilesOf(box)
  const cover = coverOf(box, rectOf(0, 0, frame.width, frame.height))
  const hashes = cut.hashes.slice()
  const across = tiles.right - tiles.left
  const renew = (strip: Rect): void => {
    const at = tilesOf(strip)
    const { hashes: fresh } = gridOf(hashTiles, frame, strip)
    const width = at.right - at.left
    for (let row = at.top; row < at.bottom; row++) {
      const from = (row - at.top) * width
      hashes.set(fresh.subarray(from, from + width), (row - tiles.top) * across + at.left - tiles.left)
    }
  }
  if (box.top > cover.top) {
    renew({ ...cover, bottom: Math.min(cover.bottom, cover.top + TILE) })
  }
  if (box.bottom < cover.bottom) {
    renew({ ...cover, top: (tiles.bottom - 1) * TILE })
  }
  if (box.left > cover.left) {
    renew({ ...cover, right: Math.min(cover.right, cover.left + TILE) })
  }
  if (box.right < cover.right) {
    renew({ ...cover, left: (tiles.right - 1) * TILE })
  }
  return { cut, whole: { box: cover, hashes } }
}
