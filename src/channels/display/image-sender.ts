import type { CodedImage } from '../../codecs/index.js'
import type { Rect } from '../../core/region.js'
import { commonServer, displayServer, IMAGE_GROUP, type DrawCopyImage } from '../../protocol/index.js'
import type { ChannelWire } from '../wire.js'
import type { DisplayDeps } from './deps.js'
import { DRAW_COPY_MAX_PREFIX, drawCopyMessage } from './image-message.js'
import { PRIMARY_SURFACE } from './outbox.js'
import type { DisplayRecord } from './record.js'
import type { ClientDictionary } from './share.js'

/** Sends coded images of the primary surface. */
export class ImageSender {
  readonly #record: DisplayRecord
  readonly #wire: ChannelWire
  readonly #deps: DisplayDeps
  /** Bytes that an image needs free in front of it. */
  readonly headroom: number

  constructor(record: DisplayRecord, wire: ChannelWire, deps: DisplayDeps) {
    this.#record = record
    this.#wire = wire
    this.#deps = deps
    this.headroom = wire.headerSize + DRAW_COPY_MAX_PREFIX
  }

  /** @param dictionary of a GLZ image */
  send(box: Rect, image: CodedImage, dictionary: ClientDictionary | undefined): void {
    const { metrics, encoders } = this.#deps
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
      this.#place(box),
      this.headroom,
      this.#wire.headerSize,
    )
    this.#wire.sendFramed(displayServer.drawCopy.id, message)
    if (image.glz !== undefined && ledger !== undefined) {
      ledger.sent(image.glz, console, this.#record.wire.sentSerial)
      this.#record.nextGlzImage = ledger.nextId
    }
    const labels = { codec: image.codec }
    metrics.images.add(1, labels)
    metrics.imageBytes.add(image.size, labels)
  }

  #place(box: Rect): DrawCopyImage {
    this.#record.imageNumber += 1
    return {
      surfaceId: PRIMARY_SURFACE,
      box,
      imageIdLow: IMAGE_GROUP.red,
      imageIdHigh: this.#record.imageNumber >>> 0,
    }
  }
}
