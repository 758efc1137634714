import type { PointerShape } from '../../display/index.js'
import { CURSOR_TYPE } from '../../protocol/index.js'
import { shapeKey } from './key.js'

/** A pointer shape as it goes on the wire (`protocol-display.md` 22.2). */
export interface WireShape {
  readonly type: number
  readonly data: Uint8Array
}

const OPAQUE_BLACK = 0xff000000
const OPAQUE_WHITE = 0xffffffff

/**
 * A shape of only opaque black, opaque white and fully transparent pixels as AND and XOR masks: the same picture in a
 * sixteenth of the bytes.
 *
 * @returns `undefined` when the shape has any other pixel
 */
const monochrome = (shape: PointerShape): Uint8Array | undefined => {
  const { width, height, pixels } = shape
  const rowBytes = (width + 7) >> 3
  const masks = new Uint8Array(2 * rowBytes * height)
  const view = new DataView(pixels.buffer, pixels.byteOffset, pixels.byteLength)
  const xor = rowBytes * height
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = view.getUint32((y * width + x) * 4, true)
      const at = y * rowBytes + (x >> 3)
      const bit = 0x80 >> (x & 7)
      if (pixel === OPAQUE_WHITE) {
        masks[xor + at] = (masks[xor + at] ?? 0) | bit
      } else if (pixel >>> 24 === 0) {
        masks[at] = (masks[at] ?? 0) | bit
      } else if (pixel !== OPAQUE_BLACK) {
        return undefined
      }
    }
    /* Padding bits are transparent, like everything outside the shape. */
    for (let x = width; x < rowBytes * 8; x++) {
      const at = y * rowBytes + (x >> 3)
      masks[at] = (masks[at] ?? 0) | (0x80 >> (x & 7))
    }
  }
  return masks
}

/** A shape with its alpha channel, which every client can show. */
export const alphaShape = ({ width, height, pixels }: PointerShape): WireShape => ({
  type: CURSOR_TYPE.alpha,
  data: pixels.subarray(0, width * height * 4),
})

/** The smallest exact form of a shape. */
export const wireShape = (shape: PointerShape): WireShape => {
  const masks = monochrome(shape)
  return masks === undefined ? alphaShape(shape) : { type: CURSOR_TYPE.mono, data: masks }
}

/** What all clients need of a shape. */
export interface PreparedShape {
  readonly key: bigint
  readonly wire: WireShape
}

const prepared = new WeakMap<PointerShape, PreparedShape>()

/** Key and smallest form of a shape, worked out once for all channels that show it. */
export const prepareShape = (shape: PointerShape): PreparedShape => {
  const known = prepared.get(shape)
  if (known !== undefined) {
    return known
  }
  const made = { key: shapeKey(shape), wire: wireShape(shape) }
  prepared.set(shape, made)
  return made
}
