import type { Rect } from '../../../core/region.js'
import { displayServer } from '../../../protocol/index.js'

/** Bytes of STREAM_DATA and STREAM_DATA_SIZED in front of the coded frame (`protocol-display.md` section 5). */
export const STREAM_DATA_PREFIX = 12
export const STREAM_SIZED_PREFIX = 36

/** Where a frame goes, when it is shown, and its own size where that is not the stream's. */
export interface FramePlace {
  readonly id: number
  /** Multimedia time, ms. */
  readonly mmTime: number
  readonly sized?: { readonly width: number; readonly height: number; readonly dest: Rect } | undefined
}

/**
 * HOT PATH: puts the fields of a stream's frame in front of its data, without a copy.
 *
 * @param bytes the coded frame behind `headroom` free bytes, at least `header` and {@link STREAM_SIZED_PREFIX}
 * @param header bytes of the message header
 * @returns type of the message, and the message, its header not yet written
 */
export const frameMessage = (
  bytes: Uint8Array,
  { id, mmTime, sized }: FramePlace,
  headroom: number,
  header: number,
): { readonly type: number; readonly message: Uint8Array } => {
  const size = bytes.length - headroom
  const prefix = sized === undefined ? STREAM_DATA_PREFIX : STREAM_SIZED_PREFIX
  const start = headroom - prefix
  const fields = [id, mmTime]
  if (sized !== undefined) {
    const { width, height, dest } = sized
    fields.push(width, height, dest.top, dest.left, dest.bottom, dest.right)
  }
  fields.push(size)
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, prefix)
  fields.forEach((value, index) => {
    view.setUint32(index * 4, value, true)
  })
  const { id: type } = sized === undefined ? displayServer.streamData : displayServer.streamDataSized
  return { type, message: bytes.subarray(start - header) }
}
