import type { Image, ImageEncoder } from '../image.js'
import type { GlzCoded, GlzDictionary } from './dictionary.js'
import type { GlzMotion } from './coder.js'

/** One display channel's way into the dictionary of its client. */
export interface GlzEncoder extends ImageEncoder {
  readonly name: 'glz'
  /** What there is to know about the image coded last; `undefined` when it did not fit. */
  readonly coded: GlzCoded | undefined
  /** Says how pixels moved, for the next image only. */
  hint(motion: GlzMotion): void
}

/**
 * The encoder of one display channel. An image that it has coded must be sent on that channel, after the waits that
 * `coded.references` ask for.
 *
 * @param channel id of the display channel
 */
export const createGlzEncoder = (dictionary: GlzDictionary, channel: number): GlzEncoder => {
  let coded: GlzCoded | undefined
  let motion: GlzMotion | undefined
  return {
    name: 'glz',
    lossless: true,
    accepts: (image) => dictionary.accepts(image),
    encode: (image: Image, out: Uint8Array): number => {
      coded = dictionary.encode(image, out, channel, motion)
      motion = undefined
      return coded?.size ?? -1
    },
    hint: (next) => {
      motion = next
    },
    get coded() {
      return coded
    },
    get staging() {
      return dictionary.staging
    },
  }
}
