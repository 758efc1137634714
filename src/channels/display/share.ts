import type { EncodeLane, GlzLedger } from '../../codecs/index.js'

/** What display channels need of the coders (`src/codecs/pool`). */
export interface Encoders {
  /** Libraries that are there. */
  readonly available: { readonly lz4: boolean; readonly jpeg: boolean }
  /** Bands that pay for an image of so many pixels. */
  bandsFor(pixels: number): number
  /** Starts a worker for jobs that are about to come. */
  warmUp(): void
  lane<Tag>(owner: number, ready: () => void): EncodeLane<Tag>
  openDictionary(windowPixels: number, nextImage?: number): number
  closeDictionary(dictionary: number): void
  newLedger(nextImage: number): GlzLedger
  /** Is a rectangle more a photo than a screen? */
  isPhoto(image: {
    readonly pixels: Uint8Array
    readonly width: number
    readonly height: number
    readonly stride: number
  }): boolean
}

/** A GLZ dictionary of a client. */
export interface ClientDictionary {
  /** Number at the coders. */
  readonly number: number
  readonly windowPixels: number
  readonly ledger: GlzLedger
}

/** Dictionaries that one client may open: one for each id that its display channels name. */
const MAX_DICTIONARIES = 4

let lastOwner = 0

/** What the display channels of one client have in common: its GLZ dictionaries, by the ids that it chose. */
export class DisplayShare {
  /** Who pays at the coders. */
  readonly owner: number
  readonly #encoders: Encoders
  readonly #dictionaries = new Map<number, ClientDictionary>()

  constructor(encoders: Encoders) {
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
   * @returns `undefined` when the client wants none, or too many
   */
  dictionary(id: number, windowPixels: number, nextImage: number): ClientDictionary | undefined {
    const known = this.#dictionaries.get(id)
    if (known !== undefined || windowPixels === 0 || this.#dictionaries.size >= MAX_DICTIONARIES) {
      return known
    }
    const opened = {
      number: this.#encoders.openDictionary(windowPixels, nextImage),
      windowPixels,
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
  }
}
