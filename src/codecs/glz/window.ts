import { GLZ_MAX_IMAGES } from './coder.js'

/**
 * The sender's side of the window (codecs.md 3.4): which images a receiver is sure to hold. Images count by sequence
 * number, their pixels are someone else's matter.
 */
export class GlzWindow {
  readonly capacity: number
  /** Pixels of each image, by sequence number modulo the length; as long as there are images to tell apart. */
  readonly #sizes = new Float64Array(GLZ_MAX_IMAGES)
  #first = 0
  #next = 0
  #pixels = 0

  /** @param capacity pixels, as the client asked */
  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** Oldest image in the window; equal to {@link next} when there is none. */
  get first(): number {
    return this.#first
  }

  /** Sequence number of the image to come. */
  get next(): number {
    return this.#next
  }

  /** Sum of the sizes in the window. */
  get pixels(): number {
    return this.#pixels
  }

  /** Drops what has to go before an image of `pixels`, below the capacity, can come. */
  makeRoom(pixels: number): void {
    while (
      this.#first < this.#next &&
      (this.#pixels + pixels > this.capacity || this.#next - this.#first >= GLZ_MAX_IMAGES - 1)
    ) {
      this.#pixels -= this.#sizes[this.#first % GLZ_MAX_IMAGES] ?? 0
      this.#first++
    }
  }

  /** Drops all images. */
  clear(): void {
    this.#first = this.#next
    this.#pixels = 0
  }

  /** Appends the image for which room was made. */
  append(pixels: number): void {
    this.#sizes[this.#next % GLZ_MAX_IMAGES] = pixels
    this.#pixels += pixels
    this.#next++
  }
}
