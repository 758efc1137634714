import test from 'ava'
import fc from 'fast-check'
import type { Image } from '../../src/codecs/image.js'
import {
  GlzDecoder,
  GlzDictionary,
  GlzLedger,
  glzMaxEncodedSize,
  type GlzCoded,
  type GlzWaiting,
} from '../../src/codecs/glz/index.js'
import { GLZ_TYPES, type GlzFormat } from '../../src/codecs/glz/glz-format.js'
import { canonical, GLZ_FORMATS, moved, randomFrom, samePixels } from '../unit/codecs/glz/images.js'

const NUM_RUNS = 150
const MAX_PIXELS = 1 << 16

const CONTENTS = ['noise', 'runs', 'text', 'gradient', 'solid'] as const
type Content = (typeof CONTENTS)[number]

const colourAt = (content: Content, x: number, y: number, random: (below: number) => number): number => {
  switch (content) {
    case 'noise':
      return random(2 ** 24) * 257
    case 'gradient':
      return (x * 3) | ((y * 5) << 8) | ((x + y) << 16) | ((x * 9) << 24)
    case 'text':
      return ((x * 7 + (y >> 2) * 13) ^ (x >> 1)) % 5 === 0 ? 0xff000000 : 0xffffffff
    case 'runs':
      return ((x >> 4) + y) % 7 === 0 ? 0x80402010 : ((y >> 1) * 0x3b9aca07) | 0
    case 'solid':
      return 0x7fc08040
  }
}

interface Draft {
  readonly format: GlzFormat
  readonly size: readonly [width: number, height: number]
  readonly padding: number
  readonly topDown: boolean
  readonly content: Content
  readonly seed: number
}

const draw = ({ format, size: [width, height], padding, topDown, content, seed }: Draft): Image => {
  const step = GLZ_TYPES[format].pixelBytes
  const stride = width * step + padding
  const pixels = new Uint8Array(stride * height - padding)
  const random = randomFrom(seed)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const colour = colourAt(content, x, y, random)
      for (let k = 0; k < step; k++) {
        pixels[y * stride + x * step + k] = colour >> (k * 8)
      }
    }
  }
  return { format, width, height, stride, topDown, pixels }
}

const size = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(4095, 4096), fc.integer({ min: 1, max: 3 })) },
  { weight: 1, arbitrary: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom(255, 1024)) },
)

const image = (formats: readonly GlzFormat[] = GLZ_FORMATS): fc.Arbitrary<Image> =>
  fc
    .record({
      format: fc.constantFrom(...formats),
      size,
      padding: fc.constantFrom(0, 0, 1, 4, 7),
      topDown: fc.boolean(),
      content: fc.constantFrom(...CONTENTS),
      seed: fc.nat(5),
    })
    .map(draw)

const kernel = fc.constantFrom('auto', 'off')

const outFor = ({ format, width, height }: Image): Uint8Array =>
  new Uint8Array(glzMaxEncodedSize(format as GlzFormat, width * height))

interface Sent extends GlzCoded {
  readonly bytes: Uint8Array
  readonly image: Image
}

const code = (dictionary: GlzDictionary, source: Image, channel = 0): Sent => {
  const out = outFor(source)
  const coded = dictionary.encode(source, out, channel)
  if (coded === undefined) {
    throw new Error('the longest size was not enough')
  }
  return { ...coded, bytes: out.slice(0, coded.size), image: canonical(source) }
}

