import {
  CHANNEL_TYPES,
  commonServer,
  displayServer,
  IMAGE_GROUP,
  RESOURCE_TYPE,
} from '../../protocol/index.js'
import type { ChannelWire } from '../wire.js'
import {
  addPixmap,
  makeRoom,
  resetPixmaps,
  usePixmap,
  type CachedPixmap,
  type ChannelSerial,
} from './pixmap-cache.js'
import type { DisplayRecord } from './record.js'
import type { SharedPixmaps } from './pixmap-caches.js'

/** A client folds the halves of ids into one of 32 bits (spice-html5): with the group in the low bits they stay apart. */
const NUMBER_STEP = 4

const HALF = 2 ** 32

const waitsOf = (serials: readonly ChannelSerial[]) =>
  serials.map(({ channel, serial }) => ({
    channelType: CHANNEL_TYPES.display,
    channelId: channel,
    serial: BigInt(serial),
  }))

/** One display channel's use of the pixmap cache that it shares: what the client is told, and when. */
export class ChannelPixmaps {
  readonly #record: DisplayRecord
  readonly #wire: ChannelWire
  readonly #shared: SharedPixmaps
  readonly #evicted: (images: number) => void

  /** @param evicted told how many images had to go */
  constructor(
    record: DisplayRecord,
    wire: ChannelWire,
    shared: SharedPixmaps,
    evicted: (images: number) => void,
  ) {
    this.#record = record
    this.#wire = wire
    this.#shared = shared
    this.#evicted = evicted
  }

  /**
   * The next message uses an image of the cache; what has to go before it is sent here.
   *
   * @returns `undefined` when it is not there any more; nothing was sent then
   */
  use(id: bigint): CachedPixmap | undefined {
    const { cache } = this.#shared
    if (!cache.items.has(id)) {
      return undefined
    }
    this.#join()
    return usePixmap(cache, id, this.#next)
  }

  /**
   * The next message brings an image that the client is to keep; what has to go before it is sent here.
   *
   * @returns whether there is room for it
   */
  add(image: Pick<CachedPixmap, 'id' | 'width' | 'height' | 'lossy' | 'tiles'>): boolean {
    const { cache, index } = this.#shared
    const pixels = image.width * image.height
    if (pixels > cache.size) {
      return false
    }
    this.#join()
    const victims = makeRoom(cache, pixels, this.#record.console)
    if (victims === undefined) {
      return false
    }
    if (victims.ids.length > 0) {
      for (const id of victims.ids) {
        index.remove(id)
      }
      this.#wait(victims.waits)
      this.#wire.send(displayServer.invalList, {
        resources: victims.ids.map((id) => ({ type: RESOURCE_TYPE.pixmap, id })),
      })
      this.#evicted(victims.ids.length)
    }
    addPixmap(cache, image, this.#next)
    if (image.tiles !== undefined) {
      index.add(image.id, image.tiles)
    }
    return true
  }

  /** An id for an image of ours. */
  newId(): bigint {
    const { cache } = this.#shared
    cache.lastNumber = (cache.lastNumber + NUMBER_STEP) % HALF
    return (BigInt(cache.lastNumber) << 32n) | BigInt(IMAGE_GROUP.red)
  }

  /** The next message. */
  get #next(): ChannelSerial {
    return { channel: this.#record.console, serial: this.#record.wire.sentSerial + 1 }
  }

  /** Nothing is used or added before this channel has seen that the cache began anew (`protocol-display.md` 12.5). */
  #join(): void {
    const { cache } = this.#shared
    if (cache.stale) {
      const waits = resetPixmaps(cache, this.#next)
      this.#shared.index.clear()
      this.#wire.send(displayServer.invalAllPixmaps, { waits: waitsOf(waits) })
    } else if (this.#record.pixmapGeneration !== cache.generation && cache.initiator !== undefined) {
      this.#wait([cache.initiator])
    }
    this.#record.pixmapGeneration = cache.generation
  }

  #wait(serials: readonly ChannelSerial[]): void {
    if (serials.length > 0) {
      this.#wire.send(commonServer.waitForChannels, { waits: waitsOf(serials) })
    }
  }
}
