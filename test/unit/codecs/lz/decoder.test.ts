import test from 'ava'
import { SidecarError } from '../../../../src/core/errors.js'
import { decodeLz } from '../../../../src/codecs/lz/index.js'

interface Fields {
  readonly magic?: number
  readonly version?: number
  readonly type?: number
  readonly width?: number
  readonly height?: number
  readonly stride?: number
  readonly topDown?: number
}

/** An LZ image from header fields and the hex of its body; 4x2 RGB32 unless told otherwise. */
const lz = (fields: Fields, body: string): Uint8Array => {
  const {
    magic = 0x20205a4c,
    version = 0x00010001,
    type = 8,
    width = 4,
    height = 2,
    stride = 16,
    topDown = 1,
  } = fields
  const header = new DataView(new ArrayBuffer(28))
  for (const [at, value] of [magic, version, type, width, height, stride, topDown].entries()) {
    header.setUint32(at * 4, value)
  }
  return new Uint8Array(
    Buffer.concat([new Uint8Array(header.buffer), Buffer.from(body.replaceAll(' ', ''), 'hex')]),
  )
}

/** One literal and seven copies of it: all eight pixels. */
const FULL = '00 112233 E0 00 00'

const PLT8 = { type: 5, width: 8, height: 1, stride: 8 }
const CAP = 1 << 20

test('one literal and a run fill an image', (t) => {
  const { format, stride, topDown, pixels } = decodeLz(lz({}, FULL), 8)
  t.deepEqual({ format, stride, topDown }, { format: 'rgb32', stride: 16, topDown: true })
  t.deepEqual(pixels, new Uint8Array(Array.from({ length: 8 }, () => [0x11, 0x22, 0x33, 0]).flat()))
})

test('rows stay in coded order and the flag says which is first', (t) => {
  t.false(decodeLz(lz({ topDown: 0 }, FULL), 8).topDown)
})

test('a palette image with rows one byte short reads with zeros in their place', (t) => {
  const image = decodeLz(lz({ type: 1, width: 9, height: 2, stride: 1 }, '01 AA 55'), CAP)
  t.is(image.stride, 2)
  t.deepEqual([...image.pixels], [0xaa, 0, 0x55, 0])
})

test('the far form of a match reaches beyond 8191', (t) => {
  // 1 literal, a run of 8999 and a literal, then 4 pixels at distance 9000: 8191 + 0x0328 stored.
  const run = `E0 ${'FF'.repeat(35)} ${(8999 - 7 - 35 * 255).toString(16).padStart(2, '0')} 00`
  const bytes = lz({ width: 9005, height: 1, stride: 36020 }, `00 010203 ${run} 00 040506 9F FF 03 28`)
  const { pixels } = decodeLz(bytes, CAP)
  t.deepEqual([...pixels.subarray(9000 * 4, 9003 * 4)], [4, 5, 6, 0, 1, 2, 3, 0, 1, 2, 3, 0])
})

test('a match that overlaps what it writes repeats it, one that does not copies it', (t) => {
  const source = Array.from({ length: 96 }, (_, at) => at)
  const literals = [0, 32, 64]
    .map((at) => `1F ${Buffer.from(source.slice(at, at + 32)).toString('hex')}`)
    .join(' ')
  for (const length of [63, 64, 95, 96, 97, 98, 99, 192]) {
    const width = 96 + length
    const token = `E0 ${(length - 9).toString(16).padStart(2, '0')} 5F`
    const { pixels } = decodeLz(lz({ type: 5, width, height: 1, stride: width }, `${literals} ${token}`), CAP)
    t.deepEqual(
      [...pixels],
      Array.from({ length: width }, (_, at) => at % 96),
      String(length),
    )
  }
})

test('a picture of one colour, 254 pixels to a byte, is not taken for one that its body cannot fill', (t) => {
  const width = 1 + 9 + 1028 * 255 + 254
  const body = `00 2A E0 ${'FF'.repeat(1028)} FE 00`
  const { pixels } = decodeLz(lz({ type: 5, width, height: 1, stride: width }, body), CAP)
  t.true(pixels.every((byte) => byte === 0x2a))
})

const refuses = test.macro<[bytes: Uint8Array, text: RegExp, cap?: number]>({
  exec(t, bytes, text, cap = CAP) {
    const error = t.throws(() => decodeLz(bytes, cap), { instanceOf: SidecarError })
    t.is(error.code, 'SIDECAR_PROTOCOL')
    t.regex(error.message, text)
  },
  title: (what) => `decoder refuses ${what ?? ''}`,
})

test('nothing', refuses, new Uint8Array(0), /header/)
test('half a header', refuses, lz({}, '').subarray(0, 27), /header/)
test('another magic', refuses, lz({ magic: 0x20205a4d }, FULL), /magic/)
test('another version', refuses, lz({ version: 0x00010002 }, FULL), /version/)
test('type 0', refuses, lz({ type: 0 }, FULL), /type/)
test('type 12', refuses, lz({ type: 12 }, FULL), /type/)
test('a row order above 1', refuses, lz({ topDown: 2 }, FULL), /row order/)
test('width 0', refuses, lz({ width: 0, stride: 0 }, ''), /size/)
test('height 0', refuses, lz({ height: 0 }, ''), /size/)
test('one pixel above the cap', refuses, lz({}, FULL), /size/, 7)
test(
  'the largest size a header can say',
  refuses,
  lz({ width: 2 ** 32 - 1, height: 2 ** 32 - 1 }, FULL),
  /size/,
)
test(
  '512 MiB of rows',
  refuses,
  lz({ width: 2 ** 14, height: 2 ** 13, stride: 2 ** 16 }, FULL),
  /stride/,
  2 ** 40,
)
test('a padded stride', refuses, lz({ stride: 20 }, FULL), /stride/)
test('a stride below the row', refuses, lz({ stride: 12 }, FULL), /stride/)
test('a palette stride of 0', refuses, lz({ type: 1, width: 7, height: 1, stride: 0 }, ''), /stride/)
test(
  'a short palette stride where the last byte is full',
  refuses,
  lz({ ...PLT8, stride: 7 }, FULL),
  /stride/,
)
test(
  'a size that the body cannot fill',
  refuses,
  lz({ width: 1024, height: 1024, stride: 4096 }, FULL),
  /too short/,
)
test('an empty body', refuses, lz({}, ''), /too short/)
test('a literal run cut short', refuses, lz({}, '07 112233'), /literals/)
test('literals past the last unit', refuses, lz({}, `08 ${'112233'.repeat(9)}`), /past the last/)
test('a match before unit 0', refuses, lz({}, '00 112233 E0 00 01'), /before the image/)
test('a match as first token', refuses, lz({}, 'E0 01 00'), /before the image/)
test('a match past the last unit', refuses, lz({}, '00 112233 E0 01 00'), /past the last/)
test('a length without end', refuses, lz({}, `00 112233 E0 ${'FF'.repeat(64)}`), /inside its tokens/)
test('a match without its distance', refuses, lz({}, '00 112233 E0 00'), /inside its tokens/)
test('half a far distance', refuses, lz({}, '00 112233 FF 00 FF 00'), /inside its tokens/)
test('bytes after the last unit', refuses, lz({}, `${FULL} 00`), /left over/)
test('an alpha pass that is missing', refuses, lz({ type: 9 }, FULL), /inside its tokens/)
test(
  'a match of the alpha pass into the colour pass',
  refuses,
  lz({ type: 9 }, `${FULL} A0 00`),
  /before the image/,
)
