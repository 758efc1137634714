import { addToRegion, type Rect } from '../../core/region.js'
import type { PointerPosition, PointerShape } from '../../display/source.js'
import type { FramePool } from './frame-pool.js'
import { FrameStore } from './frame-store.js'
import type { ScreenUpdate } from './messages.js'

/** Rectangles of damage kept apart before precision is given up. */
const MAX_RECTS = 64

/**
 * All that changed on one console since the main thread took the last update, merged: however long the main thread is
 * busy, this is one record (DESIGN.md section 2).
 */
export class PendingUpdate {
  readonly #pool: FramePool
  #frame: FrameStore | null | undefined
  #damage: Rect[] = []
  #shape: PointerShape | null | undefined
  #position: PointerPosition | undefined

  constructor(pool: FramePool) {
    this.#pool = pool
  }

  get isEmpty(): boolean {
    return (
      this.#frame === undefined &&
      this.#damage.length === 0 &&
      this.#shape === undefined &&
      this.#position === undefined
    )
  }

  /** A new picture; `null`: the console is off. Earlier damage is part of it. */
  frame(frame: FrameStore | null): void {
    if (this.#frame instanceof FrameStore) {
      this.#pool.release(this.#frame)
    }
    this.#frame = frame
    this.#damage = []
  }

  damage(rect: Rect): void {
    // A frame that the main thread has not seen is damaged as a whole anyway.
    if (this.#frame === undefined) {
      addToRegion(this.#damage, rect, MAX_RECTS)
    }
  }

  shape(shape: PointerShape | null): void {
    this.#shape = shape
  }

  position(position: PointerPosition): void {
    this.#position = position
  }

  /** Everything so far as one update of the console in `slot`; begins anew. */
  take(slot: number): ScreenUpdate {
    const frame = this.#frame
    const update: ScreenUpdate = {
      kind: 'update',
      slot,
      ...(frame === undefined ? {} : { frame: frame === null ? null : describe(frame) }),
      damage: this.#damage,
      ...(this.#shape === undefined ? {} : { shape: this.#shape }),
      ...(this.#position === undefined ? {} : { position: this.#position }),
    }
    if (frame !== undefined) {
      this.#pool.told(frame)
    }
    this.#frame = undefined
    this.#damage = []
    this.#shape = undefined
    this.#position = undefined
    return update
  }
}

const describe = (store: FrameStore): NonNullable<ScreenUpdate['frame']> => ({
  generation: store.generation,
  width: store.width,
  height: store.height,
  memory: store.memory,
})
