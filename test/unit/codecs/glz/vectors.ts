import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import type { PixelFormat } from '../../../../src/codecs/image.js'

/** One entry of the files in `test/vectors/glz` and `test/vectors/zlib`; the READMEs there describe the fields. */
interface VectorEntry {
  readonly format: string
  readonly width: number
  readonly height: number
  readonly stride: number
  readonly rule: string
  readonly top_down: number
  readonly image_id: number
  readonly win_head_dist: number
  readonly pixels_sha256: string
  readonly encoded_hex: string
  readonly group?: string
  readonly glz_hex?: string
  readonly server_would_send?: boolean
}

export interface GlzVector {
  readonly title: string
  readonly format: PixelFormat
  readonly width: number
  readonly height: number
  readonly stride: number
  readonly topDown: boolean
  readonly imageId: number
  readonly winHeadDist: number
  readonly pixelsSha256: string
  readonly encoded: Uint8Array
}

export interface ZlibVector extends GlzVector {
  /** Images of one group share a dictionary. */
  readonly group: string
  readonly glz: Uint8Array
  readonly wouldSend: boolean
}

const VECTORS = new URL('../../../../../test/vectors/', import.meta.url)

const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

const entriesOf = (path: string): VectorEntry[] =>
  (JSON.parse(readFileSync(new URL(path, VECTORS), 'utf8')) as { vectors: VectorEntry[] }).vectors

const toVector = (entry: VectorEntry): GlzVector => {
  const { width, height, stride, rule } = entry
  const format = entry.format.toLowerCase() as PixelFormat
  return {
    title: `${format} ${width}x${height} ${rule}, image ${entry.image_id}`,
    ...{ format, width, height, stride },
    topDown: entry.top_down === 1,
    imageId: entry.image_id,
    winHeadDist: entry.win_head_dist,
    pixelsSha256: entry.pixels_sha256,
    encoded: fromHex(entry.encoded_hex),
  }
}

export interface GlzVectorFile {
  readonly name: string
  /** In the order in which one dictionary decodes them. */
  readonly vectors: readonly GlzVector[]
}

export const glzVectorFiles = (): GlzVectorFile[] =>
  readdirSync(new URL('glz/', VECTORS))
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({ name, vectors: entriesOf(`glz/${name}`).map(toVector) }))

export const zlibVectors = (): ZlibVector[] =>
  entriesOf('zlib/zlib-glz.json').map((entry) => ({
    ...toVector(entry),
    group: entry.group ?? '',
    glz: fromHex(entry.glz_hex ?? ''),
    wouldSend: entry.server_would_send === true,
  }))

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
