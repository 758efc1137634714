import { area, rectOf, type Rect } from '../../core/region.js'
import type { CachedPiece } from './outbox.js'
import { tileIn, tilesOf, type SoughtTiles, type TileGrid, TILE } from './tile-grid.js'

/** A rectangle of the screen that is the same as one of an image at the client. */
export type FoundPart = Omit<CachedPiece, 'kind'>

interface Indexed {
  readonly id: bigint
  readonly grid: TileGrid
  readonly tiles: Rect
}

interface Place {
  readonly image: Indexed
  readonly column: number
  readonly row: number
}

/** An image, and how far its tiles are from those that are looked for, in tiles. */
interface Candidate {
  readonly image: Indexed
  readonly columns: number
  readonly rows: number
  votes: number
}

/** Images that are tried for one rectangle: those with most of its tiles. */
const MAX_CANDIDATES = 8

/** Which image at the client has which tile. */
export class TileIndex {
  readonly #images = new Map<bigint, Indexed>()
  /** Of equal tiles the one that came last. */
  readonly #places = new Map<bigint, Place>()

  get tiles(): number {
    return this.#places.size
  }

  add(id: bigint, grid: TileGrid): void {
    const image = { id, grid, tiles: tilesOf(grid.box) }
    this.#images.set(id, image)
    this.#each(image, (hash, column, row) => {
      this.#places.set(hash, { image, column, row })
    })
  }

  remove(id: bigint): void {
    const image = this.#images.get(id)
    if (image === undefined) {
      return
    }
    this.#images.delete(id)
    this.#each(image, (hash) => {
      if (this.#places.get(hash)?.image === image) {
        this.#places.delete(hash)
      }
    })
  }

  clear(): void {
    this.#images.clear()
    this.#places.clear()
  }

  /** Rectangles of what is looked for that the client has; none overlaps another. The work is bounded by the tiles times eight. */
  find(sought: SoughtTiles): FoundPart[] {
    const open = openTiles(sought)
    const found: FoundPart[] = []
    for (const candidate of this.#candidates(sought)) {
      found.push(...takeRects(sought, open, candidate))
    }
    return found
  }

  #each({ grid, tiles }: Indexed, each: (hash: bigint, column: number, row: number) => void): void {
    const across = tiles.right - tiles.left
    grid.hashes.forEach((hash, at) => {
      each(hash, tiles.left + (at % across), tiles.top + Math.floor(at / across))
    })
  }

  /** Most tiles first. */
  #candidates({ cut, whole }: SoughtTiles): Candidate[] {
    const tiles = tilesOf(cut.box)
    const across = tiles.right - tiles.left
    const candidates = new Map<Indexed, Map<number, Candidate>>()
    const vote = (hash: bigint | undefined, at: number): void => {
      const place = hash === undefined ? undefined : this.#places.get(hash)
      if (place === undefined) {
        return
      }
      const { image } = place
      const columns = place.column - tiles.left - (at % across)
      const rows = place.row - tiles.top - Math.floor(at / across)
      const known = candidates.get(image) ?? new Map<number, Candidate>()
      candidates.set(image, known)
      const key = rows * MAX_TILES + columns
      const candidate = known.get(key) ?? { image, columns, rows, votes: 0 }
      known.set(key, candidate)
      candidate.votes += 1
    }
    for (let at = 0; at < cut.hashes.length; at++) {
      const [edged, entire] = [cut.hashes[at], whole.hashes[at]]
      vote(entire, at)
      if (edged !== entire) {
        vote(edged, at)
      }
    }
    return [...candidates.values()]
      .flatMap((known) => [...known.values()])
      .sort((a, b) => b.votes - a.votes)
      .slice(0, MAX_CANDIDATES)
  }
}

/** More than the tiles of any side, for keys of two numbers. */
const MAX_TILES = 2 ** 20

const openTiles = ({ cut }: SoughtTiles): Uint8Array => new Uint8Array(cut.hashes.length).fill(1)

/** Rectangles of tiles that are open and the same in an image; they are open no more. */
const takeRects = (sought: SoughtTiles, open: Uint8Array, candidate: Candidate): FoundPart[] => {
  const { box } = sought.cut
  const tiles = tilesOf(box)
  const across = tiles.right - tiles.left
  const down = tiles.bottom - tiles.top
  const same = new Uint8Array(open.length)
  for (let at = 0; at < open.length; at++) {
    same[at] = open[at] === 1 && isSame(sought, candidate, at, across) ? 1 : 0
  }
  const parts: FoundPart[] = []
  for (let at = same.indexOf(1); at >= 0; at = same.indexOf(1, at)) {
    const [column, row] = [at % across, Math.floor(at / across)]
    let right = column + 1
    while (right < across && same[row * across + right] === 1) {
      right++
    }
    let bottom = row + 1
    while (bottom < down && allOf(same, bottom * across + column, bottom * across + right)) {
      bottom++
    }
    for (let y = row; y < bottom; y++) {
      same.fill(0, y * across + column, y * across + right)
      open.fill(0, y * across + column, y * across + right)
    }
    const first = tileIn(box, tiles.left + column, tiles.top + row)
    const last = tileIn(box, tiles.left + right - 1, tiles.top + bottom - 1)
    parts.push(partOf({ ...first, right: last.right, bottom: last.bottom }, candidate))
  }
  return parts
}

const allOf = (marks: Uint8Array, from: number, to: number): boolean => {
  for (let at = from; at < to; at++) {
    if (marks[at] !== 1) {
      return false
    }
  }
  return true
}

const partOf = (box: Rect, { image, columns, rows }: Candidate): FoundPart => {
  const { box: from } = image.grid
  return {
    box,
    id: image.id,
    width: from.right - from.left,
    height: from.bottom - from.top,
    x: box.left + columns * TILE - from.left,
    y: box.top + rows * TILE - from.top,
  }
}

/** Has the image a tile with the same edges and the same hash in that place: as it is cut here, or whole? */
const isSame = (
  { cut, whole }: SoughtTiles,
  { image, columns, rows }: Candidate,
  at: number,
  across: number,
): boolean => {
  const { left, top } = tilesOf(cut.box)
  const [column, row] = [left + (at % across), top + Math.floor(at / across)]
  const { tiles, grid } = image
  const [there, below] = [column + columns, row + rows]
  if (there < tiles.left || there >= tiles.right || below < tiles.top || below >= tiles.bottom) {
    return false
  }
  const hash = grid.hashes[(below - tiles.top) * (tiles.right - tiles.left) + there - tiles.left]
  const isAt = (box: Rect): boolean =>
    sameEdges(tileIn(grid.box, there, below), tileIn(box, column, row), columns * TILE, rows * TILE)
  return (hash === whole.hashes[at] && isAt(whole.box)) || (hash === cut.hashes[at] && isAt(cut.box))
}

const sameEdges = (a: Rect, b: Rect, dx: number, dy: number): boolean =>
  a.left === b.left + dx && a.top === b.top + dy && a.right === b.right + dx && a.bottom === b.bottom + dy

/** Is all of an image drawn by a part? */
export const isWholeImage = ({ box, x, y, width, height }: FoundPart): boolean =>
  x === 0 && y === 0 && area(box) === area(rectOf(0, 0, width, height))
