import { FrameStore } from './frame-store.js'

const SMALLEST = 1024 * 1024

/** Memory kept for later; as many stores can be in use at once: shown, about to be, and the one being filled. */
const KEPT = 3

/** The next power of two: a guest that grows its screen pixel by pixel gets the same memory again and again. */
const capacityFor = (bytes: number): number => {
  let capacity = SMALLEST
  while (capacity < bytes) {
    capacity *= 2
  }
  return capacity
}

/**
 * Memory of a console's frame stores. Shared memory that was dropped is only given back when both threads have
 * collected their garbage, and neither is in a hurry to: a guest that changes its mode in a loop would make us grow by
 * gigabytes. So stores that nobody reads any more are used again.
 */
export class FramePool {
  readonly #handled: () => boolean
  readonly #free: SharedArrayBuffer[] = []
  /** The store that the main thread was told of last, and the one before, which it may still read. */
  #shown: FrameStore | undefined
  #leaving: FrameStore | undefined

  /** @param handled whether the main thread has dealt with the last update that it was sent */
  constructor(handled: () => boolean) {
    this.#handled = handled
  }

  /**
   * A store whose pixels are anything: the caller fills all of it before it shows it.
   *
   * @throws RangeError when there is no memory
   */
  take(generation: number, width: number, height: number): FrameStore {
    if (this.#handled()) {
      this.#releaseLeaving()
    }
    const bytes = width * height * 4
    const at = this.#free.findIndex((memory) => memory.byteLength >= bytes)
    const [memory] = at < 0 ? [] : this.#free.splice(at, 1)
    return new FrameStore(generation, width, height, memory ?? new SharedArrayBuffer(capacityFor(bytes)))
  }

  /** The main thread has never heard of this store, or will never read it again. */
  release(store: FrameStore): void {
    this.#free.push(store.memory)
    this.#free.sort((a, b) => a.byteLength - b.byteLength)
    if (this.#free.length > KEPT) {
      this.#free.shift()
    }
  }

  /** An update with this frame, or none, goes to the main thread, which has handled the one before. */
  told(store: FrameStore | null): void {
    this.#releaseLeaving()
    this.#leaving = this.#shown
    this.#shown = store ?? undefined
  }

  #releaseLeaving(): void {
    if (this.#leaving !== undefined) {
      this.release(this.#leaving)
      this.#leaving = undefined
    }
  }
}
