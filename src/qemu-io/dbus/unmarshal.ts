import { ByteReader } from '../../core/bytes.js'
import { SidecarError } from '../../core/errors.js'
import { alignmentOf, MAX_DEPTH, parseSignature, type BasicCode, type DbusType } from './signature.js'
import { isObjectPath, Variant, type DbusValue } from './value.js'

/** Bytes of one array, as D-Bus itself limits them. */
export const MAX_ARRAY = 64 * 1024 * 1024

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const fail = (text: string): never => {
  throw new SidecarError('SIDECAR_PROTOCOL', text)
}

const align = (reader: ByteReader, alignment: number): void => {
  while (reader.offset % alignment !== 0) {
    if (reader.u8() !== 0) {
      fail('d-bus padding is not zero')
    }
  }
}

const readText = (reader: ByteReader, length: number): string => {
  const bytes = reader.bytes(length)
  if (reader.u8() !== 0 || bytes.includes(0)) {
    fail('d-bus string is not terminated where it says')
  }
  try {
    return decoder.decode(bytes)
  } catch {
    return fail('d-bus string is not utf-8')
  }
}

const readBasic = (reader: ByteReader, code: BasicCode): DbusValue => {
  switch (code) {
    case 'y':
      return reader.u8()
    case 'b': {
      const value = reader.u32()
      return value > 1 ? fail('d-bus boolean is neither 0 nor 1') : value === 1
    }
    case 'n':
      return reader.i16()
    case 'q':
      return reader.u16()
    case 'i':
      return reader.i32()
    case 'u':
    case 'h':
      return reader.u32()
    case 'x':
      return reader.i64()
    case 't':
      return reader.u64()
    case 'd': {
      const view = new DataView(new ArrayBuffer(8))
      view.setBigUint64(0, reader.u64(), true)
      return view.getFloat64(0, true)
    }
    case 's':
      return readText(reader, reader.u32())
    case 'o': {
      const path = readText(reader, reader.u32())
      return isObjectPath(path) ? path : fail('d-bus object path is malformed')
    }
    case 'g': {
      const signature = readText(reader, reader.u8())
      parseSignature(signature)
      return signature
    }
  }
}

/** Reads an array's length, checks it, calls `element` until it is used up exactly. */
const readElements = (reader: ByteReader, alignment: number, element: () => void): void => {
  const length = reader.u32()
  if (length > MAX_ARRAY) {
    fail('d-bus array is too long')
  }
  align(reader, alignment)
  if (length > reader.left) {
    fail('d-bus array ends after its message')
  }
  const end = reader.offset + length
  while (reader.offset < end) {
    element()
  }
  if (reader.offset !== end) {
    fail('d-bus array ends inside an element')
  }
}

const readValue = (reader: ByteReader, type: DbusType, depth: number): DbusValue => {
  if (depth > MAX_DEPTH) {
    fail('d-bus value is nested too deeply')
  }
  align(reader, alignmentOf(type))
  switch (type.kind) {
    case 'basic':
      return readBasic(reader, type.code)
    case 'variant': {
      const signature = readText(reader, reader.u8())
      const [inner, ...rest] = parseSignature(signature)
      if (inner === undefined || rest.length > 0) {
        return fail('d-bus variant does not hold exactly one value')
      }
      return new Variant(signature, readValue(reader, inner, depth + 1))
    }
    case 'array': {
      const { element } = type
      if (element.kind === 'basic' && element.code === 'y') {
        const length = reader.u32()
        return length > MAX_ARRAY ? fail('d-bus array is too long') : reader.bytes(length)
      }
      const items: DbusValue[] = []
      readElements(reader, alignmentOf(element), () => items.push(readValue(reader, element, depth + 1)))
      return items
    }
    case 'dict': {
      const map = new Map<DbusValue, DbusValue>()
      readElements(reader, 8, () => {
        align(reader, 8)
        const key = readValue(reader, type.key, depth + 1)
        if (map.has(key)) {
          fail('d-bus dictionary has a key twice')
        }
        map.set(key, readValue(reader, type.value, depth + 1))
      })
      return map
    }
    case 'struct':
      return type.fields.map((field) => readValue(reader, field, depth + 1))
  }
}

/**
 * Values of a little-endian body, which must end with the last of them. `ay` comes as a view into `body`, not a copy.
 *
 * @throws SidecarError SIDECAR_PROTOCOL on anything malformed
 */
export const unmarshal = (signature: string, body: Uint8Array): DbusValue[] => {
  const reader = new ByteReader(body)
  const values = parseSignature(signature).map((type) => readValue(reader, type, 0))
  if (reader.left > 0) {
    fail('d-bus body goes on after its last value')
  }
  return values
}
