import { SidecarError } from '../core/errors.js'
import type { Field } from './field.js'
import { reach, refused, tooLong, type Maximum } from './field-limits.js'

/** A length, then as many bytes (at most `max`). */
export const bytes = (length: Field<number>, { max }: Maximum): Field<Uint8Array> => {
  const most = Math.min(max, reach(length))
  return {
    kind: { name: 'bytes', length: length.kind, max: most },
    minSize: length.minSize,
    maxSize: length.minSize + most,
    sizeOf: (value) => length.minSize + value.length,
    encode: (value, out) => {
      if (value.length > most) {
        throw tooLong('byte string', value.length, most)
      }
      length.encode(value.length, out)
      out.bytes(value)
    },
    decode: (reader) => {
      const size = length.decode(reader)
      if (size > most) {
        throw refused('byte string', size, most)
      }
      return reader.bytes(size)
    },
  }
}

/** Exactly `size` bytes. */
export const fixedBytes = (size: number): Field<Uint8Array> => ({
  kind: { name: 'fixedBytes', size },
  minSize: size,
  maxSize: size,
  sizeOf: () => size,
  encode: (value, out) => {
    if (value.length !== size) {
      throw tooLong('byte string', value.length, size)
    }
    out.bytes(value)
  },
  decode: (reader) => reader.bytes(size),
})

/** All bytes up to the end of the body (at most `max`). */
export const rest = ({ max }: Maximum): Field<Uint8Array> => ({
  kind: { name: 'rest', max },
  minSize: 0,
  maxSize: max,
  sizeOf: (value) => value.length,
  encode: (value, out) => {
    if (value.length > max) {
      throw tooLong('byte string', value.length, max)
    }
    out.bytes(value)
  },
  decode: (reader) => {
    if (reader.left > max) {
      throw refused('byte string', reader.left, max)
    }
    return reader.bytes(reader.left)
  },
})

const utf8 = new TextEncoder()
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8 bytes as text. @throws SidecarError SIDECAR_PROTOCOL when they are not UTF-8 */
export const decodeUtf8 = (value: Uint8Array): string => {
  try {
    return strictUtf8.decode(value)
  } catch (error) {
    throw new SidecarError('SIDECAR_PROTOCOL', 'text is not UTF-8', { length: value.length }, error)
  }
}

const upToNul = (value: string): Uint8Array => {
  const nulAt = value.indexOf('\0')
  return utf8.encode(nulAt < 0 ? value : value.slice(0, nulAt))
}

/**
 * UTF-8 text with its length in bytes ahead and a NUL at its end, which the length counts or not. Text ends at its
 * first NUL. `max` is in bytes, without the NUL.
 */
export const text = (length: Field<number>, nul: 'counted' | 'behind', { max }: Maximum): Field<string> => {
  const counted = nul === 'counted' ? 1 : 0
  const most = Math.min(max, reach(length) - counted)
  return {
    kind: { name: 'text', length: length.kind, nul, max: most },
    minSize: length.minSize + 1,
    maxSize: length.minSize + most + 1,
    sizeOf: (value) => length.minSize + upToNul(value).length + 1,
    encode: (value, out) => {
      const encoded = upToNul(value)
      if (encoded.length > most) {
        throw tooLong('text', encoded.length, most)
      }
      length.encode(encoded.length + counted, out)
      out.bytes(encoded)
      out.u8(0)
    },
    decode: (reader) => {
      const size = length.decode(reader)
      if (size > most + counted) {
        throw refused('text', size, most + counted)
      }
      const raw = reader.bytes(size + 1 - counted)
      const end = raw.indexOf(0)
      if (end < 0) {
        throw new SidecarError('SIDECAR_PROTOCOL', 'text has no NUL at its end', { length: size })
      }
      return decodeUtf8(raw.subarray(0, end))
    },
  }
}
