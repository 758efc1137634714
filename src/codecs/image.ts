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
  readonly name: 'lz' | 'quic' | 'glz' | 'lz4' | 'jpeg' | 'jpeg-alpha'
  readonly lossless: boolean
  /**
   * Part of the encoder's own memory, for its input. Packed pixels that a caller puts there and gives as `pixels` (the
   * same buffer and offset) are coded where they lie, any other are copied in; coding leaves what lies there as it is.
   */
  readonly staging?: Uint8Array | undefined
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

/** An encoder that also works on other threads, for images too large to hold up the event loop. */
export interface AsyncImageEncoder extends ImageEncoder {
  /** Up to this many pixels `encode` is over sooner than a turn of the event loop may take (about 0.3 ms). */
  readonly inlinePixels: number
  /**
   * As `encode`, on another thread; any number at once. The pixels are read where they lie: until this settles the caller
   * neither changes them nor gives their memory away. `out` is written at the end, on the caller's thread.
   *
   * @throws SidecarError SIDECAR_LIMIT when too many wait, SIDECAR_PEER_GONE once closed
   */
  encodeAsync(image: Image, out: Uint8Array): Promise<number>
  /** Gives back memory that no call in flight uses. */
  trim(): void
  /** Calls in flight end, those that wait are refused, everything is given back. Callable any number of times. */
  close(): Promise<void>
}
