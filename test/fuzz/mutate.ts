/** Whole numbers from a seed, the same on every machine. */
export class SeededRandom {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** 0 to `below` minus one. */
  next(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let v = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    v ^= v + Math.imul(v ^ (v >>> 7), v | 61)
    return ((v ^ (v >>> 14)) >>> 0) % below
  }
}

const INTERESTING = [0, 1, 7, 8, 31, 32, 63, 64, 127, 128, 224, 254, 255]

/** A few random changes to a copy of `input`: flipped, set, cut, doubled, moved and foreign bytes. */
export const mutate = (input: Uint8Array, other: Uint8Array, random: SeededRandom): Uint8Array => {
  let bytes = input.slice()
  for (let changes = 1 + random.next(4); changes > 0 && bytes.length > 0; changes--) {
    const at = random.next(bytes.length)
    const length = 1 + random.next(Math.min(32, bytes.length - at))
    switch (random.next(7)) {
      case 0:
        bytes[at]! ^= 1 << random.next(8)
        break
      case 1:
        bytes[at] = INTERESTING[random.next(INTERESTING.length)]!
        break
      case 2:
        bytes[at] = random.next(256)
        break
      case 3:
        bytes = new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(at + length)])
        break
      case 4:
        bytes = new Uint8Array([...bytes.subarray(0, at + length), ...bytes.subarray(at)])
        break
      case 5:
        bytes.copyWithin(random.next(bytes.length), at, at + length)
        break
      default:
        bytes = new Uint8Array([...bytes.subarray(0, at), ...other.subarray(at)])
    }
  }
  return bytes
}
