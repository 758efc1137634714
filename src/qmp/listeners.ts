/** Functions that are called with each value; each may take itself or others out while it is called. */
export class Listeners<T> {
  readonly #listeners = new Set<{ readonly call: (value: T) => void }>()

  /** The result takes it out again. */
  add(listener: (value: T) => void): () => void {
    const entry = { call: listener }
    this.#listeners.add(entry)
    return () => void this.#listeners.delete(entry)
  }

  call(value: T): void {
    for (const listener of [...this.#listeners]) {
      listener.call(value)
    }
  }
}
