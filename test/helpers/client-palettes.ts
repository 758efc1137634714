import type { PaletteOrId } from '../../src/protocol/index.js'

/** Palettes that a client keeps for a channel (`protocol-display.md` 13). */
const MAX_PALETTES = 128

/** The palette cache of a channel. Stricter than stock clients, which hide a server's mistakes. */
export class PaletteCache {
  readonly #kept = new Map<bigint, readonly number[]>()

  get ids(): readonly bigint[] {
    return [...this.#kept.keys()]
  }

  /** The colours of an image, which join the cache when the server says so. */
  take({ id, colours, keep }: PaletteOrId): readonly number[] {
    const found = colours ?? this.#kept.get(id)
    if (found === undefined) {
      throw new Error(`palette ${id} is not in the cache`)
    }
    if (keep) {
      this.#add(id, found)
    }
    return found
  }

  remove(id: bigint): void {
    if (!this.#kept.delete(id)) {
      throw new Error(`palette ${id} is dropped and was not in the cache`)
    }
  }

  clear(): void {
    this.#kept.clear()
  }

  #add(id: bigint, colours: readonly number[]): void {
    if (id === 0n || this.#kept.has(id)) {
      throw new Error(`palette ${id} is in the cache already, or no id`)
    }
    this.#kept.set(id, colours)
    if (this.#kept.size > MAX_PALETTES) {
      throw new Error(`${this.#kept.size} palettes in a cache of ${MAX_PALETTES}`)
    }
  }
}
