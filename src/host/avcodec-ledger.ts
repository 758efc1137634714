import type { Avcodec } from './avcodec.js'
import { AddressCell } from './native-memory.js'

/** What one coder holds of memory that no garbage collector knows. */
const KINDS = ['context', 'frame', 'packet', 'scaler'] as const
type Kind = (typeof KINDS)[number]

/** Coders that one thread can have at once. */
const MAX_CODERS = 64

const LEDGER_BYTES = MAX_CODERS * KINDS.length * BigUint64Array.BYTES_PER_ELEMENT

/** Memory for the ledger of one thread. */
export const ledgerMemory = (): SharedArrayBuffer => new SharedArrayBuffer(LEDGER_BYTES)

/** One coder's place in a ledger: addresses of what it holds, 0 for what it does not. */
export class LedgerEntry {
  readonly #words: BigUint64Array

  constructor(words: BigUint64Array) {
    this.#words = words
  }

  /** @returns the address; 0 when there is none */
  get(kind: Kind): bigint {
    return this.#words[KINDS.indexOf(kind)] ?? 0n
  }

  set(kind: Kind, address: bigint): void {
    this.#words[KINDS.indexOf(kind)] = address
  }

  get free(): boolean {
    return this.#words.every((word) => word === 0n)
  }

  /** Gives back all that stands here. */
  release({ functions, swscale }: Avcodec): void {
    const free = (kind: Kind, give: (cell: bigint) => void): void => {
      const cell = new AddressCell(this.get(kind))
      this.set(kind, 0n)
      if (cell.value !== 0n) {
        give(cell.address)
      }
    }
    const scaler = this.get('scaler')
    this.set('scaler', 0n)
    if (scaler !== 0n) {
      swscale.freeContext(scaler)
    }
    free('packet', functions.freePacket)
    free('frame', functions.freeFrame)
    free('context', functions.freeContext)
  }
}

/**
 * What the coders of a thread hold. It lies in shared memory, so that whoever ended the thread in the middle of its work
 * can give back what it left: a thread that is terminated runs nothing any more.
 */
export class AvLedger {
  readonly #entries: readonly LedgerEntry[]

  /** @param shared from {@link ledgerMemory}; of this thread alone if left out */
  constructor(shared: SharedArrayBuffer = ledgerMemory()) {
    this.#entries = Array.from(
      { length: MAX_CODERS },
      (_, index) =>
        new LedgerEntry(
          new BigUint64Array(shared, index * KINDS.length * BigUint64Array.BYTES_PER_ELEMENT, KINDS.length),
        ),
    )
  }

  /** A free place; `undefined`: there are too many coders. */
  entry(): LedgerEntry | undefined {
    return this.#entries.find(({ free }) => free)
  }

  /** Coders that hold something. */
  get held(): number {
    return this.#entries.reduce((held, { free }) => held + (free ? 0 : 1), 0)
  }

  /** Gives back what an ended thread left; the library must have been loaded by this thread before that one ended. */
  releaseAll(library: Avcodec): void {
    for (const entry of this.#entries) {
      entry.release(library)
    }
  }
}
