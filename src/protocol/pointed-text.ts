import { SidecarError } from '../core/errors.js'
import { decodeUtf8 } from './blob-fields.js'

const utf8 = new TextEncoder()

/**
 * UTF-8 of a text with its NUL, for a field that points to it.
 *
 * @throws SidecarError SIDECAR_LIMIT for a text with a NUL in it or of more than `max` bytes
 */
export const nulTerminated = (value: string, max: number): Uint8Array => {
  const encoded = utf8.encode(`${value}\0`)
  if (encoded.length > max + 1 || encoded.indexOf(0) !== encoded.length - 1) {
    throw new SidecarError('SIDECAR_LIMIT', 'text is too long for its field', { length: encoded.length, max })
  }
  return encoded
}

/** Where a text is that a field of the fixed part points to. */
export interface PointedText {
  /** Offset from the start of the body. */
  readonly at: number
  /** Bytes, the NUL included. */
  readonly size: number
  /** Most bytes, without the NUL. */
  readonly max: number
}

/**
 * The text in a body whose bytes from offset `start` on are `behind`.
 *
 * @throws SidecarError SIDECAR_PROTOCOL when it is too long, not behind the fixed part, not ended or not UTF-8
 */
export const pointedText = (behind: Uint8Array, start: number, { at, size, max }: PointedText): string => {
  if (size > max + 1 || at < start || at - start + size > behind.length) {
    throw new SidecarError('SIDECAR_PROTOCOL', 'text is outside the message', { at, size })
  }
  const raw = behind.subarray(at - start, at - start + size)
  const end = raw.indexOf(0)
  if (end < 0) {
    throw new SidecarError('SIDECAR_PROTOCOL', 'text has no NUL at its end', { size })
  }
  return decodeUtf8(raw.subarray(0, end))
}
