import test, { type ExecutionContext } from 'ava'
import { benchFrames } from '../../../bench/codecs-images.js'
import { SidecarError } from '../../../src/core/errors.js'
import { rectOf } from '../../../src/core/region.js'
import {
  createFrameKernel,
  MAX_FRAME_WIDTH,
  PHOTO_SCORE,
  type FrameKernel,
  type FramePixels,
} from '../../../src/kernels/frame.js'
import { KEY_BYTES } from '../../../src/kernels/frame-format.js'

const KERNELS = [createFrameKernel(), createFrameKernel({ kernel: 'off' })] as const

const each = (title: string, body: (t: ExecutionContext, kernel: FrameKernel) => void): void => {
  for (const kernel of KERNELS) {
    test(`${kernel.kind}: ${title}`, (t) => body(t, kernel))
  }
}

const blank = (width: number, height: number, colour = 0): FramePixels => ({
  ...{ width, height, stride: width * 4 },
  pixels: new Uint8Array(new Uint32Array(width * height).fill(colour).buffer),
})

const put = ({ pixels, stride }: FramePixels, x: number, y: number, value = 1): void => {
  pixels[y * stride + x * 4 + 1]! ^= value
}

each('nothing differs', (t, kernel) => {
  const changes = kernel.compare(blank(200, 130), blank(200, 130))
  t.like(changes, { across: 4, down: 3, dirty: 0, boxes: [] })
  t.deepEqual([...changes.tiles], new Array<number>(12).fill(0))
})

