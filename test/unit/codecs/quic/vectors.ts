import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import type { QuicFormat, QuicImage } from '../../../../src/codecs/quic/quic-format.js'
import { rulePixels, type QuicRule } from './rules.js'

/** One entry of `test/vectors/quic/*.json`; the fields are described in the README there. */
interface VectorEntry {
  readonly format: string
  readonly width: number
  readonly height: number
  readonly stride: number
  readonly rule: QuicRule
  readonly pixels_hex?: string
  readonly pixels_sha256: string
  readonly encoded_hex: string
}

export interface QuicVector {
  readonly title: string
  readonly rule: QuicRule
  readonly image: QuicImage
  readonly pixelsSha256: string
  readonly encoded: Uint8Array
}

const FOLDER = new URL('../../../../../test/vectors/quic/', import.meta.url)

const toVector = (entry: VectorEntry): QuicVector => {
  const { width, height, stride, rule } = entry
  const format = entry.format.toLowerCase() as QuicFormat
  const pixels =
    entry.pixels_hex === undefined
      ? rulePixels(rule, format, width, height)
      : new Uint8Array(Buffer.from(entry.pixels_hex, 'hex'))
  return {
    title: `${format} ${width}x${height} ${rule}`,
    rule,
    image: { format, width, height, stride, topDown: true, pixels },
    pixelsSha256: entry.pixels_sha256,
    encoded: new Uint8Array(Buffer.from(entry.encoded_hex, 'hex')),
  }
}

export const quicVectors = (): QuicVector[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => {
      const file = JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as { vectors: VectorEntry[] }
      return file.vectors.map(toVector)
    })

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
