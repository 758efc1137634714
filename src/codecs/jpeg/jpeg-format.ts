import { SidecarError } from '../../core/errors.js'

/** Second byte of a marker (ITU-T T.81, table B.1); the first is 0xFF. */
export const MARKER = {
  sof0: 0xc0,
  sof1: 0xc1,
  dht: 0xc4,
  rst0: 0xd0,
  soi: 0xd8,
  eoi: 0xd9,
  sos: 0xda,
  dqt: 0xdb,
  dri: 0xdd,
  app0: 0xe0,
  app14: 0xee,
  app15: 0xef,
  com: 0xfe,
} as const

export const BLOCK_SIDE = 8
export const BLOCK_SIZE = 64

/** Places of coefficients in a block, row by row, in the order in which they are coded (T.81, figure A.6). */
export const ZIGZAG = ((): Uint8Array => {
  const order = new Uint8Array(BLOCK_SIZE)
  let [x, y] = [0, 0]
  for (let index = 0; index < BLOCK_SIZE; index++) {
    order[index] = y * BLOCK_SIDE + x
    const up = (x + y) % 2 === 0
    if (up && x === BLOCK_SIDE - 1) {
      y++
    } else if (up) {
      x++
      y = Math.max(0, y - 1)
    } else if (y === BLOCK_SIDE - 1) {
      x++
    } else {
      y++
      x = Math.max(0, x - 1)
    }
  }
  return order
})()

export const refuse = (what: string, offset: number): SidecarError =>
  new SidecarError('SIDECAR_PROTOCOL', `jpeg image refused: ${what}`, { offset })

/** One component of the image, as the frame header declares it. */
export interface Component {
  readonly id: number
  /** Blocks in one unit of interleaved data, across and down: 1 to 4. */
  readonly across: number
  readonly down: number
  readonly quantNumber: number
  /** Samples that stand for pixels; the plane has more, up to whole units. */
  readonly width: number
  readonly height: number
  /** Samples from row to row of the plane. */
  readonly stride: number
  readonly planeRows: number
}

export interface Frame {
  /** Pixels. */
  readonly width: number
  readonly height: number
  /** Largest `across` and `down` of all components. */
  readonly maxAcross: number
  readonly maxDown: number
  /** Units of interleaved data. */
  readonly unitsAcross: number
  readonly unitsDown: number
  readonly components: readonly Component[]
}

/** What a component of a scan is coded with. */
export interface Coding {
  readonly quant: Uint16Array
  readonly dc: HuffmanTable
  readonly ac: HuffmanTable
}

const LOOKUP_BITS = 9

/** Canonical prefix code (T.81, annex C and F.2.2.3). */
export class HuffmanTable {
  /** Per next nine bits `length << 8 | symbol`, or 0 where the code is longer or there is none. */
  readonly lookup = new Uint16Array(1 << LOOKUP_BITS)
  /** Per length one more than its largest code, shifted up to 16 bits; 0 where there is none of that length. */
  readonly limits = new Int32Array(17)
  /** Per length what has to be added to a code to get the place of its symbol. */
  readonly offsets = new Int32Array(17)
  readonly symbols: Uint8Array

  /**
   * @param counts codes of each length, 1 to 16
   * @param symbols as many as all counts together
   * @throws SidecarError SIDECAR_PROTOCOL for lengths that make no prefix code
   */
  constructor(counts: Uint8Array, symbols: Uint8Array, offset: number) {
    this.symbols = symbols
    let [code, at] = [0, 0]
    for (let length = 1; length <= 16; length++) {
      const count = counts[length - 1] ?? 0
      this.offsets[length] = at - code
      for (let k = 0; k < count; k++, code++, at++) {
        this.#enter(code, length, symbols[at] ?? 0)
      }
      if (code > 1 << length) {
        throw refuse('lengths make no code', offset)
      }
      this.limits[length] = count === 0 ? 0 : code << (16 - length)
      code *= 2
    }
  }

  #enter(code: number, length: number, symbol: number): void {
    if (length <= LOOKUP_BITS) {
      const from = code << (LOOKUP_BITS - length)
      this.lookup.fill((length << 8) | symbol, from, from + (1 << (LOOKUP_BITS - length)))
    }
  }
}
