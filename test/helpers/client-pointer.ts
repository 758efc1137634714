import { CACHED_SHAPES, wireShape } from '../../src/channels/index.js'
import type { PointerShape } from '../../src/display/index.js'
import { CURSOR_FLAG, cursorServer, type Cursor } from '../../src/protocol/index.js'
import type { Sent } from './channel-rig.js'

/**
 * The pointer of a client that follows a cursor channel (`protocol-display.md` section 22). Stricter than stock clients about the
 * cache: it fails at a shape that is not there, one that is added twice, dropped without being there, or too many.
 */
export class ClientPointer {
  shown = false
  readonly #kept = new Map<bigint, Cursor>()
  #shape: Cursor | undefined

  follow({ type, body }: Sent): void {
    switch (type) {
      case cursorServer.init.id: {
        const { visible, cursor } = cursorServer.init.decode(body)
        this.#kept.clear()
        this.#take(cursor)
        this.shown = visible !== 0
        return
      }
      case cursorServer.set.id: {
        this.#take(cursorServer.set.decode(body).cursor)
        this.shown = true
        return
      }
      case cursorServer.hide.id: {
        this.shown = false
        return
      }
      case cursorServer.invalOne.id: {
        const { id } = cursorServer.invalOne.decode(body)
        if (!this.#kept.delete(id)) {
          throw new Error(`shape ${id} is dropped and was not kept`)
        }
      }
    }
  }

  /** Is it this shape that the client has? */
  has(shape: PointerShape): boolean {
    const mine = this.#shape
    if (mine === undefined || !('data' in mine)) {
      return false
    }
    const { type, data } = wireShape(shape)
    const same = mine.type === type && Buffer.compare(mine.data, data) === 0
    const placed = mine.hotX === shape.hotX && mine.hotY === shape.hotY
    return same && placed && mine.width === shape.width && mine.height === shape.height
  }

  #take(cursor: Cursor): void {
    if ((cursor.flags & CURSOR_FLAG.none) !== 0 || !('unique' in cursor)) {
      return
    }
    const { unique, flags } = cursor
    if ((flags & CURSOR_FLAG.fromCache) !== 0) {
      this.#shape = this.#kept.get(unique)
      if (this.#shape === undefined) {
        throw new Error(`shape ${unique} is not kept`)
      }
      return
    }
    this.#shape = cursor
    if ((flags & CURSOR_FLAG.cacheMe) !== 0) {
      if (unique === 0n || this.#kept.has(unique) || this.#kept.size >= CACHED_SHAPES) {
        throw new Error(`shape ${unique} cannot be kept beside ${this.#kept.size} others`)
      }
      this.#kept.set(unique, cursor)
    }
  }
}
