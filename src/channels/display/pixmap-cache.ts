import type { TileGrid } from './tile-grid.js'

/** By id of a display channel: the serial of a message on it. */
export type Serials = Map<number, number>

/** A message on a display channel that has to be handled first. */
export interface ChannelSerial {
  readonly channel: number
  readonly serial: number
}

/** An image that the client keeps. */
export interface CachedPixmap {
  readonly id: bigint
  readonly width: number
  readonly height: number
  /** Its pixels may differ from what the guest drew. */
  lossy: boolean
  /** Last message on each display channel that used it. */
  readonly sync: Serials
  /** What is on it, where it came from the picture of a console. */
  readonly tiles: TileGrid | undefined
}

/**
 * A client's pixmap cache as the server accounts for it (`protocol-display.md` section 12): the client itself has no limit,
 * it keeps what it is told to and drops what it is told to. Plain; one for all display channels that named the same id.
 */
export interface PixmapCacheRecord {
  /** As the client named it. */
  readonly id: number
  /** Display channel that named it first. */
  readonly first: number
  /** Pixels that may be in it. */
  readonly size: number
  /** Pixels left. */
  free: number
  /** By id; what was not used for the longest time comes first. */
  readonly items: Map<bigint, CachedPixmap>
  /** Last message on each display channel that used any of them. */
  readonly sync: Serials
  /** Goes up whenever all of it was dropped at once. */
  generation: number
  /** Told the client to drop all; other channels wait for that before they add. */
  initiator: ChannelSerial | undefined
  /** The client may have what is not in here: it is told to drop all before anything is added. */
  stale: boolean
  /** Number of the last image of ours. */
  lastNumber: number
}

/** Images in a cache at most, each of which takes some hundred bytes here; those of the picture are few and large. */
export const MAX_PIXMAPS = 4096

/**
 * Starts out as stale: a client that comes back may have kept what an earlier server told it to.
 *
 * @param first display channel that named it
 * @param size pixels
 */
export const newPixmapCache = (id: number, first: number, size: number): PixmapCacheRecord => ({
  id,
  first,
  size,
  free: size,
  items: new Map(),
  sync: new Map(),
  generation: 0,
  initiator: undefined,
  stale: true,
  lastNumber: 0,
})

/** What is dropped for an image, and the messages of other channels that use it and have to be handled before that. */
export interface Victims {
  readonly ids: readonly bigint[]
  readonly waits: readonly ChannelSerial[]
}

const NO_VICTIMS: Victims = { ids: [], waits: [] }

const pixelsOf = ({ width, height }: { readonly width: number; readonly height: number }): number =>
  width * height

const later = (serials: Serials, channel: number, serial: number): void => {
  serials.set(channel, Math.max(serials.get(channel) ?? 0, serial))
}

const othersOf = (serials: Serials, channel: number): ChannelSerial[] =>
  [...serials].flatMap(([each, serial]) => (each === channel ? [] : [{ channel: each, serial }]))

/**
 * The message with that serial uses an image, which thereby becomes the last to be dropped.
 *
 * @returns `undefined` when it is not there
 */
export const usePixmap = (
  cache: PixmapCacheRecord,
  id: bigint,
  { channel, serial }: ChannelSerial,
): CachedPixmap | undefined => {
  const item = cache.items.get(id)
  if (item === undefined) {
    return undefined
  }
  cache.items.delete(id)
  cache.items.set(id, item)
  later(item.sync, channel, serial)
  later(cache.sync, channel, serial)
  return item
}

/**
 * Takes out what was not used for the longest time until there is room for an image of so many pixels; the client has to be
 * told before the image is sent.
 *
 * @param inUse what the same message uses, which stays
 * @returns `undefined` when there can be no room; nothing was taken out then
 */
export const makeRoom = (
  cache: PixmapCacheRecord,
  pixels: number,
  channel: number,
  inUse: ReadonlySet<bigint> = new Set(),
): Victims | undefined => {
  if (pixels > cache.size) {
    return undefined
  }
  let { free } = cache
  const victims: CachedPixmap[] = []
  for (const item of cache.items.values()) {
    if (free >= pixels && cache.items.size - victims.length < MAX_PIXMAPS) {
      break
    }
    if (inUse.has(item.id)) {
      return undefined
    }
    victims.push(item)
    free += pixelsOf(item)
  }
  if (victims.length === 0) {
    return NO_VICTIMS
  }
  const sync: Serials = new Map()
  for (const victim of victims) {
    cache.items.delete(victim.id)
    for (const [each, serial] of victim.sync) {
      later(sync, each, serial)
    }
  }
  cache.free = free
  return { ids: victims.map(({ id }) => id), waits: othersOf(sync, channel) }
}

/** An image for which {@link makeRoom} made room, and which goes with the message of that serial. */
export const addPixmap = (
  cache: PixmapCacheRecord,
  image: Pick<CachedPixmap, 'id' | 'width' | 'height' | 'lossy' | 'tiles'>,
  { channel, serial }: ChannelSerial,
): CachedPixmap => {
  const item = { ...image, sync: new Map([[channel, serial]]) }
  cache.free -= pixelsOf(item)
  cache.items.set(item.id, item)
  later(cache.sync, channel, serial)
  return item
}

/**
 * All is dropped by the message of that serial (`protocol-display.md` 12.5).
 *
 * @returns messages of other channels that have to be handled before that
 */
export const resetPixmaps = (cache: PixmapCacheRecord, by: ChannelSerial): ChannelSerial[] => {
  const waits = othersOf(cache.sync, by.channel)
  cache.items.clear()
  cache.sync.clear()
  cache.free = cache.size
  cache.generation += 1
  cache.initiator = by
  cache.stale = false
  return waits
}

/**
 * A channel is gone, and with it perhaps images that it had not delivered: what is in the cache may not be at the client, so
 * none of it is used any more, and all goes before the next one is added.
 */
export const forgetChannel = (cache: PixmapCacheRecord, channel: number): void => {
  cache.items.clear()
  cache.free = cache.size
  cache.sync.delete(channel)
  cache.stale = true
}
