import { area, type Rect } from '../../core/region.js'
import type { CodedImage } from '../../codecs/index.js'
import type { Frame } from '../../display/index.js'
import { planParts, type CachePlan } from './cache-plan.js'
import type { DisplayDeps } from './deps.js'
import type { ImagePiece, PalettePiece, PieceTiles } from './outbox.js'
import { isHot, noteHeat } from './piece-heat.js'
import type { SharedPixmaps } from './pixmap-caches.js'
import { isBrowser, type DisplayRecord } from './record.js'
import type { DisplayShare } from './share.js'
import { gridOf, partOfSought, soughtTiles, type SoughtTiles, type TileGrid } from './tile-grid.js'
import { isWholeImage } from './tile-index.js'

/** Less than this is neither looked for nor kept: it costs little to send, and would cost as much to keep account of. */
const MIN_PIXELS = 64 ** 2
const MIN_SIDE = 32

/** An image that took fewer bytes is not worth its place: a message with one from the cache takes a hundred. */
const MIN_BYTES = 512

/** Part of the cache that one image may take. */
const MAX_SHARE = 0.5

/** Rectangles whose hashes are remembered while they go out piece by piece. */
const MEMORY = 4

interface Remembered {
  readonly version: number
  readonly sought: SoughtTiles
}

/** What of the picture of one console the client has in its pixmap cache, and what it should keep. */
export class PieceCache {
  readonly #record: DisplayRecord
  readonly #share: DisplayShare
  readonly #deps: DisplayDeps
  #pixmaps: SharedPixmaps | undefined
  #remembered: readonly Remembered[] = []

  constructor(record: DisplayRecord, share: DisplayShare, deps: DisplayDeps) {
    this.#record = record
    this.#share = share
    this.#deps = deps
  }

  /** The client's cache; `undefined`: it has none, or has not said. */
  get pixmaps(): SharedPixmaps | undefined {
    return this.#pixmaps
  }

  /** Takes part in the cache that the client named; a limit above which it is not used clamps its size (L-mem-client). */
  open(): void {
    const { client, console } = this.#record
    const limit = this.#deps.cachePixels
    const size = client === undefined ? 0 : Number(client.pixmapCacheSize)
    if (client === undefined || Math.min(size, limit) < MIN_PIXELS) {
      return
    }
    const opened = this.#share.pixmaps.open(client.pixmapCacheId, console, Math.min(size, limit))
    this.#pixmaps = !isBrowser(this.#record) || opened.cache.first === console ? opened : undefined
  }

  /**
   * Looks for a rectangle.
   *
   * @param whole it has to go in one message
   * @returns `undefined`: it is not worth looking for
   */
  plan(box: Rect, frame: Frame, whole: boolean): CachePlan | undefined {
    if (this.#pixmaps === undefined || !isWorthIt(box) || this.#isHot(box)) {
      return undefined
    }
    const sought = this.#sought(box, frame)
    const found = this.#pixmaps.index.find(sought)
    const plan = planParts(sought, isBrowser(this.#record) ? found.filter(isWholeImage) : found)
    return whole && (plan.rest.length > 0 || plan.parts.length > 1) ? { parts: [], rest: [box] } : plan
  }

  /** What is in a rectangle now that is about to be coded, if the client might keep it. */
  tilesFor(box: Rect, frame: Frame): PieceTiles | undefined {
    if (this.#pixmaps === undefined || !isWorthIt(box) || this.#isHot(box)) {
      return undefined
    }
    const version = this.#versionOf(box)
    const { hashes } = this.#recall(box, version)?.cut ?? gridOf(this.#hashTiles, frame, box)
    return { version, hashes }
  }

  /** A rectangle is on its way. */
  took(box: Rect): void {
    if (this.#pixmaps !== undefined && isWorthIt(box)) {
      noteHeat(this.#record.recent, box, this.#deps.clock.nowMs())
    }
  }

  /** A piece of a record that was taken somewhere, with what can still be said about its pixels. */
  checked<P extends ImagePiece | PalettePiece>(piece: P, frame: Frame): P {
    const { tiles, box } = piece
    const same =
      tiles !== undefined &&
      tiles.version === this.#versionOf(box) &&
      sameHashes(tiles.hashes, gridOf(this.#hashTiles, frame, box).hashes)
    return same ? piece : { ...piece, tiles: undefined }
  }

  /** What is on an image that the client should keep: its pixels have to be those that were hashed. */
  keeps(
    { box, tiles }: Pick<ImagePiece, 'box' | 'tiles'>,
    { codec, size }: { readonly codec: CodedImage['codec'] | 'lz-palette'; readonly size: number },
  ): TileGrid | undefined {
    return this.#pixmaps !== undefined &&
      tiles !== undefined &&
      codec !== 'jpeg' &&
      size >= MIN_BYTES &&
      area(box) <= MAX_SHARE * this.#pixmaps.cache.size &&
      tiles.version === this.#versionOf(box)
      ? { box, hashes: tiles.hashes }
      : undefined
  }

  readonly #hashTiles: DisplayDeps['encoders']['hashTiles'] = (image, out) => {
    this.#deps.encoders.hashTiles(image, out)
  }

  #versionOf(box: Rect): number {
    return this.#deps.model.versionOf(this.#record.console, box)
  }

  #isHot(box: Rect): boolean {
    return isHot(this.#record.recent, box, this.#deps.clock.nowMs())
  }

  #sought(box: Rect, frame: Frame): SoughtTiles {
    const version = this.#versionOf(box)
    const known = this.#recall(box, version)
    const sought = known ?? soughtTiles(this.#hashTiles, frame, box)
    if (known === undefined) {
      this.#remembered = [{ version, sought }, ...this.#remembered].slice(0, MEMORY)
    }
    return sought
  }

  /** Versions only go up: what has one no later than that of a rectangle around it was the same when that was hashed. */
  #recall(box: Rect, version: number): SoughtTiles | undefined {
    for (const known of this.#remembered) {
      const part = version <= known.version ? partOfSought(known.sought, box) : undefined
      if (part !== undefined) {
        return part
      }
    }
    return undefined
  }
}

const isWorthIt = (box: Rect): boolean =>
  area(box) >= MIN_PIXELS && Math.min(box.right - box.left, box.bottom - box.top) >= MIN_SIDE

const sameHashes = (a: BigUint64Array, b: BigUint64Array): boolean =>
  a.length === b.length && a.every((hash, at) => hash === b[at])
