import type { Image, ImageEncoder } from '../src/codecs/image.js'
import { createGlzEncoder, GlzDecoder, GlzDictionary } from '../src/codecs/glz/index.js'
import { createLzEncoder, decodeLz } from '../src/codecs/lz/index.js'
import { createQuicEncoder, decodeQuic } from '../src/codecs/quic/index.js'
import type { Reference, ReferenceGlz } from './codecs-reference.js'

/** In the order of the columns. */
export const SIDES = ['oracle', 'C', 'kernel'] as const
export type Side = (typeof SIDES)[number]

/** One encoder on trial. */
export interface Contestant {
  readonly side: Side
  /** Starts with an empty dictionary, for codecs that have one. */
  readonly restart?: () => void
  /** Lays the pixels where the encoder wants them, outside of the time: what the product's own copy of them does. */
  readonly stage?: (image: Image) => Image
  /** @returns bytes written */
  readonly encode: (image: Image, out: Uint8Array) => number
}

export interface Codec {
  readonly name: string
  readonly contestants: readonly Contestant[]
  /** Sides that are not there, and why. */
  readonly missing: readonly string[]
  /** Images are coded in order, each with the help of those before. */
  readonly dictionary: boolean
  /** Pixels, packed, or a word on what is wrong. A dictionary's images come in order, `first` starts anew. */
  readonly verify: (side: Side, coded: Uint8Array, image: Image, first: boolean) => string | undefined
  /** Every side must write the same bytes. */
  readonly identical: boolean
}

export const WINDOW_PIXELS = 16 * 1024 * 1024
const MAX_FRAME = 2048 * 2048

const samePixels = (pixels: Uint8Array | undefined, image: Image): string | undefined =>
  pixels !== undefined && Buffer.compare(pixels, image.pixels) === 0 ? undefined : 'other pixels'

type Make = (options: { readonly maxPixels: number; readonly kernel: 'auto' | 'off' }) => ImageEncoder

/** The plain encoder and the kernel's. */
const ours = (make: Make): Contestant[] =>
  (['off', 'auto'] as const).map((kernel) => {
    const encoder = make({ maxPixels: MAX_FRAME, kernel })
    return {
      side: kernel === 'off' ? 'oracle' : 'kernel',
      encode: (image, out) => encoder.encode(image, out),
    }
  })

const missing = (contestants: readonly Contestant[]): string[] =>
  SIDES.filter((side) => !contestants.some((contestant) => contestant.side === side))

function quic(reference: Reference | undefined): Codec {
  const contestants = ours(createQuicEncoder)
  if (reference !== undefined) {
    contestants.push({ side: 'C', encode: reference.quicEncode })
  }
  return {
    name: 'quic',
    dictionary: false,
    identical: true,
    contestants,
    missing: missing(contestants),
    verify: (_, coded, image) =>
      samePixels(decodeQuic(coded, MAX_FRAME).pixels, image) ??
      (reference === undefined
        ? undefined
        : samePixels(reference.quicDecode(coded, image.width, image.height), image)),
  }
}

function lz(reference: Reference | undefined): Codec {
  const contestants = ours(createLzEncoder)
  if (reference !== undefined) {
    contestants.push({ side: 'C', encode: reference.lzEncode })
  }
  return {
    name: 'lz',
    dictionary: false,
    identical: false,
    contestants,
    missing: missing(contestants),
    verify: (_, coded, image) =>
      samePixels(decodeLz(coded, MAX_FRAME).pixels, image) ??
      (reference === undefined
        ? undefined
        : samePixels(reference.lzDecode(coded, image.width, image.height), image)),
  }
}

function ownGlz(kernel: 'auto' | 'off', copying: boolean): Contestant {
  const options = { windowPixels: WINDOW_PIXELS, maxPixels: MAX_FRAME, startId: 0, kernel }
  let dictionary: GlzDictionary | undefined
  let encoder: ImageEncoder | undefined
  return {
    side: kernel === 'off' ? 'oracle' : 'kernel',
    restart: () => {
      dictionary?.close()
      dictionary = new GlzDictionary(options)
      encoder = createGlzEncoder(dictionary, 0)
    },
    stage: (image) => {
      const staging = copying ? undefined : dictionary?.staging
      staging?.set(image.pixels)
      return staging === undefined ? image : { ...image, pixels: staging.subarray(0, image.pixels.length) }
    },
    encode: (image, out) => encoder?.encode(image, out) ?? -1,
  }
}

function referenceGlz(reference: Reference): Contestant {
  let dictionary: ReferenceGlz | undefined
  return {
    side: 'C',
    restart: () => {
      dictionary?.free()
      dictionary = reference.glz(WINDOW_PIXELS)
    },
    encode: (image, out) => dictionary?.encode(image, out) ?? -1,
  }
}

/** @param copying whether the copy of the pixels into the dictionary is part of the time; C refers to them where they are */
const glz =
  (copying: boolean) =>
  (reference: Reference | undefined): Codec => {
    const contestants = [ownGlz('off', copying), ownGlz('auto', copying)]
    if (reference !== undefined) {
      contestants.push(referenceGlz(reference))
    }
    const decoders = new Map<Side, GlzDecoder>()
    return {
      name: copying ? 'glz, copy included' : 'glz',
      dictionary: true,
      identical: false,
      contestants,
      missing: missing(contestants),
      verify: (side, coded, image, first) => {
        const decoder =
          (first ? undefined : decoders.get(side)) ??
          new GlzDecoder({ maxPixels: MAX_FRAME, windowPixels: WINDOW_PIXELS })
        decoders.set(side, decoder)
        const decoded = decoder.decode(coded)
        return decoded.done ? samePixels(decoded.image.pixels, image) : 'waits for an image that never comes'
      },
    }
  }

export const CODECS = { quic, lz, glz: glz(false), 'glz-copy': glz(true) } as const satisfies Record<
  string,
  (reference: Reference | undefined) => Codec
>
