import test from 'ava'
import { SidecarError } from '../../../../src/core/errors.js'
import { GlzDecoder } from '../../../../src/codecs/glz/index.js'
import { glzVectorFiles, sha256 } from './vectors.js'

const MAX_PIXELS = 1 << 20

for (const { name, vectors } of glzVectorFiles()) {
  test(`all images of ${name} decode, in file order`, (t) => {
    const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS })
    for (const vector of vectors) {
      const decoded = decoder.decode(vector.encoded)
      if (!decoded.done) {
        t.fail(`${vector.title} waits`)
        return
      }
      const { image, imageId, winHeadDist } = decoded
      const { format, width, height, stride, topDown } = vector
      t.is(sha256(image.pixels), vector.pixelsSha256, vector.title)
      t.like(image, { format, width, height, stride, topDown }, vector.title)
      t.deepEqual([imageId, winHeadDist], [vector.imageId, vector.winHeadDist], vector.title)
    }
  })
}

interface Fields {
  readonly magic?: number
  readonly version?: number
  readonly type?: number
  readonly width?: number
  readonly height?: number
  readonly stride?: number
  readonly id?: number
  readonly highId?: number
  readonly dist?: number
}

/** A GLZ image from header fields and the hex of its body; 4x2 RGB32, rows top down, unless told otherwise. */
const glz = (fields: Fields, body: string): Uint8Array => {
  const { magic = 0x20205a4c, version = 0x00010001, type = 0x18, width = 4, height = 2 } = fields
  const { stride = width * 4, id = 0, highId = 0, dist = 0 } = fields
  const header = new DataView(new ArrayBuffer(33))
  header.setUint32(0, magic)
  header.setUint32(4, version)
  header.setUint8(8, type)
  for (const [at, value] of [width, height, stride, highId, id, dist].entries()) {
    header.setUint32(9 + at * 4, value)
  }
  return new Uint8Array(
    Buffer.concat([new Uint8Array(header.buffer), Buffer.from(body.replaceAll(' ', ''), 'hex')]),
  )
}

/** One literal and seven copies of it: all eight pixels. */
const FULL = '00 112233 E0 00 00 00'
const PIXELS = new Uint8Array(Array.from({ length: 8 }, () => [0x11, 0x22, 0x33, 0]).flat())
/** All eight pixels of the image before. */
const COPY = 'E0 01 00 01'

const decoderAfter = (...images: readonly Uint8Array[]): GlzDecoder => {
  const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS })
  for (const image of images) {
    decoder.decode(image)
  }
  return decoder
}

test('one literal and a run fill an image', (t) => {
  const decoded = decoderAfter().decode(glz({}, FULL))
  t.like(decoded, { done: true, imageId: 0, winHeadDist: 0 })
  t.true(decoded.done && decoded.image.topDown)
  t.deepEqual(decoded.done && decoded.image.pixels, PIXELS)
})

test('the row order flag comes from the type byte', (t) => {
  const decoded = decoderAfter().decode(glz({ type: 8 }, FULL))
  t.false(decoded.done && decoded.image.topDown)
})

test('the worked example: 60 pixels of the image before', (t) => {
  const literals = Array.from({ length: 64 }, (_, at) => [at, 2 * at, 3 * at])
  const hex = (units: readonly (readonly number[])[]): string => Buffer.from(units.flat()).toString('hex')
  const first = `1F ${hex(literals.slice(0, 32))} 1F ${hex(literals.slice(32))}`
  const second = `01 ${hex(literals.slice(0, 2))} E2 35 00 01 01 ${hex(literals.slice(62))}`
  const size = { width: 16, height: 4 }
  const decoder = decoderAfter(glz(size, first))
  const decoded = decoder.decode(glz({ ...size, id: 1, dist: 1 }, second))
  t.deepEqual(decoded.done && [...decoded.image.pixels], literals.map((unit) => [...unit, 0]).flat())
})

test('an image that refers to one that is missing waits for it and goes on', (t) => {
  const decoder = decoderAfter()
  const waiting = decoder.decode(glz({ id: 1, dist: 1 }, COPY))
  t.like(waiting, { done: false, imageId: 1, waitsFor: 0 })
  decoder.decode(glz({}, FULL))
  const decoded = waiting.done ? waiting : waiting.resume()
  t.deepEqual(decoded.done && decoded.image.pixels, PIXELS)
})

test('memory is given back when all up to an image have come that says so', (t) => {
  const decoder = decoderAfter(glz({}, FULL), glz({ id: 1, dist: 1 }, COPY))
  t.is(decoder.keptImages, 2)
  decoder.decode(glz({ id: 3 }, FULL))
  t.is(decoder.keptImages, 3, 'image 2 may still refer to image 1')
  decoder.decode(glz({ id: 2, dist: 1 }, COPY))
  t.is(decoder.keptImages, 1)
  t.is(decoder.keptPixels, 8)
})

test('a window of two images holds as many, however long it goes on', (t) => {
  const decoder = decoderAfter(glz({}, FULL))
  for (let id = 1; id < 500; id++) {
    decoder.decode(glz({ id, dist: 1 }, COPY))
    t.is(decoder.keptImages, 2)
  }
})

