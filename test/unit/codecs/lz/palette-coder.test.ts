import test from 'ava'
import fc from 'fast-check'
import { decodeLz, LzPaletteCoder } from '../../../../src/codecs/index.js'

const MAX_PIXELS = 4096
const coder = new LzPaletteCoder(MAX_PIXELS, 0x9e3779b1)

/** A picture of these colours, in rows with padding that has other ones. */
const pictureOf = (width: number, height: number, padding: number, colourAt: (at: number) => number) => {
  const stride = 4 * (width + padding)
  const words = new Uint32Array((stride / 4) * height).fill(0xff777777)
  for (let at = 0; at < width * height; at++) {
    words[Math.floor(at / width) * (stride / 4) + (at % width)] = (colourAt(at) | (at << 24)) >>> 0
  }
  return { pixels: new Uint8Array(words.buffer), width, height, stride }
}

test('indexes stand for the colours, whatever the fourth byte and the padding', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 64 }),
      fc.integer({ min: 1, max: 64 }),
      fc.nat(5),
      fc.uniqueArray(fc.nat(0xffffff), { minLength: 1, maxLength: 256, size: 'max' }),
      fc.nat(0xffff),
      (width, height, padding, colours, seed) => {
        const nth = (at: number): number => (Math.imul(at >> 2, 0x85ebca6b) + Math.imul(seed, at >> 7)) >>> 8
        const colourAt = (at: number): number => colours[nth(at) % colours.length]!
        const data = coder.encode(pictureOf(width, height, padding, colourAt), colours)
        const { format, pixels, topDown, ...decoded } = decodeLz(data!, width * height)
        t.deepEqual([format, decoded.width, decoded.height, topDown], ['plt8', width, height, true])
        t.true(pixels.every((index, at) => colours[index] === colourAt(at)))
      },
    ),
    { numRuns: 60 },
  )
})

test('a colour that is not in the palette is refused', (t) => {
  const picture = pictureOf(8, 8, 1, (at) => (at === 63 ? 7 : 0))
  t.is(coder.encode(picture, [0, 6, 8]), undefined)
  t.true(coder.encode(picture, [0, 6, 7, 8]) instanceof Uint8Array)
})

test('pictures that are too large or not whole, and too many colours, are mistakes of the caller', (t) => {
  const picture = pictureOf(64, 64, 0, () => 0)
  const colours = Array.from({ length: 257 }, (_, at) => at)
  t.notThrows(() => coder.encode(picture, colours.slice(0, 256)))
  t.throws(() => coder.encode(picture, colours), { code: 'SIDECAR_BUG' })
  t.throws(() => coder.encode({ ...picture, height: 65 }, [0]), { code: 'SIDECAR_BUG' })
  t.throws(
    () =>
      coder.encode(
        pictureOf(64, 65, 0, () => 0),
        [0],
      ),
    { code: 'SIDECAR_BUG' },
  )
  t.throws(() => coder.sizeOfRgb({ ...picture, stride: 255 }), { code: 'SIDECAR_BUG' })
})

test('the size without a palette is that of an LZ image of 32 bits', (t) => {
  t.true(coder.sizeOfRgb(pictureOf(64, 64, 3, () => 5)) < 200)
  const noise = (at: number): number => Math.imul(at + 1, 0x9e3779b1) >>> 8
  t.true(coder.sizeOfRgb(pictureOf(64, 64, 3, noise)) > 64 * 64 * 3)
})
