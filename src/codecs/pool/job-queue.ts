/** Something that waits in a {@link JobQueue}. */
export interface Waiting {
  /** Whose; a client. */
  readonly owner: number
  /** Room that it takes of all. */
  readonly units: number
}

/** Why there is no room. */
export type QueueFull = 'owner' | 'all'

interface Asking {
  readonly owner: number
  readonly fire: () => void
}

/** Waiting jobs, first come first served, bounded in all and per owner. */
export class JobQueue<T extends Waiting> {
  readonly #max: number
  readonly #maxPerOwner: number
  readonly #items: T[] = []
  readonly #perOwner = new Map<number, number>()
  readonly #asking = new Set<Asking>()
  #units = 0

  constructor(max: number, maxPerOwner: number) {
    this.#max = max
    this.#maxPerOwner = maxPerOwner
  }

  /** Units that wait. */
  get units(): number {
    return this.#units
  }

  get items(): readonly T[] {
    return this.#items
  }

  /** @returns why a job of `units` does not fit now; `undefined`: it does. An empty queue takes any job. */
  full(owner: number, units: number): QueueFull | undefined {
    if (this.ofOwner(owner) >= this.#maxPerOwner) {
      return 'owner'
    }
    return this.#units > 0 && this.#units + units > this.#max ? 'all' : undefined
  }

  ofOwner(owner: number): number {
    return this.#perOwner.get(owner) ?? 0
  }

  add(item: T): void {
    this.#items.push(item)
    this.#units += item.units
    this.#perOwner.set(item.owner, this.ofOwner(item.owner) + 1)
  }

  /** @returns whether it was there */
  remove(item: T): boolean {
    const at = this.#items.indexOf(item)
    if (at < 0) {
      return false
    }
    this.#items.splice(at, 1)
    this.#units -= item.units
    const left = this.ofOwner(item.owner) - 1
    if (left > 0) {
      this.#perOwner.set(item.owner, left)
    } else {
      this.#perOwner.delete(item.owner)
    }
    return true
  }

  /** Takes all out. */
  drain(): T[] {
    this.#units = 0
    this.#perOwner.clear()
    return this.#items.splice(0)
  }

  /** Calls `fire` once, when {@link tellRoom} finds room for a job of `owner`. @returns a function that takes it back */
  whenRoom(owner: number, fire: () => void): () => void {
    const asking = { owner, fire }
    this.#asking.add(asking)
    return () => void this.#asking.delete(asking)
  }

  /** Tells those who wait for room; called when the queue has been served. */
  tellRoom(): void {
    for (const asking of [...this.#asking]) {
      if (this.full(asking.owner, 1) === undefined && this.#asking.delete(asking)) {
        asking.fire()
      }
    }
  }
}
