import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import type { Image, PixelFormat } from '../../../../src/codecs/image.js'
import { rulePixels } from './rules.js'

/** One entry of `test/vectors/lz/*.json`; the fields are described in the README there. */
interface VectorEntry {
  readonly format: string
  readonly width: number
  readonly height: number
  readonly stride: number
  readonly rule: string
  readonly top_down: number
  readonly pixels_hex?: string
  readonly pixels_sha256: string
  readonly encoded_hex: string
  readonly segments?: readonly number[]
}

export interface LzVector {
  readonly title: string
  readonly image: Image
  readonly pixelsSha256: string
  readonly encoded: Uint8Array
  readonly segments: readonly number[]
}

const FOLDER = new URL('../../../../../test/vectors/lz/', import.meta.url)

const toVector = (entry: VectorEntry): LzVector => {
  const { width, height, stride, rule } = entry
  const format = entry.format.toLowerCase().replace('_', '-') as PixelFormat
  const pixels =
    entry.pixels_hex === undefined
      ? rulePixels(rule, format, width, height)
      : new Uint8Array(Buffer.from(entry.pixels_hex, 'hex'))
  return {
    title: `${format} ${width}x${height} ${rule}${entry.segments === undefined ? '' : ' in segments'}${entry.top_down === 1 ? '' : ' bottom-up'}`,
    image: { format, width, height, stride, topDown: entry.top_down === 1, pixels },
    pixelsSha256: entry.pixels_sha256,
    encoded: new Uint8Array(Buffer.from(entry.encoded_hex, 'hex')),
    segments: entry.segments ?? [height],
  }
}

export const lzVectors = (): LzVector[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => {
      const file = JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as { vectors: VectorEntry[] }
      return file.vectors.map(toVector)
    })

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
