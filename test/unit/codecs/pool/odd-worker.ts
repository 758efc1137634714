/** Entry of a worker that has a codec for each way to go wrong. */
import { ENCODER_MAKERS, runEncoderWorker } from '../../../../src/codecs/pool/index.js'
import type { ImageEncoder } from '../../../../src/codecs/image.js'

const odd = (name: ImageEncoder['name'], encode: () => number): ImageEncoder => ({
  ...{ name, lossless: true, accepts: () => true, encode },
})

runEncoderWorker({
  ...ENCODER_MAKERS,
  encoders: {
    ...ENCODER_MAKERS.encoders,
    /* Never comes to an end. */
    quic: () =>
      odd('quic', () => {
        for (let turn = 0; ; turn++) {
          Math.imul(turn, turn)
        }
      }),
    /* Takes the thread with it. */
    lz4: () => odd('lz4', () => process.exit(3)),
    /* Throws what it should not. */
    jpeg: () =>
      odd('jpeg', () => {
        throw new TypeError('cannot read properties of undefined')
      }),
    /* Cannot even be made. */
    'jpeg-alpha': () => {
      throw new RangeError('out of memory')
    },
  },
})
