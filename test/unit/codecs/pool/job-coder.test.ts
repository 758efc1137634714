import test from 'ava'
import type { Image } from '../../../../src/codecs/image.js'
import { EncoderSet, type PoolEncoder } from '../../../../src/codecs/pool/encoder-set.js'
import { JobCoder } from '../../../../src/codecs/pool/job-coder.js'
import type { EncodeRequest, JobAnswer, VideoEncodeRequest } from '../../../../src/codecs/pool/messages.js'
import { SidecarError } from '../../../../src/core/errors.js'
import { block } from './rig.js'

/** An encoder that writes `size` bytes of 7 and remembers what it was given. */
const recorder = (changes: Partial<PoolEncoder> = {}, size = 3) => {
  const images: Image[] = []
  const options: unknown[] = []
  const encoder: PoolEncoder = {
    ...{ name: 'lz', lossless: true, accepts: () => true },
    encode: (image, out, how) => {
      images.push(image)
      options.push(how)
      out.fill(7, 0, Math.max(0, size))
      return size
    },
    ...changes,
  }
  return { encoder, images, options }
}

const setOf = (encoder: PoolEncoder | undefined, maxPixels = 1000): EncoderSet =>
  new EncoderSet(maxPixels, { encoders: { lz: () => encoder }, openGlz: undefined })

const request = (changes: Partial<EncodeRequest> = {}): EncodeRequest => ({
  ...{ type: 'encode', job: 5, codec: 'lz', block: block(4, 4), headroom: 2, options: {} },
  ...changes,
})

const failure = (answer: JobAnswer): readonly unknown[] =>
  answer.type === 'failed' ? [answer.code, answer.begun] : []

test('an encoder is made with the first image that needs it, and once', (t) => {
  let made = 0
  const { encoder } = recorder()
  const set = new EncoderSet(9, {
    encoders: {
      lz: ({ maxPixels }) => {
        made += 1
        t.is(maxPixels, 9)
        return encoder
      },
    },
    openGlz: undefined,
  })
  t.is(made, 0)
  t.is(set.get('lz'), encoder)
  t.is(set.get('lz'), encoder)
  t.is(made, 1)
})

test('a codec that is not there is refused, also when it is asked for again', (t) => {
  const coder = new JobCoder(setOf(undefined))
  t.deepEqual(failure(coder.answer(request())), ['SIDECAR_HOST', false])
  t.deepEqual(failure(coder.answer(request())), ['SIDECAR_HOST', false])
  t.deepEqual(failure(coder.answer(request({ codec: 'quic' }))), ['SIDECAR_HOST', false])
})

test('pixels are copied straight into the memory of an encoder that has room for them', (t) => {
  const staging = new Uint8Array(70)
  const { encoder, images } = recorder({ staging })
  const coder = new JobCoder(setOf(encoder))
  const source = block(4, 4)
  new Uint8Array(source.memory).fill(9)
  coder.answer(request({ block: source }))
  t.is(images[0]!.pixels.buffer, staging.buffer)
  t.is(images[0]!.pixels.byteOffset, staging.byteOffset)
  t.is(images[0]!.pixels.length, 64)
  t.is(staging[63], 9)
  coder.answer(request({ block: block(5, 4) }))
  t.not(images[1]!.pixels.buffer, staging.buffer)
  t.is(images[1]!.pixels.length, 80)
})

test('what an encoder does not make smaller goes raw, from the copy that it was given', (t) => {
  const source = block(4, 4)
  const pixels = new Uint8Array(source.memory).fill(1)
  const { encoder } = recorder({
    encode: () => {
      pixels.fill(2)
      return -1
    },
  })
  const answer = new JobCoder(setOf(encoder)).answer(request({ block: source }))
  t.is(answer.type === 'coded' ? answer.codec : '', 'raw')
  const bytes = answer.type === 'coded' ? [...new Uint8Array(answer.buffer)] : []
  t.deepEqual(bytes, [0, 0, ...Array<number>(64).fill(1)])
})

test('an encoder has as much room as the pixels take', (t) => {
  const { encoder } = recorder({ encode: (_, out) => (out.length === 64 ? 1 : -1) })
  const coder = new JobCoder(setOf(encoder))
  coder.answer(request({ block: block(9, 9) }))
  const answer = coder.answer(request())
  t.is(answer.type === 'coded' ? answer.codec : '', 'lz')
})

