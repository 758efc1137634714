import { forgetChannel, newPixmapCache, type PixmapCacheRecord } from './pixmap-cache.js'
import { TileIndex } from './tile-index.js'

/** A pixmap cache of a client, and where in it what can be found. */
export interface SharedPixmaps {
  readonly cache: PixmapCacheRecord
  readonly index: TileIndex
}

const indexOf = ({ items }: PixmapCacheRecord): TileIndex => {
  const index = new TileIndex()
  for (const { id, tiles } of items.values()) {
    if (tiles !== undefined) {
      index.add(id, tiles)
    }
  }
  return index
}

/** The pixmap caches of one client, by the ids that it chose. */
export class PixmapCaches {
  readonly #all = new Map<number, SharedPixmaps>()

  /**
   * The cache that a channel's INIT named; of channels that name the same id the first sets the size
   * (`protocol-display.md` 12.1).
   *
   * @param size pixels
   */
  open(id: number, channel: number, size: number): SharedPixmaps {
    const known = this.#all.get(id)
    if (known !== undefined) {
      return known
    }
    const opened = { cache: newPixmapCache(id, channel, size), index: new TileIndex() }
    this.#all.set(id, opened)
    return opened
  }

  /** A channel is gone, before the client is. */
  forgetChannel(channel: number): void {
    for (const { cache, index } of this.#all.values()) {
      forgetChannel(cache, channel)
      index.clear()
    }
  }

  /**
   * All that has to be remembered elsewhere, plain; taken before the channels close. The hashes mean something to this process
   * alone, whose key is secret: elsewhere they match nothing, and the images that they stand for are dropped in their turn.
   */
  snapshot(): PixmapCacheRecord[] {
    return structuredClone([...this.#all.values()].map(({ cache }) => cache))
  }

  /** Goes on with what {@link snapshot} returned, before the first channel opens one. */
  restore(records: readonly PixmapCacheRecord[]): void {
    for (const record of records) {
      const cache = structuredClone(record)
      this.#all.set(cache.id, { cache, index: indexOf(cache) })
    }
  }

  close(): void {
    this.#all.clear()
  }
}
