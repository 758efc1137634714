import type {
  ConsoleInfo,
  DisplaySink,
  Frame,
  PointerPosition,
  PointerShape,
  WantedHead,
} from '../../display/source.js'
import { HeadGate } from './heads.js'
import type { ConsoleState, ScreenUpdate, SlotHead } from './messages.js'

interface Shown {
  readonly number: number
  readonly gate: HeadGate
  index: number
  frame: Frame | undefined
  /** Whether the sink has the frame. */
  on: boolean
  shape: PointerShape | undefined
  position: PointerPosition | undefined
}

/**
 * The worker's consoles as the sink sees them: dense indices in the order of QEMU's numbers, heads that are off, and
 * the pictures of consoles whose index has changed.
 */
export class Screens {
  readonly #sink: DisplaySink
  readonly #bySlot = new Map<number, Shown>()
  #wanted: readonly WantedHead[]
  #told = false

  constructor(sink: DisplaySink, wanted: readonly WantedHead[]) {
    this.#sink = sink
    this.#wanted = wanted
  }

  slotOf(index: number): number | undefined {
    for (const [slot, shown] of this.#bySlot) {
      if (shown.index === index) {
        return slot
      }
    }
    return undefined
  }

  /** @returns what the guest is to be asked for on account of new consoles */
  consolesChanged(consoles: readonly ConsoleState[]): SlotHead[] {
    const before = new Map(this.#bySlot)
    this.#bySlot.clear()
    const moved: Shown[] = []
    const fresh = new Set<number>()
    for (const [index, console] of consoles.entries()) {
      const known = before.get(console.slot)
      if (known?.number === console.number) {
        if (known.index !== index) {
          known.index = index
          moved.push(known)
        }
        this.#bySlot.set(console.slot, known)
        continue
      }
      fresh.add(index)
      this.#bySlot.set(console.slot, {
        number: console.number,
        gate: new HeadGate(console.head),
        index,
        frame: undefined,
        on: false,
        shape: undefined,
        position: undefined,
      })
    }
    const same = fresh.size === 0 && moved.length === 0 && before.size === consoles.length
    if (!same || !this.#told) {
      this.#told = true
      this.#sink.consolesChanged(
        consoles.map(({ label, head }, index): ConsoleInfo => ({ index, label, head })),
      )
    }
    for (const index of fresh) {
      this.#sink.scanout(index, undefined)
      this.#sink.pointerShape(index, undefined)
    }
    for (const shown of moved) {
      this.#tellAll(shown)
    }
    return this.#wishes(this.#wanted.filter((head) => fresh.has(head.console)))
  }

  /** @returns what the guest is to be asked for */
  setHeads(heads: readonly WantedHead[]): SlotHead[] {
    this.#wanted = heads
    return this.#wishes(heads)
  }

  /** @returns wanted heads that are on and whose picture is not surely what was asked for */
  unfollowed(): SlotHead[] {
    return this.#wanted.flatMap(({ console, ...head }) => {
      const slot = this.slotOf(console)
      const shown = slot === undefined ? undefined : this.#bySlot.get(slot)
      const frame = shown?.frame
      const follows =
        frame?.width === head.width && frame.height === head.height && !shown?.gate.mayBePlaceholder(frame)
      return slot === undefined || follows || head.width === 0 ? [] : [{ ...head, slot }]
    })
  }

  update(update: ScreenUpdate): void {
    const shown = this.#bySlot.get(update.slot)
    if (shown === undefined) {
      return
    }
    const { index } = shown
    if (update.frame !== undefined) {
      shown.frame =
        update.frame === null
          ? undefined
          : {
              generation: update.frame.generation,
              width: update.frame.width,
              height: update.frame.height,
              stride: update.frame.width * 4,
              pixels: new Uint8Array(update.frame.memory, 0, update.frame.width * update.frame.height * 4),
            }
      this.#showFrame(shown)
    }
    if (update.damage.length > 0 && shown.on) {
      this.#sink.damage(index, update.damage)
    }
    if (update.shape !== undefined) {
      shown.shape = update.shape ?? undefined
      this.#sink.pointerShape(index, shown.shape)
    }
    if (update.position !== undefined) {
      shown.position = update.position
      this.#sink.pointerMoved(index, update.position)
    }
  }

  #wishes(heads: readonly WantedHead[]): SlotHead[] {
    const asked: SlotHead[] = []
    for (const { console, ...head } of heads) {
      const slot = this.slotOf(console)
      const shown = slot === undefined ? undefined : this.#bySlot.get(slot)
      if (slot === undefined || shown === undefined) {
        continue
      }
      shown.gate.wish(head)
      asked.push({ ...head, slot })
      if (shown.frame !== undefined && shown.gate.isOn(shown.frame) !== shown.on) {
        this.#showFrame(shown)
      }
    }
    return asked
  }

  #showFrame(shown: Shown): void {
    shown.on = shown.frame !== undefined && shown.gate.isOn(shown.frame)
    this.#sink.scanout(shown.index, shown.on ? shown.frame : undefined)
  }

  #tellAll(shown: Shown): void {
    this.#showFrame(shown)
    this.#sink.pointerShape(shown.index, shown.shape)
    if (shown.position !== undefined) {
      this.#sink.pointerMoved(shown.index, shown.position)
    }
  }
}