test('an image that was refused leaves the window as it was', (t) => {
  const decoder = decoderAfter(glz({}, FULL))
  t.throws(() => decoder.decode(glz({ id: 1, dist: 1 }, 'E0 02 00 01')), { instanceOf: SidecarError })
  t.deepEqual([decoder.keptImages, decoder.keptPixels], [1, 8])
  t.true(decoder.decode(glz({ id: 1, dist: 1 }, COPY)).done)
})

const refuses = test.macro<[bytes: Uint8Array, text: RegExp, cap?: number]>({
  exec(t, bytes, text, cap = MAX_PIXELS) {
    const decoder = new GlzDecoder({ maxPixels: MAX_PIXELS })
    decoder.decode(glz({}, FULL))
    decoder.decode(glz({ id: 1 }, FULL))
    decoder.decode(glz({ id: 2, type: 0x17, stride: 12, dist: 1 }, FULL))
    const used = cap === MAX_PIXELS ? decoder : new GlzDecoder({ maxPixels: cap, startId: 3 })
    const error = t.throws(() => used.decode(bytes), { instanceOf: SidecarError })
    t.is(error.code, 'SIDECAR_PROTOCOL')
    t.regex(error.message, text)
  },
  title: (what) => `decoder refuses ${what ?? ''}`,
})

const NEXT = { id: 3, dist: 2 }
test('nothing', refuses, new Uint8Array(0), /header/)
test('half a header', refuses, glz(NEXT, '').subarray(0, 32), /header/)
test('another magic', refuses, glz({ ...NEXT, magic: 1 }, FULL), /magic/)
test('another version', refuses, glz({ ...NEXT, version: 0x00010002 }, FULL), /version/)
test('a palette type', refuses, glz({ ...NEXT, type: 0x15 }, FULL), /type/)
test('unknown flags', refuses, glz({ ...NEXT, type: 0x38 }, FULL), /type/)
test('width 0', refuses, glz({ ...NEXT, width: 0 }, ''), /size/)
test('one pixel above the cap', refuses, glz(NEXT, FULL), /size/, 7)
test(
  'the largest size there is',
  refuses,
  glz({ ...NEXT, width: 2 ** 32 - 1, height: 2 ** 32 - 1 }, FULL),
  /size/,
)
test('a padded stride', refuses, glz({ ...NEXT, stride: 20 }, FULL), /stride/)
test('an id that was there', refuses, glz({ id: 2 }, FULL), /before/)
test('an id past all counting', refuses, glz({ highId: 2 ** 21, id: 0 }, FULL), /id out of range/)
test('a window that begins before image 0', refuses, glz({ id: 3, dist: 4 }, FULL), /id out of range/)
test(
  'a size that the body cannot fill',
  refuses,
  glz({ ...NEXT, width: 1024, height: 1024 }, FULL),
  /too short/,
)
test('an empty body', refuses, glz(NEXT, ''), /too short/)
test('a literal run cut short', refuses, glz(NEXT, '07 112233'), /literals/)
test('literals past the last unit', refuses, glz(NEXT, `08 ${'112233'.repeat(9)}`), /past the last/)
test('a match before unit 0', refuses, glz(NEXT, '00 112233 E1 00 00 00'), /outside/)
test('a match as first token', refuses, glz(NEXT, 'E0 01 00 00'), /outside/)
test('a match past the last unit', refuses, glz(NEXT, '00 112233 E0 01 00 00'), /past the last/)
test('a length without end', refuses, glz(NEXT, `00 112233 E0 ${'FF'.repeat(64)}`), /inside its tokens/)
test('a match without its distance', refuses, glz(NEXT, '00 112233 E0 00 00'), /inside its tokens/)
test('a wide match without its last byte', refuses, glz(NEXT, '00 112233 F0 00 00 20'), /inside its tokens/)
test('bytes after the last unit', refuses, glz(NEXT, `${FULL} 00`), /left over/)
test('an alpha pass that is missing', refuses, glz({ ...NEXT, type: 0x19 }, FULL), /inside its tokens/)
test('a match past the end of another image', refuses, glz(NEXT, 'E1 01 00 02'), /outside/)
test('a reference to another type', refuses, glz(NEXT, 'E0 01 00 01'), /another type/)
test('a reference beyond its own window', refuses, glz({ id: 3, dist: 1 }, 'E0 01 00 02'), /window/)
test('a reference to an image that was freed', refuses, glz({ id: 3, dist: 3 }, 'E0 01 00 03'), /window/)
test('a reference before image 0', refuses, glz(NEXT, 'E0 01 00 04'), /window/)

test('ids with a hole cannot fill memory: twice the window is the end', (t) => {
  const decoder = new GlzDecoder({ maxPixels: 8, windowPixels: 64 })
  let id = 1
  const error = t.throws(() => {
    for (;;) {
      decoder.decode(glz({ id: id++ }, FULL))
    }
  })
  t.true(error instanceof SidecarError && error.code === 'SIDECAR_PROTOCOL')
  t.is(decoder.keptPixels, 128)
})
