import type { CodedImage, EncodeLane, GlzLedger, VideoCodec, VideoFormat } from '../../codecs/index.js'
import type { Counter } from '../../core/metrics.js'
import type { LineFacts } from '../main/index.js'
import type { SharedCuts } from './shared-cuts.js'
import { PixmapCaches } from './pixmap-caches.js'

/** Rectangles of more pixels go without a palette: they are coded in other threads. */
export const MAX_PALETTE_PIXELS = 64 * 1024

/** A rectangle of a frame: its first row begins at the first byte. */
export interface Pixels {
  readonly pixels: Uint8Array
  readonly width: number
  readonly height: number
  /** Bytes from row to row. */
  readonly stride: number
}

/** What display channels need of the coders (`src/codecs/pool`). */
export interface Encoders {
  /** Libraries that are there; asking for video loads a large one, so only for a client and a setting that would use it. */
  readonly available: {
    readonly lz4: boolean
    readonly jpeg: boolean
    /** MJPEG is `jpeg`. */
    readonly video: readonly VideoCodec[]
  }
  /** Bands that pay for an image of so many pixels. */
  bandsFor(pixels: number): number
  /** Starts a worker for jobs that are about to come. */
  warmUp(): void
  /** More than one client has lanes, so that what is coded may be wanted twice. */
  sharing(): boolean
  /** Of all clients. */
  readonly cuts: SharedCuts
  lane<Tag>(owner: number, ready: () => void): EncodeLane<Tag>
  openDictionary(windowPixels: number, nextImage?: number): number
  closeDictionary(dictionary: number): void
  /** A video stream, for jobs of the lane; `undefined`: none now, by the machine, the size or a limit. */
  openVideo(format: VideoFormat): number | undefined
  closeVideo(stream: number): void
  /** An image in one piece; copies only what was coded in bands. */
  join(image: CodedImage): Uint8Array
  newLedger(nextImage: number): GlzLedger
  /** Is a rectangle more a photo than a screen? */
  isPhoto(image: Pixels): boolean
  /** Hashes tiles of 64 pixels, row by row; the key is the same for all of the process. */
  hashTiles(image: Pixels, out: BigUint64Array): void
  /** The colour, 0x00RRGGBB, of a rectangle of one colour. */
  solidColour(image: Pixels): number | undefined
  /** The colours of a rectangle, 0x00RRGGBB; `undefined` for more than 256. */
  palette(image: Pixels): Uint32Array | undefined
  /**
   * Codes a rectangle of at most {@link MAX_PALETTE_PIXELS} as an LZ image of indexes into a palette of 0x00RRGGBB.
   *
   * @returns bytes that hold until the next call; `undefined`: it has a colour that is not in the palette
   */
  encodePalette(image: Pixels, colours: readonly number[]): Uint8Array | undefined
  /** Bytes of a rectangle of at most {@link MAX_PALETTE_PIXELS} as an LZ image without a palette. */
  lzSize(image: Pixels): number
}

/** A GLZ dictionary of a client. */
export interface ClientDictionary {
  /** Number at the coders. */
  readonly number: number
  readonly windowPixels: number
  readonly ledger: GlzLedger
}

/** Bytes of a pixel in a window. */
const PIXEL_BYTES = 4

const UNKNOWN_LINE: LineFacts = { roundTripMs: undefined, bitsPerSecond: undefined, lowBandwidth: false }

let lastOwner = 0

/** What the display channels of one client have in common: its GLZ dictionaries and pixmap caches, by the ids that it chose. */
export class DisplayShare {
  /** Who pays at the coders. */
  readonly owner: number
  readonly pixmaps = new PixmapCaches()
  readonly #encoders: Encoders
  readonly #dictionaries = new Map<number, ClientDictionary>()
  #windowBytes: number
  readonly #limitHits: Counter

  /** What the line to the client is like, as far as is known by now. */
  readonly line: () => LineFacts

  /** @param windowBytes memory that GLZ windows of the client may take in all (threat model L-mem-client) */
  constructor(
    encoders: Encoders,
    windowBytes: number,
    limitHits: Counter,
    line = (): LineFacts => UNKNOWN_LINE,
  ) {
    this.line = line
    this.#windowBytes = windowBytes
    this.#limitHits = limitHits
    lastOwner += 1
    this.owner = lastOwner
    this.#encoders = encoders
    encoders.warmUp()
  }

  /**
   * The dictionary with the id and window that a channel's INIT named; of channels that name the same id the first sets the
   * window (`protocol-display.md` section 6).
   *
   * @param nextImage id that its next image has, for a channel that was restored
   * A smaller window than the client offers is always good: it keeps what the images say.
   *
   * @returns `undefined` when the client wants none, or there is no memory left for it
   */
  dictionary(id: number, windowPixels: number, nextImage: number): ClientDictionary | undefined {
    const known = this.#dictionaries.get(id)
    if (known !== undefined || windowPixels === 0) {
      return known
    }
    const room = Math.floor(this.#windowBytes / PIXEL_BYTES)
    if (windowPixels > room) {
      this.#limitHits.add(1, { limit: 'memory-client' })
    }
    const size = Math.min(windowPixels, room)
    if (size === 0) {
      return undefined
    }
    this.#windowBytes -= size * PIXEL_BYTES
    const opened = {
      number: this.#encoders.openDictionary(size, nextImage),
      windowPixels: size,
      ledger: this.#encoders.newLedger(nextImage),
    }
    this.#dictionaries.set(id, opened)
    return opened
  }

  /** The client is gone. */
  close(): void {
    for (const { number } of this.#dictionaries.values()) {
      this.#encoders.closeDictionary(number)
    }
    this.#dictionaries.clear()
    this.pixmaps.close()
  }
}