test('the options of a job reach its encoder', (t) => {
  const { encoder, options } = recorder()
  new JobCoder(setOf(encoder)).answer(request({ options: { quality: 42 } }))
  t.deepEqual(options, [{ quality: 42 }])
})

test('an image that is too large, or none for the codec, is refused before the encoder sees it', (t) => {
  const { encoder, images } = recorder({ accepts: ({ width }) => width !== 3 })
  const coder = new JobCoder(setOf(encoder, 16))
  t.deepEqual(failure(coder.answer(request({ block: block(17, 1) }))), ['SIDECAR_LIMIT', false])
  t.deepEqual(failure(coder.answer(request({ block: block(3, 1) }))), ['SIDECAR_BUG', false])
  t.is(images.length, 0)
})

test('bands of a codec that has none are refused', (t) => {
  const { encoder } = recorder()
  const answer = new JobCoder(setOf(encoder)).answer({ ...request(), type: 'band', imageHeight: 4 })
  t.deepEqual(failure(answer), ['SIDECAR_BUG', false])
})

test('a dictionary that was not opened, or could not be, refuses its images; a second opening closes the first', (t) => {
  let closed = 0
  let fail = false
  const set = new EncoderSet(1000, {
    encoders: {},
    openGlz: () => {
      if (fail) {
        throw new RangeError('no memory')
      }
      return {
        staging: undefined,
        accepts: () => true,
        encode: () => {
          throw new SidecarError('SIDECAR_BUG', 'broken')
        },
        close: () => {
          closed += 1
        },
      }
    },
  })
  const coder = new JobCoder(set)
  const glz = {
    ...request(),
    type: 'glzEncode',
    dictionary: 1,
    channel: 0,
    motion: undefined,
    deflate: false,
  } as const
  t.deepEqual(failure(coder.answer(glz)), ['SIDECAR_HOST', false])
  set.openDictionary({ dictionary: 1, windowPixels: 10, nextImage: 0 })
  t.deepEqual(failure(coder.answer(glz)), ['SIDECAR_BUG', true])
  fail = true
  set.openDictionary({ dictionary: 1, windowPixels: 10, nextImage: 0 })
  t.is(closed, 1)
  t.deepEqual(failure(coder.answer(glz)), ['SIDECAR_BUG', false])
  set.closeDictionary(1)
  set.closeDictionary(1)
  t.is(closed, 1)
})

test('a frame of video is given to the coder of its stream where it lies, and may come to nothing', (t) => {
  const seen: unknown[] = []
  const sizes = [3, 0]
  let closed = 0
  const set = new EncoderSet(1000, {
    encoders: {},
    openGlz: undefined,
    openVideo: (format) => ({
      encode: (image, out, frame) => {
        seen.push([format.codec, image.pixels.buffer, image.stride, out.length, frame.ptsMs])
        const size = sizes.shift()
        if (size === undefined) {
          throw new SidecarError('SIDECAR_HOST', 'broken')
        }
        out.fill(9, 0, size)
        return size
      },
      close: () => {
        closed += 1
      },
    }),
  })
  const coder = new JobCoder(set)
  const source = block(20, 20)
  const frame: VideoEncodeRequest = {
    ...{ type: 'videoEncode', job: 1, stream: 4, block: source, headroom: 2 },
    frame: { ptsMs: 7 },
  }
  t.deepEqual(failure(coder.answer(frame)), ['SIDECAR_HOST', false])
  set.openVideo({ stream: 4, format: { codec: 'vp8', width: 20, height: 20, fps: 5, bitRate: 100_000 } })
  const bytes = [0, 1].map(() => {
    const answer = coder.answer(frame)
    return answer.type === 'coded' && answer.codec === 'video' ? [...new Uint8Array(answer.buffer)] : []
  })
  t.deepEqual(bytes, [
    [0, 0, 9, 9, 9],
    [0, 0],
  ])
  t.deepEqual(seen[0], ['vp8', source.memory, 80, 65536, 7])
  t.deepEqual(failure(coder.answer(frame)), ['SIDECAR_HOST', false])
  t.deepEqual(failure(coder.answer({ ...frame, block: block(40, 40) })), ['SIDECAR_LIMIT', false])
  set.closeVideo(4)
  set.closeVideo(4)
  t.is(closed, 1)
  t.deepEqual(failure(coder.answer(frame)), ['SIDECAR_HOST', false])
})
