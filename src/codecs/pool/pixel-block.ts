import { SidecarError } from '../../core/errors.js'
import { contains, isEmpty, type Rect } from '../../core/region.js'
import type { Image, PixelFormat } from '../image.js'

/** Bits of one pixel in memory (codecs.md 1). */
const PIXEL_BITS: Readonly<Record<PixelFormat, number>> = {
  'plt1-le': 1,
  'plt1-be': 1,
  'plt4-le': 4,
  'plt4-be': 4,
  plt8: 8,
  a8: 8,
  rgb16: 16,
  rgb24: 24,
  rgb32: 32,
  rgba: 32,
  xxxa: 32,
}

/** A picture in memory that somebody else may be writing to at any time, such as a frame store. */
export interface PixelStore {
  /** Shared memory is read where it is by a worker; of other memory the rectangle is copied before it is sent. */
  readonly memory: ArrayBufferLike
  /** First byte of the first row in memory. */
  readonly offset: number
  readonly format: PixelFormat
  readonly width: number
  readonly height: number
  /** Bytes from row to row. */
  readonly stride: number
  /** First row in memory is the top row. */
  readonly topDown: boolean
}

/** A rectangle of a store by its place in memory; plain, crosses threads. Rows are in memory order. */
export interface PixelBlock {
  readonly memory: ArrayBufferLike
  /** First byte of the first row. */
  readonly offset: number
  readonly format: PixelFormat
  readonly width: number
  readonly height: number
  readonly stride: number
  readonly topDown: boolean
}

/** Bytes of one row without padding. */
export const packedRowSize = (format: PixelFormat, width: number): number =>
  Math.ceil((width * PIXEL_BITS[format]) / 8)

/** Bytes of the block without padding. */
export const packedSize = (block: PixelBlock): number =>
  packedRowSize(block.format, block.width) * block.height

const isSize = (value: number): boolean => Number.isSafeInteger(value) && value > 0

const fail = (what: string, context: Readonly<Record<string, number>>): SidecarError =>
  new SidecarError('SIDECAR_BUG', `pixels given to the encoders ${what}`, context)

/**
 * The part of `store` inside `rect`, checked once; later code relies on it.
 *
 * @throws SidecarError SIDECAR_BUG when the store is not inside its memory, the rectangle is empty or not inside the
 * store, or its left edge is inside a byte (formats below 8 bits)
 */
export const blockOf = (store: PixelStore, rect: Rect): PixelBlock => {
  const { memory, offset, format, width, height, stride, topDown } = store
  const rowSize = packedRowSize(format, width)
  if (
    !isSize(width) ||
    !isSize(height) ||
    !Number.isSafeInteger(stride) ||
    stride < rowSize ||
    !Number.isSafeInteger(offset) ||
    offset < 0 ||
    offset + stride * (height - 1) + rowSize > memory.byteLength
  ) {
    throw fail('are not inside their memory', { width, height, stride, offset, size: memory.byteLength })
  }
  const { left, top, right, bottom } = rect
  const leftBits = left * PIXEL_BITS[format]
  const whole = { left: 0, top: 0, right: width, bottom: height }
  const isWhole = [left, top, right, bottom].every((edge) => Number.isSafeInteger(edge))
  if (!isWhole || isEmpty(rect) || !contains(whole, rect) || leftBits % 8 !== 0) {
    throw fail('are not a rectangle of their picture', { left, top, right, bottom, width, height })
  }
  const firstRow = topDown ? top : height - bottom
  return {
    memory,
    offset: offset + firstRow * stride + leftBits / 8,
    format,
    width: right - left,
    height: bottom - top,
    stride,
    topDown,
  }
}

/**
 * HOT PATH: copies the rows of a block without gaps to the start of `to`, which holds at least {@link packedSize}
 * bytes. Whoever writes the memory meanwhile, the copy is what counts from here on. Allocates two views; for the rows
 * of a small rectangle `Buffer.copy` takes half the time of `set`.
 */
export const copyBlock = (block: PixelBlock, to: Uint8Array): void => {
  const { memory, offset, stride, height } = block
  const rowSize = packedRowSize(block.format, block.width)
  if (rowSize * height > to.length) {
    throw fail('do not fit into the copy', { size: rowSize * height, room: to.length })
  }
  const from = Buffer.from(memory, offset, stride * (height - 1) + rowSize)
  const target = Buffer.from(to.buffer, to.byteOffset, to.length)
  if (rowSize === stride) {
    from.copy(target)
    return
  }
  for (let row = 0, at = 0, start = 0; row < height; row++, at += rowSize, start += stride) {
    from.copy(target, at, start, start + rowSize)
  }
}

/** The image of a packed copy of `block`. */
export const packedImage = (block: PixelBlock, pixels: Uint8Array): Image => {
  const { format, width, height, topDown } = block
  return { format, width, height, stride: packedRowSize(format, width), topDown, pixels }
}

/** The image of a block where it lies: somebody else may be writing to its pixels. */
export const blockImage = ({ memory, offset, format, width, height, stride, topDown }: PixelBlock): Image => {
  const size = stride * (height - 1) + packedRowSize(format, width)
  return { format, width, height, stride, topDown, pixels: new Uint8Array(memory, offset, size) }
}

/** A block that can be sent to another thread: itself where the memory is shared, else a packed copy. */
export const portableBlock = (block: PixelBlock): { block: PixelBlock; transfer: ArrayBuffer[] } => {
  if (block.memory instanceof SharedArrayBuffer) {
    return { block, transfer: [] }
  }
  const memory = new ArrayBuffer(packedSize(block))
  copyBlock(block, new Uint8Array(memory))
  const stride = packedRowSize(block.format, block.width)
  return { block: { ...block, memory, offset: 0, stride }, transfer: [memory] }
}

/**
 * Cuts a block into `count` horizontal bands of nearly equal height, in memory order; fewer where there are fewer rows.
 */
export const cutBlock = (block: PixelBlock, count: number): PixelBlock[] => {
  const bands = Math.max(1, Math.min(Math.floor(count), block.height))
  return Array.from({ length: bands }, (_, band) => {
    const first = Math.floor((block.height * band) / bands)
    const end = Math.floor((block.height * (band + 1)) / bands)
    return { ...block, offset: block.offset + first * block.stride, height: end - first }
  })
}