test('images in a row decode to their pixels, whatever format, stride and row order', (t) => {
  fc.assert(
    fc.property(fc.array(image(), { minLength: 1, maxLength: 8 }), kernel, (images, mode) => {
      const options = { windowPixels: 30_000, maxPixels: MAX_PIXELS, startId: 0 }
      const dictionary = new GlzDictionary({ ...options, kernel: mode })
      const decoder = new GlzDecoder(options)
      return images.every((source) => {
        const { bytes, image: expected } = code(dictionary, source)
        const decoded = decoder.decode(bytes)
        return (
          decoded.done && samePixels(decoded.image, expected) && decoder.keptPixels <= options.windowPixels
        )
      })
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('a picture that moves decodes to its pixels, with and without a hint', (t) => {
  const shift = fc.integer({ min: -9, max: 9 })
  fc.assert(
    fc.property(image(), fc.array(fc.tuple(shift, shift, fc.boolean()), { maxLength: 5 }), (first, steps) => {
      const options = { windowPixels: 60_000, maxPixels: MAX_PIXELS, startId: 0 }
      const dictionary = new GlzDictionary(options)
      const decoder = new GlzDecoder(options)
      let picture = canonical(first)
      const out = outFor(picture)
      return [[0, 0, false] as const, ...steps].every(([x, y, hinted]) => {
        const [dx, dy] = [x % picture.width, y % picture.height]
        picture = moved(picture, picture, dx, dy)
        const coded = dictionary.encode(picture, out, 0, hinted ? { dx, dy } : undefined)
        const decoded = decoder.decode(out.slice(0, coded?.size))
        return decoded.done && samePixels(decoded.image, picture)
      })
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('the result is undefined exactly when the output is too short, and nothing is written past it', (t) => {
  fc.assert(
    fc.property(image(), image(), fc.integer({ min: -40, max: 3 }), kernel, (before, source, slack, mode) => {
      const options = { windowPixels: 60_000, maxPixels: MAX_PIXELS, startId: 0, kernel: mode }
      const [one, other] = [new GlzDictionary(options), new GlzDictionary(options)]
      code(one, before)
      code(other, before)
      const { size: length, bytes } = code(one, source)
      const room = Math.max(0, length + slack)
      const memory = new Uint8Array(room + 80).fill(0x5a)
      const coded = other.encode(source, memory.subarray(0, room), 0)
      const clean = memory.subarray(room).every((byte) => byte === 0x5a)
      const same = coded === undefined || Buffer.compare(memory.subarray(0, coded.size), bytes) === 0
      return clean && same && (coded === undefined) === room < length && other.nextId === (coded ? 2 : 1)
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

interface Message {
  readonly serial: number
  readonly waits: readonly { readonly channelId: number; readonly serial: number }[]
  readonly sent: Sent
}

/** Codes images on their channels, as a sender would: waits first, each message numbered as it is made. */
const conversation = (
  dictionary: GlzDictionary,
  images: readonly (readonly [Image, number])[],
): Message[][] => {
  const ledger = new GlzLedger(0)
  const channels: Message[][] = [[], [], [], []]
  const serials = [10, 2000, 300, 1]
  for (const [source, channel] of images) {
    const sent = code(dictionary, source, channel)
    const waits = ledger.waitsFor(sent, channel)
    serials[channel] = serials[channel]! + (waits.length > 0 ? 2 : 1)
    ledger.sent(sent, channel, serials[channel])
    channels[channel]!.push({ serial: serials[channel], waits, sent })
  }
  return channels
}

const MIXED = fc.array(fc.tuple(image(['rgb32', 'rgba', 'rgb16']), fc.nat(3)), {
  minLength: 2,
  maxLength: 14,
})
const OPTIONS = { windowPixels: 6000, maxPixels: 5000, startId: 0 }
const small = (images: readonly (readonly [Image, number])[]): (readonly [Image, number])[] =>
  images.filter(([{ width, height }]) => width * height <= OPTIONS.maxPixels)

test('channels that obey the waits can be read in any order: no image ever has to wait for another', (t) => {
  fc.assert(
    fc.property(MIXED, kernel, fc.array(fc.nat(3), { maxLength: 60 }), (images, mode, order) => {
      const channels = conversation(new GlzDictionary({ ...OPTIONS, kernel: mode }), small(images))
      const decoder = new GlzDecoder({ ...OPTIONS, windowPixels: 1 << 20 })
      const done = [0, 0, 0, 0]
      const handled = [0, 0, 0, 0]
      const step = (channel: number): boolean => {
        const message = channels[channel]![done[channel]!]
        if (message?.waits.some(({ channelId, serial }) => handled[channelId]! < serial) !== false) {
          return false
        }
        const decoded = decoder.decode(message.sent.bytes)
        if (!decoded.done || !samePixels(decoded.image, message.sent.image)) {
          throw new Error(`image ${message.sent.imageId} does not decode`)
        }
        done[channel] = done[channel]! + 1
        handled[channel] = message.serial
        return true
      }
      for (const channel of order) {
        step(channel)
      }
      while ([0, 1, 2, 3].some(step)) {
        /* Until nobody gets any further. */
      }
      return channels.every((messages, channel) => done[channel] === messages.length)
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})

test('a decoder that does not know of waits suspends images until what they refer to has come', (t) => {
  fc.assert(
    fc.property(MIXED, fc.infiniteStream(fc.nat()), (images, picks) => {
      const channels = conversation(new GlzDictionary(OPTIONS), small(images))
      const decoder = new GlzDecoder({ ...OPTIONS, windowPixels: 1 << 20 })
      const waiting: (GlzWaiting | undefined)[] = []
      const done = [0, 0, 0, 0]
      const open = (): number[] =>
        [0, 1, 2, 3].filter((channel) => done[channel]! < channels[channel]!.length)
      for (let turns = 0; open().length > 0; turns++) {
        const channel = open()[picks.next().value! % open().length]!
        const decoded =
          waiting[channel]?.resume() ?? decoder.decode(channels[channel]![done[channel]!]!.sent.bytes)
        waiting[channel] = decoded.done ? undefined : decoded
        if (decoded.done) {
          if (!samePixels(decoded.image, channels[channel]![done[channel]!]!.sent.image)) {
            return false
          }
          done[channel] = done[channel]! + 1
        }
        if (turns > 2000) {
          throw new Error('the channels wait for each other')
        }
      }
      return decoder.keptPixels <= OPTIONS.windowPixels
    }),
    { numRuns: NUM_RUNS },
  )
  t.pass()
})