each('tiles side by side share a box as tight as what differs', (t, kernel) => {
  const after = blank(300, 130)
  put(after, 60, 20)
  put(after, 70, 40)
  put(after, 290, 129)
  const { boxes, tiles, dirty } = kernel.compare(blank(300, 130), after)
  t.deepEqual(boxes, [rectOf(60, 20, 11, 21), rectOf(290, 129, 1, 1)])
  t.deepEqual([...tiles], [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
  t.is(dirty, 3)
})

each('runs of tiles with the same columns join downwards, others do not', (t, kernel) => {
  const after = blank(128, 256)
  put(after, 10, 50)
  put(after, 30, 100)
  put(after, 5, 140)
  put(after, 100, 141)
  const { boxes } = kernel.compare(blank(128, 256), after)
  t.deepEqual(boxes, [rectOf(10, 50, 21, 51), rectOf(5, 140, 96, 2)])
})

each('a result is good until the next one, and frames may change their size', (t, kernel) => {
  const after = blank(64, 64)
  put(after, 0, 0)
  t.is(kernel.compare(blank(64, 64), after).dirty, 1)
  t.deepEqual([...kernel.compare(blank(65, 65), blank(65, 65)).tiles], [0, 0, 0, 0])
  t.deepEqual([...kernel.compare(blank(64, 64), after).tiles], [1])
})

each('frames may lie in shared memory', (t, kernel) => {
  const shared: FramePixels = { ...blank(70, 3), pixels: new Uint8Array(new SharedArrayBuffer(70 * 3 * 4)) }
  put(shared, 69, 2)
  t.deepEqual(kernel.compare(blank(70, 3), shared).boxes, [rectOf(69, 2, 1, 1)])
})

const hashesOf = (kernel: FrameKernel, image: FramePixels): bigint[] => {
  const out = new BigUint64Array(Math.ceil(image.width / 64) * Math.ceil(image.height / 64))
  kernel.hashTiles(image, out)
  return [...out]
}

each('equal tiles hash alike wherever they are, other sizes do not', (t, kernel) => {
  const image = blank(160, 128)
  put(image, 3, 5)
  put(image, 67, 5)
  const [a, b, narrow, c, d] = hashesOf(kernel, image)
  t.is(a, b)
  t.is(c, d)
  t.not(a, c)
  t.not(narrow, c)
  t.not(hashesOf(kernel, blank(64, 63))[0], c)
  t.is(hashesOf(kernel, blank(64, 64))[0], c)
})

each('every change of one value gives another hash', (t, kernel) => {
  const image = blank(64, 64)
  const seen = new Set<bigint>()
  for (let n = 0; n < 300; n++) {
    const [x, y, value] = [(n * 7) % 64, (n * 29) % 64, 1 + (n % 255)]
    put(image, x, y, value)
    seen.add(hashesOf(kernel, image)[0]!)
    put(image, x, y, value)
  }
  t.is(seen.size, 300)
})

test('each instance has a secret of its own', (t) => {
  const image = blank(64, 64)
  t.not(hashesOf(createFrameKernel(), image)[0], hashesOf(createFrameKernel(), image)[0])
})

each('a palette comes in the order of appearance, up to 256 colours', (t, kernel) => {
  const image = blank(300, 2, 0xff102030)
  t.deepEqual([...kernel.palette(image)!], [0x102030])
  const words = new Uint32Array(image.pixels.buffer)
  words.set(
    Array.from({ length: 255 }, (_, n) => n * 0x010101),
    40,
  )
  const palette = kernel.palette(image)!
  t.is(palette.length, 256)
  t.deepEqual([...palette.subarray(0, 4)], [0x102030, 0, 0x010101, 0x020202])
  words[599] = 0xabcdef
  t.is(kernel.palette(image), undefined)
})

each('one colour, whatever the fourth bytes are', (t, kernel) => {
  const image = blank(33, 70, 0x7f123456)
  image.pixels[7] = 3
  t.is(kernel.solidColour(image), 0x123456)
  image.pixels[image.pixels.length - 2]! ^= 1
  t.is(kernel.solidColour(image), undefined)
})

each('alpha: all, nothing, some', (t, kernel) => {
  const image = blank(31, 67, 0xff000000)
  t.is(kernel.alphaKind(image), 'opaque')
  image.pixels[image.pixels.length - 1] = 254
  t.is(kernel.alphaKind(image), 'mixed')
  t.is(kernel.alphaKind(blank(31, 67, 0xffffff)), 'transparent')
  t.is(kernel.alphaKind(blank(31, 67, 0x80ffffff)), 'mixed')
})

each('colours of 16 bits reach black and white', (t, kernel) => {
  const out = new Uint8Array(12)
  const pixels = Uint8Array.of(0, 0, 0xff, 0xff, 0x21, 0x04)
  kernel.fromRgb16({ pixels, width: 3, height: 1, stride: 6 }, out)
  t.deepEqual([...out], [0, 0, 0, 0, 255, 255, 255, 0, 8, 8, 8, 0])
})

each('order of the three bytes', (t, kernel) => {
  const image: FramePixels = { pixels: Uint8Array.of(1, 2, 3, 9, 4, 5, 6, 9), width: 2, height: 1, stride: 8 }
  const out = new Uint8Array(6)
  kernel.toBgr24(image, out)
  t.deepEqual([...out], [1, 2, 3, 4, 5, 6])
  kernel.toRgb24(image, out)
  t.deepEqual([...out], [3, 2, 1, 6, 5, 4])
})

each('half transparent colours', (t, kernel) => {
  const out = new Uint8Array(8)
  const image: FramePixels = {
    pixels: Uint8Array.of(255, 100, 0, 128, 9, 9, 9, 0),
    width: 2,
    height: 1,
    stride: 8,
  }
  kernel.premultiply(image, out)
  t.deepEqual([...out], [128, 50, 0, 128, 0, 0, 0, 0])
  kernel.unpremultiply({ ...image, pixels: out.slice() }, out)
  t.deepEqual([...out], [255, 100, 0, 128, 0, 0, 0, 0])
  // more colour than alpha allows, as a hostile cursor may have
  kernel.unpremultiply({ ...image, pixels: Uint8Array.of(255, 1, 0, 1, 7, 7, 7, 0) }, out)
  t.deepEqual([...out], [255, 255, 0, 1, 0, 0, 0, 0])
})

const SCORES = [
  ['photo', 650, 1000],
  ['painting', 650, 1000],
  ['film, panned', 650, 1000],
  ['desktop', 300, PHOTO_SCORE - 1],
  ['terminal', 0, 300],
  ['spreadsheet', 0, 300],
  ['dashboard', 0, 300],
  ['gradient', 0, 300],
  ['noise', 0, 300],
] as const

test('the score tells photos from screens', (t) => {
  for (const [name, least, most] of SCORES) {
    const { image } = benchFrames(name)[0]!
    const [score, plain] = KERNELS.map((kernel) => kernel.photoScore(image)) as [number, number]
    t.is(score, plain)
    t.true(score >= least && score <= most, `${name}: ${score}`)
    t.is(score >= PHOTO_SCORE, least > PHOTO_SCORE, name)
  }
})

each('a score of next to nothing', (t, kernel) => {
  t.is(kernel.photoScore(blank(1, 1)), 0)
  t.is(kernel.photoScore(blank(1, 900)), 0)
})

each('what is not a whole picture is refused', (t, kernel) => {
  const good = blank(10, 10)
  const refused = (use: () => void): void => {
    const error = t.throws(use, { instanceOf: SidecarError })
    t.is(error.code, 'SIDECAR_BUG')
  }
  for (const bad of [
    { ...good, width: 0 },
    { ...good, height: -1 },
    { ...good, width: 1.5 },
    { ...good, height: Number.NaN },
    { ...good, stride: 39 },
    { ...good, height: 11 },
    { ...good, pixels: good.pixels.subarray(1) },
    { ...good, stride: 2 ** 53 },
    blank(MAX_FRAME_WIDTH + 1, 1),
  ]) {
    refused(() => kernel.compare(good, bad))
    refused(() => kernel.compare(bad, bad))
    refused(() => kernel.hashTiles(bad, new BigUint64Array(300)))
    refused(() => kernel.palette(bad))
    refused(() => kernel.solidColour(bad))
    refused(() => kernel.alphaKind(bad))
    refused(() => kernel.photoScore(bad))
    refused(() => kernel.toBgr24(bad, new Uint8Array(1e5)))
  }
  refused(() => kernel.compare(good, blank(10, 9)))
  refused(() => kernel.hashTiles(blank(65, 65), new BigUint64Array(3)))
  refused(() => kernel.toBgr24(good, new Uint8Array(299)))
  refused(() => kernel.premultiply(good, new Uint8Array(399)))
  refused(() => void createFrameKernel({ key: new Uint8Array(KEY_BYTES - 1) }))
})

each('the widest picture', (t, kernel) => {
  const [before, after] = [blank(MAX_FRAME_WIDTH, 65), blank(MAX_FRAME_WIDTH, 65)]
  put(after, MAX_FRAME_WIDTH - 1, 64)
  put(after, 0, 0)
  t.deepEqual(kernel.compare(before, after).boxes, [
    rectOf(0, 0, 1, 1),
    rectOf(MAX_FRAME_WIDTH - 1, 64, 1, 1),
  ])
})
