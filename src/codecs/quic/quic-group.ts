import {
  QUIC_LAST_LEVEL,
  QUIC_LEVEL_PIXELS,
  QUIC_RANDOM,
  QUIC_RUN_BITS,
  QUIC_TRIGGERS,
  type QuicFamily,
} from './code-family.js'

/** Samples of one channel, and its model (codecs.md 4.5): how long each code would have been, by the residual before. */
export class QuicChannel {
  readonly #family: QuicFamily
  /** Counters by bucket, then by code. */
  readonly #counters: Uint16Array
  readonly #best: Uint8Array
  /** Residual of column i at i + 1; at 0 the one in front of the row. */
  readonly #residuals: Uint8Array
  /** Samples of the row at hand and of the one above. */
  current: Uint8Array
  above: Uint8Array

  constructor(family: QuicFamily, width: number) {
    this.#family = family
    this.#counters = new Uint16Array(family.depth * family.depth)
    this.#best = new Uint8Array(family.depth).fill(family.depth - 1)
    this.#residuals = new Uint8Array(width + 1)
    this.current = new Uint8Array(width)
    this.above = new Uint8Array(width)
  }

  /** To be called before each row. */
  beginRow(y: number): void {
    this.#residuals[0] = y === 0 ? 0 : (this.#residuals[1] ?? 0)
  }

  /** To be called after each row. */
  endRow(): void {
    const spare = this.above
    this.above = this.current
    this.current = spare
  }

  /** What the sample of column i is compared with. */
  prediction(y: number, i: number): number {
    if (i === 0) {
      return y === 0 ? 0 : (this.above[0] ?? 0)
    }
    const left = this.current[i - 1] ?? 0
    return y === 0 ? left : (left + (this.above[i] ?? 0)) >> 1
  }

  /** Code for column i. */
  codeAt(i: number): number {
    return this.#best[this.#bucketAt(i)] ?? 0
  }

  setResidual(i: number, residual: number): void {
    this.#residuals[i + 1] = residual
  }

  train(i: number, trigger: number): void {
    const { depth, lengths, max } = this.#family
    const counters = this.#counters
    const bucket = this.#bucketAt(i)
    const value = this.#residuals[i + 1] ?? 0
    const first = bucket * depth
    let best = 0
    let low = 0xffff
    for (let code = depth - 1; code >= 0; code--) {
      const counter = (counters[first + code] ?? 0) + (lengths[code * (max + 1) + value] ?? 0)
      counters[first + code] = counter
      if (counter < low) {
        best = code
        low = counter
      }
    }
    this.#best[bucket] = best
    if (low > trigger) {
      for (let code = 0; code < depth; code++) {
        counters[first + code] = (counters[first + code] ?? 0) >> 1
      }
    }
  }

  #bucketAt(i: number): number {
    return this.#family.buckets[this.#residuals[i] ?? 0] ?? 0
  }
}

/**
 * The channels that share one model state, and the walk over their rows (codecs.md 4.6 to 4.8), the same for coding and
 * decoding. The two differ in what a pixel and a run are: {@link pixel} and {@link run}.
 */
export abstract class QuicGroup {
  protected readonly family: QuicFamily
  readonly channels: readonly QuicChannel[]
  readonly #width: number
  #wait = 0
  #seed = 255
  #level = 0
  #left = QUIC_LEVEL_PIXELS
  /** Run state, 0 to 31. */
  #runState = 0

  constructor(family: QuicFamily, channelCount: number, width: number) {
    this.family = family
    this.#width = width
    this.channels = Array.from({ length: channelCount }, () => new QuicChannel(family, width))
  }

  /** Codes or decodes the samples of column i. */
  protected abstract pixel(y: number, i: number): void

  /** Codes or decodes a run of the pixel before i, at most up to `end`, and returns its length. */
  protected abstract run(i: number, end: number): number

  /** Codes or decodes row y, which is in the channels as `current`. */
  codeRow(y: number): void {
    for (const channel of this.channels) {
      channel.beginRow(y)
    }
    let from = 0
    while (this.#level < QUIC_LAST_LEVEL && this.#left <= this.#width - from) {
      this.#codeSegment(y, from, from + this.#left)
      from += this.#left
      this.#level += 1
      this.#left = QUIC_LEVEL_PIXELS
    }
    if (from < this.#width) {
      this.#codeSegment(y, from, this.#width)
      this.#left -= this.#level < QUIC_LAST_LEVEL ? this.#width - from : 0
    }
  }

  /** The row above the next one is this one. */
  endRow(): void {
    for (const channel of this.channels) {
      channel.endRow()
    }
  }

  #codeSegment(y: number, start: number, end: number): void {
    let i = start
    let runTriedAt = 0
    if (i === 0) {
      this.pixel(y, 0)
      if (this.#wait > 0) {
        this.#wait -= 1
      } else {
        this.#wait = this.#train(0)
      }
      i = 1
    }
    let next = i + this.#wait
    while (i < end) {
      if (y > 0 && i > 2 && i !== runTriedAt && this.#runIsDue(i)) {
        this.#wait = next - i
        runTriedAt = i
        i += this.run(i, end)
        if (i === end) {
          return
        }
        next = i + this.#wait
        continue
      }
      this.pixel(y, i)
      if (i === next) {
        next = i + 1 + this.#train(i)
      }
      i += 1
    }
    this.#wait = next - end
  }

  /** @returns pixels until the next training */
  #train(i: number): number {
    const trigger = QUIC_TRIGGERS[this.#level] ?? 0
    for (const channel of this.channels) {
      channel.train(i, trigger)
    }
    this.#seed = (this.#seed + 1) & 255
    return (QUIC_RANDOM[this.#seed] ?? 0) & ((1 << this.#level) - 1)
  }

  #runIsDue(i: number): boolean {
    for (const { above } of this.channels) {
      if (above[i] !== above[i - 1]) {
        return false
      }
    }
    return this.equalsLeft(i - 1)
  }

  /** Whether the pixel of column i equals its left neighbour in every channel. */
  protected equalsLeft(i: number): boolean {
    for (const { current } of this.channels) {
      if (current[i] !== current[i - 1]) {
        return false
      }
    }
    return true
  }

  /** Bits of a run's remainder in the present run state. */
  protected runBits(): number {
    return QUIC_RUN_BITS[this.#runState] ?? 0
  }

  /** A run went on, or ended. */
  protected stepRunState(up: boolean): void {
    this.#runState = up
      ? Math.min(this.#runState + 1, QUIC_RUN_BITS.length - 1)
      : Math.max(this.#runState - 1, 0)
  }
}
