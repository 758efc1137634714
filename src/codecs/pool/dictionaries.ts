import type { GlzNote } from './glz-port.js'
import type { GlzOpen } from './messages.js'
import type { WorkerSlot } from './worker-slot.js'

interface Dictionary {
  readonly id: number
  readonly windowPixels: number
  /** Id of the next image to be coded, and of the next to be sent. */
  nextCoded: number
  nextSent: number
  /** Images that are coded and not sent, by id. */
  readonly unsent: Map<number, GlzNote>
  /** Whom to tell when an image was sent. */
  readonly waiting: Set<() => void>
  /** Whose worker holds the window; `undefined`: none, the next image begins a new one. */
  slot: WorkerSlot | undefined
}

/** Whether an image may be sent: `lost` never, as its dictionary began anew without it. */
export type GlzTurn = 'now' | 'later' | 'lost'

const tell = (waiting: Set<() => void>): void => {
  const all = [...waiting]
  waiting.clear()
  for (const fire of all) {
    fire()
  }
}

/**
 * The GLZ dictionaries of the clients: which worker holds the window of each, and the ids of its images, which go on
 * when the worker is lost (DESIGN.md section 5 rule 9) and are sent without a hole.
 */
export class Dictionaries {
  readonly #all = new Map<number, Dictionary>()
  #lastId = 0

  /** @returns its number */
  open(windowPixels: number, nextImage: number): number {
    this.#lastId += 1
    const id = this.#lastId
    this.#all.set(id, {
      ...{ id, windowPixels, nextCoded: nextImage, nextSent: nextImage },
      ...{ unsent: new Map(), waiting: new Set(), slot: undefined },
    })
    return id
  }

  /** @returns the slot that has to be told */
  close(id: number): WorkerSlot | undefined {
    const dictionary = this.#all.get(id)
    this.#all.delete(id)
    if (dictionary !== undefined) {
      tell(dictionary.waiting)
    }
    return dictionary?.slot
  }

  slotOf(id: number): WorkerSlot | undefined {
    return this.#all.get(id)?.slot
  }

  /** Dictionaries that the worker of `slot` holds. */
  heldBy(slot: WorkerSlot): number {
    let held = 0
    for (const dictionary of this.#all.values()) {
      held += dictionary.slot === slot ? 1 : 0
    }
    return held
  }

  /** Gives a dictionary that no worker holds to the one of `slot`. @returns what it has to be told */
  assign(id: number, slot: WorkerSlot): GlzOpen | undefined {
    const dictionary = this.#all.get(id)
    if (dictionary === undefined || dictionary.slot === slot) {
      return undefined
    }
    dictionary.slot = slot
    const { windowPixels, nextCoded } = dictionary
    return { type: 'glzOpen', dictionary: id, windowPixels, nextImage: nextCoded }
  }

  /**
   * The worker of `slot` coded an image.
   *
   * @returns whether it counts; not when the dictionary began anew meanwhile
   */
  coded(id: number, slot: WorkerSlot, note: GlzNote): boolean {
    const dictionary = this.#all.get(id)
    if (dictionary?.slot !== slot || note.imageId !== dictionary.nextCoded) {
      return false
    }
    dictionary.nextCoded += 1
    dictionary.unsent.set(note.imageId, note)
    return true
  }

  /** Takes the turn of an image to be sent, if it is; else `later` is called, once, when to ask again. */
  take(id: number, note: GlzNote, later: () => void): GlzTurn {
    const dictionary = this.#all.get(id)
    if (dictionary?.unsent.get(note.imageId) !== note) {
      return 'lost'
    }
    if (note.imageId !== dictionary.nextSent) {
      dictionary.waiting.add(later)
      return 'later'
    }
    dictionary.nextSent += 1
    dictionary.unsent.delete(note.imageId)
    tell(dictionary.waiting)
    return 'now'
  }

  /** Begins anew after the last image that was sent. @returns the slot that has to be told */
  reset(id: number): WorkerSlot | undefined {
    const dictionary = this.#all.get(id)
    const slot = this.forget(id)
    if (dictionary !== undefined) {
      dictionary.nextCoded = dictionary.nextSent
      dictionary.unsent.clear()
      tell(dictionary.waiting)
    }
    return slot
  }

  /** The next image begins an empty window. @returns the slot that has to be told */
  forget(id: number): WorkerSlot | undefined {
    const dictionary = this.#all.get(id)
    const slot = dictionary?.slot
    if (dictionary !== undefined) {
      dictionary.slot = undefined
    }
    return slot
  }

  /** The worker of `slot` is gone, and all windows that it held. */
  lost(slot: WorkerSlot): void {
    for (const dictionary of this.#all.values()) {
      if (dictionary.slot === slot) {
        dictionary.slot = undefined
      }
    }
  }
}
