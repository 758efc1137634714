import test from 'ava'
import { SidecarError } from '../../../../src/core/errors.js'
import { decodeQuic, readQuicHeader } from '../../../../src/codecs/quic/index.js'
import { quicVectors } from './vectors.js'

interface Fields {
  readonly magic?: number
  readonly version?: number
  readonly type?: number
  readonly width?: number
  readonly height?: number
}

const words = (values: readonly number[]): Uint8Array => {
  const view = new DataView(new ArrayBuffer(values.length * 4))
  values.forEach((value, at) => view.setUint32(at * 4, value, true))
  return new Uint8Array(view.buffer)
}

/** A QUIC image from header fields and the bits of its body, with the ending; 4x2 GRAY unless told otherwise. */
const quic = (fields: Fields, bits: string, ending = true): Uint8Array => {
  const { magic = 0x43495551, version = 0, type = 1, width = 4, height = 2 } = fields
  const plain = bits.replaceAll(' ', '')
  const body = (plain.match(/.{1,32}/g) ?? []).map((word) => parseInt(word.padEnd(32, '0'), 2))
  return words([magic, version, type, width, height, ...body, ...(ending ? [0] : [])])
}

/**
 * Bits of a gray image of zeros up to the run of its second row: the first pixel with the code that the model begins
 * with, the others with one bit each.
 */
const untilRun = (width: number): string => `10000000 ${'1'.repeat(width - 1)} 111 `

const CAP = 1 << 20

test('the worked example of one pixel', (t) => {
  const image = decodeQuic(words([0x43495551, 0, 4, 1, 1, 0x80807f00, 0]), 1)
  t.deepEqual(image, {
    format: 'rgb32',
    width: 1,
    height: 1,
    stride: 4,
    topDown: true,
    pixels: Uint8Array.of(128, 0, 0, 0),
  })
})

test('a run as long as its row', (t) => {
  t.deepEqual(decodeQuic(quic({}, `${untilRun(4)} 1 0`), 8).pixels, new Uint8Array(8))
  t.deepEqual(decodeQuic(quic({ width: 8 }, `${untilRun(8)} 1111 0 1`), 16).pixels, new Uint8Array(16))
})

test('a run of no pixels', (t) => {
  t.deepEqual([...decodeQuic(quic({}, `${untilRun(4)} 0 001`), 8).pixels], [0, 0, 0, 0, 0, 0, 0, 1])
})

test('what follows the empty word is not looked at', (t) => {
  for (const { image, encoded } of quicVectors().slice(0, 4)) {
    for (const rest of [1, 3, 4, 9]) {
      t.deepEqual(decodeQuic(new Uint8Array([...encoded, ...new Uint8Array(rest).fill(0xff)]), CAP), image)
    }
  }
})

test('an image that does not begin at the start of its memory', (t) => {
  for (const { image, encoded } of quicVectors().slice(0, 4)) {
    const memory = new Uint8Array(encoded.length + 7).fill(0xee)
    memory.set(encoded, 3)
    t.deepEqual(decodeQuic(memory.subarray(3, 3 + encoded.length), CAP), image)
  }
})

test('the header says what the image is without a look at its rows', (t) => {
  const { type, width, height } = readQuicHeader(quic({ type: 5, width: 70, height: 9 }, ''), CAP)
  t.deepEqual([type.format, width, height], ['rgba', 70, 9])
})

test('no vector decodes when anything is missing at its end', (t) => {
  for (const { title, encoded } of quicVectors()) {
    for (const missing of [1, 4, 8]) {
      t.throws(
        () => decodeQuic(encoded.subarray(0, encoded.length - missing), CAP),
        { instanceOf: SidecarError },
        title,
      )
    }
  }
})

const refuses = test.macro<[bytes: Uint8Array, text: RegExp, cap?: number]>({
  exec(t, bytes, text, cap = CAP) {
    const error = t.throws(() => decodeQuic(bytes, cap), { instanceOf: SidecarError })
    t.is(error.code, 'SIDECAR_PROTOCOL')
    t.regex(error.message, text)
  },
  title: (what) => `decoder refuses ${what ?? ''}`,
})

const GOOD = `${untilRun(4)} 1 0`

test('nothing', refuses, new Uint8Array(0), /header/)
test('half a header', refuses, quic({}, '', false).subarray(0, 19), /header/)
test('another magic', refuses, quic({ magic: 0x43495552 }, GOOD), /magic/)
test('the magic in the other byte order', refuses, quic({ magic: 0x51554943 }, GOOD), /magic/)
test('another version', refuses, quic({ version: 1 }, GOOD), /version/)
test('type 0', refuses, quic({ type: 0 }, GOOD), /type/)
test('type 6', refuses, quic({ type: 6 }, GOOD), /type/)
test('a type of all ones', refuses, quic({ type: 2 ** 32 - 1 }, GOOD), /type/)
test('width 0', refuses, quic({ width: 0 }, GOOD), /size/)
test('height 0', refuses, quic({ height: 0 }, GOOD), /size/)
test('one pixel above the cap', refuses, quic({}, GOOD), /size/, 7)
test(
  'the largest size a header can say',
  refuses,
  quic({ width: 2 ** 32 - 1, height: 2 ** 32 - 1 }, GOOD),
  /size/,
)
test('512 Mi pixels', refuses, quic({ width: 2 ** 15, height: 2 ** 14 }, GOOD), /size/, 2 ** 40)
test('a first row that the body cannot fill', refuses, quic({ width: 65536, height: 1 }, GOOD), /too short/)
test('rows that the body cannot fill', refuses, quic({ width: 16, height: 65536 }, GOOD), /too short/)
test('an empty body', refuses, quic({}, ''), /too short/)
test('no body at all', refuses, quic({}, '', false), /too short/)
test('a body without the empty word', refuses, quic({}, GOOD, false), /too short/)
test('a run that goes on past its row', refuses, quic({}, `${untilRun(4)} 11`), /past its segment/)
test(
  'a run whose remainder goes past its row',
  refuses,
  quic({ width: 7 }, `${untilRun(7)} 1111 0 1`),
  /past its segment/,
)
test('a run that never ends', refuses, quic({}, untilRun(4) + '1'.repeat(4096)), /past its segment/)
test('codes past the end', refuses, quic({ width: 30, height: 1 }, '1'.repeat(32)), /inside its rows/)
