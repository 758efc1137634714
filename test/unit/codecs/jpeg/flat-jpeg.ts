/** What a component of a hand-made image is like. */
export interface FlatComponent {
  readonly id: number
  /** Blocks in one unit, across and down. */
  readonly factors: readonly [number, number]
  /** Sample value of the block at a place, 0 to 255. */
  readonly sample: (column: number, row: number) => number
}

export interface FlatJpeg {
  readonly width: number
  readonly height: number
  readonly components: readonly FlatComponent[]
  /** Units between restart markers. */
  readonly interval?: number
  /** Components of each scan; all in one if left out. */
  readonly scans?: readonly (readonly number[])[]
  /** Segments that come first, markers included. */
  readonly before?: readonly number[]
}

/** Codes of 4 bits for the sizes 0 to 11, and for the AC symbols the end of the block, of one bit. */
const DC_TABLE = [0, 0, 0, 12, ...Array<number>(12).fill(0), ...Array.from({ length: 12 }, (_, size) => size)]
const AC_TABLE = [1, ...Array<number>(15).fill(0), 0]

class BitWriter {
  readonly bytes: number[] = []
  #bits = ''

  put(value: number, size: number): void {
    this.#bits += size === 0 ? '' : value.toString(2).padStart(size, '0')
    while (this.#bits.length >= 8) {
      const byte = Number.parseInt(this.#bits.slice(0, 8), 2)
      this.bytes.push(byte, ...(byte === 0xff ? [0] : []))
      this.#bits = this.#bits.slice(8)
    }
  }

  /** Fills up with ones and writes a marker. */
  marker(second: number): void {
    this.put(2 ** ((8 - this.#bits.length) % 8) - 1, (8 - this.#bits.length) % 8)
    this.bytes.push(0xff, second)
  }
}

const word = (value: number): number[] => [value >> 8, value & 255]

const segment = (marker: number, body: readonly number[]): number[] => [
  0xff,
  marker,
  ...word(body.length + 2),
  ...body,
]

const scanBytes = (jpeg: FlatJpeg, indices: readonly number[]): number[] => {
  const { width, height, components, interval = 0 } = jpeg
  const [maxX, maxY] = [0, 1].map((axis) => Math.max(...components.map(({ factors }) => factors[axis]!))) as [
    number,
    number,
  ]
  const single = indices.length === 1 ? components[indices[0]!]! : undefined
  const blocks = (size: number, factor: number, max: number): number =>
    Math.ceil(Math.ceil((size * factor) / max) / 8)
  const across = single ? blocks(width, single.factors[0], maxX) : Math.ceil(width / (8 * maxX))
  const down = single ? blocks(height, single.factors[1], maxY) : Math.ceil(height / (8 * maxY))
  const writer = new BitWriter()
  let before = components.map(() => 0)
  for (let unit = 0; unit < across * down; unit++) {
    if (interval > 0 && unit > 0 && unit % interval === 0) {
      writer.marker(0xd0 + ((unit / interval - 1) % 8))
      before = components.map(() => 0)
    }
    const [column, row] = [unit % across, Math.floor(unit / across)]
    for (const index of indices) {
      const { factors, sample } = components[index]!
      const [x, y] = single ? [1, 1] : factors
      for (let block = 0; block < x * y; block++) {
        // A flat block of value v has the first coefficient 8 (v - 128); the quantiser is 8.
        const value = sample(column * x + (block % x), row * y + Math.floor(block / x)) - 128
        const difference = value - before[index]!
        before[index] = value
        const size = difference === 0 ? 0 : Math.floor(Math.log2(Math.abs(difference))) + 1
        writer.put(size, 4)
        writer.put(difference < 0 ? difference + 2 ** size - 1 : difference, size)
        writer.put(0, 1)
      }
    }
  }
  // Ends the last byte; its marker is the next segment's.
  writer.marker(0)
  return writer.bytes.slice(0, -2)
}

/** Writes an image whose blocks are flat: any sampling, any scans, restart markers. */
export const flatJpeg = (jpeg: FlatJpeg): Uint8Array => {
  const { width, height, components, interval = 0 } = jpeg
  const scans: readonly (readonly number[])[] = jpeg.scans ?? [components.map((_, index) => index)]
  return new Uint8Array([
    ...[0xff, 0xd8, ...(jpeg.before ?? [])],
    ...segment(0xdb, [0, ...Array<number>(64).fill(8)]),
    ...segment(0xc0, [
      ...[8, ...word(height), ...word(width), components.length],
      ...components.flatMap(({ id, factors: [x, y] }) => [id, x * 16 + y, 0]),
    ]),
    ...segment(0xc4, [0x00, ...DC_TABLE, 0x10, ...AC_TABLE]),
    ...(interval > 0 ? segment(0xdd, word(interval)) : []),
    ...scans.flatMap((indices) => [
      ...segment(0xda, [
        indices.length,
        ...indices.flatMap((index) => [components[index]!.id, 0]),
        ...[0, 63, 0],
      ]),
      ...scanBytes(jpeg, indices),
    ]),
    ...[0xff, 0xd9],
  ])
}
