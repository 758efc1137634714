import { readFileSync } from 'node:fs'
import type { Image, PixelFormat } from '../../../../src/codecs/image.js'

/** One entry of `test/vectors/jpeg/*.json`; the fields are described in the README there. */
interface VectorEntry {
  readonly format: string
  readonly width: number
  readonly height: number
  readonly stride: number
  readonly rule: string
  readonly quality: number
  readonly flags?: number
  readonly jpeg_size?: number
  readonly data_size?: number
  readonly pixels_hex: string
  readonly encoded_hex: string
}

export interface JpegVector {
  readonly title: string
  readonly rule: string
  readonly quality: number
  readonly image: Image
  /** For JPEG_ALPHA with its flags and sizes in front. */
  readonly encoded: Uint8Array
}

const FOLDER = new URL('../../../../../test/vectors/jpeg/', import.meta.url)

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

const encodedOf = ({
  flags,
  jpeg_size: jpeg = 0,
  data_size: data = 0,
  encoded_hex,
}: VectorEntry): Uint8Array => {
  const stream = bytesOf(encoded_hex)
  if (flags === undefined) {
    return stream
  }
  const header = new DataView(new ArrayBuffer(9))
  header.setUint8(0, flags)
  header.setUint32(1, jpeg, true)
  header.setUint32(5, data, true)
  return new Uint8Array([...new Uint8Array(header.buffer), ...stream])
}

const vectorsOf = (name: string): JpegVector[] => {
  const file = JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as { vectors: VectorEntry[] }
  return file.vectors.map((entry) => {
    const { width, height, stride, rule, quality } = entry
    const format = entry.format.toLowerCase() as PixelFormat
    const topDown = entry.flags !== 0
    return {
      title: `${format} ${width}x${height} ${rule}${topDown ? '' : ' bottom-up'}`,
      rule,
      quality,
      image: { format, width, height, stride, topDown, pixels: bytesOf(entry.pixels_hex) },
      encoded: encodedOf(entry),
    }
  })
}

export const jpegVectors = (): JpegVector[] => vectorsOf('jpeg.json')

export const jpegAlphaVectors = (): JpegVector[] => vectorsOf('jpeg-alpha.json')

/** Mean absolute error per sample of each rule, as measured with another decoder (codecs.md 9), and a little room. */
export const MAX_ERROR: Readonly<Record<string, number>> = { smooth: 2.2, ramp: 8.2, desk: 13.2, tiles: 19.2 }
