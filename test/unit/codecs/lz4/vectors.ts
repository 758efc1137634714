import { readFileSync } from 'node:fs'
import type { Image, PixelFormat } from '../../../../src/codecs/image.js'

/** One entry of `test/vectors/lz4/lz4.json`; the fields are described in the README there. */
interface VectorEntry {
  readonly format: string
  readonly width: number
  readonly height: number
  readonly stride: number
  readonly rule: string
  readonly top_down: number
  readonly segments: readonly number[]
  readonly pixels_hex: string
  readonly encoded_hex: string
}

export interface Lz4Vector {
  readonly title: string
  readonly image: Image
  readonly encoded: Uint8Array
  readonly segments: readonly number[]
}

const FILE = new URL('../../../../../test/vectors/lz4/lz4.json', import.meta.url)

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

export const lz4Vectors = (): Lz4Vector[] => {
  const file = JSON.parse(readFileSync(FILE, 'utf8')) as { vectors: VectorEntry[] }
  return file.vectors.map((entry) => {
    const { width, height, stride, rule, segments } = entry
    const format = entry.format.toLowerCase() as PixelFormat
    const topDown = entry.top_down === 1
    return {
      title: `${format} ${width}x${height} ${rule}${topDown ? '' : ' bottom-up'}`,
      image: { format, width, height, stride, topDown, pixels: bytesOf(entry.pixels_hex) },
      encoded: bytesOf(entry.encoded_hex),
      segments,
    }
  })
}
