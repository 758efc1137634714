import type { CodedImage } from '../../codecs/index.js'
import { area, type Rect } from '../../core/region.js'
import {
  commonServer,
  displayServer,
  IMAGE_FLAG,
  IMAGE_GROUP,
  type DrawCopyImage,
  type DrawCopyPalette,
} from '../../protocol/index.js'
import type { ChannelWire } from '../wire.js'
import type { DisplayDeps } from './deps.js'
import { markExact, markLossy } from './lossy.js'
import { cachedCopy, DRAW_COPY_MAX_PREFIX, drawCopyMessage, paletteMessage } from './image-message.js'
import { PRIMARY_SURFACE, type CachedPiece } from './outbox.js'
import { ChannelPixmaps } from './channel-pixmaps.js'
import type { SharedPixmaps } from './pixmap-caches.js'
import type { DisplayRecord } from './record.js'
import type { ClientDictionary } from './share.js'
import type { TileGrid } from './tile-grid.js'

/** Sends coded images of the primary surface. */
export class ImageSender {
  readonly #record: DisplayRecord
  readonly #wire: ChannelWire
  readonly #deps: DisplayDeps
  #pixmaps: ChannelPixmaps | undefined
  /** Bytes that an image needs free in front of it. */
  readonly headroom: number

  constructor(record: DisplayRecord, wire: ChannelWire, deps: DisplayDeps) {
    this.#record = record
    this.#wire = wire
    this.#deps = deps
    this.headroom = wire.headerSize + DRAW_COPY_MAX_PREFIX
  }

  /** Images may go into the client's pixmap cache, and come from it. */
  openCache(shared: SharedPixmaps | undefined): void {
    const { cacheEvictions } = this.#deps.metrics
    this.#pixmaps =
      shared === undefined
        ? undefined
        : new ChannelPixmaps(this.#record, this.#wire, shared, (images) => {
            cacheEvictions.add(images)
          })
  }

  /**
   * Sends a rectangle that the client has.
   *
   * @returns whether it still has it
   */
  sendCached(piece: CachedPiece): boolean {
    if (this.#pixmaps?.use(piece.id) === undefined) {
      return false
    }
    const { metrics } = this.#deps
    this.#wire.send(displayServer.drawCopy, cachedCopy(PRIMARY_SURFACE, piece))
    markExact(this.#record.lossy, piece.box)
    metrics.cacheHits.add(1)
    metrics.cachedPixels.add(area(piece.box))
    return true
  }

  /**
   * @param dictionary of a GLZ image
   * @param tiles what is on it, if the client should keep it
   */
  send(box: Rect, image: CodedImage, dictionary: ClientDictionary | undefined, tiles?: TileGrid): void {
    const { encoders } = this.#deps
    const ledger = image.glz === undefined ? undefined : dictionary?.ledger
    const { console } = this.#record
    if (image.glz !== undefined && ledger !== undefined) {
      const waits = ledger.waitsFor(image.glz, console)
      if (waits.length > 0) {
        this.#wire.send(commonServer.waitForChannels, {
          waits: waits.map(({ channelType, channelId, serial }) => ({
            channelType,
            channelId,
            serial: BigInt(serial),
          })),
        })
      }
    }
    const message = drawCopyMessage(
      image,
      encoders.join(image),
      this.#place(box, tiles),
      this.headroom,
      this.#wire.headerSize,
    )
    this.#wire.sendFramed(displayServer.drawCopy.id, message)
    if (image.glz !== undefined && ledger !== undefined) {
      ledger.sent(image.glz, console, this.#record.wire.sentSerial)
      this.#record.nextGlzImage = ledger.nextId
    }
    if (image.codec === 'jpeg') {
      markLossy(this.#record.lossy, box, this.#deps.clock.nowMs())
    } else {
      markExact(this.#record.lossy, box)
    }
    this.#count(image.codec, image.size)
  }

  /**
   * Sends an LZ image of indexes.
   *
   * @param data copied
   * @param tiles as {@link send}
   */
  sendIndexed(box: Rect, data: Uint8Array, palette: DrawCopyPalette, tiles?: TileGrid): void {
    const message = paletteMessage(data, this.#place(box, tiles), palette, this.#wire.headerSize)
    this.#wire.sendFramed(displayServer.drawCopy.id, message)
    markExact(this.#record.lossy, box)
    this.#count('lz-palette', data.length)
  }

  #count(codec: string, size: number): void {
    const { images, imageBytes } = this.#deps.metrics
    images.add(1, { codec })
    imageBytes.add(size, { codec })
  }

  /** Nothing is sent between this and the image: the cache counts on the serial. */
  #place(box: Rect, tiles: TileGrid | undefined): DrawCopyImage {
    const id = tiles === undefined ? undefined : this.#keep(box, tiles)
    if (id !== undefined) {
      return {
        surfaceId: PRIMARY_SURFACE,
        box,
        imageIdLow: Number(BigInt.asUintN(32, id)),
        imageIdHigh: Number(id >> 32n),
        imageFlags: IMAGE_FLAG.cacheMe,
      }
    }
    this.#record.imageNumber += 1
    return {
      surfaceId: PRIMARY_SURFACE,
      box,
      imageIdLow: IMAGE_GROUP.red,
      imageIdHigh: this.#record.imageNumber >>> 0,
    }
  }

  /** @returns the id under which the client keeps the next image; `undefined`: there is no room for it */
  #keep(box: Rect, tiles: TileGrid): bigint | undefined {
    const pixmaps = this.#pixmaps
    const id = pixmaps?.newId()
    const [width, height] = [box.right - box.left, box.bottom - box.top]
    return id !== undefined && pixmaps?.add({ id, width, height, lossy: false, tiles }) === true
      ? id
      : undefined
  }
}
