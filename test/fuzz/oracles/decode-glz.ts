import { SidecarError } from '../../../src/core/errors.js'
import { GlzDecoder, GlzDictionary, glzMaxEncodedSize } from '../../../src/codecs/glz/index.js'
import type { GlzFormat } from '../../../src/codecs/glz/glz-format.js'
import { canonical, samePixels } from '../../unit/codecs/glz/images.js'
import { glzVectorFiles, type GlzVectorFile } from '../../unit/codecs/glz/vectors.js'
import { hold, InputReader, type Oracle } from '../oracle.js'

const MAX_PIXELS = 1 << 16
const WINDOW = 1 << 17
/** Images of one vector file in a seed. */
const SEED_IMAGES = 6

let dictionary: GlzDictionary | undefined

/** Several images in one input, each behind its length as u16, little-endian. */
const packed = (images: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(images.flatMap((bytes) => [bytes.length & 255, bytes.length >> 8, ...bytes]))

/**
 * What must hold for any images given to one decoder: each is decoded, waits or is refused; memory stays within twice the window;
 * the pixels of a decoded image survive being coded again.
 *
 * @returns whether all were images
 */
const run = (input: Uint8Array): boolean => {
  const reader = new InputReader(input)
  const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS, windowPixels: WINDOW })
  dictionary ??= new GlzDictionary({ windowPixels: WINDOW, maxPixels: MAX_PIXELS, startId: 0 })
  dictionary.clear()
  const again = new GlzDecoder({ maxPixels: MAX_PIXELS, windowPixels: WINDOW, startId: dictionary.nextId })
  let good = reader.left > 0
  while (reader.left > 0) {
    try {
      const decoded = decoder.decode(reader.bytes(reader.u16()))
      good &&= decoded.done
      if (decoded.done) {
        const { image } = decoded
        const out = new Uint8Array(glzMaxEncodedSize(image.format as GlzFormat, image.width * image.height))
        const coded = dictionary.encode(image, out, 0)
        const back = again.decode(out.subarray(0, coded?.size))
        hold(back.done && samePixels(back.image, canonical(image)), 'pixels are the same when coded again')
      }
    } catch (error) {
      if (!(error instanceof SidecarError) || error.code !== 'SIDECAR_PROTOCOL') {
        throw error
      }
      good = false
    }
    hold(decoder.keptPixels <= 2 * WINDOW, 'the window is bounded')
  }
  return good
}

/** Images of a file up to the first that is too large. */
const seedOf = ({ vectors }: GlzVectorFile): Uint8Array => {
  const end = vectors.findIndex(({ width, height }) => width * height > MAX_PIXELS)
  const images = vectors.slice(0, end < 0 ? SEED_IMAGES : Math.min(end, SEED_IMAGES))
  return packed(images.map(({ encoded }) => encoded))
}

export const decodeGlz: Oracle = {
  name: 'decode-glz',
  seeds: () => glzVectorFiles().map(seedOf),
  run,
}
