import { SidecarError } from '../../core/errors.js'
import type { GlzCoded } from './dictionary.js'

/** An entry of WAIT_FOR_CHANNELS (`protocol-display.md` section 2). */
export interface GlzWait {
  readonly channelType: number
  readonly channelId: number
  /** Serial of the message that has to be handled first. */
  readonly serial: number
}

/** SPICE channel type of display channels. */
const DISPLAY_CHANNEL = 2

/**
 * Knows which message carries which image of a dictionary, and so what a channel has to wait for. It lives where messages
 * are numbered, the dictionary may live in another thread.
 *
 * The rule: a channel handles its messages in order, so an image of channel A that refers to images of channel B waits
 * for the newest of them, and not again for what A has waited for before. Nothing else needs a wait: images of the own
 * channel come in order, and a receiver frees images only by what all ids up to there have said (codecs.md 3.4), so no
 * reference is freed before it is used, in whatever order channels are read. Waits point from later to earlier ids
 * only, so they cannot close a circle as long as each channel sends its images in the order of their ids.
 */
export class GlzLedger {
  /** Per channel, the serials of the images that others may come to refer to, in the order of their ids. */
  readonly #sent = new Map<number, Map<number, number>>()
  /** By waiting channel and other channel, the highest serial that was waited for. */
  readonly #waited = new Map<number, Map<number, number>>()
  #lastId: number

  /** @param startId id of the first image, as for the dictionary */
  constructor(startId: number) {
    this.#lastId = startId - 1
  }

  /** Where a dictionary has to go on when the one in use was lost: behind the last image that was sent. */
  get nextId(): number {
    return this.#lastId + 1
  }

  /**
   * What `channel` has to wait for before the message with this image. To be called once for an image: the waits count as
   * sent. They take a serial themselves, so the message of the image is numbered after them.
   *
   * @throws SidecarError SIDECAR_BUG when an image that is referred to was not entered with {@link sent}
   */
  waitsFor({ references }: GlzCoded, channel: number): GlzWait[] {
    const waits: GlzWait[] = []
    for (const { channel: other, imageId } of references) {
      const serial = this.#sent.get(other)?.get(imageId)
      if (serial === undefined) {
        throw new SidecarError('SIDECAR_BUG', 'a glz image refers to one that was not sent', {
          ...{ channel, other, imageId },
        })
      }
      const waited = this.#waited.get(channel) ?? new Map<number, number>()
      this.#waited.set(channel, waited)
      if (serial > (waited.get(other) ?? -1)) {
        waited.set(other, serial)
        waits.push({ channelType: DISPLAY_CHANNEL, channelId: other, serial })
      }
    }
    return waits
  }

  /**
   * Enters the message that carries an image. Images come in the order of their ids.
   *
   * @throws SidecarError SIDECAR_BUG for a hole in the ids: a receiver would never free memory again
   */
  sent({ imageId, winHeadDist }: GlzCoded, channel: number, serial: number): void {
    if (imageId !== this.nextId) {
      throw new SidecarError('SIDECAR_BUG', 'glz images have to be sent in the order of their ids', {
        ...{ imageId, expected: this.nextId },
      })
    }
    this.#lastId = imageId
    this.#sent.set(channel, (this.#sent.get(channel) ?? new Map<number, number>()).set(imageId, serial))
    for (const images of this.#sent.values()) {
      for (const id of images.keys()) {
        if (id >= imageId - winHeadDist) {
          break
        }
        images.delete(id)
      }
    }
  }
}
