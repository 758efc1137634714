import { area, subtract, type Rect } from '../../core/region.js'
import { TILE, tileIn, tilesOf, type SoughtTiles } from './tile-grid.js'
import type { FoundPart } from './tile-index.js'

/** A message without pixels, with its headers on the way, bytes. */
const MESSAGE_BYTES = 110

/** What a tile of text costs that is coded, bytes; measured with LZ and GLZ on screens. */
const TILE_BYTES = 240

/** What a tile costs that looks like others of the same rectangle. */
const PLAIN_BYTES = 12

/** Tiles that are the same more often than so many times in one rectangle are plain. */
const PLAIN_COUNT = 2

/** Parts of one rectangle at most; more would be slower to draw than they save. */
const MAX_PARTS = 8

/** How a rectangle goes to the client. */
export interface CachePlan {
  /** Out of its cache. */
  readonly parts: readonly FoundPart[]
  /** Coded. */
  readonly rest: readonly Rect[]
}

/** Takes those parts that cost less from the cache than coded together with what is around them. */
export const planParts = (sought: SoughtTiles, found: readonly FoundPart[]): CachePlan => {
  const { box } = sought.cut
  const plain = plainTiles(sought)
  const worth = new Map(found.map((part) => [part, bytesOf(part.box, sought, plain)]))
  const ordered = [...found].sort((a, b) => (worth.get(b) ?? 0) - (worth.get(a) ?? 0))
  const parts: FoundPart[] = []
  let rest: readonly Rect[] = [box]
  for (const part of ordered) {
    const left: readonly Rect[] = rest.flatMap((rect) => subtract(rect, part.box))
    const saved = (worth.get(part) ?? 0) - MESSAGE_BYTES * (1 + left.length - rest.length)
    if (saved > 0 && parts.length < MAX_PARTS) {
      parts.push(part)
      rest = left
    }
  }
  return { parts, rest }
}

const plainTiles = ({ whole }: SoughtTiles): ReadonlySet<bigint> => {
  const counts = new Map<bigint, number>()
  for (const hash of whole.hashes) {
    counts.set(hash, (counts.get(hash) ?? 0) + 1)
  }
  return new Set([...counts].flatMap(([hash, count]) => (count > PLAIN_COUNT ? [hash] : [])))
}

const bytesOf = (box: Rect, { cut, whole }: SoughtTiles, plain: ReadonlySet<bigint>): number => {
  const all = tilesOf(cut.box)
  const { left, top, right, bottom } = tilesOf(box)
  let bytes = 0
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const hash = whole.hashes[(row - all.top) * (all.right - all.left) + column - all.left]
      const each = hash === undefined || plain.has(hash) ? PLAIN_BYTES : TILE_BYTES
      bytes += (each * area(tileIn(box, column, row))) / TILE ** 2
    }
  }
  return bytes
}
