/** Pixel layouts of `codecs.md` section 1. */
export type PixelFormat =
  | 'plt1-le'
  | 'plt1-be'
  | 'plt4-le'
  | 'plt4-be'
  | 'plt8'
  | 'a8'
  | 'rgb16'
  | 'rgb24'
  | 'rgb32'
  | 'rgba'
  | 'xxxa'

/** Pixels to encode, or decoded ones. */
export interface Image {
  readonly format: PixelFormat
  /** Pixels. */
  readonly width: number
  readonly height: number
  /** Bytes from row to row; at least the packed row size of the format. */
  readonly stride: number
  /** First row in memory is the top row. */
  readonly topDown: boolean
  /** At least `stride * (height - 1)` plus one packed row. */
  readonly pixels: Uint8Array
}

/**
 * One image codec, pure and synchronous. Scratch memory belongs to the encoder, so one encoder serves one thread.
 */
export interface ImageEncoder {
  readonly name: 'lz' | 'quic' | 'glz' | 'lz4' | 'jpeg'
  readonly lossless: boolean
  /** Can this image be coded at all (format, size, stride). */
  accepts(image: Image): boolean
  /**
   * Codes `image` into `out`, header included.
   *
   * @returns bytes written, or -1 when the result would not fit into `out`: give `out` the size of the raw bitmap to
   * get the rule "raw when coding does not pay" (`protocol-display.md` section 15)
   */
  encode(image: Image, out: Uint8Array): number
}

/**
 * An encoder whose output can be put together from bands of whole rows, coded one after the other: what a large picture
 * costs is then spread over as many turns as there are bands.
 */
export interface BandedEncoder extends ImageEncoder {
  /** Bytes in front of the first band. */
  readonly headerSize: number
  /** Writes the header of the whole image, whose pixels are not looked at. */
  writeHeader(image: Image, out: Uint8Array): void
  /**
   * Codes the rows of `band` into `out`, without a header.
   *
   * @returns bytes written, or -1 when the result would not fit
   */
  encodeBand(band: Image, out: Uint8Array): number
}
