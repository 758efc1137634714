import { SidecarError } from '../../core/errors.js'
import { BLOCK_SIDE, BLOCK_SIZE, HuffmanTable, refuse, type Component, type Frame } from './jpeg-format.js'

/** Tables by number, 0 to 3, as they were given last. */
export interface Tables {
  /** In coded order. */
  readonly quant: Uint16Array[]
  readonly dc: HuffmanTable[]
  readonly ac: HuffmanTable[]
}

const LENGTHS = 16
const MAX_TABLES = 4

/** One or more tables in a segment (T.81, B.2.4.1). */
export const readQuantTables = (body: Uint8Array, offset: number, tables: Tables): void => {
  let at = 0
  while (at < body.length) {
    const head = body[at++] ?? 0
    const bytes = (head >> 4) + 1
    const number = head & 15
    if (bytes > 2 || number >= MAX_TABLES || body.length - at < BLOCK_SIZE * bytes) {
      throw refuse('quantisation table is not whole', offset)
    }
    const table = new Uint16Array(BLOCK_SIZE)
    for (let k = 0; k < BLOCK_SIZE; k++) {
      const high = bytes === 2 ? (body[at++] ?? 0) : 0
      table[k] = high * 256 + (body[at++] ?? 0)
    }
    if (table.includes(0)) {
      throw refuse('quantisation table has a zero', offset)
    }
    tables.quant[number] = table
  }
}

/** One or more tables in a segment (T.81, B.2.4.2). */
export const readHuffmanTables = (body: Uint8Array, offset: number, tables: Tables): void => {
  let at = 0
  while (at < body.length) {
    const head = body[at] ?? 0
    const counts = body.subarray(at + 1, at + 1 + LENGTHS)
    const size = counts.reduce((sum, count) => sum + count, 0)
    at += 1 + LENGTHS
    if (head >> 4 > 1 || (head & 15) >= MAX_TABLES || size > 256 || at + size > body.length) {
      throw refuse('code table is not whole', offset)
    }
    const table = new HuffmanTable(counts, body.subarray(at, at + size), offset)
    ;(head >> 4 === 0 ? tables.dc : tables.ac)[head & 15] = table
    at += size
  }
}

interface Declared {
  readonly id: number
  readonly across: number
  readonly down: number
  readonly quantNumber: number
}

const readComponents = (body: Uint8Array, offset: number): Declared[] => {
  const declared: Declared[] = []
  for (let at = 6; at < body.length; at += 3) {
    const [id = 0, factors = 0, quantNumber = 0] = body.subarray(at, at + 3)
    const [across, down] = [factors >> 4, factors & 15]
    const known = declared.some((other) => other.id === id)
    if (known || across < 1 || across > 4 || down < 1 || down > 4 || quantNumber >= MAX_TABLES) {
      throw refuse('component is declared wrongly', offset)
    }
    declared.push({ id, across, down, quantNumber })
  }
  return declared
}

/**
 * Reads the frame header (T.81, B.2.2).
 *
 * @param maxPixels cap on width times height
 */
export const readFrame = (body: Uint8Array, offset: number, maxPixels: number): Frame => {
  const count = body[5] ?? 0
  if (body[0] !== 8 || (count !== 1 && count !== 3) || body.length !== 6 + 3 * count) {
    throw refuse('frame has other samples or components than 8 bits and one or three', offset)
  }
  const height = (body[1] ?? 0) * 256 + (body[2] ?? 0)
  const width = (body[3] ?? 0) * 256 + (body[4] ?? 0)
  if (width === 0 || height === 0 || width * height > maxPixels) {
    throw new SidecarError('SIDECAR_PROTOCOL', 'jpeg image refused: size out of range', {
      ...{ width, height, maxPixels },
    })
  }
  const declared = readComponents(body, offset)
  const maxAcross = Math.max(...declared.map(({ across }) => across))
  const maxDown = Math.max(...declared.map(({ down }) => down))
  if (declared.some(({ across, down }) => maxAcross % across !== 0 || maxDown % down !== 0)) {
    throw refuse('subsampling is not by whole numbers', offset)
  }
  const unitsAcross = Math.ceil(width / (maxAcross * BLOCK_SIDE))
  const unitsDown = Math.ceil(height / (maxDown * BLOCK_SIDE))
  const components = declared.map((each): Component => ({
    ...each,
    width: Math.ceil((width * each.across) / maxAcross),
    height: Math.ceil((height * each.down) / maxDown),
    stride: unitsAcross * each.across * BLOCK_SIDE,
    planeRows: unitsDown * each.down * BLOCK_SIDE,
  }))
  return { width, height, maxAcross, maxDown, unitsAcross, unitsDown, components }
}
