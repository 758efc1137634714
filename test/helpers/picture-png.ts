import { inflateSync } from 'node:zlib'

export interface PlainPixels {
  readonly width: number
  readonly height: number
  readonly rgb: Uint8Array
}

const SIGNATURE = '89504e470d0a1a0a'

/** Decodes PNG of 8 bits a channel without interlace: grey, RGB or RGBA (alpha is dropped). */
export function decodePng(file: Buffer): PlainPixels {
  if (file.subarray(0, 8).toString('hex') !== SIGNATURE) {
    throw new Error('not a PNG file')
  }
  const width = file.readUInt32BE(16)
  const height = file.readUInt32BE(20)
  const channels = { 0: 1, 2: 3, 6: 4 }[file[25]!]
  if (file[24] !== 8 || channels === undefined || file[28] !== 0) {
    throw new Error(
      `PNG with depth ${file[24]}, colour type ${file[25]}, interlace ${file[28]} is not read here`,
    )
  }
  const lines = inflateSync(Buffer.concat(dataChunks(file)))
  const rgb = new Uint8Array(width * height * 3)
  const length = width * channels
  let above: Uint8Array = new Uint8Array(length)
  for (let y = 0; y < height; y++) {
    const start = y * (length + 1)
    const line = lines.subarray(start + 1, start + 1 + length)
    undoFilter(lines[start]!, line, above, channels)
    toRgb(line, channels, rgb.subarray(y * width * 3, (y + 1) * width * 3))
    above = line
  }
  return { width, height, rgb }
}

function dataChunks(file: Buffer): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 8; at + 12 <= file.length;) {
    const length = file.readUInt32BE(at)
    if (file.toString('latin1', at + 4, at + 8) === 'IDAT') {
      chunks.push(file.subarray(at + 8, at + 8 + length))
    }
    at += 12 + length
  }
  return chunks
}

function undoFilter(filter: number, line: Uint8Array, above: Uint8Array, step: number): void {
  for (let i = 0; i < line.length; i++) {
    const a = i >= step ? line[i - step]! : 0
    const b = above[i]!
    const c = i >= step ? above[i - step]! : 0
    line[i] = line[i]! + predict(filter, a, b, c)
  }
}

function predict(filter: number, a: number, b: number, c: number): number {
  switch (filter) {
    case 0:
      return 0
    case 1:
      return a
    case 2:
      return b
    case 3:
      return (a + b) >> 1
    case 4:
      return paeth(a, b, c)
    default:
      throw new Error(`PNG filter ${filter}`)
  }
}

function paeth(a: number, b: number, c: number): number {
  const p = a + b - c
  const pa = Math.abs(p - a)
  const pb = Math.abs(p - b)
  const pc = Math.abs(p - c)
  if (pa <= pb && pa <= pc) {
    return a
  }
  return pb <= pc ? b : c
}

function toRgb(line: Uint8Array, channels: number, out: Uint8Array): void {
  if (channels === 3) {
    out.set(line)
    return
  }
  for (let from = 0, to = 0; to < out.length; from += channels, to += 3) {
    out[to] = line[from]!
    out[to + 1] = line[channels === 1 ? from : from + 1]!
    out[to + 2] = line[channels === 1 ? from : from + 2]!
  }
}
