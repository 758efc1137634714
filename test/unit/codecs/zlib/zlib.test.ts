import { deflateRawSync, deflateSync } from 'node:zlib'
import test from 'ava'
import { SidecarError } from '../../../../src/core/errors.js'
import { GlzDecoder } from '../../../../src/codecs/glz/index.js'
import {
  deflateGlz,
  deflateGlzSync,
  inflateZlib,
  ZLIB_GLZ_MIN_SIZE,
} from '../../../../src/codecs/zlib/index.js'
import { sha256, zlibVectors } from '../glz/vectors.js'

test('all vectors inflate to their GLZ image and decode, by group', (t) => {
  const decoders = new Map<string, GlzDecoder>()
  for (const { title, group, encoded, glz, pixelsSha256 } of zlibVectors()) {
    const decoder = decoders.get(group) ?? new GlzDecoder({ maxPixels: 1 << 16 })
    decoders.set(group, decoder)
    const inflated = inflateZlib(encoded, glz.length)
    t.deepEqual(inflated, glz, title)
    const decoded = decoder.decode(inflated)
    t.is(decoded.done && sha256(decoded.image.pixels), pixelsSha256, title)
  }
  t.is(decoders.size, 4)
})

test('what is sent as ZLIB_GLZ is what the rule on sizes says', async (t) => {
  for (const { title, glz, wouldSend } of zlibVectors()) {
    const deflated = deflateGlzSync(glz)
    t.is(deflated !== undefined, wouldSend, title)
    t.deepEqual(await deflateGlz(glz), deflated && Buffer.from(deflated), title)
    if (deflated !== undefined) {
      t.deepEqual(inflateZlib(deflated, glz.length), glz, title)
    }
  }
})

test('short images and those that do not shrink stay as they are', async (t) => {
  const short = new Uint8Array(ZLIB_GLZ_MIN_SIZE - 1)
  t.is(await deflateGlz(short), undefined)
  t.is(deflateGlzSync(short), undefined)
  t.not(deflateGlzSync(new Uint8Array(ZLIB_GLZ_MIN_SIZE)), undefined)
  const noise = new Uint8Array(
    Buffer.from(Array.from({ length: 99 }, (_, at) => sha256(Uint8Array.of(at))).join(''), 'hex'),
  )
  t.is(deflateGlzSync(noise), undefined)
})

const text = new TextEncoder().encode(
  'the sidecar stands beside the guest, the guest beside the sidecar; '.repeat(900),
)

test('streams of every level and strategy inflate', (t) => {
  for (const level of [0, 1, 3, 6, 9]) {
    for (const strategy of [0, 1, 2, 3, 4]) {
      const stream = deflateSync(text, { level, strategy })
      t.is(Buffer.compare(inflateZlib(stream, text.length), text), 0, `${level} ${strategy}`)
    }
  }
  t.deepEqual(inflateZlib(deflateSync(new Uint8Array(0)), 0), new Uint8Array(0))
})

const stream = new Uint8Array(deflateSync(text, { level: 3 }))
const changed = (at: number, value: number): Uint8Array =>
  stream.with(at < 0 ? stream.length + at : at, value)
const raw = (...bytes: readonly number[]): Uint8Array => Uint8Array.of(0x78, 0x5e, ...bytes, 0, 0, 0, 1)

const refuses = test.macro<[bytes: Uint8Array, size: number, text: RegExp]>({
  exec(t, bytes, size, message) {
    const error = t.throws(() => inflateZlib(bytes, size), { instanceOf: SidecarError })
    t.is(error.code, 'SIDECAR_PROTOCOL')
    t.regex(error.message, message)
  },
  title: (what) => `inflate refuses ${what ?? ''}`,
})

test('nothing', refuses, new Uint8Array(0), 0, /header/)
test('another method', refuses, changed(0, 0x79), text.length, /header/)
test('a preset dictionary', refuses, Uint8Array.of(0x78, 0xbb, 3, 0), 0, /header/)
test('no header', refuses, deflateRawSync(text), text.length, /header/)
test('a wrong checksum', refuses, changed(-1, (stream.at(-1) ?? 0) ^ 1), text.length, /checksum/)
test('a stream cut short', refuses, stream.subarray(0, -5), text.length, /ends inside|checksum/)
test('half a checksum', refuses, stream.subarray(0, -1), text.length, /ends inside/)
test('bytes after the end', refuses, Uint8Array.of(...stream, 0), text.length, /left over/)
test('less than was announced', refuses, stream, text.length + 1, /size/)
test('more than was announced', refuses, stream, text.length - 1, /more data/)
test('a size that the stream cannot hold', refuses, stream, 2 ** 30, /too short/)
test('an unknown kind of block', refuses, raw(7), 4, /kind/)
test('a stored block with a wrong size', refuses, raw(1, 4, 0, 4, 0), 4, /stored/)
test('a stored block that is too long', refuses, raw(1, 5, 0, 0xfa, 0xff, 1, 2, 3, 4, 5), 4, /more data/)
test('a match before the data', refuses, raw(3, 2, 0), 4, /before/)
test(
  'code lengths past their end',
  refuses,
  raw(5, 0xe0, 0x81, 8, 0, 0, 0, 0, 0x10, 0, 0xff, 0xff, 0xff),
  4,
  /refused/,
)
