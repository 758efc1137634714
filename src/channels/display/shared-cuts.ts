import { area, contains, type Rect } from '../../core/region.js'

interface Cut {
  readonly box: Rect
  /** Of the picture there, when it was cut. */
  readonly version: number
  readonly owner: number
}

/** Cuts that are remembered, of all clients. */
const MAX_CUTS = 256

/** A cut is followed though it is that much larger than one's own line asks for, or smaller. */
const LARGER = 2
const SMALLER = 1 / 2

/**
 * Where clients cut what they hand to the coders. Each cuts by what its line carries; two whose lines are about alike cut in the
 * same places if the second follows the first, and so get the same images, which are coded once.
 */
export class SharedCuts {
  readonly #cuts = new Map<string, Cut>()

  /** A client cut `box` off the top left of what it had to send. */
  note(console: number, box: Rect, version: number, owner: number): void {
    const key = keyOf(console, box)
    this.#cuts.delete(key)
    this.#cuts.set(key, { box, version, owner })
    if (this.#cuts.size > MAX_CUTS) {
      const [oldest = key] = this.#cuts.keys()
      this.#cuts.delete(oldest)
    }
  }

  /**
   * @param rect what a client has to send
   * @param mostPixels what it would cut off at most
   * @param versionOf version of the picture in a rectangle
   * @returns what another client cut off there, if the picture is still the same; `undefined`: none
   */
  find(
    console: number,
    rect: Rect,
    mostPixels: number,
    owner: number,
    versionOf: (box: Rect) => number,
  ): Rect | undefined {
    const cut = this.#cuts.get(keyOf(console, rect))
    if (cut === undefined || cut.owner === owner || !contains(rect, cut.box)) {
      return undefined
    }
    const pixels = area(cut.box)
    const own = Math.min(mostPixels, area(rect))
    const isAlike = pixels <= LARGER * own && pixels >= SMALLER * own
    return isAlike && versionOf(cut.box) === cut.version ? cut.box : undefined
  }
}

const keyOf = (console: number, { left, top }: Rect): string => `${console} ${left} ${top}`
