import type { Image } from '../image.js'

/** Where a frame is coded from: BGRX rows, the first one on top. */
export interface FrameRoom {
  readonly pixels: Uint8Array
  /** Pixels; one more than the frame's where that is odd. */
  readonly width: number
  readonly height: number
  /** Bytes from row to row. */
  readonly stride: number
}

const PIXEL_BYTES = 4

/**
 * HOT PATH: copies a frame of 4 bytes a pixel into `room`, top row first; what `room` is wider or higher is filled with the
 * last column and row. The sizes are checked before: the frame is inside its memory and not larger than the room.
 */
export const copyFrame = (image: Image, room: FrameRoom): void => {
  const { width, height, stride, topDown, pixels } = image
  const from = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.length)
  const to = Buffer.from(room.pixels.buffer, room.pixels.byteOffset, room.pixels.length)
  const rowSize = width * PIXEL_BYTES
  for (let row = 0; row < height; row++) {
    const at = row * room.stride
    const start = (topDown ? row : height - 1 - row) * stride
    from.copy(to, at, start, start + rowSize)
    for (let end = rowSize; end < room.width * PIXEL_BYTES; end += PIXEL_BYTES) {
      to.copy(to, at + end, at + end - PIXEL_BYTES, at + end)
    }
  }
  for (let row = height; row < room.height; row++) {
    to.copyWithin(row * room.stride, (row - 1) * room.stride, row * room.stride)
  }
}
